//! `system_reindex` and `convoke reindex`: the index of vectors filled anew from the store, while it is searched.

use std::process::{Command, Stdio};
use std::time::Duration;

use convoke::domain::memory::retrieval::working::Worker;
use convoke::port::records::{Kind, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step};
use convoke::port::vectors::{Change, Index, Reached};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ada, code, fact};
use crate::support::app::TestApp;
use crate::support::program::program;

/// As long as the question: the scripted vendor takes them to mean alike.
const ALIKE: &str = "Anna is fond of green tea leaves";
const QUESTION: &str = "Which beverages does he consume?";

async fn app() -> TestApp {
    TestApp::start_with(|settings| "test/vectors".clone_into(&mut settings.config.embeddings.model)).await
}

async fn embed(app: &TestApp) {
    Worker::new(app.app.platform().clone()).round().await.unwrap();
}

async fn reindex(app: &TestApp, input: Value) -> Value {
    app.call(&app.admin, "system_reindex", input).await.unwrap()
}

/// What Ada finds by the question.
async fn found(app: &TestApp) -> Vec<String> {
    super::texts(app, json!({ "query": QUESTION, "scope": "user" })).await
}

fn embedding_kind() -> &'static Kind {
    convoke::domain::memory::MODULE.kinds.iter().find(|kind| kind.name == "embedding").unwrap()
}

#[tokio::test]
async fn an_index_that_finds_wrongly_finds_rightly_again() {
    let app = app().await;
    let none = json!({ "state": "none", "read": 0, "of": 0, "takenUp": false });
    assert_eq!(reindex(&app, json!({ "watch": true })).await, none);
    let memory = fact(&app, ALIKE).await["memory"]["memoryId"].clone();
    embed(&app).await;
    let index = app.app.platform().service::<Index>().unwrap().0.clone();
    let id: Uuid = memory.as_str().unwrap().parse().unwrap();
    // Nobody told the index so.
    let gone = Change::Remove { tenant: app.member.tenant, of: "memory".into(), id };
    index.take(vec![gone], None).await.unwrap();
    assert_eq!(found(&app).await, Vec::<String>::new());
    let done = json!({ "state": "complete", "read": 1, "of": 1, "takenUp": false });
    assert_eq!(reindex(&app, json!({})).await, done);
    assert_eq!(found(&app).await, [ALIKE]);
    assert_eq!(reindex(&app, json!({ "watch": true })).await, done);
    // It goes on from where it is now.
    ada(&app, "memory_forget", json!({ "id": memory })).await.unwrap();
    assert_eq!(found(&app).await, Vec::<String>::new());
    assert_eq!(reindex(&app, json!({})).await["read"], 0);
}

#[tokio::test]
async fn what_was_broken_off_is_gone_on_with_and_what_changed_meanwhile_is_there() {
    let app = app().await;
    let mut memories = Vec::new();
    for number in 0..4 {
        memories.push(fact(&app, &format!("Memory {number} of something else")).await["memory"]["memoryId"].clone());
    }
    embed(&app).await;
    let platform = app.app.platform().clone();
    let index = platform.service::<Index>().unwrap().0.clone();
    let from = index.mark().await.unwrap().unwrap();
    // Half of it was read by a process that is gone: of these, ids below the middle.
    let half = Uuid::from_u128(u128::MAX / 2);
    index.take_next(Vec::new(), Reached { from, after: None, read: 0 }).await.unwrap();
    index.take_next(Vec::new(), Reached { from, after: Some(half), read: 10 }).await.unwrap();
    fact(&app, ALIKE).await;
    embed(&app).await;
    ada(&app, "memory_forget", json!({ "id": memories[0] })).await.unwrap();
    let done = reindex(&app, json!({})).await;
    assert_eq!((&done["state"], &done["takenUp"]), (&json!("complete"), &json!(true)), "{done}");
    // What came after it was begun is there, whether it was read or not.
    assert_eq!(found(&app).await[0], ALIKE);
    let last = index.mark().await.unwrap().unwrap();
    assert!(last > from, "{last} {from}");
    // One that was begun in another time of the store is begun anew.
    index.take_next(Vec::new(), Reached { from: last + 9, after: None, read: 0 }).await.unwrap();
    index.take_next(Vec::new(), Reached { from: last + 9, after: Some(half), read: 10 }).await.unwrap();
    let done = reindex(&app, json!({})).await;
    assert_eq!(done, json!({ "state": "complete", "read": 4, "of": 4, "takenUp": false }));
    assert_eq!(index.fullness().await.unwrap().points, 4);
}

#[tokio::test]
async fn it_is_the_operators_and_needs_an_embedder() {
    let app = TestApp::start().await;
    let refused = app.call(&app.admin, "system_reindex", json!({})).await;
    assert_eq!(code(&refused), "no_embedder");
    assert!(refused.unwrap_err().to_string().contains("embeddings.model"));
    assert_eq!(code(&app.call(&app.member, "system_reindex", json!({})).await), "forbidden");
    assert_eq!(code(&app.call(&app.stranger, "system_reindex", json!({ "watch": true })).await), "forbidden");
}

/// Many vectors of nothing in particular, beside no documents.
async fn many(app: &TestApp, count: u128) {
    let platform = app.app.platform();
    let vector = "AACAPwAAAAAAAAAA";
    let put = |number: u128| {
        // Spread as digests are.
        let id = Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let body = json!({ "of": "memory", "thing": Uuid::from_u128(number), "part": "tenant", "embedder": "test/vectors",
            "size": 3, "digest": "", "vector": vector });
        let (kind, visibility) = (embedding_kind(), Visibility::Private);
        Step::Put(Put { kind, id, expect: Expect::Anything, owner: None, workspace: None, visibility, body })
    };
    for first in (0..count).step_by(500) {
        let steps = (first..first + 500).map(put).collect();
        let batch = Batch { tenant: app.admin.tenant, at: platform.clock.now(), steps };
        platform.store.commit(vec![batch]).await.unwrap();
    }
}

#[tokio::test]
async fn the_command_goes_on_after_it_was_killed() {
    const MANY: u128 = 10_000;
    let app = app().await;
    // An index that was never filled would be filled by itself.
    fact(&app, ALIKE).await;
    embed(&app).await;
    many(&app, MANY).await;
    app.app.close(Duration::from_secs(5)).await;
    let command = |data: &std::path::Path| {
        let mut command = Command::new(program());
        command.env_clear().env("HOME", data).env("CONVOKE_DATA", data).current_dir(data);
        command.args(["--set", "embeddings.model=test/vectors", "--set", "limits.call_seconds=1", "reindex"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut child = command(app.data()).spawn().unwrap();
    let reached = app.data().join("vectors/generation-1/reached.json");
    let read = || {
        let text = std::fs::read_to_string(&reached).ok()?;
        serde_json::from_str::<Value>(&text).ok()?["read"].as_u64()
    };
    while read().unwrap_or_default() < 1_000 {
        assert!(child.try_wait().unwrap().is_none(), "{:?}", child.wait_with_output());
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = read().unwrap();
    assert!(before < 10_000, "it was not killed in time");
    let ended = command(app.data()).output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{errors}");
    let done: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(done, json!({ "state": "complete", "read": 10_001, "of": 10_001, "takenUp": true }));
    // Nobody looks on: the first line tells how far it was.
    assert!(errors.contains(" of 10001 vectors read"), "{errors}");
    let first: u64 = errors.lines().find_map(|line| line.split_once(" of 10001")?.0.parse().ok()).unwrap();
    assert!(first >= 1_000, "{errors}");
    let app = app.open_again_with(|settings| settings.config.embeddings.model = "test/vectors".to_owned()).await;
    let index = app.app.platform().service::<Index>().unwrap().0.clone();
    assert_eq!(index.fullness().await.unwrap().points, 10_001);
}
