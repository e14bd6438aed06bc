//! What is reckoned with calendars.

use std::time::Duration;

use super::super::CalendarSpec;
use super::*;

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

fn office() -> CalendarSpec {
    let day = || vec!["09:00-12:00".to_owned(), "13:00-17:00".to_owned()];
    CalendarSpec {
        timezone: "Europe/Berlin".to_owned(),
        monday: day(),
        tuesday: day(),
        wednesday: day(),
        thursday: day(),
        friday: day(),
        holidays: ["12-25", "12-26", "2026-12-24", "2026-12-31/2027-01-01"].map(str::to_owned).to_vec(),
        ..CalendarSpec::default()
    }
}

fn nights() -> CalendarSpec {
    let night = || vec!["22:00-06:00".to_owned()];
    CalendarSpec { timezone: "Europe/Berlin".to_owned(), friday: night(), saturday: night(), ..CalendarSpec::default() }
}

#[test]
fn it_is_open_within_its_hours() {
    let office = office().calendar().unwrap();
    // A Thursday; Berlin is an hour ahead.
    assert!(office.is_open(moment("2026-11-26T08:00:00Z")));
    assert!(!office.is_open(moment("2026-11-26T07:59:59.999Z")));
    assert!(!office.is_open(moment("2026-11-26T11:00:00Z")));
    assert!(!office.is_open(moment("2026-11-28T10:00:00Z")));
    assert!(!office.is_open(moment("2026-12-25T10:00:00Z")));
    let nights = nights().calendar().unwrap();
    // Friday's night goes on into Saturday, Sunday's there is not.
    assert!(nights.is_open(moment("2026-11-28T04:59:00Z")));
    assert!(!nights.is_open(moment("2026-11-28T05:00:00Z")));
    assert!(nights.is_open(moment("2026-11-29T03:00:00Z")));
    assert!(!nights.is_open(moment("2026-11-29T22:00:00Z")));
}

#[test]
fn open_time_is_added_over_breaks_weekends_and_holidays() {
    let office = office().calendar().unwrap();
    let after = |from: &str, open| office.after(moment(from), open).unwrap().to_string();
    assert_eq!(after("2026-11-26T10:30:00Z", hours(1)), "2026-11-26T12:30:00.000Z");
    // Friday afternoon, then Monday.
    assert_eq!(after("2026-11-27T15:00:00Z", hours(2)), "2026-11-30T09:00:00.000Z");
    // Wednesday before Christmas, then the whole of what is closed until Monday.
    assert_eq!(after("2026-12-23T15:30:00Z", hours(1)), "2026-12-28T08:30:00.000Z");
    // What ends with the day ends at closing time and not at the next opening.
    assert_eq!(after("2026-11-26T15:00:00Z", hours(1)), "2026-11-26T16:00:00.000Z");
    // Outside of the hours it begins when it opens, also where nothing is added.
    assert_eq!(after("2026-11-28T15:00:00Z", Duration::ZERO), "2026-11-30T08:00:00.000Z");
    let before = |to: &str, open| office.before(moment(to), open).unwrap().to_string();
    assert_eq!(before("2026-11-30T09:00:00Z", hours(2)), "2026-11-27T15:00:00.000Z");
    assert_eq!(before("2026-11-26T12:30:00Z", hours(1)), "2026-11-26T10:30:00.000Z");
    assert_eq!(office.next_opening(moment("2026-11-26T11:15:00Z")).unwrap(), moment("2026-11-26T12:00:00Z"));
}

#[test]
fn business_days_keep_the_time_of_day_within_the_hours() {
    let office = office().calendar().unwrap();
    let after = |from: &str, days| office.days_after(moment(from), days).unwrap().to_string();
    assert_eq!(after("2026-11-26T10:30:00Z", 1), "2026-11-27T10:30:00.000Z");
    assert_eq!(after("2026-11-26T10:30:00Z", 2), "2026-11-30T10:30:00.000Z");
    assert_eq!(after("2026-11-28T10:30:00Z", 1), "2026-11-30T10:30:00.000Z");
    assert_eq!(after("2026-11-27T21:30:00Z", 1), "2026-11-30T16:00:00.000Z");
    assert_eq!(after("2026-11-27T02:30:00Z", 1), "2026-11-30T08:00:00.000Z");
    assert_eq!(after("2026-12-23T10:30:00Z", 2), "2026-12-29T10:30:00.000Z");
    assert_eq!(after("2026-11-28T10:30:00Z", 0), "2026-11-30T08:00:00.000Z");
    // Over the night in which the clock is put forward the time of day stays.
    assert_eq!(after("2026-03-27T10:00:00Z", 1), "2026-03-30T09:00:00.000Z");
    let date = |text: &str| text.parse().unwrap();
    assert_eq!(office.next_business_day(date("2026-12-23")).unwrap(), date("2026-12-28"));
    assert_eq!(office.previous_business_day(date("2026-12-28")).unwrap(), date("2026-12-23"));
}

#[test]
fn hours_that_a_clock_leaves_out_are_no_open_time_and_those_that_it_repeats_are() {
    let sunday = |hours: &str| {
        let timezone = "Europe/Berlin".to_owned();
        CalendarSpec { timezone, sunday: vec![hours.to_owned()], ..CalendarSpec::default() }.calendar().unwrap()
    };
    let open = |hours: &str, day: &str| {
        let day = moment(&format!("{day}T00:00:00Z"));
        sunday(hours).between(day.minus(Duration::from_hours(12)), day.plus(Duration::from_hours(24))).unwrap()
    };
    assert_eq!(open("01:00-04:00", "2026-03-22"), hours(3));
    assert_eq!(open("01:00-04:00", "2026-03-29"), hours(2));
    assert_eq!(open("01:00-04:00", "2026-10-25"), hours(4));
    // An edge that is left out lies where the clock is put forward; one that comes twice is the first.
    assert_eq!(open("01:00-02:30", "2026-03-29"), hours(1));
    assert_eq!(open("02:30-04:00", "2026-03-29"), hours(1));
    assert_eq!(open("02:15-02:45", "2026-03-29"), Duration::ZERO);
    assert_eq!(open("01:00-02:30", "2026-10-25"), Duration::from_mins(90));
    assert_eq!(open("02:30-04:00", "2026-10-25"), Duration::from_mins(150));
    let at = sunday("01:00-04:00").after(moment("2026-03-28T12:00:00Z"), Duration::from_mins(90)).unwrap();
    assert_eq!(at, moment("2026-03-29T01:30:00Z"));
}

#[test]
fn what_is_between_is_what_is_added() {
    for spec in [office(), nights()] {
        let calendar = spec.calendar().unwrap();
        // Some moments of two years, over changes of the clock and holidays.
        let start = moment("2025-12-20T00:07:00Z");
        for step in 0..300_u64 {
            let from = start.plus(Duration::from_mins(step * 3491));
            let open = Duration::from_mins(step * 37 % 5000);
            let to = calendar.after(from, open).unwrap();
            assert_eq!(calendar.between(from, to).unwrap(), open, "{from} {open:?}");
            let back = calendar.before(to, open).unwrap();
            assert_eq!(calendar.between(back, to).unwrap(), open, "{back} {to}");
            let next = calendar.next_opening(from).unwrap();
            assert!(calendar.is_open(next) && next >= from);
            assert_eq!(calendar.between(from, next).unwrap(), Duration::ZERO);
        }
    }
}

#[test]
fn a_search_without_an_end_is_refused() {
    let never = CalendarSpec { timezone: "UTC".to_owned(), ..CalendarSpec::default() }.calendar().unwrap();
    let now = moment("2026-11-26T12:00:00Z");
    let codes = [
        never.next_opening(now).err(),
        never.after(now, Duration::ZERO).err(),
        never.before(now, hours(1)).err(),
        never.days_after(now, 1).err(),
        never.next_business_day("2026-11-26".parse().unwrap()).err(),
        office().calendar().unwrap().after(now, hours(1_000_000_000)).err(),
        office().calendar().unwrap().between(Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX)).err(),
        office().calendar().unwrap().days_after(now, u32::MAX).err(),
    ];
    for fault in codes {
        assert!(fault.unwrap().is(&codes::CALENDAR_NEVER_OPEN));
    }
    assert_eq!(never.between(now, now.plus(hours(99_999))).unwrap(), Duration::ZERO);
    assert!(!never.is_open(now));
    // One day of the year is enough.
    let rare = CalendarSpec {
        holidays: vec!["2026-01-01/2026-12-31".to_owned(), "2027-01-01/2027-12-31".to_owned()],
        ..office()
    };
    assert_eq!(rare.calendar().unwrap().next_opening(now).unwrap(), moment("2028-01-03T08:00:00Z"));
}

#[test]
fn every_place_that_cannot_be_used_is_told() {
    let wrong = CalendarSpec {
        timezone: "Mars/Olympus".to_owned(),
        monday: vec!["9-5".to_owned()],
        tuesday: vec!["13:00-17:00".to_owned(), "09:00-14:00".to_owned()],
        wednesday: vec!["22:00-06:00".to_owned()],
        thursday: vec!["05:00-07:00".to_owned()],
        holidays: vec!["Christmas".to_owned()],
        ..CalendarSpec::default()
    };
    let fault = wrong.calendar().unwrap_err();
    let places: Vec<&str> = fault.places().iter().map(|one| one.pointer.as_str()).collect();
    assert_eq!(places, ["/timezone", "/monday/0", "/tuesday", "/wednesday", "/holidays/0"]);
}
