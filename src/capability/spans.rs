//! Spans: what happened, when and for how long, as those who follow a request through many programs collect it. While nobody
//! collects them, none is made; a trace that somebody else has begun is carried on all the same.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::kernel::time::Timestamp;
use crate::kernel::trace::TraceContext;

/// Spans that wait to be collected; what comes beyond is lost and counted.
const MOST: usize = 10_000;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Where in a trace.
    pub context: TraceContext,
    /// Within what, where it did not begin the trace.
    pub parent: Option<[u8; 8]>,
    /// What: a tool's name, or what else was done.
    pub name: String,
    /// Whether it reached outside, rather than was asked from there.
    pub outgoing: bool,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The code of the fault by which it ended.
    pub fault: Option<&'static str>,
    /// More about it. Never what a caller gave as an input, unless the operator wants it told.
    pub told: Vec<(&'static str, Told)>,
}

/// Something told of a span.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// A count.
    Count(u64),
    /// Any other number.
    Number(f64),
}

impl From<String> for Told {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Told {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

/// The spans that wait to be collected.
#[derive(Default)]
pub struct Spans {
    collected: AtomicBool,
    /// Traces that begin here are recorded when their last four bytes lie at or below this.
    share: AtomicU64,
    waiting: Mutex<Vec<Span>>,
    lost: AtomicU64,
}

impl Spans {
    /// Somebody collects from now on: every trace that others record, and this share of those that begin here.
    pub fn collect(&self, share: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a 32-bit range")]
        let bound = (share.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u64;
        // Of no share at all nothing is recorded, not even what ends in zeros.
        self.share.store(if share > 0.0 { bound + 1 } else { 0 }, Ordering::Relaxed);
        self.collected.store(true, Ordering::Release);
    }

    /// Whether anybody collects.
    #[must_use]
    pub fn are_collected(&self) -> bool {
        self.collected.load(Ordering::Relaxed)
    }

    /// The place in a trace of what happens now. `None` where nobody asked for one and nobody collects, or no random bytes
    /// are to be had: traces are not worth a call.
    #[must_use]
    pub fn within(&self, parent: Option<TraceContext>) -> Option<TraceContext> {
        match parent {
            Some(parent) => parent.child().ok(),
            None if self.collected.load(Ordering::Acquire) => {
                let begun = TraceContext::begin().ok()?;
                let [.., a, b, c, d] = begun.trace;
                let chance = u64::from(u32::from_be_bytes([a, b, c, d]));
                Some(TraceContext { sampled: chance < self.share.load(Ordering::Relaxed), ..begun })
            }
            None => None,
        }
    }

    /// Whether what happens at this place is recorded.
    #[must_use]
    pub fn records(&self, context: Option<TraceContext>) -> bool {
        self.collected.load(Ordering::Relaxed) && context.is_some_and(|context| context.sampled)
    }

    /// Takes a span in, where it is to be recorded.
    pub fn add(&self, span: Span) {
        if !self.records(Some(span.context)) {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push(span);
        } else {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The spans that wait, which wait no more, and how many were lost since they were last taken.
    #[must_use]
    pub fn take(&self) -> (Vec<Span>, u64) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        (waiting, self.lost.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(context: TraceContext) -> Span {
        Span {
            context,
            parent: None,
            name: "x".to_owned(),
            outgoing: false,
            began: Timestamp::from_millis(0),
            took: Duration::ZERO,
            fault: None,
            told: Vec::new(),
        }
    }

    #[test]
    fn nothing_is_made_while_nobody_collects() {
        let spans = Spans::default();
        assert_eq!(spans.within(None), None);
        let given = TraceContext::begin().unwrap();
        let within = spans.within(Some(given)).unwrap();
        assert!(within.trace == given.trace && within.span != given.span);
        spans.add(span(within));
        assert_eq!(spans.take().0, []);
    }

    #[test]
    fn a_share_of_own_traces_and_all_that_others_record_are_collected() {
        let spans = Spans::default();
        spans.collect(0.0);
        assert!(!spans.within(None).unwrap().sampled);
        let given = TraceContext::begin().unwrap();
        spans.add(span(spans.within(Some(given)).unwrap()));
        spans.add(span(spans.within(Some(TraceContext { sampled: false, ..given })).unwrap()));
        assert_eq!(spans.take().0.len(), 1);
        spans.collect(1.0);
        for _ in 0..=MOST {
            spans.add(span(spans.within(None).unwrap()));
        }
        let (taken, lost) = spans.take();
        assert_eq!((taken.len(), lost), (MOST, 1));
    }
}
