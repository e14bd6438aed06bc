//! What a client of MCP has said so far, as far as another owner must know it: so that its session goes on with the next
//! owner, what was asked and not answered is asked again, and a write that is asked again happens once.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::kernel::clock::Clock;
use crate::kernel::fault::Problem;
use crate::kernel::id::new_uuid;

/// Names the idempotency key of a call in its `_meta`.
pub const IDEMPOTENCY_KEY: &str = "convoke/idempotencyKey";

/// Begins the ids of requests that are told to a new owner again; their answers are not the client's.
const AGAIN: &str = "convoke-again:";

/// The little of a message that tells what it is.
#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
}

/// A request that has no answer yet.
struct Open {
    line: Vec<u8>,
    initialize: bool,
    /// It asks for notices for as long as the client is there: it has no answer of its own.
    listens: bool,
    /// What its progress is told under.
    token: Option<String>,
}

/// A client's session.
pub struct Session {
    clock: Arc<dyn Clock>,
    /// Which owner this is, counted.
    owner: u64,
    initialize: Option<Value>,
    initialized: Option<Vec<u8>>,
    level: Option<Value>,
    subscriptions: BTreeMap<String, Value>,
    /// Open requests in the order in which they were made.
    open: BTreeMap<u64, Open>,
    numbers: HashMap<String, u64>,
    next: u64,
    progress: HashMap<String, f64>,
    /// What was heard while there was no owner, besides requests, by its place among them.
    kept: BTreeMap<u64, Vec<u8>>,
}

impl Session {
    /// A session of which nothing was heard yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            owner: 0,
            initialize: None,
            initialized: None,
            level: None,
            subscriptions: BTreeMap::new(),
            open: BTreeMap::new(),
            numbers: HashMap::new(),
            next: 0,
            progress: HashMap::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Whether nothing is unanswered that a client which asks nothing more still waits for.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.open.values().all(|open| open.listens)
    }

    /// What a new owner must be told before anything else: the beginning of the session, and what is unanswered.
    pub fn begin(&mut self) -> Vec<Vec<u8>> {
        self.owner += 1;
        let owner = self.owner;
        let again = |(number, message): (usize, &Value)| {
            let mut message = message.clone();
            message["id"] = Value::String(format!("{AGAIN}{owner}:{number}"));
            message.to_string().into_bytes()
        };
        let mut lines = Vec::new();
        // An `initialize` that was never answered is among the open requests.
        if !self.open.values().any(|open| open.initialize) {
            lines.extend(self.initialize.iter().map(|message| again((0, message))));
            lines.extend(self.initialized.clone());
            let settings = self.level.iter().chain(self.subscriptions.values());
            lines.extend((1..).zip(settings).map(again));
        }
        let mut rest = std::mem::take(&mut self.kept);
        rest.extend(self.open.iter().map(|(number, open)| (*number, open.line.clone())));
        lines.extend(rest.into_values());
        lines
    }

    /// Takes a line of the client while there is no owner: the next one hears of it when it begins.
    pub fn keep(&mut self, line: Vec<u8>) {
        let (next, initialized) = (self.next, self.initialized.is_some());
        let Some(line) = self.from_client(line) else { return };
        let is_request = next != self.next;
        // That the session began is told by itself, unless the beginning is among the open requests.
        let is_told = initialized != self.initialized.is_some() && !self.open.values().any(|open| open.initialize);
        if !is_request && !is_told {
            self.next += 1;
            self.kept.insert(self.next, line);
        }
    }

    /// How much the next owner will be told of.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.open.len() + self.kept.len()
    }

    /// The answers to what is unanswered when there will be no other owner.
    pub fn give_up(&mut self, problem: &Problem) -> Vec<Vec<u8>> {
        let open = std::mem::take(&mut self.open);
        let requests = open.values().filter_map(|open| serde_json::from_slice::<Value>(&open.line).ok());
        let answers = requests.map(|request| {
            let error = json!({ "code": -32603, "message": problem.detail, "data": problem });
            json!({ "jsonrpc": "2.0", "id": request["id"], "error": error }).to_string().into_bytes()
        });
        answers.collect()
    }

    /// Takes a line of the client: what to send to the owner, `None` for what only the last owner could understand.
    pub fn from_client(&mut self, line: Vec<u8>) -> Option<Vec<u8>> {
        let Ok(Peek { id, method }) = serde_json::from_slice::<Peek<'_>>(&line) else {
            // Not a message, or several: the owner says what is wrong with it.
            return Some(line);
        };
        let id = id.map(same);
        match (id, method.map(Cow::into_owned)) {
            (Some(id), Some(method)) => Some(self.request(id, &method, line)),
            (None, Some(method)) => {
                self.notice(&method, &line);
                Some(line)
            }
            (Some(id), None) => self.answer_to_owner(&id, &line),
            (None, None) => Some(line),
        }
    }

    fn request(&mut self, id: String, method: &str, line: Vec<u8>) -> Vec<u8> {
        let (mut line, mut token) = (line, None);
        let read = |line: &[u8]| serde_json::from_slice::<Value>(line).ok();
        match method {
            "initialize" => self.initialize = read(&line),
            "logging/setLevel" => self.level = read(&line),
            "resources/subscribe" => {
                if let Some(message) = read(&line)
                    && let Some(uri) = message["params"]["uri"].as_str()
                {
                    self.subscriptions.insert(uri.to_owned(), message);
                }
            }
            "resources/unsubscribe" => {
                if let Some(uri) = read(&line).as_ref().and_then(|message| message["params"]["uri"].as_str()) {
                    self.subscriptions.remove(uri);
                }
            }
            "tools/call" => {
                let message = read(&line);
                token = message
                    .as_ref()
                    .and_then(|call| call["params"]["_meta"].get("progressToken"))
                    .map(Value::to_string);
                if let Some(keyed) = message.and_then(|message| self.keyed(message)) {
                    line = keyed;
                }
            }
            _ => {}
        }
        self.next += 1;
        let (initialize, listens) = (method == "initialize", method == "subscriptions/listen");
        self.open.insert(self.next, Open { line: line.clone(), initialize, listens, token });
        self.numbers.insert(id, self.next);
        line
    }

    /// The call with an idempotency key of its own; `None` where the client gave one or there is nowhere to put it.
    fn keyed(&self, mut message: Value) -> Option<Vec<u8>> {
        let params = message.get_mut("params")?.as_object_mut()?;
        let meta = params.entry("_meta").or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
        if meta.contains_key(IDEMPOTENCY_KEY) {
            return None;
        }
        meta.insert(IDEMPOTENCY_KEY.to_owned(), new_uuid(self.clock.now()).to_string().into());
        Some(message.to_string().into_bytes())
    }

    fn notice(&mut self, method: &str, line: &[u8]) {
        match method {
            "notifications/initialized" => self.initialized = Some(line.to_vec()),
            "notifications/cancelled" => {
                let message: Option<Value> = serde_json::from_slice(line).ok();
                if let Some(id) = message.as_ref().and_then(|message| message["params"].get("requestId")) {
                    self.close(&id.to_string());
                }
            }
            _ => {}
        }
    }

    /// The client's answer to a question of an owner: only the owner that asked may hear it.
    fn answer_to_owner(&self, id: &str, line: &[u8]) -> Option<Vec<u8>> {
        let own: String = serde_json::from_str(id).ok()?;
        let (owner, asked) = own.split_once(':')?;
        if owner.parse() != Ok(self.owner) {
            return None;
        }
        let mut message: Value = serde_json::from_slice(line).ok()?;
        message["id"] = serde_json::from_str(asked).ok()?;
        Some(message.to_string().into_bytes())
    }

    /// Takes a line of the owner: what to send to the client, `None` for what is not the client's.
    pub fn from_owner(&mut self, line: Vec<u8>) -> Option<Vec<u8>> {
        let Ok(Peek { id, method }) = serde_json::from_slice::<Peek<'_>>(&line) else { return Some(line) };
        let id = id.map(same);
        match (id, method.map(Cow::into_owned)) {
            (Some(id), Some(_)) => {
                let mut message: Value = serde_json::from_slice(&line).ok()?;
                message["id"] = Value::String(format!("{}:{id}", self.owner));
                Some(message.to_string().into_bytes())
            }
            (Some(id), None) if id.starts_with(&format!("\"{AGAIN}")) => None,
            (Some(id), None) => {
                self.close(&id);
                Some(line)
            }
            (None, Some(method)) if method == "notifications/progress" => self.further(&line).then_some(line),
            (None, Some(method)) if method == "notifications/cancelled" => {
                let mut message: Value = serde_json::from_slice(&line).ok()?;
                let asked = message["params"].get("requestId")?.to_string();
                message["params"]["requestId"] = json!(format!("{}:{asked}", self.owner));
                Some(message.to_string().into_bytes())
            }
            (None, _) => Some(line),
        }
    }

    /// Whether a progress is further than what was told before: a call that is made again begins at its beginning.
    fn further(&mut self, line: &[u8]) -> bool {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { return true };
        let (Some(token), Some(done)) =
            (message["params"].get("progressToken"), message["params"]["progress"].as_f64())
        else {
            return true;
        };
        let told = self.progress.entry(token.to_string()).or_insert(f64::NEG_INFINITY);
        let further = done > *told;
        *told = told.max(done);
        further
    }

    fn close(&mut self, id: &str) {
        let open = self.numbers.remove(id).and_then(|number| self.open.remove(&number));
        if let Some(token) = open.and_then(|open| open.token) {
            self.progress.remove(&token);
        }
    }
}

/// An id as one and the same text, however it was written: an escape makes no other id.
fn same(id: &RawValue) -> String {
    let raw = id.get();
    let written_otherwise = || serde_json::from_str::<Value>(raw).ok().map(|id| id.to_string());
    raw.contains('\\').then(written_otherwise).flatten().unwrap_or_else(|| raw.to_owned())
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
