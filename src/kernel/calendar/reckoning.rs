//! Reckoning with the open time of a calendar. Every search is bounded: a calendar that never opens, or so seldom that the search would
//! go on for long, is a fault and no endless loop.

use std::time::Duration;

use jiff::civil::{Date, DateTime};

use super::{Calendar, DAY, Opening};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Days in a row without an opening after which nothing more is looked for.
const LONGEST_CLOSED: u32 = 1100;
/// Days that one reckoning looks at: more than a hundred years.
const MOST_DAYS: u32 = 40_000;

/// The way that days are gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Back,
}

impl Calendar {
    /// Whether it is open at a moment.
    #[must_use]
    pub fn is_open(&self, moment: Timestamp) -> bool {
        let date = self.zone().date(moment);
        // What began yesterday may go on.
        let days = [date.yesterday().ok(), Some(date)];
        days.into_iter().flatten().any(|date| self.spans(date).any(|(from, to)| (from..to).contains(&moment)))
    }

    /// The moment itself where it is open, else when it opens next.
    ///
    /// # Errors
    /// `calendar_never_open` where it does not within three years.
    pub fn next_opening(&self, moment: Timestamp) -> Result<Timestamp, Fault> {
        let mut days = self.days(moment, Way::Forward);
        loop {
            let date = days.next()?;
            if let Some((from, _)) = self.spans(date).find(|(_, to)| *to > moment) {
                return Ok(from.max(moment));
            }
        }
    }

    /// When so much open time will have passed from a moment on.
    ///
    /// # Errors
    /// `calendar_never_open`, also where it opens so seldom that the time is not found within a hundred years.
    pub fn after(&self, moment: Timestamp, open: Duration) -> Result<Timestamp, Fault> {
        let mut left = open;
        let mut days = self.days(moment, Way::Forward);
        loop {
            let date = days.next()?;
            for (from, to) in self.spans(date).filter(|(_, to)| *to > moment) {
                let from = from.max(moment);
                let there = to.since(from);
                if left <= there {
                    return Ok(from.plus(left));
                }
                left -= there;
            }
        }
    }

    /// From when on so much open time passes until a moment: for a warning so long before something is due.
    ///
    /// # Errors
    /// As `after`.
    pub fn before(&self, moment: Timestamp, open: Duration) -> Result<Timestamp, Fault> {
        let mut left = open;
        let mut days = self.days(moment, Way::Back);
        loop {
            let date = days.next()?;
            let spans: Vec<_> = self.spans(date).filter(|(from, _)| *from < moment).collect();
            for (from, to) in spans.into_iter().rev() {
                let to = to.min(moment);
                let there = to.since(from);
                if left <= there {
                    return Ok(to.minus(left));
                }
                left -= there;
            }
        }
    }

    /// The same time of day so many business days later, held to the hours of that day: what would be before the first opening is at that,
    /// and what would be after the last closing is at that. None later is the next opening.
    ///
    /// # Errors
    /// As `after`.
    pub fn days_after(&self, moment: Timestamp, count: u32) -> Result<Timestamp, Fault> {
        if count == 0 {
            return self.next_opening(moment);
        }
        let wall = self.zone().wall(moment);
        let mut left = count;
        let mut days = self.days_from(wall.date().tomorrow().ok(), Way::Forward);
        loop {
            let date = days.next()?;
            if !self.is_business_day(date) {
                continue;
            }
            left -= 1;
            if left > 0 {
                continue;
            }
            let there = self.zone().moment(date.to_datetime(wall.time()));
            let first = self.spans(date).map(|(from, _)| from).next();
            let last = self.spans(date).map(|(_, to)| to).last();
            let (Some(first), Some(last)) = (first, last) else { continue };
            return Ok(there.clamp(first, last));
        }
    }

    /// The open time between two moments; none where the second is not later.
    ///
    /// # Errors
    /// `calendar_never_open` where they are more than a hundred years apart.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Result<Duration, Fault> {
        let mut sum = Duration::ZERO;
        if to <= from {
            return Ok(sum);
        }
        let (last, mut days) = (self.zone().date(to), self.days(from, Way::Forward));
        days.empty_are_fine = true;
        loop {
            let date = days.next()?;
            if date > last {
                return Ok(sum);
            }
            for (opens, closes) in self.spans(date) {
                sum += closes.min(to).since(opens.max(from));
            }
        }
    }

    /// The nearest business day after a date, which may be far.
    ///
    /// # Errors
    /// `calendar_never_open` where there is none within three years.
    pub fn next_business_day(&self, date: Date) -> Result<Date, Fault> {
        self.nearest(date.tomorrow().ok(), Way::Forward)
    }

    /// The nearest business day before a date.
    ///
    /// # Errors
    /// `calendar_never_open` where there is none within three years.
    pub fn previous_business_day(&self, date: Date) -> Result<Date, Fault> {
        self.nearest(date.yesterday().ok(), Way::Back)
    }

    fn nearest(&self, from: Option<Date>, way: Way) -> Result<Date, Fault> {
        let mut days = self.days_from(from, way);
        loop {
            let date = days.next()?;
            if self.is_business_day(date) {
                return Ok(date);
            }
        }
    }

    /// The openings that begin on a date, as moments.
    fn spans(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let moment = move |minute: i32| {
            let day = if minute >= DAY { date.tomorrow().unwrap_or(date) } else { date };
            let minute = minute % DAY;
            let at = |part: i32| i8::try_from(part).unwrap_or(0);
            let time = jiff::civil::time(at(minute / 60), at(minute % 60), 0, 0);
            self.edge(day.to_datetime(time))
        };
        self.openings_of(date)
            .iter()
            .map(move |Opening { from, to }| (moment(*from), moment(*to)))
            .filter(|(from, to)| from < to)
    }

    /// The moment from which on the clock shows at least this. Where the time is left out, that is when the clock is put forward.
    fn edge(&self, wall: DateTime) -> Timestamp {
        use crate::kernel::zone::Wall;
        match self.zone().at(wall) {
            Wall::Once(moment) | Wall::Twice { first: moment, .. } => moment,
            Wall::Never { becomes } => self.zone().put_forward_before(becomes),
        }
    }

    /// The days from a moment on; the first of them may have an opening that goes on beyond it.
    fn days(&self, moment: Timestamp, way: Way) -> Days<'_> {
        let date = self.zone().date(moment);
        self.days_from(if way == Way::Forward { date.yesterday().ok() } else { Some(date) }, way)
    }

    fn days_from(&self, next: Option<Date>, way: Way) -> Days<'_> {
        Days { calendar: self, next, way, seen: 0, closed: 0, empty_are_fine: false }
    }
}

/// Days one after the other, as long as it makes sense to look on.
struct Days<'a> {
    calendar: &'a Calendar,
    next: Option<Date>,
    way: Way,
    seen: u32,
    closed: u32,
    empty_are_fine: bool,
}

impl Days<'_> {
    fn next(&mut self) -> Result<Date, Fault> {
        let date = self.next.ok_or_else(|| never("does not open before the end of time"))?;
        self.seen += 1;
        self.closed = if self.calendar.is_business_day(date) { 0 } else { self.closed + 1 };
        if self.closed > LONGEST_CLOSED && !self.empty_are_fine {
            return Err(never("does not open within three years"));
        }
        if self.seen > MOST_DAYS {
            return Err(never("would have to be looked through for more than a hundred years"));
        }
        self.next = match self.way {
            Way::Forward => date.tomorrow().ok(),
            Way::Back => date.yesterday().ok(),
        };
        Ok(date)
    }
}

fn never(why: &str) -> Fault {
    Fault::new(&codes::CALENDAR_NEVER_OPEN, format!("the calendar {why}"))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
