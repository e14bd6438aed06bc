//! The exact cache: an answer is kept under the tenant, the model, every parameter and every message, and only whole answers
//! are kept. Equal requests that are on their way at the same time are one call.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use futures::future::{BoxFuture, FutureExt as _, Shared, WeakShared};
use futures::stream;

use super::router::Answer;
use crate::capability::caches::{CacheBook, CountedCache};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::money::NanoDollars;
use crate::kernel::seal::sha256;
use crate::port::models::{ChatRequest, Completion, Part, Piece, Pieces, Tokens};

/// Bytes of answers that are kept.
const MOST: u64 = 128 << 20;
/// What an answer takes besides its parts.
const BESIDE: usize = 512;
/// A larger answer is not kept.
const LARGEST: usize = 256 << 10;

/// What an answer is kept under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Question([u8; 32]);

impl Question {
    /// The digest of a question to a model, or to a route, which may lead to several.
    pub(crate) fn of(tenant: TenantId, to: &str, request: &ChatRequest) -> Result<Self, Fault> {
        let mut text = Vec::with_capacity(512);
        text.extend_from_slice(tenant.uuid().as_bytes());
        text.extend_from_slice(&(to.len() as u64).to_be_bytes());
        text.extend_from_slice(to.as_bytes());
        serde_json::to_writer(&mut text, request).map_err(Fault::internal)?;
        Ok(Self(sha256(&text)))
    }

    /// A part of it, as the log of calls has it: enough to tell equal ones.
    pub(crate) fn short(&self) -> String {
        let begin = self.0.first_chunk().copied().unwrap_or_default();
        format!("{:016x}", u64::from_be_bytes(begin))
    }
}

/// An answer that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) completion: Arc<Completion>,
    /// `provider/model` that answered.
    pub(crate) model: String,
    pub(crate) tokens: Tokens,
    /// What it cost.
    pub(crate) cost: Option<NanoDollars>,
    /// By the clock that only goes forward.
    until: Duration,
}

impl Kept {
    /// An answer that was shared on its way.
    pub(crate) fn of(answer: &Answer) -> Self {
        Self {
            completion: answer.completion.clone(),
            model: answer.model.clone(),
            tokens: answer.tokens,
            cost: answer.cost,
            until: Duration::ZERO,
        }
    }

    /// An answer that is kept until a moment.
    pub(crate) fn until(answer: &Answer, until: Duration) -> Self {
        Self { until, ..Self::of(answer) }
    }

    /// Whether it is still kept.
    pub(crate) fn is_good(&self, now: Duration) -> bool {
        now < self.until
    }
}

/// The call that leads: its end is everybody's who asks the same meanwhile. A fault is the leader's alone: the others ask by
/// themselves then.
pub(crate) type Flight = Shared<Flying>;

/// What flies.
type Flying = BoxFuture<'static, Result<Arc<Answer>, Arc<Fault>>>;

/// The cache.
pub(crate) struct Cache {
    kept: Arc<CountedCache<Question, Kept>>,
    flights: DashMap<Question, WeakShared<Flying>>,
}

impl Default for Cache {
    fn default() -> Self {
        let weigh = |kept: &Kept| u32::try_from(BESIDE + length(&kept.completion)).unwrap_or(u32::MAX);
        Self { kept: CountedCache::weighed(MOST, weigh), flights: DashMap::new() }
    }
}

impl Cache {
    pub(crate) fn list_in(&self, book: &CacheBook) {
        book.list("model answers", "whole answers of models, by tenant, model and request", &self.kept);
    }

    /// The answer to a question.
    pub(crate) fn get(&self, question: &Question, now: Duration) -> Option<Kept> {
        self.kept.get_if(question, |kept| kept.is_good(now))
    }

    /// Keeps an answer for a time.
    pub(crate) fn keep(&self, question: Question, answer: &Answer, now: Duration, lasting: Duration) {
        if length(&answer.completion) > LARGEST {
            return;
        }
        self.kept.insert(question, Kept::until(answer, now + lasting));
    }

    /// The call for a question that is on its way, or a new one; and whether it is new.
    pub(crate) fn flight(&self, question: Question, make: impl FnOnce() -> Flying) -> (Flight, bool) {
        use dashmap::mapref::entry::Entry;
        match self.flights.entry(question) {
            Entry::Occupied(mut held) => {
                if let Some(flight) = held.get().upgrade().filter(|flight| flight.peek().is_none()) {
                    return (flight, false);
                }
                let flight = make().shared();
                if let Some(weak) = flight.downgrade() {
                    held.insert(weak);
                }
                (flight, true)
            }
            Entry::Vacant(place) => {
                let flight = make().shared();
                if let Some(weak) = flight.downgrade() {
                    place.insert(weak);
                }
                (flight, true)
            }
        }
    }

    /// A call ended, or everybody who waited for it has gone.
    pub(crate) fn landed(&self, question: &Question) {
        self.flights.remove_if(question, |_, flight| flight.upgrade().is_none_or(|flight| flight.peek().is_some()));
    }
}

/// About how many bytes an answer has.
pub(crate) fn length(completion: &Completion) -> usize {
    let of_part = |part: &Part| match part {
        Part::Text { text } | Part::ToolResult { text, .. } => text.len(),
        Part::Reasoning { text, opaque } => text.len() + opaque.as_ref().map_or(0, |opaque| opaque.to_string().len()),
        Part::Image { url } => url.len(),
        Part::ToolCall { arguments, .. } => arguments.to_string().len(),
    };
    completion.parts.iter().map(of_part).sum()
}

/// A whole answer as a stream, with what it used where that is known.
pub(crate) fn replayed(completion: &Completion, tokens: Option<Tokens>) -> Pieces {
    let mut pieces = vec![Piece::Start { model: completion.model.clone(), id: completion.id.clone() }];
    let mut calls = 0;
    for part in &completion.parts {
        match part {
            Part::Text { text } => pieces.push(Piece::Text { text: text.clone() }),
            Part::Reasoning { text, opaque } => {
                pieces.push(Piece::Reasoning { text: text.clone(), opaque: opaque.clone() });
            }
            Part::ToolCall { id, name, arguments, opaque } => {
                let (id, name, opaque) = (id.clone(), name.clone(), opaque.clone());
                pieces.push(Piece::ToolStart { index: calls, id, name, opaque });
                pieces.push(Piece::ToolArguments { index: calls, text: arguments.to_string() });
                calls += 1;
            }
            // Neither is a part of an answer.
            Part::Image { .. } | Part::ToolResult { .. } => {}
        }
    }
    pieces.push(Piece::End { stop: completion.stop.clone(), tokens });
    Box::pin(stream::iter(pieces.into_iter().map(Ok)))
}
