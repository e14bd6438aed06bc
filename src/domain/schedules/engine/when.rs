//! When a schedule is due, whatever it is written as.

use std::collections::BTreeSet;
use std::collections::VecDeque;

use jiff::civil::{Date, DateTime};

use super::business::Business;
pub(in crate::domain::schedules) use super::business::Closed;
use super::cron::Cron;
use super::expanding::Expanded;
use super::rule;
use crate::kernel::calendar::Calendar;
use crate::kernel::time::Timestamp;
use crate::kernel::zone::Zone;

/// Moments that are counted; more are said to be more.
const MOST_COUNTED: u64 = 10_000;
/// The first stretch of time that is looked through backwards, in milliseconds.
const FIRST_STRETCH: i64 = 3_600_000;

/// When something is due.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::domain::schedules) struct When {
    written: Written,
    zone: Zone,
    business: Option<Business>,
    /// Not before this moment.
    from: Option<Timestamp>,
    /// Not after this one.
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
enum Written {
    Cron(Box<Cron>),
    Rule { rule: Box<Expanded>, more: BTreeSet<Timestamp>, except: BTreeSet<Timestamp>, except_days: BTreeSet<Date> },
    Interval { millis: i64, start: Timestamp },
    Once(Timestamp),
}

/// How many were due in a stretch of time, and the last of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain::schedules) struct Due {
    /// The last of them, in order.
    pub(in crate::domain::schedules) last: Vec<Timestamp>,
    /// How many there were.
    pub(in crate::domain::schedules) count: u64,
    /// Whether there were more than were counted.
    pub(in crate::domain::schedules) and_more: bool,
}

impl When {
    /// By a cron line; else what is wrong with it.
    pub(in crate::domain::schedules) fn cron(line: &str, zone: Zone) -> Result<Self, String> {
        Ok(Self::of(Written::Cron(Box::new(Cron::parse(line)?)), zone))
    }

    /// By a recurrence rule that begins at a time on the wall clock, where it does not say so itself; else what is wrong with it.
    pub(in crate::domain::schedules) fn rule(text: &str, start: DateTime, zone: Zone) -> Result<Self, String> {
        let written = rule::parse(text)?;
        let zone = match &written.zone {
            Some(name) => Zone::named(name).unwrap_or(zone),
            None => zone,
        };
        let moments = |all: &[rule::Moment]| all.iter().map(|one| one.in_zone(&zone)).collect();
        let (more, except) = (moments(&written.more), moments(&written.except));
        // A day that is left out is left out whole.
        let day = |one: &rule::Moment| if let rule::Moment::Day(date) = one { Some(*date) } else { None };
        let except_days = written.except.iter().filter_map(day).collect();
        let rule = Expanded::new(written.rule, written.start.unwrap_or(start), zone.clone());
        Ok(Self::of(Written::Rule { rule: Box::new(rule), more, except, except_days }, zone))
    }

    /// Every so many milliseconds from a moment on.
    pub(in crate::domain::schedules) fn every(millis: i64, start: Timestamp, zone: Zone) -> Self {
        Self::of(Written::Interval { millis: millis.max(1), start }, zone)
    }

    /// Once.
    pub(in crate::domain::schedules) fn once(moment: Timestamp, zone: Zone) -> Self {
        Self::of(Written::Once(moment), zone)
    }

    const fn of(written: Written, zone: Zone) -> Self {
        Self { written, zone, business: None, from: None, until: None }
    }

    /// The same, held to a business calendar.
    pub(in crate::domain::schedules) fn held_to(mut self, calendar: Calendar, closed: Closed) -> Self {
        self.business = Some(Business { calendar, closed, zone: self.zone.clone() });
        self
    }

    /// The same, not before one moment and not after another.
    pub(in crate::domain::schedules) const fn within(
        mut self,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Self {
        (self.from, self.until) = (from, until);
        self
    }

    /// The zone.
    pub(in crate::domain::schedules) const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The moments after one, in order and each once.
    pub(in crate::domain::schedules) fn after(&self, moment: Timestamp) -> Box<dyn Iterator<Item = Timestamp> + '_> {
        let moment = match self.from {
            // That one itself is within.
            Some(from) => moment.max(Timestamp::from_millis(from.as_millis().saturating_sub(1))),
            None => moment,
        };
        let all = match &self.business {
            Some(business) => business.after(moment, |moment| self.plain(moment)),
            None => self.plain(moment),
        };
        match self.until {
            Some(until) => Box::new(all.take_while(move |one| *one <= until)),
            None => all,
        }
    }

    fn plain(&self, moment: Timestamp) -> Box<dyn Iterator<Item = Timestamp> + '_> {
        match &self.written {
            Written::Cron(cron) => cron.after(&self.zone, moment),
            Written::Interval { millis, start } => {
                let (millis, start) = (*millis, start.as_millis());
                let passed = moment.as_millis().saturating_sub(start).div_euclid(millis).saturating_add(1).max(0);
                let at = move |number: i64| start.checked_add(number.checked_mul(millis)?).map(Timestamp::from_millis);
                Box::new((passed..).map_while(at))
            }
            Written::Once(at) => Box::new(Some(*at).into_iter().filter(move |at| *at > moment)),
            Written::Rule { rule, more, except, except_days } => {
                use std::ops::Bound::{Excluded, Unbounded};
                let mut ruled = rule.after(moment).peekable();
                let mut named = more.range((Excluded(moment), Unbounded)).copied().peekable();
                let merged = std::iter::from_fn(move || match (ruled.peek().copied(), named.peek().copied()) {
                    (Some(one), Some(other)) => {
                        if one <= other {
                            ruled.next();
                        }
                        if other <= one {
                            named.next();
                        }
                        Some(one.min(other))
                    }
                    (Some(_), None) => ruled.next(),
                    (None, _) => named.next(),
                });
                let is_out = |one: &Timestamp| {
                    except.contains(one) || (!except_days.is_empty() && except_days.contains(&self.zone.date(*one)))
                };
                Box::new(merged.filter(move |one| !is_out(one)))
            }
        }
    }

    /// The next moment after one.
    pub(in crate::domain::schedules) fn next(&self, moment: Timestamp) -> Option<Timestamp> {
        self.after(moment).next()
    }

    /// What was due after one moment and not after another, and the last of it. A stretch of years is not gone through one by one: the last
    /// are looked for from its end.
    pub(in crate::domain::schedules) fn between(&self, after: Timestamp, until: Timestamp, last: usize) -> Due {
        let mut count = 0;
        let mut ring = VecDeque::new();
        for one in self.after(after).take_while(|one| *one <= until) {
            count += 1;
            if count > MOST_COUNTED {
                let last = self.last_of(after, until, last);
                return Due { last, count: MOST_COUNTED, and_more: true };
            }
            ring.push_back(one);
            if ring.len() > last {
                ring.pop_front();
            }
        }
        Due { last: ring.into(), count, and_more: false }
    }

    fn last_of(&self, after: Timestamp, until: Timestamp, last: usize) -> Vec<Timestamp> {
        let mut stretch = FIRST_STRETCH;
        loop {
            let from = Timestamp::from_millis(until.as_millis().saturating_sub(stretch)).max(after);
            let mut ring = VecDeque::new();
            for one in self.after(from).take_while(|one| *one <= until) {
                ring.push_back(one);
                if ring.len() > last {
                    ring.pop_front();
                }
            }
            if ring.len() >= last || from == after {
                return ring.into();
            }
            stretch = stretch.saturating_mul(4);
        }
    }
}
