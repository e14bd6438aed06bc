//! The loop: a model is asked, the tools that it wants are called, it is told what they answered, until it is done or a limit is
//! reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Said};
use super::asking::{Live, Source, words};
use super::book::Runs;
use super::calling::{Calling, Repeats, Verdict, Wanted, is_locked_out};
use super::form::{Form, mend};
use super::input::Input;
use super::plan;
use super::record::{Place, Record};
use super::remembering;
use super::telling::{Item, Teller};
use crate::capability::acting::{Acting, Reached};
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Resource};
use crate::capability::within::Within;
use crate::domain::agents::faults::{OUTPUT_UNFIT, RUN_UNANSWERED, TRANSCRIPT_CUT};
use crate::domain::agents::finding::{meant, must_work, version};
use crate::domain::agents::model::agent::{Agent, Limits};
use crate::domain::agents::model::run::{RunStatus, StepRecord, StopReason, Transcript};
use crate::domain::models::{Asker, Router};
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Violation};
use crate::port::models::{ChatRequest, Message, Part, Role, Stop};

/// A run that is ready to begin. It goes on after the call that made it, where somebody listens to it.
pub(crate) struct Run {
    course: Course,
    teller: Teller,
    replay_of: Option<String>,
}

/// What differs between a run and one that is replayed.
struct Course {
    source: Source,
    /// The next question: the conversation so far, and how it is asked.
    request: ChatRequest,
    form: Option<Form>,
    limits: Limits,
    deadline: Instant,
    acting: Arc<Acting>,
    within: Within,
    record: Record,
}

impl Run {
    /// Makes a run of an agent ready: everything that can be refused is refused here, before anybody is asked, and before the use
    /// of its prompt is counted.
    pub(crate) async fn prepare(
        cx: &Cx,
        stored: Stored<Agent>,
        input: &Input,
        items: Option<mpsc::Sender<Item>>,
    ) -> Result<Self, Fault> {
        let id = stored.value.agent_id.clone();
        if input.agent_id.as_deref().is_some_and(|other| meant(other) != id) {
            return Err(Fault::bad_input("/agentId", "names another agent than 'id'"));
        }
        plan::may_be_run(cx, &id)?;
        if let Some(replayed) = &input.replay_of {
            let transcript = transcript(cx, &id, replayed).await?;
            can_be_replayed(&transcript)?;
            let agent = version(cx, stored, Some(transcript.agent_version)).await?.value;
            return Self::replaying(cx, &agent, input, transcript, items);
        }
        let agent = stored.value;
        must_work(&agent)?;
        let profile = &agent.profile;
        let execution = cx.new_id().to_string();
        let mut wish = plan::wish(&agent, input)?;
        input.is_asked()?;
        let form = profile.output.as_ref().map(Form::of).transpose()?;
        let (acting, granted) = plan::granted(cx, &agent, &execution)?;
        let deadline = plan::deadline(cx, &profile.limits);
        let within = cx.within(acting.clone())?.until(deadline.into_std());
        let mut told = plan::told(cx, profile, input).await?;
        wish.tags.prompt_version.clone_from(&told.prompt_version);
        wish.tags.persona.clone_from(&told.persona);
        let snapshot = cx.platform().registry.present();
        let (tools, finds) = granted.offers(&snapshot, within.caller());
        if finds {
            plan::with_finding(&mut told.text);
        }
        // Last, since it may cost something.
        let recalled = remembering::remind(cx, &agent, &acting, input, deadline, &mut told.text).await?;
        let messages = input.messages(told.text)?;
        let request = ChatRequest { tools, messages, ..plan::request(profile, input, form.as_ref()) };
        let transcript = Transcript {
            execution_id: execution,
            agent_id: agent.agent_id.clone(),
            agent_version: agent.version,
            prompt_version: told.prompt_version,
            user: cx.caller().user,
            above: acting.line().skip(1).map(|above| above.execution.clone()).collect(),
            began_at: cx.now(),
            recalled,
            messages: request.messages.clone(),
            steps: Vec::new(),
            stop_reason: StopReason::Cancelled,
            fault: None,
            complete: true,
        };
        let asker = Asker { caller: within.caller().clone(), ..Asker::of(cx) };
        let source = Source::Live(Box::new(Live { router: cx.service::<Router>()?, asker, wish }));
        let limits = profile.limits.clone();
        let record = Record::new(transcript, told.exposure, place(cx, true)?);
        let course = Course { source, request, form, limits, deadline, acting, within, record };
        Ok(Self { course, teller: Teller::new(cx.call().client.clone(), items), replay_of: None })
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
        let acting = plan::replayed(agent, &recorded.execution_id)?;
        let deadline = plan::deadline(cx, &limits);
        let within = cx.within(acting.clone())?.until(deadline.into_std());
        // Nobody is asked: the conversation is not needed.
        let request = plan::request(&agent.profile, input, None);
        let stop = recorded.stop_reason;
        let replay_of = Some(recorded.execution_id.clone());
        let mut transcript = recorded;
        let steps = std::mem::take(&mut transcript.steps).into();
        let source = Source::Recorded { steps, calls: Vec::new(), stop };
        let record = Record::new(transcript, None, place(cx, false)?);
        let course = Course { source, request, form, limits, deadline, acting, within, record };
        Ok(Self { course, teller: Teller::new(cx.call().client.clone(), items), replay_of })
    }

    /// Runs it to its end, and has its end written down before it is told.
    pub(crate) async fn go(mut self) -> Result<Answer, Fault> {
        let ended = self.steps().await;
        match &ended {
            Ok((stop, _)) => self.course.record.end(*stop, None),
            Err(fault) => self.course.record.end(StopReason::Failed, Some(fault.code().name)),
        }
        if let Err(fault) = self.course.record.written().await {
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
            // A recorded run ends as it did, whichever limit that was.
            if let Some(stop) = self.course.source.ended().or_else(|| self.limit()) {
                return Ok((stop, said));
            }
            let step = self.course.record.steps() + 1;
            self.teller.tell(Item::Step { step }).await;
            let answered = match self.ask().await {
                None => return Ok((StopReason::Seconds, said)),
                Some(Ok(answered)) => answered,
                // What was reached before it was spent is told.
                Some(Err(fault)) if step > 1 && fault.code().name == "budget_spent" => {
                    return Ok((StopReason::Budget, said));
                }
                Some(Err(fault)) => return Err(fault),
            };
            // Vendors take no message that says nothing.
            if !answered.parts.is_empty() {
                self.say(Role::Assistant, answered.parts.clone());
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

    /// Asks the next question; nothing comes back where the time is over. An answer is not longer than what is left of the run's
    /// tokens.
    async fn ask(&mut self) -> Option<Result<StepRecord, Fault>> {
        let Course { source, request, acting, deadline, .. } = &mut self.course;
        let question = || {
            let left = acting.tokens_left().map(|left| u32::try_from(left).unwrap_or(u32::MAX).max(1));
            ChatRequest { max_tokens: request.max_tokens.into_iter().chain(left).min(), ..request.clone() }
        };
        timeout_at(*deadline, source.ask(question, &self.teller)).await.ok()
    }

    /// Adds to the conversation.
    fn say(&mut self, role: Role, parts: Vec<Part>) {
        self.course.request.messages.push(Message { role, parts });
    }

    /// Calls tools, and tells the model what they answered; why the run ends, where it does. What has ended is in the record at once.
    async fn tools(&mut self, wanted: &[Wanted], repeats: &mut Repeats) -> Result<Option<StopReason>, Fault> {
        let verdicts = repeats.judge_all(wanted);
        if verdicts.contains(&Verdict::Ends) {
            return Ok(Some(StopReason::Loop));
        }
        let Course { source, within, limits, record, deadline, .. } = &mut self.course;
        let clock = record.clock().clone();
        let calling = Calling { source, within, teller: &self.teller, clock: &*clock, repeats: limits.repeats };
        record.calling(wanted.iter().map(Wanted::open).collect());
        let calling = &calling;
        let made = |(at, (one, verdict))| -> BoxFuture<'_, _> {
            Box::pin(async move { (at, calling.call(at, one, verdict).await) })
        };
        let calls: Vec<_> = wanted.iter().zip(verdicts).enumerate().map(made).collect();
        let mut ended = futures::stream::iter(calls).buffer_unordered(limits.parallel_tools.max(1) as usize);
        let (mut answers, mut locked_out) = (BTreeMap::new(), false);
        loop {
            let Ok(next) = timeout_at(*deadline, ended.next()).await else { return Ok(Some(StopReason::Seconds)) };
            let Some((at, call)) = next else { break };
            let call = call?;
            locked_out |= is_locked_out(&call);
            let (id, text, failed) = (call.id.clone(), call.result.clone(), call.failed);
            answers.insert(at, Part::ToolResult { id, text, failed });
            record.called(at, call);
        }
        drop(ended);
        if locked_out {
            return Err(Fault::new(&codes::KEY_REFUSED, "the credential is not valid any more"));
        }
        // In the order of the calls, whichever ended first.
        self.say(Role::User, answers.into_values().collect());
        Ok(None)
    }

    /// Gives an answer back that does not fit.
    async fn give_back(&mut self, wrong: &[Violation]) {
        let text = mend(wrong);
        self.course.record.mended(&text);
        self.teller.tell(Item::Mend { text: text.clone() }).await;
        self.say(Role::User, vec![Part::Text { text }]);
    }
}

/// What of a run is there to be gone through again: all of it, up to an answer.
fn can_be_replayed(transcript: &Transcript) -> Result<(), Fault> {
    if !transcript.complete {
        return Err(Fault::new(&TRANSCRIPT_CUT, "what its tools answered was too long to be kept"));
    }
    match transcript.stop_reason.status() {
        RunStatus::Completed | RunStatus::Stopped => Ok(()),
        RunStatus::Cancelled => Err(Fault::new(&RUN_UNANSWERED, "the run was called off")),
        RunStatus::Failed => {
            let code = transcript.fault.as_deref().unwrap_or("internal");
            let detail = serde_json::json!({ "code": code });
            Err(Fault::new(&RUN_UNANSWERED, format!("the run ended by '{code}'")).with_detail(detail))
        }
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
