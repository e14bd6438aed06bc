//! The owner's side: whom it waits for when it goes, whom it lets go, and to whom it gives the folder.

use std::sync::Arc;
use std::time::Duration;

use convoke::app::Settings;
use convoke::capability::Streaming;
use convoke::capability::caller::{Credential, Door, Origin};
use convoke::capability::cx::Cx;
use convoke::capability::gate::Gate;
use convoke::capability::permit::Permit;
use convoke::capability::row::Row;
use convoke::capability::spec::{Domain, Route, Spec};
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use convoke::runtime::owner::ends::{FromClient, ToClient};
use convoke::runtime::owner::guests::{Owner, Speak};
use convoke::runtime::owner::join::{Connection, Joined, join};
use convoke::runtime::owner::lines::write_line;
use convoke::runtime::owner::lock::{Holder, OwnerLock};
use convoke::runtime::owner::protocol::{Shown, Wish};
use convoke::runtime::owner::socket::SocketPlace;
use convoke::surface::mcp;
use futures::Stream;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::gate::fixture::{self, Probe};
use crate::support::app::TestApp;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing is asked.
#[derive(Debug, Deserialize, JsonSchema)]
struct Nothing {}

/// One of very many.
#[derive(Debug, Serialize, JsonSchema)]
struct Wet {
    /// Something to carry.
    text: String,
}

/// Answers without an end.
struct Flood;
impl Streaming for Flood {
    type Input = Nothing;
    type Item = Wet;
    const SPEC: Spec =
        Spec::read("fixture_flood", Domain::System, Route::post("/fixture/flood"), Permit::Own, "Never ends.");
    async fn run(_: &Cx, _: Nothing) -> Result<impl Stream<Item = Result<Wet, Fault>> + Send + 'static, Fault> {
        Ok(futures::stream::repeat_with(|| Ok(Wet { text: "wet".repeat(100) })))
    }
}

struct Mcp(Arc<Gate>);

impl Speak for Mcp {
    fn speak(&self, shown: Shown, reader: FromClient, writer: ToClient) -> BoxFuture<'static, ()> {
        let gate = self.0.clone();
        Box::pin(async move {
            let origin = Origin { door: Door::Stdio, address: None };
            let options = mcp::Options { toolsets: shown.toolsets, ..mcp::Options::default() };
            let cancel = CancellationToken::new();
            let served = mcp::stream::serve(gate, Credential::LocalOwner, origin, reader, writer, options, cancel);
            Box::pin(served).await.unwrap();
        })
    }
}

/// The program with the fixtures, owned by a process that runs this command.
async fn owned(command: &str) -> (TestApp, Arc<Probe>, Owner) {
    let probe = Probe::new();
    let fixtures = fixture::with(&probe);
    let app = TestApp::start_with(|settings: &mut Settings| {
        fixtures(settings);
        settings.rows.push(Row::of_stream::<Flood>());
    })
    .await;
    let lock = OwnerLock::try_take(app.app.data(), &Holder::this(command)).unwrap().unwrap();
    let speak = Arc::new(Mcp(app.app.gate().clone()));
    let owner = Owner::open(lock, SocketPlace::of(app.app.data()), app.app.gate().clone(), speak).unwrap();
    (app, probe, owner)
}

async fn guest(app: &TestApp, wish: Wish) -> Result<Connection, Fault> {
    match join(app.app.data(), &Holder::this("stdio"), &wish, PATIENCE).await? {
        Joined::Guest(connection) => Ok(connection),
        Joined::Owner(_) => panic!("the folder is owned"),
    }
}

async fn say(guest: &mut Connection, line: &Value) {
    write_line(&mut guest.writer, line.to_string().into_bytes()).await.unwrap();
}

async fn hear(guest: &mut Connection) -> Option<Value> {
    let line = timeout(PATIENCE, guest.reader.next()).await.unwrap().unwrap()?;
    Some(serde_json::from_slice(&line).unwrap())
}

/// Makes a call that stops inside.
async fn ask(guest: &mut Connection, id: u64, tool: &str) {
    let call = json!({ "tool": tool, "input": { "text": "x", "wait": true } });
    say(guest, &json!({ "id": id, "call": call })).await;
}

#[tokio::test]
async fn an_owner_that_goes_waits_for_what_writes_and_lets_go_what_reads() {
    let (app, probe, owner) = owned("stdio").await;
    let mut writing = guest(&app, Wish::Call).await.unwrap();
    ask(&mut writing, 1, "fixture_note").await;
    probe.entered().await;
    let mut reading = guest(&app, Wish::Call).await.unwrap();
    ask(&mut reading, 1, "fixture_look").await;
    probe.entered().await;
    let shown = Shown { toolsets: Some(vec!["all".to_owned()]), read_only: false };
    let mut speaking = guest(&app, Wish::Stdio(shown)).await.unwrap();
    let client = json!({ "name": "test", "version": "1" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    say(&mut speaking, &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params })).await;
    assert_eq!(hear(&mut speaking).await.unwrap()["id"], 1);
    say(&mut speaking, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    let params = json!({ "name": "fixture_look", "arguments": { "text": "x", "wait": true } });
    say(&mut speaking, &json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params })).await;
    probe.entered().await;

    let until = Instant::now() + Duration::from_hours(1);
    let drained = tokio::spawn(async move {
        owner.drain(until).await;
        owner
    });
    // The one that stopped first goes on: it writes.
    probe.let_go();
    assert_eq!(hear(&mut writing).await.unwrap()["result"]["text"], "x");
    assert_eq!(hear(&mut writing).await, None);
    // Those that only read are not answered, not even by a fault: their guests ask the next owner.
    assert_eq!(hear(&mut reading).await, None);
    assert_eq!(hear(&mut speaking).await, None);
    let owner = timeout(PATIENCE, drained).await.unwrap().unwrap();
    app.app.close(PATIENCE).await;
    assert_eq!(probe.inside(), 0);
    owner.release();
    assert!(OwnerLock::try_take(app.app.data(), &Holder::this("stdio")).unwrap().is_some());
}

#[tokio::test]
async fn a_guest_that_goes_in_the_middle_of_a_stream_is_forgotten() {
    let (app, _, owner) = owned("serve").await;
    let mut leaving = guest(&app, Wish::Call).await.unwrap();
    say(&mut leaving, &json!({ "id": 1, "call": { "tool": "fixture_flood", "input": {} } })).await;
    assert!(hear(&mut leaving).await.unwrap()["item"].is_object());
    drop(leaving);
    let forgotten = async {
        while owner.guests() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, forgotten).await.unwrap();
}

#[tokio::test]
async fn the_folder_is_handed_to_a_server_when_it_is_ready_and_never_by_one() {
    let (app, _, owner) = owned("call").await;
    // One that asks and cannot serve after all disturbs nobody.
    drop(guest(&app, Wish::Serve).await.unwrap());
    let mut server = guest(&app, Wish::Serve).await.unwrap();
    assert!(!owner.wanted().is_cancelled());
    write_line(&mut server.writer, b"now".to_vec()).await.unwrap();
    timeout(PATIENCE, owner.wanted().cancelled()).await.unwrap();

    let (app, _, owner) = owned("serve").await;
    let fault = guest(&app, Wish::Serve).await.err().unwrap();
    assert!(fault.is(&codes::OWNED), "{fault:?}");
    assert!(!owner.wanted().is_cancelled());
}
