//! Capabilities that exist for the tests of the gate: each does one thing that a real one might do, and stops inside on
//! demand, so that a test can look while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use convoke::app::Settings;
use convoke::capability::content::{Block, Content};
use convoke::capability::cx::Cx;
use convoke::capability::outcome::Download;
use convoke::capability::permit::{Action, Permit};
use convoke::capability::row::Row;
use convoke::capability::spec::{Domain, Route, Spec};
use convoke::capability::{Capability, Downloading, Streaming};
use convoke::domain::identity::model::role::Role;
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use convoke::kernel::id::RoleId;
use futures::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

/// What the fixtures tell a test, and how a test holds them.
pub(crate) struct Probe {
    runs: AtomicUsize,
    inside: AtomicUsize,
    bounded: AtomicUsize,
    entered: Semaphore,
    go: Semaphore,
}

impl Probe {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            runs: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            bounded: AtomicUsize::new(0),
            entered: Semaphore::new(0),
            go: Semaphore::new(0),
        })
    }

    /// How often a fixture began to run.
    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// How many runs have neither ended nor been dropped.
    pub(crate) fn inside(&self) -> usize {
        self.inside.load(Ordering::SeqCst)
    }

    /// How many runs began within a bound.
    pub(crate) fn bounded(&self) -> usize {
        self.bounded.load(Ordering::SeqCst)
    }

    /// Returns when a fixture has stopped inside.
    pub(crate) async fn entered(&self) {
        self.entered.acquire().await.unwrap().forget();
    }

    /// Lets one that stopped inside go on.
    pub(crate) fn let_go(&self) {
        self.go.add_permits(1);
    }

    async fn stop_here(&self) {
        self.entered.add_permits(1);
        self.go.acquire().await.unwrap().forget();
    }

    fn begin(&self) -> (usize, Inside<'_>) {
        self.inside.fetch_add(1, Ordering::SeqCst);
        (self.runs.fetch_add(1, Ordering::SeqCst) + 1, Inside(self))
    }
}

struct Inside<'a>(&'a Probe);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Adds the fixtures to a start.
pub(crate) fn with(probe: &Arc<Probe>) -> impl FnOnce(&mut Settings) + use<> {
    let probe = probe.clone();
    move |settings| {
        settings.rows = rows();
        settings.services = std::mem::take(&mut settings.services).with(probe);
    }
}

fn rows() -> Vec<Row> {
    vec![
        Row::of::<Note>(),
        Row::of::<Reach>(),
        Row::of::<Reveal>(),
        Row::of::<Spend>(),
        Row::of::<Fetch>(),
        Row::of::<Consult>(),
        Row::of::<ConsultAndNote>(),
        Row::of::<Liar>(),
        Row::of::<Look>(),
        Row::of::<Open>(),
        Row::of::<Blow>(),
        Row::of::<Amend>(),
        Row::of::<AmendOutside>(),
        Row::of::<AmendPaid>(),
        Row::of::<AmendSeen>(),
        Row::of::<AmendAsked>(),
        Row::of::<Ask>(),
        Row::of::<AskOutside>(),
        Row::of::<Long>(),
        Row::of::<Steps>(),
        Row::of::<CutStep>(),
        Row::of_content::<Picture>(),
        Row::of_stream::<Items>(),
        Row::of_stream::<Drip>(),
        Row::of_bytes::<File>(),
    ]
}

/// The topic of what the fixtures tell of.
pub(crate) const TOPIC: &str = "fixture.noted";
/// The counter of what the fixtures kept.
pub(crate) const COUNTER: &str = "fixture_notes";

/// What a fixture is to do.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// What is noted.
    #[schemars(length(min = 1, max = 100))]
    text: String,
    /// Stop inside until let go.
    #[serde(default)]
    wait: bool,
    /// End by a fault after having written.
    #[serde(default)]
    fail: bool,
}

/// What a fixture did.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Output {
    /// What was noted.
    text: String,
    /// The how-manieth run it was.
    run: usize,
}

async fn work(cx: &Cx, input: Input, writes: bool) -> Result<Output, Fault> {
    let probe = cx.service::<Probe>()?;
    let (run, _inside) = probe.begin();
    probe.bounded.fetch_add(usize::from(cx.caller().bound.is_some()), Ordering::SeqCst);
    if writes {
        cx.emit(TOPIC, &input.text, &json!({}))?;
        cx.count(COUNTER, "all".to_owned(), 1, None);
    }
    if input.wait {
        probe.stop_here().await;
    }
    if input.fail {
        return Err(Fault::new(&codes::CONFLICT, "it failed as it was asked to"));
    }
    Ok(Output { text: input.text, run })
}

/// Writes.
pub(crate) struct Note;
impl Capability for Note {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::create("fixture_note", Domain::System, Route::post("/fixture/note"), Permit::Own, "Notes something.");
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, true).await
    }
}

/// Writes and touches something outside.
pub(crate) struct Reach;
impl Capability for Reach {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::create("fixture_reach", Domain::System, Route::post("/fixture/reach"), Permit::Own, "Reaches outside.")
            .reaches();
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, true).await
    }
}

/// Writes and answers with a secret.
pub(crate) struct Reveal;
impl Capability for Reveal {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "fixture_reveal",
        Domain::System,
        Route::post("/fixture/reveal"),
        Permit::Own,
        "Reveals a secret.",
    )
    .shows_secret();
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, true).await
    }
}

/// Reads and costs money.
pub(crate) struct Spend;
impl Capability for Spend {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::read("fixture_spend", Domain::System, Route::post("/fixture/spend"), Permit::Own, "Spends money.")
            .spends();
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, false).await
    }
}

/// Reads from outside.
pub(crate) struct Fetch;
impl Capability for Fetch {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::read("fixture_fetch", Domain::System, Route::post("/fixture/fetch"), Permit::Own, "Reads from outside.")
            .reaches();
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, false).await
    }
}

/// Asks something outside that keeps nothing of it.
pub(crate) struct Consult;
impl Capability for Consult {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::create("fixture_consult", Domain::Events, Route::post("/fixture/consult"), Permit::Own, "Asks outside.")
            .asks()
            .spends();
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, false).await
    }
}

/// The same, and writes.
pub(crate) struct ConsultAndNote;
impl Capability for ConsultAndNote {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "fixture_consult_and_note",
        Domain::Events,
        Route::post("/fixture/consult-and-note"),
        Permit::Own,
        "Asks outside and notes it.",
    )
    .asks()
    .spends();
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, true).await
    }
}

/// Says that it reads, and writes.
pub(crate) struct Liar;
impl Capability for Liar {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::read("fixture_liar", Domain::System, Route::post("/fixture/liar"), Permit::Own, "Says that it reads.");
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, true).await
    }
}

/// Reads.
pub(crate) struct Look;
impl Capability for Look {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::read("fixture_look", Domain::System, Route::get("/fixture/look"), Permit::Own, "Looks at something.");
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, false).await
    }
}

/// Reads, for everybody.
pub(crate) struct Open;
impl Capability for Open {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::read("fixture_open", Domain::System, Route::get("/fixture/open"), Permit::Public, "Open to everybody.");
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        work(cx, input, false).await
    }
}

/// Panics.
pub(crate) struct Blow;
impl Capability for Blow {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::create("fixture_blow", Domain::System, Route::post("/fixture/blow"), Permit::Own, "Blows up.");
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let output = work(cx, input, true).await?;
        panic!("the secret plan of {}", output.text);
    }
}

/// Which role is to be amended.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Which {
    /// The role.
    id: RoleId,
    /// Stop inside, in the first run only.
    #[serde(default)]
    wait: bool,
}

async fn amend(cx: &Cx, input: Which) -> Result<Output, Fault> {
    let probe = cx.service::<Probe>()?;
    let (run, _inside) = probe.begin();
    let stored = cx.get::<Role>(input.id.uuid()).await?.ok_or_else(|| Fault::not_found("role", input.id))?;
    if input.wait && run == 1 {
        probe.stop_here().await;
    }
    let mut role = stored.value.clone();
    role.description.push('!');
    cx.change(&stored, &role)?;
    Ok(Output { text: role.description, run })
}

/// Changes a document that it read.
pub(crate) struct Amend;
impl Capability for Amend {
    type Input = Which;
    type Output = Output;
    const SPEC: Spec =
        Spec::change("fixture_amend", Domain::System, Route::post("/fixture/amend"), Permit::Own, "Amends a role.");
    async fn run(cx: &Cx, input: Which) -> Result<Output, Fault> {
        amend(cx, input).await
    }
}

/// The same, and touches something outside.
pub(crate) struct AmendOutside;
impl Capability for AmendOutside {
    type Input = Which;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "fixture_amend_outside",
        Domain::System,
        Route::post("/fixture/amend-outside"),
        Permit::Own,
        "Amends a role and reaches outside.",
    )
    .reaches();
    async fn run(cx: &Cx, input: Which) -> Result<Output, Fault> {
        amend(cx, input).await
    }
}

/// The same, and costs money.
pub(crate) struct AmendPaid;
impl Capability for AmendPaid {
    type Input = Which;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "fixture_amend_paid",
        Domain::System,
        Route::post("/fixture/amend-paid"),
        Permit::Own,
        "Amends a role for money.",
    )
    .spends();
    async fn run(cx: &Cx, input: Which) -> Result<Output, Fault> {
        amend(cx, input).await
    }
}

/// The same of a role that the caller may change, after it was let go.
pub(crate) struct AmendSeen;
impl Capability for AmendSeen {
    type Input = Which;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "fixture_amend_seen",
        Domain::System,
        Route::post("/fixture/amend-seen"),
        Permit::Own,
        "Amends a role as its caller saw it.",
    );
    async fn run(cx: &Cx, input: Which) -> Result<Output, Fault> {
        let probe = cx.service::<Probe>()?;
        if input.wait {
            probe.stop_here().await;
        }
        cx.load::<Role>(input.id.uuid(), Action::Change).await?;
        amend(cx, Which { wait: false, ..input }).await
    }
}

/// The same after it asked for a name.
pub(crate) struct AmendAsked;
impl Capability for AmendAsked {
    type Input = Which;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "fixture_amend_asked",
        Domain::System,
        Route::post("/fixture/amend-asked"),
        Permit::Own,
        "Asks, then amends a role.",
    );
    async fn run(cx: &Cx, input: Which) -> Result<Output, Fault> {
        asked_name(cx).await?;
        amend(cx, input).await
    }
}

async fn asked_name(cx: &Cx) -> Result<String, Fault> {
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    let schema: Map<String, Value> = serde_json::from_value(schema).map_err(Fault::internal)?;
    let answer = cx.ask_form("name", "What is the name?", schema).await?;
    Ok(answer["content"]["name"].as_str().unwrap_or("nobody").to_owned())
}

/// Asks for a name before it writes and touches something outside.
pub(crate) struct AskOutside;
impl Capability for AskOutside {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "fixture_ask_outside",
        Domain::System,
        Route::post("/fixture/ask-outside"),
        Permit::Own,
        "Asks for a name and reaches outside.",
    )
    .reaches();
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        Ask::run(cx, input).await
    }
}

/// Asks for a name before it writes.
pub(crate) struct Ask;
impl Capability for Ask {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::create("fixture_ask", Domain::System, Route::post("/fixture/ask"), Permit::Own, "Asks for a name.");
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let name = asked_name(cx).await?;
        work(cx, Input { text: format!("{} {name}", input.text), ..input }, true).await
    }
}

/// The same as a task, where the caller can follow one.
pub(crate) struct Long;
impl Capability for Long {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::create("fixture_long", Domain::System, Route::post("/fixture/long"), Permit::Own, "Takes long.");
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        cx.prefer_task()?;
        Ask::run(cx, input).await
    }
}

/// Works in steps that are each kept.
pub(crate) struct Steps;
impl Capability for Steps {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec =
        Spec::create("fixture_steps", Domain::System, Route::post("/fixture/steps"), Permit::Own, "Works in steps.");
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        cx.emit(TOPIC, "first step", &json!({}))?;
        cx.count(COUNTER, "all".to_owned(), 1, None);
        cx.progress(1.0, Some(2.0), "the first step is kept");
        cx.checkpoint().await?;
        work(cx, input, true).await
    }
}

/// Is called off while its first step is being kept.
pub(crate) struct CutStep;
impl Capability for CutStep {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "fixture_cut_step",
        Domain::System,
        Route::post("/fixture/cut-step"),
        Permit::Own,
        "Is called off while a step is kept.",
    );
    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        cx.count(COUNTER, "all".to_owned(), 1, None);
        cx.call().cancel.cancel();
        cx.checkpoint().await?;
        work(cx, input, true).await
    }
}

/// Answers with one item and no end.
pub(crate) struct Drip;
impl Streaming for Drip {
    type Input = Input;
    type Item = Output;
    const SPEC: Spec =
        Spec::read("fixture_drip", Domain::System, Route::post("/fixture/drip"), Permit::Own, "Streams without end.");
    async fn run(cx: &Cx, input: Input) -> Result<impl Stream<Item = Result<Output, Fault>> + Send + 'static, Fault> {
        let first = work(cx, input, false).await?;
        Ok(futures::StreamExt::chain(futures::stream::iter([Ok(first)]), futures::stream::pending()))
    }
}

/// Answers with a picture, and in figures.
pub(crate) struct Picture;
impl Capability for Picture {
    type Input = Input;
    type Output = Content;
    const SPEC: Spec =
        Spec::read("fixture_picture", Domain::System, Route::post("/fixture/picture"), Permit::Own, "Draws.");
    async fn run(_: &Cx, input: Input) -> Result<Content, Fault> {
        let picture = Block::Image { data: "aGk=".to_owned(), mime_type: "image/png".to_owned() };
        let figures = Some(json!({ "of": input.text }));
        Ok(Content { content: vec![picture], structured_content: figures, is_error: false })
    }
}

/// Answers with items.
pub(crate) struct Items;
impl Streaming for Items {
    type Input = Input;
    type Item = Output;
    const SPEC: Spec =
        Spec::read("fixture_items", Domain::System, Route::post("/fixture/items"), Permit::Own, "Streams items.");
    async fn run(cx: &Cx, input: Input) -> Result<impl Stream<Item = Result<Output, Fault>> + Send + 'static, Fault> {
        let first = work(cx, input, false).await?;
        let text = first.text;
        Ok(futures::stream::iter((1..=3).map(move |run| Ok(Output { text: text.clone(), run }))))
    }
}

/// Answers with a file.
pub(crate) struct File;
impl Downloading for File {
    type Input = Input;
    const SPEC: Spec =
        Spec::read("fixture_file", Domain::System, Route::get("/fixture/file"), Permit::Own, "Sends a file.");
    async fn run(cx: &Cx, input: Input) -> Result<Download, Fault> {
        let output = work(cx, input, false).await?;
        let chunks = futures::stream::iter([Ok(Bytes::from("all of ")), Ok(Bytes::from(output.text))]);
        Ok(Download {
            media_type: "text/plain".to_owned(),
            name: "note.txt".to_owned(),
            size_bytes: None,
            chunks: Box::pin(chunks),
        })
    }
}
