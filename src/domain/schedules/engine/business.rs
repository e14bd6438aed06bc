//! Moments held to a business calendar: left out where it is closed, or moved to a business day. They stay in order and each stays one:
//! what is moved to a day on which the same time is due already is due there once.

use std::iter::Peekable;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::calendar::Calendar;
use crate::kernel::time::Timestamp;
use crate::kernel::zone::Zone;

/// The most moments that are moved to one day.
const MOST_MOVED: usize = 200_000;
/// Times in a row that it is closed when something would be due, before nothing more is looked for.
const MOST_LEFT_OUT: usize = 2_000;

/// Moments in order.
pub(super) type Moments<'a> = Box<dyn Iterator<Item = Timestamp> + 'a>;

/// What becomes of a moment on which a calendar is closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::schedules) enum Closed {
    /// On a day that is no business day it does not come.
    #[default]
    SkipDay,
    /// It comes at the same time of the next business day.
    NextDay,
    /// It comes at the same time of the business day before.
    PreviousDay,
    /// Outside of the hours it does not come.
    SkipHours,
}

/// A calendar and what becomes of moments on which it is closed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Business {
    pub(super) calendar: Calendar,
    pub(super) closed: Closed,
    pub(super) zone: Zone,
}

impl Business {
    /// The moments after one, of what `plain` gives after a moment.
    pub(super) fn after<'a>(&'a self, moment: Timestamp, plain: impl Fn(Timestamp) -> Moments<'a> + 'a) -> Moments<'a> {
        if matches!(self.closed, Closed::SkipDay | Closed::SkipHours) {
            return Box::new(self.open(moment, plain));
        }
        // Whatever can be moved to the day of this moment lies on that day or among the closed ones beside it.
        let date = self.zone.date(moment);
        let begin = match self.closed {
            Closed::NextDay => self.calendar.previous_business_day(date).ok().and_then(|date| date.tomorrow().ok()),
            _ => date.yesterday().ok(),
        };
        let days = Days { business: self, plain: plain(self.just_before(begin.unwrap_or(date))).peekable() };
        Box::new(days.flatten().skip_while(move |one| *one <= moment))
    }

    /// Those at which it is open. Where it is closed it goes on where it opens, and not one by one.
    fn open<'a>(
        &'a self,
        moment: Timestamp,
        plain: impl Fn(Timestamp) -> Moments<'a> + 'a,
    ) -> impl Iterator<Item = Timestamp> + 'a {
        let mut moments = plain(moment);
        std::iter::from_fn(move || {
            for _ in 0..MOST_LEFT_OUT {
                let one = moments.next()?;
                let date = self.zone.date(one);
                let opens = match self.closed {
                    Closed::SkipHours if self.calendar.is_open(one) => return Some(one),
                    Closed::SkipHours => Timestamp::from_millis(self.calendar.next_opening(one).ok()?.as_millis() - 1),
                    _ if self.calendar.is_business_day(date) => return Some(one),
                    _ => self.just_before(self.calendar.next_business_day(date).ok()?),
                };
                moments = plain(opens);
            }
            None
        })
    }

    fn just_before(&self, date: Date) -> Timestamp {
        let begin = self.zone.moment(date.to_datetime(jiff::civil::Time::MIN));
        Timestamp::from_millis(begin.as_millis().saturating_sub(1))
    }

    /// The business day to which a date is moved.
    fn target(&self, date: Date) -> Option<Date> {
        if self.calendar.is_business_day(date) {
            return Some(date);
        }
        match self.closed {
            Closed::NextDay => self.calendar.next_business_day(date).ok(),
            _ => self.calendar.previous_business_day(date).ok(),
        }
    }
}

/// The moments of one business day after the other.
struct Days<'a> {
    business: &'a Business,
    plain: Peekable<Box<dyn Iterator<Item = Timestamp> + 'a>>,
}

impl Iterator for Days<'_> {
    type Item = Vec<Timestamp>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { business, plain } = self;
        let zone = &business.zone;
        let (mut seen, mut target) = (None, None);
        let mut day = Vec::new();
        while day.len() < MOST_MOVED
            && let Some(one) = plain.peek().copied()
        {
            let wall = zone.wall(one);
            // A date is asked for once, not for each of its moments.
            let to = match seen {
                Some((date, to)) if date == wall.date() => to,
                _ => {
                    let to = business.target(wall.date())?;
                    seen = Some((wall.date(), to));
                    to
                }
            };
            if *target.get_or_insert(to) != to {
                break;
            }
            day.push(if to == wall.date() { one } else { zone.moment(to.to_datetime(wall.time())) });
            plain.next();
        }
        day.sort_unstable();
        day.dedup();
        (!day.is_empty()).then_some(day)
    }
}
