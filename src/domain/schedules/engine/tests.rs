//! When things are due.

use super::when::{Closed, When};
use crate::kernel::calendar::CalendarSpec;
use crate::kernel::time::Timestamp;
use crate::kernel::zone::Zone;

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

fn next(when: &When, after: &str, count: usize) -> Vec<String> {
    when.after(moment(after)).take(count).map(|one| one.to_string().replace(":00.000Z", "Z")).collect()
}

fn cron(line: &str, name: &str) -> When {
    When::cron(line, zone(name)).unwrap()
}

fn rule(text: &str, start: &str, name: &str) -> When {
    When::rule(text, start.parse().unwrap(), zone(name)).unwrap()
}

#[test]
fn a_fixed_time_comes_once_in_each_night_of_a_change() {
    // Berlin: 02:30 is left out on 29 March 2026 and comes twice on 25 October.
    let nightly = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        next(&nightly, "2026-03-27T12:00:00Z", 3),
        ["2026-03-28T01:30Z", "2026-03-29T01:30Z", "2026-03-30T00:30Z"]
    );
    assert_eq!(next(&nightly, "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]);
    let same = rule("FREQ=DAILY", "2026-01-01T02:30:00", "Europe/Berlin");
    assert_eq!(next(&same, "2026-03-27T12:00:00Z", 3), next(&nightly, "2026-03-27T12:00:00Z", 3));
    assert_eq!(next(&same, "2026-10-24T12:00:00Z", 2), next(&nightly, "2026-10-24T12:00:00Z", 2));
    // What becomes later and what is due then are one.
    let both = cron("30 2,3 * * *", "Europe/Berlin");
    assert_eq!(next(&both, "2026-03-28T22:00:00Z", 2), ["2026-03-29T01:30Z", "2026-03-30T00:30Z"]);
}

#[test]
fn every_hour_is_every_hour() {
    let hourly = [cron("0 * * * *", "Europe/London"), rule("FREQ=HOURLY", "2026-01-01T00:00:00", "Europe/London")];
    for when in hourly {
        assert_eq!(
            next(&when, "2026-03-28T23:30:00Z", 4),
            ["2026-03-29T00:00Z", "2026-03-29T01:00Z", "2026-03-29T02:00Z", "2026-03-29T03:00Z"]
        );
        assert_eq!(
            next(&when, "2026-10-24T23:30:00Z", 4),
            ["2026-10-25T00:00Z", "2026-10-25T01:00Z", "2026-10-25T02:00Z", "2026-10-25T03:00Z"]
        );
    }
    let quarters = [
        cron("*/15 * * * *", "Australia/Lord_Howe"),
        rule("FREQ=MINUTELY;INTERVAL=15", "2026-01-01T00:00:00", "Australia/Lord_Howe"),
    ];
    for when in quarters {
        let moments: Vec<i64> = when.after(moment("2026-10-03T12:00:00Z")).take(30).map(Timestamp::as_millis).collect();
        assert!(moments.windows(2).all(|two| two[1] - two[0] == 900_000));
    }
}

#[test]
fn lines_know_the_last_the_nearest_and_the_nth() {
    let utc = |line: &str, after: &str, count| next(&cron(line, "UTC"), after, count);
    assert_eq!(
        utc("0 9 L * *", "2026-01-30T12:00:00Z", 3),
        ["2026-01-31T09:00Z", "2026-02-28T09:00Z", "2026-03-31T09:00Z"]
    );
    // The 15th of August 2026 is a Saturday, the 1st a Saturday too, the 31st of May a Sunday.
    assert_eq!(utc("0 9 15W * *", "2026-08-01T12:00:00Z", 1), ["2026-08-14T09:00Z"]);
    assert_eq!(utc("0 9 1W * *", "2026-07-31T12:00:00Z", 1), ["2026-08-03T09:00Z"]);
    assert_eq!(utc("0 9 LW * *", "2026-05-02T12:00:00Z", 1), ["2026-05-29T09:00Z"]);
    assert_eq!(utc("0 9 L-2 2 *", "2026-01-02T12:00:00Z", 1), ["2026-02-26T09:00Z"]);
    assert_eq!(utc("0 9 * * FRI#2", "2026-11-01T12:00:00Z", 2), ["2026-11-13T09:00Z", "2026-12-11T09:00Z"]);
    assert_eq!(utc("0 9 * * 5L", "2026-11-01T12:00:00Z", 2), ["2026-11-27T09:00Z", "2026-12-25T09:00Z"]);
    assert_eq!(
        utc("0 9 13 * FRI", "2026-11-05T12:00:00Z", 3),
        ["2026-11-06T09:00Z", "2026-11-13T09:00Z", "2026-11-20T09:00Z"]
    );
    assert_eq!(utc("0 0 29 2 MON#5", "2026-11-05T12:00:00Z", 1), ["2027-02-28T00:00Z"].map(|_| "2028-02-29T00:00Z"));
    assert_eq!(utc("0 9 * * MON-FRI", "2026-11-27T12:00:00Z", 1), ["2026-11-30T09:00Z"]);
    assert_eq!(utc("@weekly", "2026-11-27T12:00:00Z", 1), ["2026-11-29T00:00Z"]);
    let seconds: Vec<String> = cron("*/20 0 12 * * *", "UTC")
        .after(moment("2026-11-27T12:00:00Z"))
        .take(3)
        .map(|one| one.to_string())
        .collect();
    assert_eq!(seconds, ["2026-11-27T12:00:20.000Z", "2026-11-27T12:00:40.000Z", "2026-11-28T12:00:00.000Z"]);
}

#[test]
fn nonsense_is_told_with_its_place() {
    let line = |text: &str| When::cron(text, zone("UTC")).unwrap_err();
    assert!(line("61 * * * *").contains("minute: '61' is not from 0 to 59"));
    assert!(line("* * *").contains("has 3 fields"));
    assert!(line("* * * FOO *").contains("month: 'FOO'"));
    assert!(line("* * * * 1#6").contains("day of the week"));
    assert!(line("*/0 * * * *").contains("the step '0'"));
    assert!(line("0 17-9 * * *").contains("ends before it begins"));
    assert!(line("").contains("0 fields"));
    let rule = |text: &str| When::rule(text, "2026-01-01T00:00:00".parse().unwrap(), zone("UTC")).unwrap_err();
    assert!(rule("INTERVAL=2").contains("FREQ is missing"));
    assert!(rule("FREQ=DAILY;COUNT=2;UNTIL=20260101").contains("do not go together"));
    assert!(rule("FREQ=DAILY;BYWEEKNO=3").contains("BYWEEKNO"));
    assert!(rule("FREQ=WEEKLY;BYDAY=2MO").contains("with a number"));
    assert!(rule("FREQ=DAILY;BYHOUR=24").contains("BYHOUR: '24'"));
    assert!(rule("FREQ=DAILY;BYDAY=").contains("BYDAY"));
    assert!(rule("FREQ=DAILY;BYDAY=é").contains("BYDAY"));
    assert!(rule("FREQ=DAILY;FREQ=DAILY").contains("twice"));
    assert!(rule("DTSTART;TZID=Mars/Olympus:20260101T000000\nRRULE:FREQ=DAILY").contains("no time zone"));
    assert!(rule("FREQ=DAILY;COUNT=10001").contains("COUNT"));
}

#[test]
fn what_never_comes_ends() {
    for line in ["0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
        assert_eq!(cron(line, "UTC").next(moment("2026-01-01T00:00:00Z")), None, "{line}");
    }
    for text in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=2;BYHOUR=1,3",
        "FREQ=DAILY;UNTIL=20250101",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
    ] {
        assert_eq!(rule(text, "2026-01-01T00:00:00", "UTC").next(moment("2026-01-01T00:00:00Z")), None, "{text}");
    }
}

#[test]
fn rules_know_what_is_added_and_left_out() {
    let text = "DTSTART;TZID=Europe/Berlin:20261123T090000\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE;TZID=Europe/Berlin:20261124T090000\n\
                RDATE:20261124T120000,20261125T090000";
    let when = rule(text, "2000-01-01T00:00:00", "UTC");
    assert_eq!(when.zone().name(), "Europe/Berlin");
    assert_eq!(
        next(&when, "2026-01-01T00:00:00Z", 9),
        ["2026-11-23T08:00Z", "2026-11-24T11:00Z", "2026-11-25T08:00Z", "2026-11-26T08:00Z"]
    );
    let whole = rule("RRULE:FREQ=HOURLY;INTERVAL=8\nEXDATE;VALUE=DATE:20261124", "2026-11-23T08:00:00", "UTC");
    assert_eq!(
        next(&whole, "2026-11-23T09:00:00Z", 3),
        ["2026-11-23T16:00Z", "2026-11-25T00:00Z", "2026-11-25T08:00Z"]
    );
}

#[test]
fn moments_are_held_to_a_calendar() {
    let day = || vec!["09:00-17:00".to_owned()];
    let spec = CalendarSpec {
        timezone: "UTC".to_owned(),
        monday: day(),
        tuesday: day(),
        wednesday: day(),
        thursday: day(),
        friday: day(),
        holidays: vec!["12-25".to_owned()],
        ..CalendarSpec::default()
    };
    let held = |line: &str, closed| cron(line, "UTC").held_to(spec.calendar().unwrap(), closed);
    let after = "2026-12-23T12:00:00Z";
    assert_eq!(
        next(&held("0 9 * * *", Closed::SkipDay), after, 3),
        ["2026-12-24T09:00Z", "2026-12-28T09:00Z", "2026-12-29T09:00Z"]
    );
    // Friday is a holiday, then the weekend: all of it is Monday, once; and the day before already has its own.
    assert_eq!(
        next(&held("0 9 * * *", Closed::NextDay), after, 3),
        ["2026-12-24T09:00Z", "2026-12-28T09:00Z", "2026-12-29T09:00Z"]
    );
    assert_eq!(next(&held("0 9 25 * *", Closed::NextDay), after, 1), ["2026-12-28T09:00Z"]);
    assert_eq!(next(&held("0 9 25 * *", Closed::PreviousDay), after, 1), ["2026-12-24T09:00Z"]);
    // What was moved is found from any moment, and moved before what lies on the day itself.
    assert_eq!(next(&held("0 9 25 * *", Closed::NextDay), "2026-12-28T08:59:00Z", 1), ["2026-12-28T09:00Z"]);
    assert_eq!(
        next(&held("0 10,8 26,24 * *", Closed::PreviousDay), after, 3),
        ["2026-12-24T08:00Z", "2026-12-24T10:00Z", "2027-01-22T08:00Z"].map(|one| one)
    );
    assert_eq!(
        next(&held("0 * * * *", Closed::SkipHours), "2026-12-24T15:30:00Z", 2),
        ["2026-12-24T16:00Z", "2026-12-28T09:00Z"]
    );
    let never = CalendarSpec { timezone: "UTC".to_owned(), ..CalendarSpec::default() }.calendar().unwrap();
    for closed in [Closed::SkipDay, Closed::NextDay, Closed::PreviousDay, Closed::SkipHours] {
        assert_eq!(cron("0 9 * * *", "UTC").held_to(never.clone(), closed).next(moment(after)), None);
    }
}

#[test]
fn a_year_is_not_gone_through_second_by_second() {
    let (from, until) = (moment("2026-01-01T00:00:00Z"), moment("2027-01-01T00:00:00Z"));
    let every = When::every(10_000, from, zone("UTC"));
    let due = every.between(from, until, 3);
    assert_eq!((due.count, due.and_more, due.last.len()), (10_000, true, 3));
    assert_eq!(due.last[2], until);
    let daily = cron("0 9 * * *", "UTC").between(from, until, 2);
    assert_eq!((daily.count, daily.and_more), (365, false));
    assert_eq!(daily.last, [moment("2026-12-30T09:00:00Z"), moment("2026-12-31T09:00:00Z")]);
    let burst = cron("* * 9 1 1 *", "UTC").between(from, until, 2);
    assert_eq!((burst.count, burst.last[1]), (3600, moment("2026-01-01T09:59:59Z")));
    // Within bounds.
    let bounded =
        When::every(60_000, from, zone("UTC")).within(Some(until), Some(until.plus(std::time::Duration::from_mins(2))));
    assert_eq!(
        next(&bounded, "2026-01-01T00:00:00Z", 9),
        ["2027-01-01T00:00Z", "2027-01-01T00:01Z", "2027-01-01T00:02Z"]
    );
}

#[test]
fn what_comes_after_is_the_same_from_wherever_it_is_asked() {
    let lines =
        ["*/7 * * * *", "30 2 * * *", "0 9 L * FRI#1", "15 1,2,3 * * SUN"].map(|line| cron(line, "Europe/Berlin"));
    let rules = [
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SU;WKST=SU",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR",
        "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO,SU",
        "FREQ=HOURLY;INTERVAL=5;BYDAY=SU",
        "FREQ=DAILY;INTERVAL=3;COUNT=200",
        "FREQ=MINUTELY;INTERVAL=90;BYMONTH=3,10",
        "FREQ=YEARLY;INTERVAL=2;BYYEARDAY=-1,60",
    ]
    .map(|text| rule(text, "2025-03-03T02:30:00", "Europe/Berlin"));
    for when in lines.into_iter().chain(rules) {
        let all: Vec<Timestamp> = when.after(moment("2025-03-01T00:00:00Z")).take(400).collect();
        assert!(all.windows(2).all(|two| two[0] < two[1]));
        for (number, one) in all.iter().enumerate().skip(1).step_by(13) {
            assert_eq!(when.next(all[number - 1]), Some(*one));
            assert_eq!(when.next(Timestamp::from_millis(one.as_millis() - 1)), Some(*one));
        }
    }
}

/// What other implementations say: see tests/fixtures/schedules/generate.py.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Others {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    rule: Option<String>,
    line: Option<String>,
    start: String,
    zone: String,
    utc: Vec<Timestamp>,
}

#[test]
fn two_other_implementations_say_the_same() {
    for (text, least) in [
        (include_str!("../../../../tests/fixtures/schedules/rules.json"), 300),
        (include_str!("../../../../tests/fixtures/schedules/lines.json"), 200),
    ] {
        let others: Others = serde_json::from_str(text).unwrap();
        assert!(others.cases.len() >= least, "{}", others.cases.len());
        let mut wrong = Vec::new();
        for case in &others.cases {
            let (zone, start) = (zone(&case.zone), case.start.parse().unwrap());
            let begins = zone.moment(start);
            let when = match (&case.rule, &case.line) {
                (Some(text), _) => When::rule(text, start, zone).unwrap(),
                (_, Some(text)) => When::cron(text, zone).unwrap(),
                _ => unreachable!("it is either"),
            };
            // A beginning that is due itself is the first; a line's is not asked for.
            let after = if case.rule.is_some() { Timestamp::from_millis(begins.as_millis() - 1) } else { begins };
            let found: Vec<Timestamp> = when.after(after).take(case.utc.len()).collect();
            if found != case.utc {
                let show = |all: &[Timestamp]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                let what = case.rule.as_ref().or(case.line.as_ref());
                wrong.push(format!(
                    "{what:?} from {} in {}\n  here   {}\n  others {}",
                    case.start,
                    case.zone,
                    show(&found),
                    show(&case.utc)
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {} differ:\n{}",
            wrong.len(),
            others.cases.len(),
            wrong[..wrong.len().min(12)].join("\n")
        );
    }
}
