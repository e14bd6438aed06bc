//! Cron lines: five fields, or six with seconds first; lists, ranges, steps, names, `L`, `W` and `#`. As everywhere, where both the day of the
//! month and the day of the week are restricted one of them is enough.
//!
//! A line that runs every hour runs by the clock as it goes: what the clock leaves out does not come, and what it repeats comes twice. Every
//! other line runs once for each of its times (see `wall`).

use jiff::civil::{Date, Weekday};

use super::wall::{Set, Times};
use crate::kernel::time::Timestamp;
use crate::kernel::zone::Zone;

/// Days that are looked through for the next time: some leap days that are a Monday are forty years apart.
const MOST_DAYS: u32 = 366 * 42;

/// A cron line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    times: Times,
    every_hour: bool,
    months: Set,
    days: Days,
    weekdays: Weekdays,
    any_day: bool,
    any_weekday: bool,
}

/// Days of a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Days {
    numbers: Set,
    /// The weekday nearest to each of these.
    nearest: Set,
    last: bool,
    last_weekday: bool,
    /// So many days before the last.
    before_last: Set,
}

/// Days of a week, from Sunday as 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Weekdays {
    numbers: Set,
    /// The last of the month.
    last: Set,
    /// By number from 1: the first to the fifth of the month.
    nth: [Set; 6],
}

/// A field of a line.
struct Field {
    name: &'static str,
    from: u32,
    to: u32,
    names: &'static [&'static str],
}

const SECOND: Field = Field { name: "second", from: 0, to: 59, names: &[] };
const MINUTE: Field = Field { name: "minute", from: 0, to: 59, names: &[] };
const HOUR: Field = Field { name: "hour", from: 0, to: 23, names: &[] };
const DAY: Field = Field { name: "day of the month", from: 1, to: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    from: 1,
    to: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const WEEKDAY: Field =
    Field { name: "day of the week", from: 0, to: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };

impl Cron {
    /// Reads a line; else says what is wrong with it, and where.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let line = match line.trim().to_ascii_lowercase().as_str() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => line,
        };
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (second, minute, hour, day, month, weekday) = match fields.as_slice() {
            [minute, hour, day, month, weekday] => ("0", *minute, *hour, *day, *month, *weekday),
            [second, minute, hour, day, month, weekday] => (*second, *minute, *hour, *day, *month, *weekday),
            other => {
                return Err(format!(
                    "has {} fields: write five (minute hour day month weekday), or six with seconds first",
                    other.len()
                ));
            }
        };
        let times = Times { seconds: SECOND.plain(second)?, minutes: MINUTE.plain(minute)?, hours: HOUR.plain(hour)? };
        // What names every day restricts nothing, however it is written; '*/2' does.
        let (days, weekdays) = (days(day)?, weekdays(weekday)?);
        Ok(Self {
            every_hour: times.hours.count() == 24,
            times,
            months: MONTH.plain(month)?,
            any_day: days.numbers.count() == 31,
            any_weekday: (0..7).all(|day| weekdays.numbers.has(day)),
            days,
            weekdays,
        })
    }

    /// Whether it runs on a date.
    fn is_on(&self, date: Date) -> bool {
        if !self.months.has(date.month().unsigned_abs().into()) {
            return false;
        }
        let (day, weekday) = (self.days.has(date), self.weekdays.has(date));
        if self.any_day || self.any_weekday { day && weekday } else { day || weekday }
    }

    /// The moments after one, in order.
    pub(super) fn after<'a>(&'a self, zone: &'a Zone, moment: Timestamp) -> Box<dyn Iterator<Item = Timestamp> + 'a> {
        let mut seen = 0;
        let dates = std::iter::successors(Some(zone.date(moment)), |date| date.tomorrow().ok());
        // Days in a row without a time are few, or there is none any more.
        let dates = dates
            .take_while(move |date| {
                seen = if self.is_on(*date) { 0 } else { seen + 1 };
                seen < MOST_DAYS
            })
            .filter(|date| self.is_on(*date));
        let all: Box<dyn Iterator<Item = Timestamp> + 'a> = if self.every_hour {
            Box::new(dates.flat_map(move |date| self.minutes_of(zone, date, moment)))
        } else {
            Box::new(dates.flat_map(move |date| self.times.on(zone, date)))
        };
        Box::new(all.skip_while(move |one| *one <= moment))
    }

    /// The moments of a date as the clock goes; those that lie well before another moment can be left out.
    fn minutes_of<'a>(&'a self, zone: &'a Zone, date: Date, from: Timestamp) -> impl Iterator<Item = Timestamp> + 'a {
        const MINUTE: i64 = 60_000;
        let begin = zone.moment(date.to_datetime(jiff::civil::Time::MIN)).as_millis();
        let end =
            date.tomorrow().map_or(begin, |next| zone.moment(next.to_datetime(jiff::civil::Time::MIN)).as_millis());
        let skipped = (from.as_millis() - begin).max(0) / MINUTE;
        let minutes = (skipped..).map(move |number| begin + number * MINUTE).take_while(move |at| *at < end);
        minutes
            .filter(move |at| {
                let wall = zone.wall(Timestamp::from_millis(*at));
                self.is_on(wall.date()) && self.times.minutes.has(wall.minute().unsigned_abs().into())
            })
            .flat_map(move |at| {
                self.times.seconds.iter().map(move |second| Timestamp::from_millis(at + i64::from(second) * 1000))
            })
    }
}

impl Field {
    /// A field of numbers, ranges and steps.
    fn plain(&self, text: &str) -> Result<Set, String> {
        let mut set = Set::default();
        for part in text.split(',') {
            set = set.or(self.part(part)?);
        }
        Ok(set)
    }

    fn part(&self, part: &str) -> Result<Set, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (from, to) = match range {
            "*" | "?" => (self.from, self.to),
            _ => {
                if let Some((from, to)) = range.split_once('-') {
                    (self.number(from)?, self.number(to)?)
                } else {
                    let from = self.number(range)?;
                    (from, if step.is_some() { self.to } else { from })
                }
            }
        };
        if from > to {
            return Err(self.wrong(&format!("'{range}' ends before it begins")));
        }
        Ok((from..=to).step_by(step.unwrap_or(1)).fold(Set::default(), Set::with))
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        let step = text.parse::<usize>().ok().filter(|step| (1..=60).contains(step));
        step.ok_or_else(|| self.wrong(&format!("the step '{text}' is not from 1 to 60")))
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named {
            Some(place) => u32::try_from(place).ok().map(|place| place + self.from),
            None => text.parse().ok().filter(|_| text.chars().all(|one| one.is_ascii_digit())),
        };
        number
            .filter(|number| (self.from..=self.to).contains(number))
            .ok_or_else(|| self.wrong(&format!("'{text}' is not from {} to {}", self.from, self.to)))
    }

    fn wrong(&self, why: &str) -> String {
        format!("the field for the {}: {why}", self.name)
    }
}

fn days(text: &str) -> Result<Days, String> {
    let mut days = Days::default();
    for part in text.split(',') {
        let upper = part.to_ascii_uppercase();
        match upper.as_str() {
            "L" => days.last = true,
            "LW" | "WL" => days.last_weekday = true,
            _ => {
                if let Some(before) = upper.strip_prefix("L-") {
                    let before = before.parse::<u32>().ok().filter(|before| (1..=30).contains(before));
                    let wrong = || DAY.wrong(&format!("'{part}' is not 'L-' and a number from 1 to 30"));
                    days.before_last = days.before_last.with(before.ok_or_else(wrong)?);
                } else if let Some(near) = upper.strip_suffix('W') {
                    days.nearest = days.nearest.with(DAY.number(near)?);
                } else {
                    days.numbers = days.numbers.or(DAY.part(part)?);
                }
            }
        }
    }
    Ok(days)
}

fn weekdays(text: &str) -> Result<Weekdays, String> {
    let mut weekdays = Weekdays::default();
    for part in text.split(',') {
        if let Some((day, nth)) = part.split_once('#') {
            let nth = nth.parse::<usize>().ok().filter(|nth| (1..=5).contains(nth));
            let nth = nth.ok_or_else(|| WEEKDAY.wrong(&format!("'{part}' is not a weekday, '#' and 1 to 5")))?;
            let day = WEEKDAY.number(day)? % 7;
            if let Some(set) = weekdays.nth.get_mut(nth) {
                *set = set.with(day);
            }
        } else if let Some(day) = part.strip_suffix(['L', 'l']).filter(|day| !day.is_empty()) {
            weekdays.last = weekdays.last.with(WEEKDAY.number(day)? % 7);
        } else if part.eq_ignore_ascii_case("L") {
            // By itself it is the last day of the week.
            weekdays.numbers = weekdays.numbers.with(6);
        } else {
            weekdays.numbers = weekdays.numbers.or(WEEKDAY.part(part)?);
        }
    }
    if weekdays.numbers.has(7) {
        weekdays.numbers = weekdays.numbers.with(0);
    }
    Ok(weekdays)
}

impl Days {
    fn has(&self, date: Date) -> bool {
        let (day, length) = (u32::from(date.day().unsigned_abs()), u32::from(date.days_in_month().unsigned_abs()));
        self.numbers.has(day)
            || (self.last && day == length)
            || self.before_last.has(length - day) && day < length
            || (self.last_weekday && is_workday(date) && nearest(date, length) == Some(date))
            || (is_workday(date)
                && self.nearest.iter().any(|number| number <= length && nearest(date, number) == Some(date)))
    }
}

fn is_workday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The working day nearest to a day of the month that a date lies in, within that month.
fn nearest(date: Date, day: u32) -> Option<Date> {
    let of = date.with().day(i8::try_from(day).ok()?).build().ok()?;
    match of.weekday() {
        Weekday::Saturday if day == 1 => of.checked_add(jiff::Span::new().days(2)).ok(),
        Weekday::Saturday => of.yesterday().ok(),
        Weekday::Sunday if of.day() == of.days_in_month() => of.checked_sub(jiff::Span::new().days(2)).ok(),
        Weekday::Sunday => of.tomorrow().ok(),
        _ => Some(of),
    }
}

impl Weekdays {
    fn has(&self, date: Date) -> bool {
        let weekday = u32::from(date.weekday().to_sunday_zero_offset().unsigned_abs());
        let (day, length) = (date.day(), date.days_in_month());
        let nth = usize::from((day.unsigned_abs() - 1) / 7 + 1);
        self.numbers.has(weekday)
            || (self.last.has(weekday) && day + 7 > length)
            || self.nth.get(nth).is_some_and(|set| set.has(weekday))
    }
}
