//! Capabilities that show what a door does with their answers: they echo, ask, stream, fail and wait when told to.

use std::sync::Arc;

use convoke::capability::cx::Cx;
use convoke::capability::outcome::Download;
use convoke::capability::permit::Permit;
use convoke::capability::row::Row;
use convoke::capability::spec::{Domain, Route, Spec};
use convoke::capability::{Capability, Downloading, Streaming};
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

/// All of them.
pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::of::<Echo>(),
        Row::of::<Show>(),
        Row::of::<Make>(),
        Row::of::<Drop_>(),
        Row::of::<Ask>(),
        Row::of::<Panic>(),
        Row::of::<Wait>(),
        Row::of::<Tell>(),
        Row::of_stream::<Items>(),
        Row::of_bytes::<File>(),
    ]
}

/// Lets `probe_wait` be seen and let go.
pub(crate) struct Waiting {
    pub(crate) begun: Semaphore,
    pub(crate) go: Semaphore,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { begun: Semaphore::new(0), go: Semaphore::new(0) }
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Things {
    /// An id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// A number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<i64>,
    /// A switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    /// A list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<u8>>,
    /// A text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100_000))]
    text: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Nothing {}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Empty {}

struct Echo;
impl Capability for Echo {
    type Input = Things;
    type Output = Things;
    const SPEC: Spec =
        Spec::change("probe_echo", Domain::System, Route::post("/probe"), Permit::Own, "Answers with its input.")
            .also(&[Route::put("/probe/{id}/echo")]);

    async fn run(_: &Cx, input: Things) -> Result<Things, Fault> {
        Ok(input)
    }
}

struct Show;
impl Capability for Show {
    type Input = Things;
    type Output = Things;
    const SPEC: Spec = Spec::read(
        "probe_show",
        Domain::System,
        Route::get("/probe/made/{id}"),
        Permit::Own,
        "Answers with its input.",
    );

    async fn run(_: &Cx, input: Things) -> Result<Things, Fault> {
        Ok(input)
    }
}

struct Make;
impl Capability for Make {
    type Input = Nothing;
    type Output = Things;
    const SPEC: Spec = Spec::create(
        "probe_make",
        Domain::System,
        Route::post("/probe/made"),
        Permit::Own,
        "Makes nothing, with an id.",
    );

    async fn run(_: &Cx, _: Nothing) -> Result<Things, Fault> {
        Ok(Things { id: Some("a/b".to_owned()), count: None, on: None, tags: None, text: None })
    }
}

struct Drop_;
impl Capability for Drop_ {
    type Input = Things;
    type Output = Empty;
    const SPEC: Spec =
        Spec::remove("probe_drop", Domain::System, Route::delete("/probe/made/{id}"), Permit::Own, "Removes nothing.");

    async fn run(_: &Cx, _: Things) -> Result<Empty, Fault> {
        Ok(Empty {})
    }
}

struct Ask;
impl Capability for Ask {
    type Input = Things;
    type Output = Value;
    const SPEC: Spec =
        Spec::change("probe_ask", Domain::System, Route::post("/probe/ask"), Permit::Own, "Asks for a colour.");

    async fn run(cx: &Cx, input: Things) -> Result<Value, Fault> {
        let schema = json!({ "type": "object", "properties": { "colour": { "type": "string" } } });
        let Value::Object(schema) = schema else { unreachable!() };
        let answer = cx.ask_form("colour", "Which colour?", schema).await?;
        Ok(json!({ "answer": answer, "count": input.count }))
    }
}

struct Panic;
impl Capability for Panic {
    type Input = Nothing;
    type Output = Empty;
    const SPEC: Spec = Spec::change("probe_panic", Domain::System, Route::post("/probe/panic"), Permit::Own, "Panics.");

    async fn run(_: &Cx, _: Nothing) -> Result<Empty, Fault> {
        panic!("as told")
    }
}

struct Wait;
impl Capability for Wait {
    type Input = Nothing;
    type Output = Map<String, Value>;
    const SPEC: Spec = Spec::change(
        "probe_wait",
        Domain::System,
        Route::post("/probe/wait"),
        Permit::Own,
        "Waits until it is let go.",
    );

    async fn run(cx: &Cx, _: Nothing) -> Result<Map<String, Value>, Fault> {
        let waiting = cx.service::<Waiting>()?;
        waiting.begun.add_permits(1);
        waiting.go.acquire().await.map_err(Fault::internal)?.forget();
        Ok(Map::from_iter([("waited".to_owned(), true.into())]))
    }
}

struct Tell;
impl Capability for Tell {
    type Input = Things;
    type Output = Empty;
    const SPEC: Spec =
        Spec::change("probe_tell", Domain::System, Route::post("/probe/tell"), Permit::Own, "Emits events.");

    async fn run(cx: &Cx, input: Things) -> Result<Empty, Fault> {
        for number in 0..input.count.unwrap_or(1) {
            cx.emit("probe.told", "probe", &json!({ "number": number, "text": input.text }))?;
        }
        Ok(Empty {})
    }
}

struct Items;
impl Streaming for Items {
    type Input = Things;
    type Item = Things;
    const SPEC: Spec = Spec::read(
        "probe_items",
        Domain::System,
        Route::get("/probe/items"),
        Permit::Own,
        "Counts, then fails if told.",
    );

    async fn run(
        _: &Cx,
        input: Things,
    ) -> Result<impl futures::Stream<Item = Result<Things, Fault>> + Send + 'static, Fault> {
        let items = (1..=input.count.unwrap_or(3))
            .map(|count| Ok(Things { id: None, count: Some(count), on: None, tags: None, text: None }));
        let end = input.on.unwrap_or(false).then(|| Err(Fault::new(&codes::CONFLICT, "as told")));
        Ok(futures::stream::iter(items.collect::<Vec<_>>()).chain(futures::stream::iter(end)))
    }
}

struct File;
impl Downloading for File {
    type Input = Nothing;
    const SPEC: Spec =
        Spec::read("probe_file", Domain::System, Route::get("/probe/file"), Permit::Own, "A small file.");

    async fn run(_: &Cx, _: Nothing) -> Result<Download, Fault> {
        let chunks = vec![Ok(bytes::Bytes::from_static(b"one,")), Ok(bytes::Bytes::from_static(b"two"))];
        Ok(Download {
            media_type: "text/csv".to_owned(),
            name: "größe \"1\".csv".to_owned(),
            size_bytes: Some(7),
            chunks: Box::pin(futures::stream::iter(chunks)),
        })
    }
}

/// The service that `probe_wait` waits with.
pub(crate) fn waiting() -> Arc<Waiting> {
    Arc::default()
}
