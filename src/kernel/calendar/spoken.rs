//! How hours and holidays of a calendar are written.

use jiff::civil::Date;

use super::{DAY, LONGEST_RANGE, Opening};

/// A day or days without openings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holiday {
    /// One date.
    Date(Date),
    /// The month and the day of every year.
    Yearly(i8, i8),
    /// From one date to another, both of them too.
    Range(Date, Date),
}

/// Hours such as `09:00-17:00`.
pub(super) fn opening(text: &str) -> Option<Opening> {
    let (from, to) = text.trim().split_once('-')?;
    let (from, to) = (minute(from.trim())?, minute(to.trim())?);
    let to = if to > from { to } else { to + DAY };
    // The whole of a day is written to 24:00; the same time twice may be a slip.
    (from < DAY && to - from < DAY || (from == 0 && to == DAY)).then_some(Opening { from, to })
}

/// The minute of the day of a time such as `09:30`.
fn minute(text: &str) -> Option<i32> {
    let (hour, minute) = text.split_once(':')?;
    let plain = |part: &str| (part.len() == 2).then(|| number(part)).flatten();
    let (hour, minute) = (plain(hour)?, plain(minute)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY).then_some(minutes)
}

fn number(text: &str) -> Option<i32> {
    text.chars().all(|one| one.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A holiday.
pub(super) fn holiday(text: &str) -> Option<Holiday> {
    let text = text.trim();
    if let Some((first, last)) = text.split_once('/') {
        let (first, last) = (date(first)?, date(last)?);
        let days = first.until(last).ok()?.get_days();
        return (0..LONGEST_RANGE).contains(&days).then_some(Holiday::Range(first, last));
    }
    if text.len() == 5 {
        // In a year that has the 29th of February.
        let date = date(&format!("2024-{text}"))?;
        return Some(Holiday::Yearly(date.month(), date.day()));
    }
    date(text).map(Holiday::Date)
}

fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read() {
        assert_eq!(opening("09:00-17:30"), Some(Opening { from: 540, to: 1050 }));
        assert_eq!(opening(" 22:00 - 06:00 "), Some(Opening { from: 1320, to: 1800 }));
        assert_eq!(opening("00:00-24:00"), Some(Opening { from: 0, to: DAY }));
        assert_eq!(opening("17:00-00:00"), Some(Opening { from: 1020, to: DAY }));
        for text in [
            "",
            "9-17",
            "9:00-17:00",
            "09:00",
            "09:00-09:00",
            "09:60-10:00",
            "24:00-06:00",
            "09:00-25:00",
            "aa:bb-cc:dd",
        ] {
            assert_eq!(opening(text), None, "{text}");
        }
    }

    #[test]
    fn holidays_are_read() {
        let date = |text: &str| text.parse().unwrap();
        assert_eq!(holiday("2026-12-24"), Some(Holiday::Date(date("2026-12-24"))));
        assert_eq!(holiday("02-29"), Some(Holiday::Yearly(2, 29)));
        assert_eq!(holiday("2026-12-24/2027-01-01"), Some(Holiday::Range(date("2026-12-24"), date("2027-01-01"))));
        for text in ["", "02-30", "2026-02-29", "24.12.2026", "2027-01-01/2026-12-24", "2026-01-01/2028-01-01", "12-5"]
        {
            assert_eq!(holiday(text), None, "{text}");
        }
    }
}
