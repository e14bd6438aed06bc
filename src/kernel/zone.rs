//! Time zones of the IANA database: the machine's, and where it has none the one that is compiled in. And the one rule by which a time
//! on a wall clock becomes a moment, for schedules, calendars and deadlines alike.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::time::Timestamp;

/// A time zone by its name.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What there is of a time on the wall clock of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall {
    /// It comes once.
    Once(Timestamp),
    /// It is left out, as a clock is put forward. What is left out becomes as much later as the clock is put forward.
    Never {
        /// The moment that it becomes.
        becomes: Timestamp,
    },
    /// It comes twice, as a clock is put back.
    Twice {
        /// The first time.
        first: Timestamp,
        /// The second time.
        second: Timestamp,
    },
}

impl Wall {
    /// The one moment of it: the first where there are two, and a moment later where it is left out.
    #[must_use]
    pub const fn moment(self) -> Timestamp {
        match self {
            Self::Once(moment) | Self::Never { becomes: moment } | Self::Twice { first: moment, .. } => moment,
        }
    }
}

impl Zone {
    /// The zone of a name such as `Europe/Berlin`; `None` where there is none. An offset is no zone, and neither is what a machine
    /// takes for local.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        // Some databases have files that are no zones, and one that is the machine's own.
        let plain = !name.is_empty()
            && name.len() <= 64
            && name.chars().all(|one| one.is_ascii_alphanumeric() || "/_+-".contains(one))
            && !["localtime", "posixrules", "factory"].contains(&name.to_ascii_lowercase().as_str());
        let zone = plain.then(|| TimeZone::get(name).ok()).flatten()?;
        Some(Self { name: zone.iana_name().unwrap_or(name).to_owned(), zone })
    }

    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the wall clock shows at a moment.
    #[must_use]
    pub fn wall(&self, moment: Timestamp) -> DateTime {
        self.zone.to_datetime(of(moment))
    }

    /// The date at a moment.
    #[must_use]
    pub fn date(&self, moment: Timestamp) -> Date {
        self.wall(moment).date()
    }

    /// What there is of a time on the wall clock.
    #[must_use]
    pub fn at(&self, wall: DateTime) -> Wall {
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        // Both are the same where it comes once.
        let (earlier, later) = (ambiguous.earlier(), ambiguous.later());
        let (Ok(earlier), Ok(later)) = (earlier, later) else { return Wall::Once(held(wall)) };
        let (earlier, later) = (millis(earlier), millis(later));
        match ambiguous.offset() {
            jiff::tz::AmbiguousOffset::Unambiguous { .. } => Wall::Once(earlier),
            jiff::tz::AmbiguousOffset::Gap { .. } => Wall::Never { becomes: later },
            jiff::tz::AmbiguousOffset::Fold { .. } => Wall::Twice { first: earlier, second: later },
        }
    }

    /// When the clock was put forward for the last time before a moment; the moment itself where it never was.
    #[must_use]
    pub fn put_forward_before(&self, moment: Timestamp) -> Timestamp {
        self.zone.preceding(of(moment)).next().map_or(moment, |change| millis(change.timestamp()))
    }

    /// The moment of a time on the wall clock.
    #[must_use]
    pub fn moment(&self, wall: DateTime) -> Timestamp {
        self.at(wall).moment()
    }
}

/// The nearest moment that can be reckoned with.
fn of(moment: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(moment.as_millis())
        .unwrap_or_else(|_| if moment.as_millis() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX })
}

fn millis(moment: jiff::Timestamp) -> Timestamp {
    Timestamp::from_millis(moment.as_millisecond())
}

/// A time at the very ends of the range, where offsets lead beyond it.
fn held(wall: DateTime) -> Timestamp {
    millis(if wall.year() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn zones_are_those_of_the_database() {
        assert_eq!(Zone::named("europe/berlin").unwrap().name(), "Europe/Berlin");
        assert_eq!(Zone::named("UTC").unwrap().name(), "UTC");
        for name in ["", "Europe/Nowhere", "+02:00", "localtime", "../etc/passwd", "Berlin", "posixrules"] {
            assert!(Zone::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_time_left_out_becomes_later_and_one_that_comes_twice_is_the_first() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let wall = |text: &str| zone.at(text.parse().unwrap());
        assert_eq!(wall("2026-03-29T01:30"), Wall::Once(moment("2026-03-29T00:30:00Z")));
        assert_eq!(wall("2026-03-29T02:30"), Wall::Never { becomes: moment("2026-03-29T01:30:00Z") });
        let (first, second) = (moment("2026-10-25T00:30:00Z"), moment("2026-10-25T01:30:00Z"));
        assert_eq!(wall("2026-10-25T02:30"), Wall::Twice { first, second });
        assert_eq!(zone.wall(second).to_string(), "2026-10-25T02:30:00");
        // Half an hour, and a whole day that was left out.
        let lord_howe = Zone::named("Australia/Lord_Howe").unwrap();
        assert_eq!(lord_howe.moment("2026-10-04T02:15".parse().unwrap()), moment("2026-10-03T15:45:00Z"));
        let samoa = Zone::named("Pacific/Apia").unwrap();
        assert_eq!(samoa.moment("2011-12-30T09:00".parse().unwrap()), moment("2011-12-30T19:00:00Z"));
    }

    #[test]
    fn the_ends_of_time_are_held() {
        let zone = Zone::named("Pacific/Apia").unwrap();
        for moment in [i64::MIN, i64::MAX] {
            let wall = zone.wall(Timestamp::from_millis(moment));
            let _ = zone.moment(wall);
        }
        let _ = zone.moment(DateTime::MAX);
        let _ = zone.moment(DateTime::MIN);
    }
}
