//! A dry run: the interpreter as it is, with answers that are given or made up in place of all that lies outside it, and a clock that
//! jumps to what is waited for. Nothing is called and nothing is written.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::durations::read_duration;
use super::graph::Graph;
use super::interpreter::{Ending, Entry, Facts, Failure, Happening, Play, State, Wish};
use super::nodes::Config;
use super::nodes::people::HumanTask;
use super::synthetic::made_up;
use super::validation::Surroundings;
use crate::capability::schema::anything;
use crate::kernel::time::Timestamp;
use crate::port::expressions::Expressions;

/// The most that may happen in a dry run.
const MOST_HAPPENINGS: usize = 10_000;
/// So long its expressions may take.
const LONGEST: Duration = Duration::from_secs(40);
/// The most lines of the journal that are told.
const MOST_LINES: usize = 2_000;

/// What is answered in place of a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    /// What it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "anything")]
    pub result: Option<Value>,
    /// That it fails, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<GivenFault>,
    /// How long it takes: an ISO 8601 duration such as `PT5M`; no time when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 40))]
    pub after: Option<String>,
    /// That it never comes back, so that timeouts can be seen.
    #[serde(default)]
    pub never: bool,
}

/// A fault that is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GivenFault {
    /// Its code, such as `unavailable`.
    #[schemars(length(min = 1, max = 64))]
    pub code: String,
    /// What it says.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub message: String,
    /// Whether it may pass, so that it is tried again where a retry names no codes.
    #[serde(default)]
    pub passing: bool,
}

/// What a dry run came to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ran {
    /// `completed`, `failed`, or `waiting` where nothing more can happen.
    pub status: &'static str,
    /// What it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Map<String, Value>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The node at which it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<String>,
    /// The nodes at which it waits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits_at: Vec<String>,
    /// The variables at the end.
    pub variables: Map<String, Value>,
    /// How often each node was come to.
    pub visited: BTreeMap<String, u32>,
    /// The nodes that were not come to.
    pub not_visited: Vec<String>,
    /// The nodes whose answers were made up, since none were given.
    pub made_up: Vec<String>,
    /// How long it would have taken by the answers and timers: an ISO 8601 duration.
    pub took: String,
    /// What happened, in order.
    pub journal: Vec<Line>,
    /// Whether there were more lines than are told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A line of the journal of a dry run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// When it would have been.
    pub at: Timestamp,
    /// What happened: `event`, `node` and what belongs to it.
    #[serde(flatten)]
    pub entry: Map<String, Value>,
}

/// A dry run.
pub struct Sandbox {
    /// What is run.
    pub graph: Graph,
    /// The language of its expressions.
    pub language: Arc<dyn Expressions>,
    /// What it names, for the schemas of made-up answers.
    pub around: Surroundings,
    /// What it knows of itself.
    pub facts: Facts,
    /// Answers by node, one for each time; the last one is given again when it is come to more often.
    pub answers: BTreeMap<String, Vec<Answer>>,
    /// When it begins.
    pub now: Timestamp,
}

/// Something that will happen.
struct Coming {
    at: Timestamp,
    number: usize,
    token: u64,
    happening: Happening,
}

struct Run<'s> {
    of: &'s Sandbox,
    coming: BinaryHeap<Reverse<Coming>>,
    count: usize,
    used: BTreeMap<String, usize>,
    made_up: BTreeSet<String>,
    lines: Vec<Line>,
    cut: bool,
    visited: BTreeMap<String, u32>,
    spent: Duration,
}

impl PartialEq for Coming {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Coming {}

impl PartialOrd for Coming {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Coming {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Sandbox {
    /// Runs it.
    ///
    /// # Errors
    /// What is given at the start and does not fit.
    pub fn run(&self, variables: Map<String, Value>) -> Result<Ran, Failure> {
        let mut run = Run {
            of: self,
            coming: BinaryHeap::new(),
            count: 0,
            used: BTreeMap::new(),
            made_up: BTreeSet::new(),
            lines: Vec::new(),
            cut: false,
            visited: BTreeMap::new(),
            spent: Duration::ZERO,
        };
        let mut now = self.now;
        let mut play = Play::new(&self.graph, &*self.language, &self.facts, now, State::default());
        play.start(variables)?;
        let mut state = run.after(play, now);
        let mut happened = 0;
        while state.ending.is_none() {
            if happened >= MOST_HAPPENINGS || run.spent > LONGEST {
                let why = format!(
                    "after {happened} happenings it is not at its end: look for a circle that always goes round"
                );
                let failure = Failure::new("sandbox_exhausted", why);
                let node = state.tokens.first().map(|token| token.node.clone()).unwrap_or_default();
                state.ending = Some(Ending::Failed { failure, node });
                break;
            }
            let Some(Reverse(next)) = run.coming.pop() else { break };
            now = now.max(next.at);
            let mut play = Play::new(&self.graph, &*self.language, &self.facts, now, state);
            play.take(next.happening);
            state = run.after(play, now);
            happened += 1;
        }
        Ok(run.told(state, now))
    }
}

impl Run<'_> {
    /// Answers what a play wishes, and keeps what it did.
    fn after(&mut self, play: Play<'_>, now: Timestamp) -> State {
        let Play { state, wishes, journal, spent, .. } = play;
        self.spent += spent.get();
        for entry in journal {
            self.keep(&entry, now);
        }
        for wish in wishes {
            self.wished(wish, now);
        }
        state
    }

    fn keep(&mut self, entry: &Entry, now: Timestamp) {
        let told = serde_json::to_value(entry);
        let Ok(Value::Object(told)) = told else { return };
        if let (Some(node), Some("entered")) = (&entry.node, told.get("event").and_then(Value::as_str)) {
            *self.visited.entry(node.clone()).or_default() += 1;
        }
        if self.lines.len() < MOST_LINES {
            self.lines.push(Line { at: now, entry: told });
        } else {
            self.cut = true;
        }
    }

    fn wished(&mut self, wish: Wish, now: Timestamp) {
        match wish {
            Wish::Work { token, item, node, attempt, config, .. } => {
                let answer = self.answer(&node, &config);
                self.answered(answer, now, token, item, attempt);
            }
            Wish::Listen { token, node, .. } => {
                let answer = self.answer(&node, &Map::new());
                if answer.never {
                    return;
                }
                let at = after(now, &answer);
                self.comes(at, token, Happening::Came { token, payload: answer.result.unwrap_or(Value::Null) });
            }
            Wish::Wake { token, timer, at } => self.comes(at, token, Happening::Woke { token, timer }),
            Wish::Drop { token } => self.coming.retain(|one| one.0.token != token),
        }
    }

    fn answered(&mut self, answer: Answer, now: Timestamp, token: u64, item: Option<usize>, attempt: u32) {
        if answer.never {
            return;
        }
        let at = after(now, &answer);
        let attempt = Some(attempt);
        let happening = match answer.fault {
            Some(GivenFault { code, message, passing }) => {
                Happening::Failed { token, item, attempt, code, message, passing }
            }
            None => Happening::Done { token, item, attempt, result: answer.result.unwrap_or(Value::Null) },
        };
        self.comes(at, token, happening);
    }

    fn comes(&mut self, at: Timestamp, token: u64, happening: Happening) {
        self.count += 1;
        self.coming.push(Reverse(Coming { at, number: self.count, token, happening }));
    }

    /// What is given for a node, or made up.
    fn answer(&mut self, node: &str, config: &Map<String, Value>) -> Answer {
        if let Some(given) = self.of.answers.get(node).filter(|given| !given.is_empty()) {
            let used = self.used.entry(node.to_owned()).or_default();
            let answer = given[(*used).min(given.len() - 1)].clone();
            *used += 1;
            if answer.result.is_some() || answer.fault.is_some() || answer.never {
                return answer;
            }
            // Only how long it takes is given.
            return Answer { result: Some(self.make_up(node, config)), ..answer };
        }
        Answer { result: Some(self.make_up(node, config)), ..Answer::default() }
    }

    fn make_up(&mut self, node: &str, config: &Map<String, Value>) -> Value {
        self.made_up.insert(node.to_owned());
        let Some(index) = self.of.graph.find(node) else { return Value::Null };
        match &self.of.graph.nodes[index].config {
            Config::HumanTask(task) => answered(task, node),
            Config::Agent(_) | Config::Prompt(_) => json!({ "text": format!("What '{node}' answers") }),
            Config::Integration(_) => json!({ "status": 200, "body": {}, "headers": {} }),
            Config::Wait(_) => json!({}),
            other => {
                let named = other.names();
                let found = named.iter().find_map(|(_, named)| self.of.around.of(named)?.as_ref());
                match found.and_then(|found| found.output.as_ref()) {
                    Some(schema) => made_up(&Value::Object(schema.as_ref().clone()), node),
                    None if config.is_empty() => Value::Null,
                    None => json!({}),
                }
            }
        }
    }

    fn told(self, state: State, now: Timestamp) -> Ran {
        let mut waits_at: Vec<String> = Vec::new();
        if state.ending.is_none() {
            waits_at = state.tokens.iter().map(|token| token.node.clone()).collect();
            waits_at.sort();
            waits_at.dedup();
        }
        let (status, result, failure, failed_at) = match state.ending {
            None => ("waiting", None, None, None),
            Some(Ending::Compensated) => ("compensated", None, None, None),
            Some(Ending::Completed { result }) => ("completed", Some(result), None, None),
            Some(Ending::Failed { failure, node }) => ("failed", None, Some(failure), Some(node)),
        };
        let graph = &self.of.graph;
        let in_flow = (0..graph.nodes.len()).filter(|index| graph.in_flow(*index));
        let not_visited =
            in_flow.map(|index| graph.node(index).id.clone()).filter(|id| !self.visited.contains_key(id)).collect();
        Ran {
            status,
            result,
            failure,
            failed_at,
            waits_at,
            variables: state.variables,
            visited: self.visited,
            not_visited,
            made_up: self.made_up.into_iter().collect(),
            took: written(now.since(self.of.now)),
            journal: self.lines,
            cut: self.cut,
        }
    }
}

fn after(now: Timestamp, answer: &Answer) -> Timestamp {
    let span = answer.after.as_deref().and_then(read_duration).unwrap_or(Duration::ZERO);
    now.plus(span)
}

/// A span as ISO 8601 writes it.
fn written(span: Duration) -> String {
    let (seconds, millis) = (span.as_secs(), span.subsec_millis());
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let part = |count: u64, unit: char| if count > 0 { format!("{count}{unit}") } else { String::new() };
    let (date, time) = (part(days, 'D'), [part(hours, 'H'), part(minutes, 'M')].concat());
    let seconds = if millis > 0 { format!("{rest}.{millis:03}S") } else { part(rest, 'S') };
    match [time, seconds].concat() {
        none if none.is_empty() && date.is_empty() => "PT0S".to_owned(),
        none if none.is_empty() => format!("P{date}"),
        time => format!("P{date}T{time}"),
    }
}

/// An answer of a person, made up: the form, the first outcome.
fn answered(task: &HumanTask, node: &str) -> Value {
    let mut answer = match made_up(&Value::Object(task.form.clone()), node) {
        Value::Object(answer) => answer,
        _ => Map::new(),
    };
    let first = task.outcomes.first().map_or("approve", String::as_str);
    let outcome = answer.get("decision").cloned().unwrap_or_else(|| json!(first));
    answer.entry("outcome").or_insert(outcome);
    answer.entry("answeredBy").or_insert_with(|| json!("somebody"));
    Value::Object(answer)
}
