//! The ticket of one call of one model: its place, what was set aside for it, and what is written of it. However the call ends,
//! it is written once and settled once; a ticket that is dropped on the way is a call that was called off.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::Ask;
use super::course::{Course, Target};
use super::{Answer, Router};
use crate::capability::acting::Acting;
use crate::capability::spans::{Span, Told};
use crate::domain::models::engine::budgets::{Need, Reserved};
use crate::domain::models::engine::collect::Collector;
use crate::domain::models::engine::failure::{Failed, may_cost};
use crate::domain::models::engine::genai::{self, Measured};
use crate::domain::models::engine::pace::Paced;
use crate::domain::models::engine::places::Place;
use crate::domain::models::engine::tokens::{self, Counted};
use crate::domain::models::model::call::{CallEnd, CallEntry};
use crate::kernel::current::Current;
use crate::kernel::fault::Fault;
use crate::kernel::money::NanoDollars;
use crate::kernel::trace::TraceContext;
use crate::port::models::{AnswerForm, Completion, ModelFault, Part, Piece, Stop, Tokens};

/// Of an answer that the vendor does not count so much is kept to be counted.
const MOST_WRITTEN: usize = 256 << 10;

/// The ticket.
pub(crate) struct Ticket(Option<Inner>);

struct Inner {
    router: Arc<Router>,
    course: Arc<Course>,
    target: Target,
    ask: Ask,
    reserved: Reserved,
    taken: Taken,
    /// The call's own place in a trace.
    trace: Option<TraceContext>,
    began: Duration,
    first: Option<Duration>,
    sent: bool,
    /// What the model wrote, so far as it is kept.
    written: String,
    /// Bytes that it wrote.
    bytes: u64,
}

/// What a call takes of a model while it runs.
pub(crate) struct Taken {
    /// It is free again when the call has ended.
    pub(crate) _place: Place,
    pub(crate) paced: Vec<Paced>,
}

/// What a call used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) tokens: Tokens,
    /// Whether they are about so many.
    pub(crate) about: bool,
    pub(crate) cost: Option<NanoDollars>,
}

impl Used {
    /// What the cache answers.
    pub(super) const NOTHING: Self = Self {
        tokens: Tokens { input: 0, cached: 0, cache_written: 0, output: 0, reasoning: 0, searches: 0 },
        about: false,
        cost: Some(NanoDollars::ZERO),
    };

    /// Counts it against the limits of the agent's run that it is a part of, and of those above.
    fn spend(&self, acting: Option<&Acting>) {
        if let Some(acting) = acting {
            acting.spend(self.tokens.input.saturating_add(self.tokens.output), self.cost);
        }
    }
}

impl Ticket {
    pub(super) fn new(
        router: &Arc<Router>,
        course: &Arc<Course>,
        target: &Target,
        ask: &Ask,
        reserved: Reserved,
        taken: Taken,
    ) -> Self {
        Self(Some(Inner {
            router: router.clone(),
            course: course.clone(),
            target: target.clone(),
            ask: ask.clone(),
            reserved,
            taken,
            trace: course.asker.platform.spans.within(course.asker.trace),
            began: course.asker.platform.clock.elapsed(),
            first: None,
            sent: false,
            written: String::new(),
            bytes: 0,
        }))
    }

    /// `provider/model`.
    pub(crate) fn model(&self) -> &str {
        self.0.as_ref().map_or("", |inner| &inner.target.name)
    }

    /// What goes out to the vendor is of this call of it.
    pub(super) fn current(&self) -> Current {
        Current::part(self.0.as_ref().and_then(|inner| inner.trace))
    }

    /// From now on the vendor may have it.
    pub(super) fn sent(&mut self) {
        if let Some(inner) = &mut self.0 {
            inner.sent = true;
        }
    }

    /// The answer is there, or its first piece.
    pub(super) fn began_to_answer(&mut self) {
        if let Some(inner) = &mut self.0 {
            let took = inner.elapsed();
            inner.first = Some(took);
            inner.target.health.answered(took);
        }
    }

    /// More of an answer came.
    pub(super) fn note(&mut self, piece: &Piece) {
        let Some(inner) = &mut self.0 else { return };
        match piece {
            Piece::Text { text } | Piece::Reasoning { text, .. } | Piece::ToolArguments { text, .. } => {
                inner.note(text);
            }
            Piece::ToolStart { name, .. } => inner.note(name),
            Piece::Start { .. } | Piece::End { .. } => {}
        }
    }

    /// The whole answer is there.
    pub(crate) fn answered_with(mut self, completion: &Completion) -> Used {
        // What is not counted by the vendor is counted here, and what is told is told.
        if let Some(inner) = &mut self.0
            && (completion.tokens.is_none() || inner.router.settings.tells_content)
        {
            for part in &completion.parts {
                match part {
                    Part::Text { text } | Part::Reasoning { text, .. } | Part::ToolResult { text, .. } => {
                        inner.note(text);
                    }
                    Part::ToolCall { name, arguments, .. } => {
                        inner.note(name);
                        inner.note(&arguments.to_string());
                    }
                    Part::Image { .. } => {}
                }
            }
        }
        self.answered(completion.tokens, Some(&completion.stop))
    }

    /// The answer is whole; the vendor counted so much.
    pub(crate) fn answered(mut self, tokens: Option<Tokens>, stop: Option<&Stop>) -> Used {
        let stop = stop.map(|stop| word(stop).to_owned());
        let used = self.0.take().map(|inner| inner.end(CallEnd::Answered, None, stop, tokens));
        used.unwrap_or_else(|| Used { tokens: Tokens::default(), about: true, cost: None })
    }

    /// The model failed.
    pub(super) fn failed(mut self, fault: &ModelFault) {
        let Some(inner) = self.0.take() else { return };
        let code = Failed::said(&inner.target.name, fault.clone()).code().name;
        // What was not worked on costs nothing.
        let tokens = (inner.first.is_none() && !may_cost(fault.kind)).then(Tokens::default);
        inner.end(CallEnd::Failed, Some(code.to_owned()), None, tokens);
    }

    /// Lets the breaker know that what began well broke off.
    pub(super) fn broke(&self) {
        let Some(inner) = &self.0 else { return };
        inner.target.health.failed();
        let now = inner.course.asker.platform.clock.elapsed();
        if let Ok(pass) = inner.target.health.breaker.admit(now) {
            pass.failed(now);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(inner) = self.0.take() else { return };
        // What was never sent goes back whole.
        if inner.sent {
            inner.end(CallEnd::Aborted, None, None, None);
        }
    }
}

impl Inner {
    fn elapsed(&self) -> Duration {
        self.course.asker.platform.clock.elapsed().saturating_sub(self.began)
    }

    fn note(&mut self, text: &str) {
        self.bytes += text.len() as u64;
        if self.written.len() < MOST_WRITTEN {
            self.written.push_str(text);
        }
    }

    /// Writes and settles. Where the vendor did not count, the program does, beside the call.
    fn end(self, end: CallEnd, fault: Option<String>, stop: Option<String>, tokens: Option<Tokens>) -> Used {
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        let entry = CallEntry {
            end,
            fault,
            stop,
            micros: micros(self.elapsed()),
            first_micros: self.first.map(micros),
            ..self.course.entry(&self.target.name)
        };
        let acting = self.course.asker.caller.acting.clone();
        if let Some(tokens) = tokens {
            let used = Used { tokens, about: false, cost: self.settle(entry, tokens) };
            used.spend(acting.as_deref());
            return used;
        }
        let output = self.bytes.div_ceil(4);
        let size = &self.course.size;
        let tokens = Tokens { input: size.about(), output, searches: size.searches, ..Tokens::default() };
        let used = Used { tokens, about: true, cost: self.target.model.cost(&tokens) };
        // A run looks at its limits before its next step, and does not wait for the count.
        used.spend(acting.as_deref());
        let entry = CallEntry { counted: true, ..entry };
        match tokio::runtime::Handle::try_current() {
            Ok(_) => {
                let running = self.course.asker.platform.clone();
                running.running().spawn(Box::pin(self.count(entry, tokens)));
            }
            // The program has ended but for this.
            Err(_) => {
                self.settle(entry, tokens);
            }
        }
        used
    }

    async fn count(self, entry: CallEntry, about: Tokens) {
        let tokens = self.counted().await.unwrap_or_else(|fault| {
            tracing::warn!(%fault, "tokens could not be counted");
            about
        });
        self.settle(entry, tokens);
    }

    async fn counted(&self) -> Result<Tokens, Fault> {
        let model = &self.target.model.name;
        let asked = match &self.ask {
            Ask::Whole(request) | Ask::Pieces(request) => Counted::Chat(request.clone()),
            Ask::Vectors(request) => Counted::Texts(request.clone()),
            // What counts of it is counted in searches.
            Ask::Order(_) => {
                let size = &self.course.size;
                return Ok(Tokens { input: size.about(), searches: size.searches, ..Tokens::default() });
            }
        };
        let platform = &self.course.asker.platform;
        let input = tokens::count(platform, model, asked).await?.tokens;
        if self.bytes == 0 {
            return Ok(Tokens { input, ..Tokens::default() });
        }
        let counted = tokens::count(platform, model, Counted::Text(self.written.clone())).await?.tokens;
        let all = u128::from(counted) * u128::from(self.bytes) / u128::try_from(self.written.len().max(1)).unwrap_or(1);
        Ok(Tokens { input, output: u64::try_from(all).unwrap_or(u64::MAX), ..Tokens::default() })
    }

    fn settle(mut self, entry: CallEntry, tokens: Tokens) -> Option<NanoDollars> {
        let spent = tokens.input.saturating_add(tokens.output);
        // What was not worked on costs nothing, whatever the price is.
        let cost = if spent == 0 { Some(NanoDollars::ZERO) } else { self.target.model.cost(&tokens) };
        for paced in std::mem::take(&mut self.taken.paced) {
            paced.used(spent);
        }
        if tokens.output > 0 {
            self.target.health.wrote(tokens.output);
        }
        let entry = CallEntry { tokens, cost, ..entry };
        self.tell(&entry);
        self.router.meter.add(self.course.asker.tenant(), entry);
        self.reserved.settle(Need { money: cost, tokens: spent });
        cost
    }
}

impl Inner {
    /// Tells telemetry of a call that has ended.
    fn tell(&self, entry: &CallEntry) {
        let (course, target) = (&self.course, &self.target);
        let aborted = (entry.end == CallEnd::Aborted).then_some("cancelled");
        let fault = entry.fault.as_deref().or(aborted);
        let took = Duration::from_micros(entry.micros);
        let spans = &course.asker.platform.spans;
        if !spans.are_collected() {
            return;
        }
        // Names that no file of the operator's lists are the callers' invention: they make no series of their own.
        let (own, of_tenant) = (&target.provider, target.provider.of_tenant);
        let listed = own.models.contains_key(&target.model.name);
        self.router.measures.add(&Measured {
            manner: entry.manner,
            provider: if of_tenant { "other" } else { &own.name },
            model: if listed && !of_tenant { &target.model.name } else { "other" },
            took,
            first: entry.first_micros.map(Duration::from_micros),
            fault,
            input: entry.tokens.input,
            output: entry.tokens.output,
        });
        let Some(context) = self.trace.filter(|context| spans.records(Some(*context))) else {
            return;
        };
        let mut told: Vec<(&'static str, Told)> = vec![
            (genai::OPERATION, genai::operation(entry.manner).to_owned().into()),
            (genai::PROVIDER, genai::provider(&target.provider.name).to_owned().into()),
            (genai::REQUEST_MODEL, target.model.name.to_string().into()),
            (genai::INPUT_TOKENS, entry.tokens.input.into()),
            (genai::OUTPUT_TOKENS, entry.tokens.output.into()),
            ("convoke.request_id", course.asker.request_id.to_string().into()),
            ("convoke.tenant", course.asker.tenant().to_string().into()),
        ];
        for (name, tokens) in
            [(genai::CACHED_TOKENS, entry.tokens.cached), (genai::CACHE_WRITTEN_TOKENS, entry.tokens.cache_written)]
        {
            told.extend((tokens > 0).then(|| (name, tokens.into())));
        }
        let host = target.provider.base_url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
        let texts = [
            (genai::AGENT, entry.agent.clone()),
            (genai::CONVERSATION, course.tags.session.clone()),
            (genai::SERVER, host),
            (genai::ERROR, fault.map(str::to_owned)),
        ];
        told.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text?.into()))));
        let stop = entry.stop.as_deref().map(|stop| Told::Texts(vec![genai::finish(stop).to_owned()]));
        told.extend(stop.map(|stop| (genai::FINISH_REASONS, stop)));
        if let Ask::Whole(request) | Ask::Pieces(request) = &self.ask {
            told.extend(request.max_tokens.map(|most| (genai::REQUEST_MAX_TOKENS, u64::from(most).into())));
            told.extend(request.temperature.map(|number| (genai::REQUEST_TEMPERATURE, Told::Number(number))));
            told.extend(request.top_p.map(|number| (genai::REQUEST_TOP_P, Told::Number(number))));
            told.extend(request.seed.map(|seed| (genai::REQUEST_SEED, Told::Text(seed.to_string()))));
            let form = if request.form == AnswerForm::Text { "text" } else { "json" };
            told.push((genai::OUTPUT_TYPE, form.to_owned().into()));
            if !request.stop.is_empty() {
                told.push((genai::REQUEST_STOP, Told::Texts(request.stop.clone())));
            }
            if self.router.settings.tells_content {
                told.push((genai::INPUT_MESSAGES, genai::input(request).into()));
                told.push((genai::OUTPUT_MESSAGES, genai::output(&self.written, entry.stop.as_deref()).into()));
            }
        }
        spans.add(Span {
            context,
            parent: course.asker.trace.map(|parent| parent.span),
            name: format!("{} {}", genai::operation(entry.manner), target.model.name),
            outgoing: true,
            began: entry.at.minus(took),
            took,
            fault: fault.map(|_| "model_failed"),
            told,
        });
    }
}

/// Why a model stopped, in a word.
pub(crate) fn word(stop: &Stop) -> &str {
    match stop {
        Stop::End => "end",
        Stop::Length => "length",
        Stop::ToolCalls => "tool_calls",
        Stop::StopText => "stop_text",
        Stop::Refused => "refused",
        Stop::Other(word) => word,
    }
}

/// A stream's answer that is kept when it is whole.
pub(super) struct Keeping {
    pub(super) collector: Collector,
    router: Arc<Router>,
    course: Arc<Course>,
}

impl Ticket {
    /// What is needed to keep the answer, where it is to be kept.
    pub(super) fn keeping(&self) -> Option<Keeping> {
        let inner = self.0.as_ref()?;
        inner.course.keeps_for?;
        let (router, course) = (inner.router.clone(), inner.course.clone());
        Some(Keeping { collector: Collector::default(), router, course })
    }
}

impl Keeping {
    pub(super) fn keep(self, completion: Completion, model: String, used: Used) {
        let answer = Answer {
            completion: Arc::new(completion),
            model,
            route: self.course.route_name.clone(),
            cache: self.course.cache_state(),
            tokens: used.tokens,
            about: used.about,
            cost: used.cost,
            took: Duration::ZERO,
        };
        self.router.keep(&self.course, &answer);
    }
}
