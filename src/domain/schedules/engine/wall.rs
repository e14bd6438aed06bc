//! Times of a day on a wall clock, as moments of a zone: in order, each once. A time that the clock leaves out becomes as much later as the
//! clock is put forward, one that comes twice is the first of the two.

use jiff::civil::{Date, Time, time};

use crate::kernel::time::Timestamp;
use crate::kernel::zone::Zone;

/// Numbers from 0 to 63.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) const fn with(self, number: u32) -> Self {
        Self(self.0 | 1_u64 << (number & 63))
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, number: u32) -> bool {
        number < 64 && self.0 >> number & 1 == 1
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u32> {
        (0..64).filter(move |number| self.has(*number))
    }
}

/// Times of a day: each of the hours with each of the minutes with each of the seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) hours: Set,
    pub(super) minutes: Set,
    pub(super) seconds: Set,
}

impl Times {
    fn all(self) -> impl Iterator<Item = Time> {
        self.hours.iter().flat_map(move |hour| {
            self.minutes
                .iter()
                .flat_map(move |minute| self.seconds.iter().map(move |second| time_of(hour, minute, second)))
        })
    }

    /// Their moments on a date.
    pub(super) fn on(self, zone: &Zone, date: Date) -> Box<dyn Iterator<Item = Timestamp> + '_> {
        let zone = zone.clone();
        let moment = move |time: Time| zone.moment(date.to_datetime(time));
        if is_even(&moment) {
            return Box::new(self.all().map(moment));
        }
        // Only on a day on which the clock is set can what is left out fall together with others.
        let mut all: Vec<Timestamp> = self.all().map(moment).collect();
        all.sort_unstable();
        all.dedup();
        Box::new(all.into_iter())
    }
}

/// Whether a day is as long as a day is.
fn is_even(moment: &impl Fn(Time) -> Timestamp) -> bool {
    let (first, last) = (moment(Time::MIN), moment(time(23, 59, 59, 0)));
    last.as_millis() - first.as_millis() == 86_399_000
}

fn time_of(hour: u32, minute: u32, second: u32) -> Time {
    let part = |number: u32| i8::try_from(number).unwrap_or(0);
    // A leap second is the second before it.
    time(part(hour.min(23)), part(minute.min(59)), part(second.min(59)), 0)
}
