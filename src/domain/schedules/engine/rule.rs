//! Recurrence rules of RFC 5545, as they are written: `FREQ=…;…`, alone or in lines with DTSTART, RDATE and EXDATE. What the RFC does not let stand
//! together is refused, and so is what cannot be read: nothing is passed over.

use jiff::civil::{Date, DateTime, Weekday};

use super::wall::Set;
use crate::kernel::time::Timestamp;
use crate::kernel::zone::Zone;

/// The most that COUNT may be: so many are gone through from the beginning.
const MOST_COUNT: u32 = 10_000;
/// The most moments that RDATE and EXDATE may name.
const MOST_DATES: usize = 1_000;

/// How often a rule comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Freq {
    Secondly,
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) freq: Freq,
    pub(super) interval: u32,
    pub(super) count: Option<u32>,
    pub(super) until: Option<Until>,
    pub(super) months: Set,
    pub(super) week_numbers: Vec<i32>,
    pub(super) year_days: Vec<i32>,
    pub(super) month_days: Vec<i32>,
    /// With the number, 0 for each of them.
    pub(super) days: Vec<(i32, Weekday)>,
    pub(super) hours: Set,
    pub(super) minutes: Set,
    pub(super) seconds: Set,
    pub(super) places: Vec<i32>,
    pub(super) week_start: Weekday,
}

/// The end of a rule, itself included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Moment(Timestamp),
    Wall(DateTime),
}

/// A rule with what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// When it begins, where that is said.
    pub(super) start: Option<DateTime>,
    /// The zone of that, where it is said.
    pub(super) zone: Option<String>,
    pub(super) rule: Rule,
    pub(super) more: Vec<Moment>,
    pub(super) except: Vec<Moment>,
}

/// A moment as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Moment {
    Utc(Timestamp),
    Wall(DateTime),
    /// In a zone of its own.
    In(String, DateTime),
    /// All of a day.
    Day(Date),
}

impl Moment {
    pub(super) fn in_zone(&self, zone: &Zone) -> Timestamp {
        match self {
            Self::Utc(moment) => *moment,
            Self::Wall(wall) => zone.moment(*wall),
            Self::In(name, wall) => Zone::named(name).unwrap_or_else(|| zone.clone()).moment(*wall),
            Self::Day(date) => zone.moment(date.to_datetime(jiff::civil::Time::MIN)),
        }
    }
}

/// Reads a rule; else says what is wrong with it, and where.
pub(super) fn parse(text: &str) -> Result<Written, String> {
    let mut written = (None, None, None, Vec::new(), Vec::new());
    // Long lines are folded.
    let text = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or(("RRULE", line));
        let mut parameters = name.split(';');
        let name = parameters.next().unwrap_or_default().to_ascii_uppercase();
        let mut zone = None;
        for parameter in parameters {
            match parameter.split_once('=') {
                Some((key, value)) if key.eq_ignore_ascii_case("TZID") => {
                    if Zone::named(value).is_none() {
                        return Err(format!("{name}: {}", crate::kernel::calendar::unknown_zone(value)));
                    }
                    zone = Some(value.to_owned());
                }
                Some((key, value)) if key.eq_ignore_ascii_case("VALUE") && value.starts_with("DATE") => {}
                _ => return Err(format!("{name}: '{parameter}' is not known: write TZID=… or VALUE=DATE")),
            }
        }
        let moments = |value: &str, zone: &Option<String>| -> Result<Vec<Moment>, String> {
            value.split(',').map(|one| moment(&name, one, zone.as_deref())).collect()
        };
        match name.as_str() {
            "RRULE" if written.2.is_some() => return Err("there are two rules: write each as a schedule".to_owned()),
            "RRULE" => written.2 = Some(rule(value)?),
            "DTSTART" => match moment(&name, value, None)? {
                Moment::Utc(at) => (written.0, written.1) = (Some(Zone::utc().wall(at)), Some("UTC".to_owned())),
                Moment::Wall(wall) | Moment::In(_, wall) => (written.0, written.1) = (Some(wall), zone),
                Moment::Day(date) => (written.0, written.1) = (Some(date.to_datetime(jiff::civil::Time::MIN)), zone),
            },
            "RDATE" => written.3.extend(moments(value, &zone)?),
            "EXDATE" => written.4.extend(moments(value, &zone)?),
            other => return Err(format!("'{other}' is not known: write DTSTART, RRULE, RDATE or EXDATE")),
        }
    }
    let (start, zone, rule, more, except) = written;
    if more.len() + except.len() > MOST_DATES {
        return Err(format!("RDATE and EXDATE name more than {MOST_DATES} moments"));
    }
    let rule = rule.ok_or("there is no rule: write FREQ=… and what else belongs to it")?;
    Ok(Written { start, zone, rule, more, except })
}

/// A moment such as `20261126T090000Z`.
fn moment(name: &str, text: &str, zone: Option<&str>) -> Result<Moment, String> {
    let wrong = || format!("{name}: '{text}' must be a time such as 20261126T090000, 20261126T090000Z or 20261126");
    let text = text.trim();
    if text.len() == 8 {
        return jiff::fmt::strtime::parse("%Y%m%d", text)
            .and_then(|it| it.to_date())
            .map(Moment::Day)
            .map_err(|_| wrong());
    }
    let (plain, utc) = text.strip_suffix('Z').map_or((text, false), |plain| (plain, true));
    let wall = jiff::fmt::strtime::parse("%Y%m%dT%H%M%S", plain).and_then(|it| it.to_datetime());
    let wall = wall.ok().filter(|_| plain.len() == 15).ok_or_else(wrong)?;
    Ok(match (utc, zone) {
        (true, _) => Moment::Utc(Zone::utc().moment(wall)),
        (false, Some(zone)) => Moment::In(zone.to_owned(), wall),
        (false, None) => Moment::Wall(wall),
    })
}

fn rule(text: &str) -> Result<Rule, String> {
    let mut rule = Rule {
        freq: Freq::Yearly,
        interval: 1,
        count: None,
        until: None,
        months: Set::default(),
        week_numbers: Vec::new(),
        year_days: Vec::new(),
        month_days: Vec::new(),
        days: Vec::new(),
        hours: Set::default(),
        minutes: Set::default(),
        seconds: Set::default(),
        places: Vec::new(),
        week_start: Weekday::Monday,
    };
    let mut seen: Vec<String> = Vec::new();
    for part in text.split(';').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("'{part}' is not NAME=VALUE"))?;
        let name = name.trim().to_ascii_uppercase();
        if seen.contains(&name) {
            return Err(format!("{name} stands there twice"));
        }
        match name.as_str() {
            "FREQ" => rule.freq = freq(value)?,
            "INTERVAL" => rule.interval = number(&name, value, 1, 100_000)?.unsigned_abs(),
            "COUNT" => rule.count = Some(number(&name, value, 1, MOST_COUNT.cast_signed())?.unsigned_abs()),
            "UNTIL" => {
                rule.until = Some(match moment(&name, value, None)? {
                    Moment::Utc(at) => Until::Moment(at),
                    Moment::Wall(wall) | Moment::In(_, wall) => Until::Wall(wall),
                    // The whole of the last day is within.
                    Moment::Day(date) => Until::Wall(date.to_datetime(jiff::civil::time(23, 59, 59, 0))),
                });
            }
            "BYMONTH" => rule.months = set(&name, value, 1, 12)?,
            "BYWEEKNO" => rule.week_numbers = signed(&name, value, 53)?,
            "BYYEARDAY" => rule.year_days = signed(&name, value, 366)?,
            "BYMONTHDAY" => rule.month_days = signed(&name, value, 31)?,
            "BYDAY" => rule.days = value.split(',').map(day).collect::<Result<_, _>>()?,
            "BYHOUR" => rule.hours = set(&name, value, 0, 23)?,
            "BYMINUTE" => rule.minutes = set(&name, value, 0, 59)?,
            "BYSECOND" => rule.seconds = set(&name, value, 0, 59)?,
            "BYSETPOS" => rule.places = signed(&name, value, 366)?,
            "WKST" => rule.week_start = weekday(value).ok_or_else(|| format!("WKST: '{value}' is no weekday"))?,
            other => return Err(format!("'{other}' is no part of a rule")),
        }
        seen.push(name);
    }
    if !seen.iter().any(|name| name == "FREQ") {
        return Err(
            "FREQ is missing: write one of SECONDLY, MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY".to_owned()
        );
    }
    fitting(&rule)?;
    Ok(rule)
}

/// What RFC 5545 does not let stand together.
fn fitting(rule: &Rule) -> Result<(), String> {
    let wrong = |why: &str| Err(why.to_owned());
    let of_month_or_year = matches!(rule.freq, Freq::Monthly | Freq::Yearly);
    if rule.count.is_some() && rule.until.is_some() {
        return wrong("COUNT and UNTIL do not go together: leave one of them out");
    }
    if !rule.week_numbers.is_empty() && rule.freq != Freq::Yearly {
        return wrong("BYWEEKNO goes with FREQ=YEARLY alone");
    }
    if !rule.year_days.is_empty() && matches!(rule.freq, Freq::Daily | Freq::Weekly | Freq::Monthly) {
        return wrong("BYYEARDAY does not go with FREQ=DAILY, WEEKLY or MONTHLY");
    }
    if !rule.month_days.is_empty() && rule.freq == Freq::Weekly {
        return wrong("BYMONTHDAY does not go with FREQ=WEEKLY");
    }
    let numbered = rule.days.iter().any(|(number, _)| *number != 0);
    if numbered && (!of_month_or_year || !rule.week_numbers.is_empty()) {
        return wrong(
            "a weekday with a number, such as 2MO, goes with FREQ=MONTHLY or YEARLY alone, and not with BYWEEKNO",
        );
    }
    let others = !rule.months.is_empty()
        || !rule.week_numbers.is_empty()
        || !rule.year_days.is_empty()
        || !rule.month_days.is_empty()
        || !rule.days.is_empty()
        || !rule.hours.is_empty()
        || !rule.minutes.is_empty()
        || !rule.seconds.is_empty();
    if !rule.places.is_empty() && !others {
        return wrong("BYSETPOS chooses of what another BY… gives: there is none");
    }
    let times = rule.hours.count().max(1) * rule.minutes.count().max(1) * rule.seconds.count().max(1);
    if !rule.places.is_empty() && times > 1440 {
        return wrong("BYSETPOS with so many times of a day is more than can be gone through");
    }
    Ok(())
}

fn freq(value: &str) -> Result<Freq, String> {
    Ok(match value.trim().to_ascii_uppercase().as_str() {
        "SECONDLY" => Freq::Secondly,
        "MINUTELY" => Freq::Minutely,
        "HOURLY" => Freq::Hourly,
        "DAILY" => Freq::Daily,
        "WEEKLY" => Freq::Weekly,
        "MONTHLY" => Freq::Monthly,
        "YEARLY" => Freq::Yearly,
        other => {
            return Err(format!(
                "FREQ: '{other}' is none of SECONDLY, MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY"
            ));
        }
    })
}

fn number(name: &str, text: &str, least: i32, most: i32) -> Result<i32, String> {
    let number = text.trim().parse::<i32>().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{name}: '{text}' is not from {least} to {most}"))
}

fn set(name: &str, text: &str, least: i32, most: i32) -> Result<Set, String> {
    let numbers = text.split(',').map(|one| number(name, one, least, most));
    numbers.map(|one| one.map(i32::unsigned_abs)).try_fold(Set::default(), |set, one| Ok(set.with(one?)))
}

/// Numbers that also count from the end, and of which none is 0.
fn signed(name: &str, text: &str, most: i32) -> Result<Vec<i32>, String> {
    let one = |text: &str| match number(name, text, -most, most)? {
        0 => Err(format!("{name}: 0 is none: write 1 to {most}, or -1 to -{most} from the end")),
        number => Ok(number),
    };
    text.split(',').map(one).collect()
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text.trim().to_ascii_uppercase().as_str() {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

fn day(text: &str) -> Result<(i32, Weekday), String> {
    let wrong =
        || format!("BYDAY: '{text}' must be MO to SU, with a number before it where one is meant, such as -1FR");
    let text = text.trim();
    let split = text.len().checked_sub(2).filter(|at| text.is_char_boundary(*at)).ok_or_else(wrong)?;
    let (before, name) = text.split_at(split);
    let day = weekday(name).ok_or_else(wrong)?;
    if before.is_empty() {
        return Ok((0, day));
    }
    let number = number("BYDAY", before, -53, 53)?;
    if number == 0 { Err(wrong()) } else { Ok((number, day)) }
}
