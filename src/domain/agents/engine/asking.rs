//! Where the answers of models come from: a model that is asked, or a run that is replayed.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::StreamExt as _;

use super::telling::{Item, Teller};
use crate::domain::agents::faults::REPLAY_DIFFERS;
use crate::domain::agents::model::run::{CallRecord, StepRecord, StopReason};
use crate::domain::models::{Asker, CacheState, Collector, Router, Wish};
use crate::kernel::fault::Fault;
use crate::port::models::{ChatRequest, Completion, Part, Piece, Tokens};

/// Who answers.
pub(super) enum Source {
    /// A model.
    Live(Box<Live>),
    /// A run that ended before.
    Recorded {
        /// Its steps that are still to come.
        steps: VecDeque<StepRecord>,
        /// What its tools answered in the present step.
        calls: Vec<CallRecord>,
        /// Why it ended.
        stop: StopReason,
    },
}

/// A model.
pub(super) struct Live {
    pub(super) router: Arc<Router>,
    pub(super) asker: Asker,
    pub(super) wish: Wish,
}

impl Source {
    /// The next answer to a question, which is made up only where somebody is asked.
    pub(super) async fn ask(
        &mut self,
        question: impl FnOnce() -> ChatRequest,
        teller: &Teller,
    ) -> Result<StepRecord, Fault> {
        match self {
            Self::Live(live) if teller.listens() => live.heard(Arc::new(question()), teller).await,
            Self::Live(live) => live.whole(Arc::new(question())).await,
            Self::Recorded { steps, calls, .. } => {
                let step = steps.pop_front();
                let mut step = step.ok_or_else(|| Fault::new(&REPLAY_DIFFERS, "the run ended before"))?;
                *calls = std::mem::take(&mut step.calls);
                step.mend = None;
                Ok(step)
            }
        }
    }

    /// Why a recorded run ended, once it has.
    pub(super) fn ended(&self) -> Option<StopReason> {
        match self {
            Self::Recorded { steps, stop, .. } if steps.is_empty() => Some(*stop),
            Self::Live(_) | Self::Recorded { .. } => None,
        }
    }

    /// What a tool answered in a recorded run, by its place in the step; none where it is to be called.
    pub(super) fn recorded(&self, at: usize, tool: &str) -> Option<Result<CallRecord, Fault>> {
        let Self::Recorded { calls, .. } = self else { return None };
        let found = calls.get(at).filter(|call| call.tool == tool).cloned();
        Some(found.ok_or_else(|| Fault::new(&REPLAY_DIFFERS, format!("the run did not call '{tool}' here"))))
    }
}

impl Live {
    async fn whole(&self, request: Arc<ChatRequest>) -> Result<StepRecord, Fault> {
        let answer = Box::pin(self.router.complete(&self.asker, &self.wish, request)).await?;
        let completion = Arc::unwrap_or_clone(answer.completion);
        Ok(StepRecord {
            tokens: answer.tokens,
            about: answer.about,
            cost: answer.cost,
            cache: answer.cache,
            ..said(answer.model, completion)
        })
    }

    /// The same, told piece by piece as it comes.
    async fn heard(&self, request: Arc<ChatRequest>, teller: &Teller) -> Result<StepRecord, Fault> {
        let mut answering = Box::pin(self.router.stream(&self.asker, &self.wish, request)).await?;
        let mut collector = Collector::default();
        while let Some(piece) = answering.pieces.next().await {
            let piece = piece?;
            if let Some(completion) = collector.add(&piece) {
                let used = answering.used.get().copied();
                let counted = completion.tokens;
                let step = said(answering.model, completion);
                return Ok(StepRecord {
                    tokens: used.map(|used| used.tokens).or(counted).unwrap_or_default(),
                    about: used.is_none_or(|used| used.about),
                    cost: used.and_then(|used| used.cost),
                    cache: answering.cache,
                    ..step
                });
            }
            match piece {
                Piece::Text { text } => teller.tell(Item::Text { text }).await,
                Piece::Reasoning { text, .. } => teller.tell(Item::Reasoning { text }).await,
                Piece::Start { .. } | Piece::ToolStart { .. } | Piece::ToolArguments { .. } | Piece::End { .. } => {}
            }
        }
        // The router ends what breaks off by a fault.
        Err(Fault::internal("a model's answer ended without its last piece"))
    }
}

fn said(model: String, completion: Completion) -> StepRecord {
    StepRecord {
        model,
        cache: CacheState::default(),
        parts: completion.parts,
        stop: completion.stop,
        tokens: Tokens::default(),
        about: false,
        cost: None,
        calls: Vec::new(),
        mend: None,
    }
}

/// The words of an answer.
pub(super) fn words(parts: &[Part]) -> Option<String> {
    let of = |part: &Part| match part {
        Part::Text { text } => Some(text.clone()),
        _ => None,
    };
    let all: Vec<String> = parts.iter().filter_map(of).collect();
    (!all.is_empty()).then(|| all.concat())
}
