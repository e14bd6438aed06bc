//! The moments of a recurrence rule. Rules of days and longer count on the calendar: each of their times on the wall clock comes once, by the
//! rule of `wall`. Rules of hours and shorter count time as it passes: what a clock leaves out does not come and what it repeats comes twice,
//! so that every hour is every hour.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::{Span, ToSpan as _};

use super::rule::{Freq, Rule, Until};
use super::wall::{Set, Times};
use crate::kernel::time::Timestamp;
use crate::kernel::zone::Zone;

/// Years that are looked through for the next moment.
const MOST_YEARS: i16 = 120;
/// Steps of a rule of hours or shorter that are looked at for the next moment.
const MOST_STEPS: u32 = 200_000;

/// A rule with its beginning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expanded {
    rule: Rule,
    start: DateTime,
    zone: Zone,
    /// What the rule leaves to its beginning is filled in.
    days: Vec<(i32, Weekday)>,
    month_days: Vec<i32>,
    months: Set,
    times: Times,
}

impl Expanded {
    pub(super) fn new(rule: Rule, start: DateTime, zone: Zone) -> Self {
        let plain = rule.week_numbers.is_empty()
            && rule.year_days.is_empty()
            && rule.month_days.is_empty()
            && rule.days.is_empty();
        let (mut days, mut month_days, mut months) = (rule.days.clone(), rule.month_days.clone(), rule.months);
        match rule.freq {
            Freq::Yearly if plain => {
                month_days = vec![start.day().into()];
                if months.is_empty() {
                    months = months.with(start.month().unsigned_abs().into());
                }
            }
            Freq::Monthly if plain => month_days = vec![start.day().into()],
            Freq::Weekly if days.is_empty() => days = vec![(0, start.weekday())],
            Freq::Yearly
                if !rule.week_numbers.is_empty()
                    && days.is_empty()
                    && month_days.is_empty()
                    && rule.year_days.is_empty() =>
            {
                days = vec![(0, start.weekday())];
            }
            _ => {}
        }
        let or = |set: Set, number: i8| if set.is_empty() { set.with(number.unsigned_abs().into()) } else { set };
        let times = Times {
            hours: or(rule.hours, start.hour()),
            minutes: or(rule.minutes, start.minute()),
            seconds: or(rule.seconds, start.second()),
        };
        Self { rule, start, zone, days, month_days, months, times }
    }

    /// The moments after one, in order.
    pub(super) fn after(&self, moment: Timestamp) -> Box<dyn Iterator<Item = Timestamp> + '_> {
        let first = self.zone.moment(self.start);
        // What is counted is counted from the beginning.
        let from = if self.rule.count.is_some() { first } else { moment.max(first) };
        let all: Box<dyn Iterator<Item = Timestamp> + '_> =
            if self.rule.freq < Freq::Daily { Box::new(self.steps(from)) } else { Box::new(self.periods(from)) };
        let within = all.skip_while(move |one| *one < first).take_while(|one| self.is_before_end(*one));
        let counted: Box<dyn Iterator<Item = Timestamp> + '_> = match self.rule.count {
            Some(count) => Box::new(within.take(usize::try_from(count).unwrap_or(usize::MAX))),
            None => Box::new(within),
        };
        Box::new(counted.skip_while(move |one| *one <= moment))
    }

    fn is_before_end(&self, moment: Timestamp) -> bool {
        match self.rule.until {
            None => true,
            Some(Until::Moment(end)) => moment <= end,
            Some(Until::Wall(end)) => moment <= self.zone.moment(end),
        }
    }

    // --- rules of days and longer ------------------------------------------------------------------------------------------------

    /// The moments of the periods from the one on that a moment lies in.
    fn periods(&self, from: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let target = self.zone.date(from);
        let begin = self.begin(self.start.date());
        let passed = match self.rule.freq {
            Freq::Yearly => i64::from(target.year()) - i64::from(begin.year()),
            Freq::Monthly => {
                (i64::from(target.year()) - i64::from(begin.year())) * 12 + i64::from(target.month())
                    - i64::from(begin.month())
            }
            Freq::Weekly => days_between(begin, target).div_euclid(7),
            _ => days_between(begin, target),
        };
        let interval = i64::from(self.rule.interval);
        // One earlier: a moment can be later than its time on the wall clock.
        let first = (passed.div_euclid(interval) - 1).max(0);
        let mut last_found = target.year();
        (first..)
            .map_while(move |number| self.nth_period(begin, number.checked_mul(interval)?))
            .map_while(move |period| {
                let found = self.of_period(period);
                if !found.is_empty() {
                    last_found = period.year();
                }
                (period.year() <= last_found.saturating_add(MOST_YEARS)).then_some(found)
            })
            .flat_map(|dates| self.moments(dates))
    }

    /// The first day of the period that a date lies in.
    fn begin(&self, date: Date) -> Date {
        match self.rule.freq {
            Freq::Yearly => date.first_of_year(),
            Freq::Monthly => date.first_of_month(),
            Freq::Weekly => {
                let since = i64::from(date.weekday().since(self.rule.week_start));
                date.checked_sub(since.days()).unwrap_or(date)
            }
            _ => date,
        }
    }

    fn nth_period(&self, begin: Date, number: i64) -> Option<Date> {
        let span = match self.rule.freq {
            Freq::Yearly => Span::new().try_years(number),
            Freq::Monthly => Span::new().try_months(number),
            Freq::Weekly => Span::new().try_weeks(number),
            _ => Span::new().try_days(number),
        };
        begin.checked_add(span.ok()?).ok()
    }

    /// The dates of the period that begins on a date.
    fn of_period(&self, begin: Date) -> Vec<Date> {
        let length = match self.rule.freq {
            Freq::Yearly => begin.days_in_year(),
            Freq::Monthly => begin.days_in_month().into(),
            Freq::Weekly => 7,
            _ => 1,
        };
        let days = std::iter::successors(Some(begin), |date| date.tomorrow().ok());
        days.take(usize::from(length.unsigned_abs())).filter(|date| self.has(*date)).collect()
    }

    /// Whether the rule comes on a date of a period.
    fn has(&self, date: Date) -> bool {
        let rule = &self.rule;
        if !self.months.is_empty() && !self.months.has(date.month().unsigned_abs().into()) {
            return false;
        }
        let counts = |numbers: &[i32], at: i32, length: i32| {
            numbers.is_empty() || numbers.iter().any(|number| *number == at || *number == at - length - 1)
        };
        let (day, month) = (i32::from(date.day()), i32::from(date.days_in_month()));
        let (of_year, year) = (i32::from(date.day_of_year()), i32::from(date.days_in_year()));
        if !counts(&self.month_days, day, month) || !counts(&rule.year_days, of_year, year) {
            return false;
        }
        if !rule.week_numbers.is_empty() {
            let (week, weeks) = week_of(date, rule.week_start);
            if !counts(&rule.week_numbers, week, weeks) {
                return false;
            }
        }
        let (at, length) =
            if rule.freq == Freq::Yearly && rule.months.is_empty() { (of_year, year) } else { (day, month) };
        self.days.is_empty()
            || self.days.iter().any(|(number, weekday)| {
                *weekday == date.weekday()
                    && match *number {
                        0 => true,
                        number if number > 0 => (at - 1) / 7 + 1 == number,
                        number => (length - at) / 7 + 1 == -number,
                    }
            })
    }

    /// The moments of the dates of a period.
    fn moments(&self, dates: Vec<Date>) -> Box<dyn Iterator<Item = Timestamp> + '_> {
        let all = dates.into_iter().flat_map(|date| self.times.on(&self.zone, date));
        if self.rule.places.is_empty() {
            return Box::new(all);
        }
        Box::new(self.chosen(all.collect()).into_iter())
    }

    /// Those of a period's moments whose places the rule names.
    fn chosen(&self, all: Vec<Timestamp>) -> Vec<Timestamp> {
        if self.rule.places.is_empty() {
            return all;
        }
        let place = |number: i32| {
            let number = isize::try_from(number).ok()?;
            let from_begin = number.checked_sub(1).filter(|at| *at >= 0);
            let at = from_begin.or_else(|| isize::try_from(all.len()).ok()?.checked_add(number))?;
            all.get(usize::try_from(at).ok()?).copied()
        };
        let mut chosen: Vec<Timestamp> = self.rule.places.iter().filter_map(|number| place(*number)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }

    // --- rules of hours and shorter ----------------------------------------------------------------------------------------------

    fn unit(&self) -> i64 {
        match self.rule.freq {
            Freq::Hourly => 3_600_000,
            Freq::Minutely => 60_000,
            _ => 1_000,
        }
    }

    /// The moments from the step on that a moment lies in.
    fn steps(&self, from: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let unit = self.unit();
        // The first step begins with the hour or minute that the beginning lies in.
        let within = match self.rule.freq {
            Freq::Hourly => i64::from(self.start.minute()) * 60_000 + i64::from(self.start.second()) * 1000,
            Freq::Minutely => i64::from(self.start.second()) * 1000,
            _ => 0,
        };
        let first = self.zone.moment(self.start).as_millis() - within;
        let step = unit * i64::from(self.rule.interval);
        let mut at = (from.as_millis() - first).div_euclid(step).max(0);
        let mut empty = 0;
        std::iter::from_fn(move || {
            loop {
                let moment = at.checked_mul(step).and_then(|passed| first.checked_add(passed))?;
                let wall = self.zone.wall(Timestamp::from_millis(moment));
                empty += 1;
                if empty > MOST_STEPS || wall.year() > 9900 {
                    return None;
                }
                if let Some(until) = self.nothing_before(wall) {
                    // On to where something can be again.
                    let until = self.zone.moment(until).as_millis();
                    at = ((until - first) / step).max(at + 1);
                    continue;
                }
                at += 1;
                let found = self.chosen(self.of_step(moment, wall));
                if !found.is_empty() {
                    empty = 0;
                    return Some(found);
                }
            }
        })
        .flatten()
    }

    /// Where the rule does not come at a time on the wall clock: until when at least.
    fn nothing_before(&self, wall: DateTime) -> Option<DateTime> {
        if !self.has(wall.date()) {
            // Whole months are left out where they can be.
            let month = wall.month().unsigned_abs().into();
            let date = if !self.months.is_empty() && !self.months.has(month) {
                wall.date().last_of_month().tomorrow().ok()?
            } else {
                wall.date().tomorrow().ok()?
            };
            return Some(date.to_datetime(jiff::civil::Time::MIN));
        }
        let rule = &self.rule;
        let hour = u32::from(wall.hour().unsigned_abs());
        if !rule.hours.is_empty() && !rule.hours.has(hour) {
            // Where a clock repeats an hour this may be the first of the two, which is passed already: then step by step.
            return wall.date().at(wall.hour(), 0, 0, 0).checked_add(1.hour()).ok();
        }
        let minute = u32::from(wall.minute().unsigned_abs());
        if rule.freq == Freq::Secondly && !rule.minutes.is_empty() && !rule.minutes.has(minute) {
            return wall.date().at(wall.hour(), wall.minute(), 0, 0).checked_add(1.minute()).ok();
        }
        None
    }

    /// The moments of a step.
    fn of_step(&self, moment: i64, wall: DateTime) -> Vec<Timestamp> {
        let at = Timestamp::from_millis;
        let (minute, second) = (i64::from(wall.minute()), i64::from(wall.second()));
        let seconds = |from: i64| self.times.seconds.iter().map(move |one| at(from + i64::from(one) * 1000));
        match self.rule.freq {
            Freq::Hourly => {
                // Where a clock is set by half an hour a step begins in the middle of one.
                let offset = |one: u32| (i64::from(one) - minute).rem_euclid(60) * 60_000;
                let mut offsets: Vec<i64> = self.times.minutes.iter().map(offset).collect();
                offsets.sort_unstable();
                offsets.into_iter().flat_map(|offset| seconds(moment + offset)).collect()
            }
            Freq::Minutely => {
                let is_meant =
                    self.rule.minutes.is_empty() || self.rule.minutes.has(wall.minute().unsigned_abs().into());
                if is_meant { seconds(moment).collect() } else { Vec::new() }
            }
            _ => {
                let is_meant =
                    self.rule.seconds.is_empty() || self.rule.seconds.has(u32::try_from(second).unwrap_or(0));
                if is_meant { vec![at(moment)] } else { Vec::new() }
            }
        }
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| span.get_days().into())
}

/// The number of the week that a date lies in, and how many weeks that week's year has. The first week of a year is the first with at least
/// four days in it.
fn week_of(date: Date, week_start: Weekday) -> (i32, i32) {
    let since = i32::from(date.weekday().since(week_start));
    // The fourth day of the week says which year it is of.
    let middle = date.checked_add(i64::from(3 - since).days()).unwrap_or(date);
    let week = (i32::from(middle.day_of_year()) - 1) / 7 + 1;
    // The year has another week where its last days still have their fourth day within it.
    let left = i32::from(middle.days_in_year()) - i32::from(middle.day_of_year());
    (week, week + left / 7)
}
