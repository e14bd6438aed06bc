//! The loop: a model is asked, the tools that it wants are called, it is told what they answered, until it is done or a limit is
//! reached.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Said};
use super::asking::{Live, Source, words};
use super::book::Runs;
use super::calling::{Repeats, Verdict, Wanted, is_locked_out};
use super::form::{Form, mend};
use super::input::Input;
use super::plan;
use super::record::{Place, Record};
use super::telling::{Item, Teller};
use crate::capability::acting::{Acting, Reached};
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Resource};
use crate::capability::platform::Platform;
use crate::capability::within::Within;
use crate::domain::agents::faults::{OUTPUT_UNFIT, TRANSCRIPT_CUT};
use crate::domain::agents::finding::{load, meant, must_work, version};
use crate::domain::agents::model::agent::{Agent, Limits};
use crate::domain::agents::model::run::{CallRecord, StopReason, Transcript};
use crate::domain::models::{Asker, Router};
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Violation};
use crate::port::models::{ChatRequest, Message, Part, Role, Stop};

/// A run that is ready to begin. It goes on after the call that made it, where somebody listens to it.
pub(crate) struct Run {
    course: Course,
    teller: Teller,
    runs: Arc<Runs>,
    platform: Arc<Platform>,
    replay_of: Option<String>,
}

/// What differs between a run and one that is replayed.
struct Course {
    source: Source,
    request: ChatRequest,
    messages: Vec<Message>,
    form: Option<Form>,
    limits: Limits,
    deadline: Instant,
    acting: Arc<Acting>,
    within: Within,
    record: Record,
}

impl Run {
    /// Makes a run ready: everything that can be refused is refused here, before anybody is asked.
    pub(crate) async fn prepare(cx: &Cx, input: &Input, items: Option<mpsc::Sender<Item>>) -> Result<Self, Fault> {
        let id = meant(&input.id);
        if input.agent_id.as_deref().is_some_and(|other| meant(other) != id) {
            return Err(Fault::bad_input("/agentId", "names another agent than 'id'"));
        }
        let stored = load(cx, &input.id, Action::Read).await?;
        plan::may_be_run(cx, &id)?;
        if let Some(replayed) = &input.replay_of {
            let transcript = transcript(cx, &id, replayed).await?;
            if !transcript.complete {
                let say = "what its tools answered was too long to be kept";
                return Err(Fault::new(&TRANSCRIPT_CUT, say));
            }
            let agent = version(cx, stored, Some(transcript.agent_version)).await?.value;
            return Self::replaying(cx, &agent, input, transcript, items);
        }
        let agent = stored.value;
        must_work(&agent)?;
        let profile = &agent.profile;
        let execution = cx.new_id().to_string();
        let mut told = plan::told(cx, profile, input).await?;
        let form = profile.output.as_ref().map(Form::of).transpose()?;
        let (acting, granted) = plan::granted(cx, &agent, &execution)?;
        let mut wish = plan::wish(&agent, input, &acting, told.prompt_version.clone())?;
        wish.tags.persona.clone_from(&told.persona);
        let deadline = plan::deadline(cx, &profile.limits);
        let within = cx.within(acting.clone())?.until(deadline.into_std());
        let snapshot = cx.platform().registry.present();
        let (tools, finds) = granted.offers(&snapshot, within.caller());
        if finds {
            plan::with_finding(&mut told.text);
        }
        let request = ChatRequest { tools, ..plan::request(profile, input, form.as_ref()) };
        let messages = input.messages(told.text)?;
        let transcript = Transcript {
            execution_id: execution,
            agent_id: agent.agent_id.clone(),
            agent_version: agent.version,
            prompt_version: told.prompt_version,
            user: cx.caller().user,
            above: acting.line().skip(1).map(|above| above.execution.clone()).collect(),
            began_at: cx.now(),
            messages: messages.clone(),
            steps: Vec::new(),
            stop_reason: StopReason::Cancelled,
            fault: None,
            complete: true,
        };
        let asker = Asker { caller: within.caller().clone(), ..Asker::of(cx) };
        let source = Source::Live(Box::new(Live { router: cx.service::<Router>()?, asker, wish }));
        let limits = profile.limits.clone();
        let record = Record::new(transcript, told.exposure, place(cx, true)?);
        Self::of(cx, Course { source, request, messages, form, limits, deadline, acting, within, record }, items, None)
    }

    /// The same run again, from what was recorded of it.
    fn replaying(
        cx: &Cx,
        agent: &Agent,
        input: &Input,
        recorded: Transcript,
        items: Option<mpsc::Sender<Item>>,
    ) -> Result<Self, Fault> {
        let limits = agent.profile.limits.clone();
        let form = agent.profile.output.as_ref().map(Form::of).transpose()?;
        let (acting, _) = plan::granted(cx, agent, &recorded.execution_id)?;
        let deadline = plan::deadline(cx, &limits);
        let within = cx.within(acting.clone())?.until(deadline.into_std());
        let request = plan::request(&agent.profile, input, form.as_ref());
        let (messages, stop) = (recorded.messages.clone(), recorded.stop_reason);
        let replay_of = Some(recorded.execution_id.clone());
        let steps = recorded.steps.iter().cloned().collect();
        let source = Source::Recorded { steps, calls: Vec::new(), stop };
        let record = Record::new(Transcript { steps: Vec::new(), ..recorded }, None, place(cx, false)?);
        Self::of(
            cx,
            Course { source, request, messages, form, limits, deadline, acting, within, record },
            items,
            replay_of,
        )
    }

    fn of(
        cx: &Cx,
        course: Course,
        items: Option<mpsc::Sender<Item>>,
        replay_of: Option<String>,
    ) -> Result<Self, Fault> {
        let teller = Teller::new(cx.call().client.clone(), items);
        Ok(Self { course, teller, runs: cx.service::<Runs>()?, platform: cx.platform().clone(), replay_of })
    }

    /// Runs it to its end, and has its end written down before it is told.
    pub(crate) async fn go(mut self) -> Result<Answer, Fault> {
        let ended = self.steps().await;
        match &ended {
            Ok((stop, _)) => self.course.record.end(*stop, None),
            Err(fault) => self.course.record.end(StopReason::Failed, Some(fault.code().name)),
        }
        if let Err(fault) = self.runs.flush(&self.platform).await {
            // It waits for the next time; what the run did is done.
            tracing::warn!(%fault, "the end of a run could not be written");
        }
        let (stop, said) = ended.map_err(|fault| of_run(fault, &self.course.record.transcript.execution_id))?;
        Ok(Answer::of(&self.course.record, stop, said, self.replay_of))
    }

    /// The same, and the last piece told.
    pub(crate) async fn told(self) -> Result<Item, Fault> {
        self.go().await.map(|answer| Item::End(Box::new(answer)))
    }

    async fn steps(&mut self) -> Result<(StopReason, Said), Fault> {
        let (mut said, mut repairs, mut repeats) = (Said::default(), 0, Repeats::new(self.course.limits.repeats));
        let Transcript { execution_id, agent_id, agent_version, .. } = &self.course.record.transcript;
        let (execution_id, agent_id, agent_version) = (execution_id.clone(), agent_id.clone(), *agent_version);
        self.teller.tell(Item::Start { execution_id, agent_id, agent_version }).await;
        loop {
            if let Some(stop) = self.limit() {
                return Ok((stop, said));
            }
            let step = self.course.record.steps() + 1;
            self.teller.tell(Item::Step { step }).await;
            let request = self.question();
            let answered = match timeout_at(self.course.deadline, self.course.source.ask(request, &self.teller)).await {
                Err(_) => return Ok((StopReason::Seconds, said)),
                Ok(Ok(Some(answered))) => answered,
                Ok(Ok(None)) => return Ok((self.course.source.stop(), said)),
                // What was reached before it was spent is told.
                Ok(Err(fault)) if step > 1 && fault.code().name == "budget_spent" => {
                    return Ok((StopReason::Budget, said));
                }
                Ok(Err(fault)) => return Err(fault),
            };
            self.course.acting.spend(answered.tokens.input.saturating_add(answered.tokens.output), answered.cost);
            // Vendors take no message that says nothing.
            if !answered.parts.is_empty() {
                self.course.messages.push(Message { role: Role::Assistant, parts: answered.parts.clone() });
            }
            let (wanted, stop) = (Wanted::of(&answered.parts), answered.stop.clone());
            if let Some(text) = words(&answered.parts) {
                said.text = text;
            }
            self.course.record.step(answered);
            if !wanted.is_empty() {
                if let Some(stop) = self.tools(&wanted, &mut repeats).await? {
                    return Ok((stop, said));
                }
                continue;
            }
            let cut_short = match stop {
                Stop::Length => Some(StopReason::Length),
                Stop::Refused => Some(StopReason::Refused),
                Stop::End | Stop::ToolCalls | Stop::StopText | Stop::Other(_) => None,
            };
            let wrong = match (cut_short, &self.course.form) {
                (Some(stop), _) => return Ok((stop, said)),
                (None, None) => return Ok((StopReason::End, said)),
                (None, Some(form)) => match form.read(&said.text) {
                    Ok(object) => {
                        said.output = Some(object);
                        return Ok((StopReason::End, said));
                    }
                    Err(wrong) => wrong,
                },
            };
            if repairs >= self.course.limits.repairs {
                return Err(not_mended(&wrong, &said.text));
            }
            repairs += 1;
            self.give_back(&wrong).await;
        }
    }

    /// The limit that is reached before another step.
    fn limit(&self) -> Option<StopReason> {
        if self.course.record.steps() >= self.course.limits.steps {
            return Some(StopReason::Steps);
        }
        if let Some(reached) = self.course.acting.reached() {
            return Some(match reached {
                Reached::Tokens => StopReason::Tokens,
                Reached::Money => StopReason::Dollars,
            });
        }
        (Instant::now() >= self.course.deadline).then_some(StopReason::Seconds)
    }

    /// The next question. An answer is not longer than what is left of the run's tokens.
    fn question(&self) -> ChatRequest {
        let left = self.course.acting.tokens_left().map(|left| u32::try_from(left).unwrap_or(u32::MAX).max(1));
        ChatRequest {
            messages: self.course.messages.clone(),
            max_tokens: self.course.request.max_tokens.into_iter().chain(left).min(),
            ..self.course.request.clone()
        }
    }

    /// Calls tools, and tells the model what they answered; why the run ends, where it does.
    async fn tools(&mut self, wanted: &[Wanted], repeats: &mut Repeats) -> Result<Option<StopReason>, Fault> {
        let verdicts: Vec<Verdict> = wanted.iter().map(|one| repeats.judge(one)).collect();
        if verdicts.contains(&Verdict::Ends) {
            return Ok(Some(StopReason::Loop));
        }
        let at_once = self.course.limits.parallel_tools.max(1) as usize;
        let this = &*self;
        let made = |(at, (one, verdict))| -> BoxFuture<'_, _> { Box::pin(this.tool(at, one, verdict)) };
        let calls: Vec<_> = wanted.iter().zip(verdicts).enumerate().map(made).collect();
        let calls = futures::stream::iter(calls).buffered(at_once).collect::<Vec<_>>();
        let Ok(calls) = timeout_at(self.course.deadline, calls).await else {
            self.course.record.called(wanted.iter().map(Wanted::cut_off).collect());
            return Ok(Some(StopReason::Seconds));
        };
        let calls: Vec<CallRecord> = calls.into_iter().collect::<Result<_, _>>()?;
        let result = |call: &CallRecord| Part::ToolResult {
            id: call.id.clone(),
            text: call.result.clone(),
            failed: call.failed,
        };
        self.course.messages.push(Message { role: Role::User, parts: calls.iter().map(result).collect() });
        let locked_out = is_locked_out(&calls);
        self.course.record.called(calls);
        if locked_out {
            return Err(Fault::new(&codes::KEY_REFUSED, "the credential is not valid any more"));
        }
        Ok(None)
    }

    async fn tool(&self, at: usize, wanted: &Wanted, verdict: Verdict) -> Result<CallRecord, Fault> {
        match verdict {
            Verdict::Told | Verdict::Ends => Ok(wanted.repeated(self.course.limits.repeats)),
            Verdict::Made => match self.course.source.recorded(at, &wanted.tool) {
                Some(recorded) => recorded,
                None => Ok(wanted.make(&self.course.within, &self.teller, &*self.platform.clock).await),
            },
        }
    }

    /// Gives an answer back that does not fit.
    async fn give_back(&mut self, wrong: &[Violation]) {
        let text = mend(wrong);
        self.course.record.mended(&text);
        self.teller.tell(Item::Mend { text: text.clone() }).await;
        self.course.messages.push(Message { role: Role::User, parts: vec![Part::Text { text }] });
    }
}

fn place(cx: &Cx, enters: bool) -> Result<Place, Fault> {
    Ok(Place {
        platform: cx.platform().clone(),
        runs: cx.service::<Runs>()?,
        caller: cx.caller().clone(),
        request_id: cx.call().id,
        hops: cx.hops(),
        enters,
    })
}

/// The transcript of a run of an agent, as far as the caller may read it: their own, or everybody's for those who manage runs.
pub(crate) async fn transcript(cx: &Cx, agent_id: &str, execution: &str) -> Result<Transcript, Fault> {
    let found = cx.service::<Runs>()?.transcript(cx.platform(), cx.tenant(), execution).await?;
    let manages = cx.caller().may(Resource::Runs, Action::Manage);
    found
        .filter(|found| found.agent_id == agent_id && (manages || found.user == cx.caller().user))
        .ok_or_else(|| Fault::not_found("execution", execution))
}

fn not_mended(wrong: &[Violation], text: &str) -> Fault {
    const MOST_TOLD: usize = 4_000;
    let say = format!("the answer still does not fit in {} places", wrong.len());
    let response: String = text.chars().take(MOST_TOLD).collect();
    Fault::new(&OUTPUT_UNFIT, say).with_detail(serde_json::json!({ "wrong": wrong, "response": response }))
}

/// A fault with the run that it ended.
fn of_run(fault: Fault, execution: &str) -> Fault {
    let mut detail = fault.detail().cloned().unwrap_or_else(|| serde_json::json!({}));
    let Some(properties) = detail.as_object_mut() else { return fault };
    properties.insert("executionId".to_owned(), execution.into());
    fault.with_detail(detail)
}
