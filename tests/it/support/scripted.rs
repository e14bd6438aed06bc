//! A vendor inside the process that does what it is told, for what is about the router and not about the wire: models of the
//! provider `test`, whose file lies in the data folder of every program under test. Where it is told nothing it says back what
//! it was asked.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use convoke::domain::models::Collector;
use convoke::kernel::clock::ManualClock;
use convoke::port::embedder::{Embedder, Of};
use convoke::port::models::{
    ChatRequest, Completion, Dialects, EmbedRequest, Embedding, Endpoint, ModelFault, ModelFaultKind, Models, Part,
    Piece, Pieces, Stop, Tokens,
};
use futures::StreamExt as _;
use tokio::sync::{Semaphore, watch};

/// The file of the provider.
const FILE: &str = r#"
name = "test"
dialect = "openai"
base_url = "http://vendor.test/v1"
prices_of = "2026-11-20"

[[models]]
name = "small"
title = "Small"
context = 1000
max_output = 500
abilities = ["chat", "streaming", "tools", "structured_output"]
price = { input = "1", output = "2", cached = "0.5" }

[[models]]
name = "large"
context = 100000
abilities = ["chat", "streaming", "tools", "structured_output", "images", "reasoning"]
price = { input = "10", output = "20" }

[[models]]
name = "third"
context = 100000
abilities = ["chat", "streaming"]
price = { input = "5", output = "5" }

[[models]]
name = "unpriced"
abilities = ["chat", "streaming"]

[[models]]
name = "vectors"
context = 8000
abilities = ["embeddings"]
price = { input = "0.02" }

[[models]]
name = "other-vectors"
context = 8000
abilities = ["embeddings"]
price = { input = "0.03" }
"#;

/// Puts the provider's file into a data folder.
pub(crate) fn lay(data: &Path) {
    let folder = data.join("providers");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("test.toml"), FILE).unwrap();
}

/// What a model does when it is asked.
pub(crate) enum Act {
    /// Says this; the vendor counts so much, or nothing.
    Say(&'static str, Option<Tokens>),
    /// Fails.
    Fail(ModelFault),
    /// Gives these pieces.
    Pieces(Vec<Result<Piece, ModelFault>>),
    /// Gives these pieces and then nothing, for ever.
    Hang(Vec<Piece>),
    /// Waits until it is let go, then does what comes next.
    Wait,
    /// Lets so much time pass by the clock of the program, then does what comes next.
    Take(Duration),
}

/// The vendor.
pub(crate) struct Scripted {
    acts: Mutex<HashMap<String, VecDeque<Act>>>,
    asked: watch::Sender<Vec<String>>,
    requests: Mutex<Vec<ChatRequest>>,
    keys: Mutex<Vec<Option<String>>>,
    gate: Semaphore,
    clock: Mutex<Option<Arc<ManualClock>>>,
    /// What makes its vectors, where they are to say more than how long a text is.
    embedder: Mutex<Option<Arc<dyn Embedder>>>,
    /// Calls that run now.
    running: watch::Sender<usize>,
}

/// So many tokens everything has that nothing else is said of.
pub(crate) const USUAL: Tokens =
    Tokens { input: 10, cached: 0, cache_written: 0, output: 5, reasoning: 0, searches: 0 };

impl Scripted {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            acts: Mutex::default(),
            asked: watch::Sender::new(Vec::new()),
            requests: Mutex::default(),
            keys: Mutex::default(),
            gate: Semaphore::new(0),
            clock: Mutex::default(),
            embedder: Mutex::default(),
            running: watch::Sender::new(0),
        })
    }

    /// Makes its vectors by this.
    pub(crate) fn embeds_by(&self, embedder: Arc<dyn Embedder>) {
        *self.embedder.lock().unwrap() = Some(embedder);
    }

    /// As the dialects of a program.
    pub(crate) fn dialects(self: &Arc<Self>) -> Dialects {
        let models: Arc<dyn Models> = Arc::new(Adapter(self.clone()));
        Dialects(BTreeMap::from([("openai", models)]))
    }

    /// Lets it move a clock.
    pub(crate) fn moves(&self, clock: Arc<ManualClock>) {
        *self.clock.lock().unwrap() = Some(clock);
    }

    /// Tells a model what to do, after what it was told before.
    pub(crate) fn tell(&self, model: &str, acts: impl IntoIterator<Item = Act>) {
        self.acts.lock().unwrap().entry(model.to_owned()).or_default().extend(acts);
    }

    /// Forgets what models were told to do.
    pub(crate) fn forget(&self) {
        self.acts.lock().unwrap().clear();
    }

    /// Lets so many go that wait.
    pub(crate) fn let_go(&self, many: usize) {
        self.gate.add_permits(many);
    }

    /// The models that were asked, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// The requests, in order.
    pub(crate) fn requests(&self) -> Vec<ChatRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// The keys that came with them.
    pub(crate) fn keys(&self) -> Vec<Option<String>> {
        self.keys.lock().unwrap().clone()
    }

    /// Waits until so many calls have come.
    pub(crate) async fn asked_times(&self, times: usize) {
        let mut asked = self.asked.subscribe();
        let waiting = asked.wait_for(|asked| asked.len() >= times);
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("so many calls never came").unwrap();
    }

    /// Waits until just so many calls run.
    pub(crate) async fn runs(&self, many: usize) {
        let mut running = self.running.subscribe();
        let waiting = running.wait_for(|running| *running == many);
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("never so many calls run").unwrap();
    }

    fn next(&self, model: &str) -> Option<Act> {
        self.acts.lock().unwrap().get_mut(model).and_then(VecDeque::pop_front)
    }

    /// What comes next when all waiting is over.
    async fn act(&self, endpoint: &Endpoint) -> Option<Act> {
        self.keys.lock().unwrap().push(endpoint.key.as_ref().map(|key| key.reveal().to_owned()));
        self.asked.send_modify(|asked| asked.push(endpoint.model.to_string()));
        loop {
            match self.next(&endpoint.model) {
                Some(Act::Wait) => self.gate.acquire().await.unwrap().forget(),
                Some(Act::Take(span)) => self.clock.lock().unwrap().as_ref().unwrap().advance(span),
                other => return other,
            }
        }
    }

    fn run(self: &Arc<Self>) -> Running {
        self.running.send_modify(|running| *running += 1);
        Running(self.clone())
    }
}

/// A call that runs until this is dropped.
struct Running(Arc<Scripted>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

fn completion(model: &str, text: &str, tokens: Option<Tokens>) -> Completion {
    let parts = vec![Part::Text { text: text.to_owned() }];
    Completion { model: model.to_owned(), id: Some("answer-1".to_owned()), parts, stop: Stop::End, tokens }
}

fn pieces(model: &str, text: &str, tokens: Option<Tokens>) -> Vec<Result<Piece, ModelFault>> {
    let mut pieces = vec![Ok(Piece::Start { model: model.to_owned(), id: None })];
    pieces.extend(text.split_inclusive(' ').map(|word| Ok(Piece::Text { text: word.to_owned() })));
    pieces.push(Ok(Piece::End { stop: Stop::End, tokens }));
    pieces
}

fn echo(request: &ChatRequest) -> String {
    let texts = request.messages.iter().rev().flat_map(|message| &message.parts);
    let last = texts.filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    });
    format!("You said: {}", last.take(1).collect::<String>())
}

/// The vendor as the adapter of a dialect.
struct Adapter(Arc<Scripted>);

#[async_trait]
impl Models for Adapter {
    async fn complete(&self, endpoint: &Endpoint, request: &ChatRequest) -> Result<Completion, ModelFault> {
        let _running = self.0.run();
        self.0.requests.lock().unwrap().push(request.clone());
        match self.0.act(endpoint).await {
            None => Ok(completion(&endpoint.model, &echo(request), Some(USUAL))),
            Some(Act::Say(text, tokens)) => Ok(completion(&endpoint.model, text, tokens)),
            Some(Act::Fail(fault)) => Err(fault),
            Some(Act::Hang(_)) => std::future::pending().await,
            Some(Act::Pieces(pieces)) => {
                let mut collector = Collector::default();
                let mut pieces = pieces.into_iter();
                pieces.find_map(|piece| piece.map(|piece| collector.add(&piece)).transpose()).expect("they end")
            }
            Some(Act::Wait | Act::Take(_)) => unreachable!("waiting is over"),
        }
    }

    async fn stream(&self, endpoint: &Endpoint, request: &ChatRequest) -> Result<Pieces, ModelFault> {
        let running = self.0.run();
        self.0.requests.lock().unwrap().push(request.clone());
        let (pieces, hangs) = match self.0.act(endpoint).await {
            None => (pieces(&endpoint.model, &echo(request), Some(USUAL)), false),
            Some(Act::Say(text, tokens)) => (pieces(&endpoint.model, text, tokens), false),
            Some(Act::Pieces(pieces)) => (pieces, false),
            Some(Act::Hang(pieces)) => (pieces.into_iter().map(Ok).collect(), true),
            Some(Act::Fail(fault)) => return Err(fault),
            Some(Act::Wait | Act::Take(_)) => unreachable!("waiting is over"),
        };
        let pieces = futures::stream::iter(pieces);
        let held = move |piece| {
            let _ = &running;
            piece
        };
        Ok(if hangs {
            Box::pin(pieces.chain(futures::stream::pending()).map(held))
        } else {
            Box::pin(pieces.map(held))
        })
    }

    async fn embed(&self, endpoint: &Endpoint, request: &EmbedRequest) -> Result<Embedding, ModelFault> {
        let _running = self.0.run();
        if let Some(Act::Fail(fault)) = self.0.act(endpoint).await {
            return Err(fault);
        }
        let embedder = self.0.embedder.lock().unwrap().clone();
        let vectors = if let Some(embedder) = embedder {
            let texts: Vec<&str> = request.texts.iter().map(String::as_str).collect();
            embedder.embed(&texts, Of::Passage).await.unwrap()
        } else {
            let vector = |text: &String| match text.as_str() {
                "not a number" => vec![f32::NAN, 1.0, 0.0],
                text => vec![f32::from(u16::try_from(text.chars().count()).unwrap()), 1.0, 0.0],
            };
            request.texts.iter().map(vector).collect()
        };
        let tokens = Some(Tokens { input: 4, ..Tokens::default() });
        Ok(Embedding { model: endpoint.model.to_string(), vectors, tokens })
    }
}

/// A fault of a kind.
pub(crate) fn fault(kind: ModelFaultKind) -> Act {
    Act::Fail(ModelFault::new(kind, "so it is"))
}
