//! Business calendars: on which days and at which hours something is open, in which time zone, and reckoning with that: when it opens
//! next, how much open time lies between two moments, and when so much of it will have passed.
//!
//! Hours are those of the wall clock. Where a clock is put forward or back, the hours that it leaves out are no open time and those that it
//! repeats are: an opening from 01:00 to 04:00 is two hours in the one night and four in the other.

mod reckoning;
mod spoken;

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, Violation};
use super::zone::Zone;

/// Holidays that one calendar may name.
const MOST_HOLIDAYS: usize = 2000;
/// Openings that a day may have.
const MOST_OPENINGS: usize = 24;
/// Days that one range of holidays may have.
const LONGEST_RANGE: i32 = 400;

/// A business calendar as it is written: in the configuration, or with whatever uses it. Days without hours are closed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CalendarSpec {
    /// The IANA time zone of the hours and dates, such as 'Europe/Berlin'.
    #[schemars(length(max = 64))]
    pub timezone: String,
    /// The hours of Mondays, each as '09:00-17:00'; one that ends before it begins ends on the next day. '00:00-24:00' is a whole day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24), inner(length(max = 16)))]
    pub monday: Vec<String>,
    /// The hours of Tuesdays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24), inner(length(max = 16)))]
    pub tuesday: Vec<String>,
    /// The hours of Wednesdays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24), inner(length(max = 16)))]
    pub wednesday: Vec<String>,
    /// The hours of Thursdays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24), inner(length(max = 16)))]
    pub thursday: Vec<String>,
    /// The hours of Fridays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24), inner(length(max = 16)))]
    pub friday: Vec<String>,
    /// The hours of Saturdays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24), inner(length(max = 16)))]
    pub saturday: Vec<String>,
    /// The hours of Sundays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24), inner(length(max = 16)))]
    pub sunday: Vec<String>,
    /// Days on which it does not open: a date '2026-12-24', a day of every year '12-25', or a range of dates '2026-12-24/2027-01-01'.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000), inner(length(max = 32)))]
    pub holidays: Vec<String>,
}

/// A calendar that can be reckoned with.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    zone: Zone,
    /// By weekday from Monday: in minutes of the wall clock since the day began, in order and apart from each other.
    openings: [Vec<Opening>; 7],
    dates: BTreeSet<Date>,
    /// Month and day.
    yearly: BTreeSet<(i8, i8)>,
}

/// From one minute of the day to another, which may be one of the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Opening {
    from: i32,
    to: i32,
}

const DAY: i32 = 24 * 60;

impl CalendarSpec {
    fn days(&self) -> [(&'static str, &Vec<String>); 7] {
        [
            ("monday", &self.monday),
            ("tuesday", &self.tuesday),
            ("wednesday", &self.wednesday),
            ("thursday", &self.thursday),
            ("friday", &self.friday),
            ("saturday", &self.saturday),
            ("sunday", &self.sunday),
        ]
    }

    /// The calendar.
    ///
    /// # Errors
    /// `bad_input` with every place that cannot be used.
    pub fn calendar(&self) -> Result<Calendar, Fault> {
        let mut wrong = Vec::new();
        let mut say = |pointer: String, message: String| wrong.push(Violation { pointer, message });
        let zone = Zone::named(&self.timezone);
        if zone.is_none() {
            say("/timezone".to_owned(), unknown_zone(&self.timezone));
        }
        let mut openings: [Vec<Opening>; 7] = Default::default();
        for ((day, hours), openings) in self.days().into_iter().zip(&mut openings) {
            if hours.len() > MOST_OPENINGS {
                say(format!("/{day}"), format!("has more than {MOST_OPENINGS} openings"));
                continue;
            }
            for (number, text) in hours.iter().enumerate() {
                match spoken::opening(text) {
                    Some(opening) => openings.push(opening),
                    None => say(
                        format!("/{day}/{number}"),
                        "must be two times of a day such as '09:00-17:30', the second at most '24:00'".to_owned(),
                    ),
                }
            }
            openings.sort_unstable();
        }
        // An opening that goes on into the next day must not run into that day's first, nor two of one day into each other.
        for (number, (day, _)) in self.days().into_iter().enumerate() {
            let today = openings.get(number).map_or(&[][..], Vec::as_slice);
            let next = openings.get((number + 1) % 7).and_then(|openings| openings.first());
            let next = next.map(|one| Opening { from: one.from + DAY, to: one.to + DAY });
            let all: Vec<Opening> = today.iter().copied().chain(next).collect();
            if !today.is_empty() && all.windows(2).any(|two| matches!(two, [one, other] if one.to > other.from)) {
                say(format!("/{day}"), "has an opening that begins before the one before it ends".to_owned());
            }
        }
        let (mut dates, mut yearly) = (BTreeSet::new(), BTreeSet::new());
        if self.holidays.len() > MOST_HOLIDAYS {
            say("/holidays".to_owned(), format!("are more than {MOST_HOLIDAYS}"));
        }
        for (number, text) in self.holidays.iter().take(MOST_HOLIDAYS).enumerate() {
            match spoken::holiday(text) {
                Some(spoken::Holiday::Date(date)) => _ = dates.insert(date),
                Some(spoken::Holiday::Yearly(month, day)) => _ = yearly.insert((month, day)),
                Some(spoken::Holiday::Range(first, last)) => {
                    dates.extend(first.series(jiff::Span::new().days(1)).take_while(|date| *date <= last));
                }
                None => say(
                    format!("/holidays/{number}"),
                    format!(
                        "must be a date such as '2026-12-24', a day of every year such as '12-25', or a range such as \
                         '2026-12-24/2027-01-01' of at most {LONGEST_RANGE} days"
                    ),
                ),
            }
        }
        match zone {
            Some(zone) if wrong.is_empty() => Ok(Calendar { zone, openings, dates, yearly }),
            _ => Err(Fault::violations(wrong)),
        }
    }
}

/// What is said of a zone that there is not.
#[must_use]
pub fn unknown_zone(name: &str) -> String {
    format!("there is no time zone '{name}': name one of the IANA database, such as 'Europe/Berlin' or 'UTC'")
}

impl Calendar {
    /// The time zone of its hours and dates.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Whether something opens on a date.
    #[must_use]
    pub fn is_business_day(&self, date: Date) -> bool {
        !self.openings_of(date).is_empty()
    }

    /// The openings that begin on a date.
    fn openings_of(&self, date: Date) -> &[Opening] {
        if self.dates.contains(&date) || self.yearly.contains(&(date.month(), date.day())) {
            return &[];
        }
        let day = match date.weekday() {
            Weekday::Monday => 0,
            Weekday::Tuesday => 1,
            Weekday::Wednesday => 2,
            Weekday::Thursday => 3,
            Weekday::Friday => 4,
            Weekday::Saturday => 5,
            Weekday::Sunday => 6,
        };
        self.openings.get(day).map_or(&[], Vec::as_slice)
    }
}
