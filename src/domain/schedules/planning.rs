//! What somebody writes of times and targets, as a schedule keeps it: held to what can be, with the place of what cannot.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::engine::when::{Closed, When};
use super::faults::{NEVER_DUE, TOO_OFTEN};
use super::model::schedule::{Target, Timing};
use crate::capability::cx::Cx;
use crate::capability::outcome::Form;
use crate::capability::platform::Platform;
use crate::capability::registry::may_call;
use crate::domain::executions::starting::could_start;
use crate::domain::prompts::engine::file::meant;
use crate::kernel::calendar::{CalendarSpec, unknown_zone};
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::time::Timestamp;
use crate::kernel::zone::Zone;

/// Due times that are looked at for whether they lie too close together.
const LOOKED_AT: usize = 50;

/// When something is due, as somebody writes it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct TimingInput {
    /// A cron line such as '0 9 * * MON-FRI': minute, hour, day of the month, month, day of the week; with a sixth field before them for
    /// seconds. Also `L` (last), `15W` (the weekday nearest), `FRI#2` (the second Friday), `5L` (the last Friday), '@daily'.
    #[schemars(length(min = 1, max = 200))]
    pub(super) cron_expression: Option<String>,
    /// A recurrence rule of RFC 5545 such as 'FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=0', alone or in lines with DTSTART, RDATE and EXDATE.
    /// Without DTSTART it begins at `startAt`, or now.
    #[schemars(length(min = 1, max = 20_000))]
    pub(super) rrule: Option<String>,
    /// Every so many seconds, counted from `startAt` or now.
    #[schemars(range(min = 1, max = 315_360_000))]
    pub(super) interval_seconds: Option<u64>,
    /// Once, at this moment.
    pub(super) at: Option<Timestamp>,
    /// The IANA time zone of the line, the rule and the days, such as `America/New_York`; UTC when not given.
    #[schemars(length(min = 1, max = 64))]
    pub(super) timezone: Option<String>,
    /// Not due before this moment; a rule without DTSTART and an interval begin with it.
    pub(super) start_at: Option<Timestamp>,
    /// Not due after this moment.
    pub(super) end_at: Option<Timestamp>,
    /// The name of a business calendar of the configuration that due times are held to, such as 'business'.
    #[schemars(length(min = 1, max = 64))]
    pub(super) calendar: Option<String>,
    /// A business calendar of this schedule's own.
    pub(super) own_calendar: Option<CalendarSpec>,
    /// What becomes of a due time on which the calendar is closed; `skip_day` when not given.
    pub(super) when_closed: Option<Closed>,
}

impl TimingInput {
    /// Whether anything is said.
    pub(super) const fn is_something(&self) -> bool {
        self.says_when()
            || self.timezone.is_some()
            || self.start_at.is_some()
            || self.end_at.is_some()
            || self.calendar.is_some()
            || self.own_calendar.is_some()
            || self.when_closed.is_some()
    }

    const fn says_when(&self) -> bool {
        self.cron_expression.is_some() || self.rrule.is_some() || self.interval_seconds.is_some() || self.at.is_some()
    }

    /// What is kept of it, on top of what was.
    pub(super) fn over(self, before: Option<&Timing>, now: Timestamp) -> Result<Timing, Fault> {
        let given = [
            ("/cronExpression", self.cron_expression.is_some()),
            ("/rrule", self.rrule.is_some()),
            ("/intervalSeconds", self.interval_seconds.is_some()),
            ("/at", self.at.is_some()),
        ];
        let said: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(place, _)| *place).collect();
        let wrong =
            |pointer: &str, message: &str| Violation { pointer: pointer.to_owned(), message: message.to_owned() };
        match (said.as_slice(), before) {
            ([], None) => {
                let say = "say when it is due: one of cronExpression, rrule, intervalSeconds and at";
                return Err(Fault::bad_input("", say));
            }
            ([] | [_], _) => {}
            (more, _) => {
                let say = "only one of cronExpression, rrule, intervalSeconds and at says when it is due";
                return Err(Fault::violations(more.iter().map(|place| wrong(place, say)).collect()));
            }
        }
        if self.calendar.is_some() && self.own_calendar.is_some() {
            return Err(Fault::bad_input("/ownCalendar", "leave it out or 'calendar': one of them holds"));
        }
        let says_when = self.says_when();
        let mut timing = before.cloned().unwrap_or_else(|| Timing { timezone: "UTC".to_owned(), ..Timing::default() });
        if says_when {
            (timing.cron, timing.rrule) = (self.cron_expression, self.rrule);
            (timing.interval_seconds, timing.at) = (self.interval_seconds, self.at);
        }
        timing.timezone = self.timezone.unwrap_or(timing.timezone);
        timing.not_before = self.start_at.or(timing.not_before);
        timing.not_after = self.end_at.or(timing.not_after);
        if says_when || self.start_at.is_some() || before.is_none() {
            let begins = self.start_at.or(timing.not_before).unwrap_or(now);
            // Rules and lines know no parts of a second.
            timing.begins = Timestamp::from_millis(begins.as_millis().div_euclid(1000) * 1000);
        }
        if self.calendar.is_some() || self.own_calendar.is_some() {
            (timing.calendar, timing.own_calendar) = (self.calendar, self.own_calendar);
        }
        timing.when_closed = self.when_closed.unwrap_or(timing.when_closed);
        if timing.not_before.zip(timing.not_after).is_some_and(|(from, to)| from > to) {
            return Err(Fault::bad_input("/endAt", "must not be before startAt"));
        }
        if self.when_closed.is_some() && timing.calendar.is_none() && timing.own_calendar.is_none() {
            return Err(Fault::bad_input(
                "/whenClosed",
                "is of a calendar: name one with 'calendar' or give 'ownCalendar'",
            ));
        }
        Ok(timing)
    }
}

/// When a schedule is due.
///
/// # Errors
/// `bad_input` with the place of what cannot be used.
pub(super) fn when(timing: &Timing, platform: &Platform) -> Result<When, Fault> {
    let zone =
        Zone::named(&timing.timezone).ok_or_else(|| Fault::bad_input("/timezone", unknown_zone(&timing.timezone)))?;
    let at = |pointer: &'static str| move |why: String| Fault::bad_input(pointer, why);
    let when = if let Some(line) = &timing.cron {
        When::cron(line, zone).map_err(at("/cronExpression"))?
    } else if let Some(rule) = &timing.rrule {
        let start = zone.wall(timing.begins);
        When::rule(rule, start, zone).map_err(at("/rrule"))?
    } else if let Some(seconds) = timing.interval_seconds {
        let millis = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000);
        When::every(millis, timing.begins, zone)
    } else if let Some(moment) = timing.at {
        When::once(moment, zone)
    } else {
        return Err(Fault::bad_input("", "nothing says when it is due"));
    };
    let when = when.within(timing.not_before, timing.not_after);
    let calendar = match (&timing.calendar, &timing.own_calendar) {
        (Some(name), _) => Some(platform.config.calendars.named(name).map_err(|fault| fault.below("/calendar"))?),
        (None, Some(spec)) => Some(spec.calendar().map_err(|fault| fault.below("/ownCalendar"))?),
        (None, None) => None,
    };
    Ok(match calendar {
        Some(calendar) => when.held_to(calendar, timing.when_closed),
        None => when,
    })
}

/// The same for a schedule that somebody writes now: something must come of it, and not too often. Answers the first due time too.
///
/// # Errors
/// `schedule_never_due`, `schedule_too_often`, `bad_input`.
pub(super) fn sound(timing: &Timing, platform: &Platform, after: Timestamp) -> Result<(When, Timestamp), Fault> {
    let when = when(timing, platform)?;
    let first: Vec<Timestamp> = when.after(after).take(LOOKED_AT).collect();
    let Some(next) = first.first().copied() else {
        return Err(Fault::new(&NEVER_DUE, format!("nothing is due after {after}")));
    };
    let shortest = Duration::from_secs(platform.config.schedules.shortest_seconds);
    let gaps = first.windows(2).filter_map(|two| Some((two.first()?, two.get(1)?.since(*two.first()?))));
    if let Some((at, gap)) = gaps.min_by_key(|(_, gap)| *gap).filter(|(_, gap)| *gap < shortest) {
        let (gap, shortest) = (gap.as_secs_f64(), shortest.as_secs());
        let say = format!("it would be due again {gap} seconds after {at}, and at least {shortest} must lie between");
        return Err(Fault::new(&TOO_OFTEN, say).with_detail(json!({ "shortestSeconds": shortest })));
    }
    Ok((when, next))
}

/// What somebody names to be run.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) tool: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) process: Option<String>,
    pub(super) version: Option<String>,
}

impl Named {
    /// Whether anything is named.
    pub(super) const fn is_something(&self) -> bool {
        self.tool.is_some() || self.agent.is_some() || self.process.is_some() || self.version.is_some()
    }
}

/// The target that somebody names, where there is one; held to what the caller may call.
///
/// # Errors
/// `unknown_tool`, `bad_input`; why the process could not be started.
pub(super) async fn target(cx: &Cx, named: Named, variables: &Map<String, Value>) -> Result<Option<Target>, Fault> {
    let Named { tool, agent, process, version } = named;
    if version.is_some() && process.is_none() {
        return Err(Fault::bad_input("/version", "is of a process: name it with 'processId'"));
    }
    let target = match (tool, agent, process) {
        (Some(_), Some(_), _) => return Err(Fault::bad_input("/agentId", "leave it out or 'tool': one of them runs")),
        (Some(_), None, Some(_)) | (None, Some(_), Some(_)) => {
            return Err(Fault::bad_input("/processId", "leave it out, or 'tool' and 'agentId': one of them runs"));
        }
        (Some(tool), None, None) => Target::Tool(tool),
        (None, Some(agent), None) => Target::Agent(agent),
        (None, None, Some(process)) => Target::Process { process: meant(&process), version },
        (None, None, None) => return Ok(None),
    };
    fits(cx, &target, variables).await?;
    Ok(Some(target))
}

/// Whether the caller may call what a target names, and it could take the input.
pub(super) async fn fits(cx: &Cx, target: &Target, variables: &Map<String, Value>) -> Result<(), Fault> {
    callable(cx, target, variables)?;
    match target {
        Target::Process { process, version } => could_start(cx, process, version.as_deref(), variables).await,
        Target::Tool(_) | Target::Agent(_) => Ok(()),
    }
}

fn callable(cx: &Cx, target: &Target, variables: &Map<String, Value>) -> Result<(), Fault> {
    let (name, input) = target.call(variables);
    let pointer = match target {
        Target::Tool(_) => "/tool",
        Target::Agent(_) => "/agentId",
        Target::Process { .. } => "/processId",
    };
    let snapshot = cx.platform().registry.present();
    let Some(found) = snapshot.find(cx.tenant(), &name).filter(|tool| may_call(cx.caller(), tool)) else {
        return Err(Fault::new(&codes::UNKNOWN_TOOL, format!("there is no tool '{name}' that the caller may call"))
            .with_detail(json!({ "pointer": pointer })));
    };
    let refuse = |why: &str| Err(Fault::bad_input(pointer, format!("'{name}' {why}")));
    if found.forwards.is_some() {
        return refuse("calls other tools: name that tool itself");
    }
    if found.shows_secret {
        return refuse("answers with a secret that nobody would see");
    }
    if !found.is_audited() {
        return refuse("only reads: nobody would see its answer");
    }
    if !matches!(found.form, Form::Value | Form::Content) {
        return refuse("streams its answer");
    }
    if matches!(target, Target::Process { .. }) {
        // Its variables are the process's.
        return Ok(());
    }
    let empty = Map::new();
    let properties = found.input().get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let closed = found.input().get("additionalProperties") == Some(&Value::Bool(false));
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    let mut wrong = Vec::new();
    for given in variables.keys().filter(|given| closed && !properties.contains_key(*given)) {
        let message = format!("'{name}' has no input '{given}'");
        wrong.push(Violation { pointer: format!("/variables/{}", escaped(given)), message });
    }
    let required = found.input().get("required").and_then(Value::as_array).into_iter().flatten();
    for needed in required.filter_map(Value::as_str).filter(|needed| input.get(needed).is_none()) {
        wrong.push(Violation { pointer: "/variables".to_owned(), message: format!("'{name}' needs '{needed}'") });
    }
    if matches!(target, Target::Agent(_)) && !variables.contains_key("prompt") {
        let message = "an agent needs 'prompt': what it is to do".to_owned();
        wrong.push(Violation { pointer: "/variables".to_owned(), message });
    }
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}
