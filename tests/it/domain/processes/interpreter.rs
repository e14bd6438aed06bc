//! The interpreter with the real language of expressions, step by step: what comes in, what is wished for, what is written. Every play is
//! done twice, the second time from a state that went through JSON, and both must be the same.

mod activities;
mod each;
mod gateways;
mod late;
mod migrating;
mod random;
mod recovering;
mod stepping;
mod undoing;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use convoke::adapter::feel::FeelLanguage;
use convoke::domain::processes::engine::durations::read_duration;
use convoke::domain::processes::engine::graph::Graph;
use convoke::domain::processes::engine::interpreter::{
    Ending, Entry, Facts, Failure, Happening, Play, State, Timer, TokenId, Wish,
};
use convoke::domain::processes::engine::validation::judge;
use convoke::kernel::time::Timestamp;
use serde_json::{Map, Value, json};

/// One for all, so that what was compiled once is not read again.
static LANGUAGE: LazyLock<FeelLanguage> = LazyLock::new(FeelLanguage::default);

/// An execution and all that it wishes for.
pub(super) struct Stand {
    graph: Graph,
    facts: Facts,
    state: State,
    now: Timestamp,
    journal: Vec<Entry>,
    /// What was wished for and neither dropped nor answered by the test.
    open: Vec<Wish>,
}

impl Stand {
    /// Of a definition that has no errors.
    fn of(definition: Value) -> Self {
        let mut definition: convoke::domain::processes::engine::definition::Definition =
            serde_json::from_value(definition).unwrap();
        definition.name_edges();
        let judged = judge(&Arc::new(definition), &*LANGUAGE);
        assert!(judged.is_fit(), "{:?}", judged.findings);
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let facts = Facts {
            id: "e1".to_owned(),
            process: "tested".to_owned(),
            version: "1.0.0".to_owned(),
            started_at: now,
            started_by: "ada".to_owned(),
        };
        let (state, journal, open) = (State::default(), Vec::new(), Vec::new());
        Self { graph: judged.graph.unwrap(), facts, state, now, journal, open }
    }

    /// One that has begun.
    fn begun(definition: Value, variables: Value) -> Self {
        let mut stand = Self::of(definition);
        stand.start(variables).unwrap();
        stand
    }

    fn start(&mut self, variables: Value) -> Result<(), Failure> {
        let Value::Object(variables) = variables else { panic!("no object") };
        self.play(|play| play.start(variables.clone()))
    }

    #[expect(clippy::needless_pass_by_value, reason = "calls read better")]
    fn take(&mut self, happening: Happening) -> bool {
        self.play(|play| play.take(happening.clone()))
    }

    fn play<T: PartialEq + std::fmt::Debug>(&mut self, act: impl Fn(&mut Play<'_>) -> T) -> T {
        let text = serde_json::to_string(&self.state).unwrap();
        let read: State = serde_json::from_str(&text).unwrap();
        assert_eq!(read, self.state, "a state survives JSON");
        let [first, second] = [self.state.clone(), read].map(|state| {
            let mut play = Play::new(&self.graph, &*LANGUAGE, &self.facts, self.now, state);
            let came = act(&mut play);
            (came, play.state, play.wishes, play.journal)
        });
        assert_eq!(first, second, "the same happening gives the same play");
        let (came, state, wishes, journal) = first;
        self.state = state;
        self.journal.extend(journal);
        for wish in wishes {
            match wish {
                Wish::Drop { token } => self.open.retain(|one| token_of(one) != token),
                other => self.open.push(other),
            }
        }
        self.holds();
        came
    }

    /// What is so between any two plays.
    fn holds(&self) {
        let ids: Vec<TokenId> = self.state.tokens.iter().map(|token| token.id).collect();
        assert!(ids.is_sorted_by(|one, other| one < other) && ids.iter().all(|id| *id < self.state.next), "{ids:?}");
        if let Some(Ending::Completed { .. }) = self.state.ending {
            assert!(ids.is_empty(), "tokens are left: {:?}", self.state.tokens);
        }
    }

    /// The work that is wished for at a node: token, item and attempt.
    fn works(&self, at: &str) -> Vec<(TokenId, Option<usize>, u32)> {
        let work = |wish: &Wish| match wish {
            Wish::Work { token, item, node, attempt, .. } if node == at => Some((*token, *item, *attempt)),
            _ => None,
        };
        self.open.iter().filter_map(work).collect()
    }

    /// The only work that is wished for at a node, which is no longer open then.
    fn work(&mut self, at: &str) -> (TokenId, Option<usize>) {
        let works = self.works(at);
        let [(token, item, _)] = works.as_slice() else { panic!("{at}: {works:?} of {:?}", self.open) };
        self.open.retain(|wish| !matches!(wish, Wish::Work { node, .. } if node == at));
        (*token, *item)
    }

    /// The node's work is done.
    fn done(&mut self, at: &str, result: Value) {
        let (token, item) = self.work(at);
        assert!(self.take(Happening::Done { token, item, attempt: None, result }), "{at} is not waited for");
    }

    /// The node's work failed.
    fn fails(&mut self, at: &str, code: &str, passing: bool) {
        let (token, item) = self.work(at);
        assert!(self.take(failed(token, item, code, passing)), "{at} is not waited for");
    }

    /// The wakings that are wished for, in the order of their times: how long from now, and what for.
    fn wakes(&self) -> Vec<(Duration, Timer)> {
        let wake = |wish: &Wish| match wish {
            Wish::Wake { timer, at, .. } => Some((at.since(self.now), timer.clone())),
            _ => None,
        };
        let mut wakes: Vec<_> = self.open.iter().filter_map(wake).collect();
        wakes.sort();
        wakes
    }

    /// The clock goes on, and whoever wished to be woken until then is. How many of them were still waited for.
    fn passes(&mut self, span: &str) -> usize {
        let until = self.now.plus(read_duration(span).unwrap());
        let mut taken = 0;
        loop {
            let due = |wish: &Wish| match wish {
                Wish::Wake { at, .. } if *at <= until => Some(*at),
                _ => None,
            };
            let next = (0..self.open.len()).filter_map(|number| Some((due(&self.open[number])?, number))).min();
            let Some((at, number)) = next else { break };
            let Wish::Wake { token, timer, .. } = self.open.remove(number) else { unreachable!() };
            self.now = self.now.max(at);
            taken += usize::from(self.take(Happening::Woke { token, timer }));
        }
        self.now = until;
        taken
    }

    /// How it ended: `completed`, the code of its failure, or what it waits at.
    fn end(&self) -> String {
        match &self.state.ending {
            Some(Ending::Completed { .. }) => "completed".to_owned(),
            Some(Ending::Compensated) => "compensated".to_owned(),
            Some(Ending::Failed { failure, node }) => format!("{} at {node}", failure.code),
            None => format!("waits at {}", self.places().join(" ")),
        }
    }

    fn result(&self) -> Value {
        match &self.state.ending {
            Some(Ending::Completed { result }) => Value::Object(result.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// The nodes of its tokens.
    fn places(&self) -> Vec<String> {
        self.state.tokens.iter().map(|token| token.node.clone()).collect()
    }

    fn variable(&self, name: &str) -> &Value {
        &self.state.variables[name]
    }

    /// The journal's lines of a kind: `node` or `node detail`.
    fn told(&self, event: &str) -> Vec<String> {
        let line = |entry: &Entry| {
            let told = serde_json::to_value(entry).unwrap();
            let node = entry.node.clone().unwrap_or_default();
            let more = ["edge", "of", "code", "status"].iter().find_map(|name| told[name].as_str());
            (told["event"] == event).then(|| more.map_or_else(|| node.clone(), |more| format!("{node} {more}")))
        };
        self.journal.iter().filter_map(line).collect()
    }
}

fn token_of(wish: &Wish) -> TokenId {
    match wish {
        Wish::Work { token, .. } | Wish::Wake { token, .. } | Wish::Listen { token, .. } | Wish::Drop { token } => {
            *token
        }
    }
}

fn failed(token: TokenId, item: Option<usize>, code: &str, passing: bool) -> Happening {
    Happening::Failed {
        token,
        item,
        attempt: None,
        code: code.to_owned(),
        message: "it went wrong".to_owned(),
        passing,
    }
}

/// A node that works outside: what it is given is told by its wish.
#[expect(clippy::needless_pass_by_value, reason = "calls read better")]
fn tool(id: &str, more: Value) -> Value {
    let mut node = json!({ "id": id, "type": "tool", "config": { "tool": "memory_store" } });
    node.as_object_mut().unwrap().extend::<Map<String, Value>>(more.as_object().unwrap().clone());
    node
}

/// A node that works a value out.
#[expect(clippy::needless_pass_by_value, reason = "calls read better")]
fn script(id: &str, value: &str, output: Value) -> Value {
    json!({ "id": id, "type": "script", "config": { "steps": [{ "name": "value", "value": value }] }, "output": output })
}

fn node(id: &str, kind: &str) -> Value {
    json!({ "id": id, "type": kind })
}
