//! A session told to one owner after another.

use super::*;
use crate::kernel::clock::ManualClock;
use crate::kernel::time::Timestamp;

fn session() -> Session {
    let mut session = Session::new(Arc::new(ManualClock::at(Timestamp::from_millis(1_763_640_000_000))));
    assert!(session.begin().is_empty());
    session
}

fn line(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn read(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

fn request(id: i64, method: &str, params: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

fn answer(id: &Value) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id, "result": {} }))
}

#[test]
fn the_next_owner_is_told_how_the_session_began_and_what_is_open() {
    let mut session = session();
    let initialize = request(1, "initialize", &json!({ "protocolVersion": "2025-11-25" }));
    let initialized = line(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    assert_eq!(session.from_client(initialize.clone()).unwrap(), initialize);
    // Not answered yet: it is asked again as it was.
    assert_eq!(session.begin(), [initialize]);
    assert_eq!(session.from_owner(answer(&json!(1))).unwrap(), answer(&json!(1)));
    session.from_client(initialized.clone()).unwrap();
    for (id, method, params) in [
        (2, "logging/setLevel", json!({ "level": "info" })),
        (3, "logging/setLevel", json!({ "level": "debug" })),
        (4, "resources/subscribe", json!({ "uri": "convoke://a" })),
        (5, "resources/subscribe", json!({ "uri": "convoke://b" })),
        (6, "resources/unsubscribe", json!({ "uri": "convoke://a" })),
    ] {
        session.from_client(request(id, method, &params)).unwrap();
        session.from_owner(answer(&json!(id))).unwrap();
    }
    let open = request(7, "tools/list", &json!({}));
    session.from_client(open.clone()).unwrap();
    assert!(!session.is_quiet());

    let told = session.begin();
    let methods: Vec<Value> = told.iter().map(|line| read(line)["method"].clone()).collect();
    assert_eq!(
        methods,
        ["initialize", "notifications/initialized", "logging/setLevel", "resources/subscribe", "tools/list"]
    );
    assert_eq!(told[1], initialized);
    assert_eq!(read(&told[2])["params"]["level"], "debug");
    assert_eq!(read(&told[3])["params"]["uri"], "convoke://b");
    assert_eq!(told[4], open);
    for repeated in [&told[0], &told[2], &told[3]] {
        assert_eq!(session.from_owner(answer(&read(repeated)["id"])), None);
    }
    assert!(session.from_owner(answer(&json!(7))).is_some());
    assert!(session.is_quiet());
}

#[test]
fn what_is_said_while_there_is_no_owner_is_told_to_the_next_in_its_order() {
    let mut session = session();
    let initialize = request(1, "initialize", &json!({ "protocolVersion": "2025-11-25" }));
    let initialized = line(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let list = request(2, "tools/list", &json!({}));
    let said = [initialize, initialized.clone(), b"not json".to_vec(), list];
    for line in said.clone() {
        session.keep(line);
    }
    assert_eq!(session.kept(), said.len());
    assert_eq!(session.begin(), said);
    assert!(session.from_owner(answer(&json!(1))).is_some());
    // What was no request is told once; that the session began is told each owner, also where it was said between two.
    session.keep(initialized.clone());
    session.keep(line(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 2 } })));
    let told = session.begin();
    let methods: Vec<Value> = told.iter().map(|line| read(line)["method"].clone()).collect();
    assert_eq!(methods[..2], ["initialize", "notifications/initialized"]);
    assert!(!told.contains(&said[2]) && !told.contains(&said[3]), "{methods:?}");
}

#[test]
fn a_call_carries_one_key_over_all_owners() {
    let mut session = session();
    let call = request(1, "tools/call", &json!({ "name": "x", "arguments": { "n": 1 } }));
    let sent = session.from_client(call).unwrap();
    let key = read(&sent)["params"]["_meta"][IDEMPOTENCY_KEY].clone();
    assert!(key.is_string());
    assert_eq!(session.begin(), std::slice::from_ref(&sent));
    let other = session.from_client(request(2, "tools/call", &json!({ "name": "x" }))).unwrap();
    assert_ne!(read(&other)["params"]["_meta"][IDEMPOTENCY_KEY], key);
    let given = request(3, "tools/call", &json!({ "name": "x", "_meta": { IDEMPOTENCY_KEY: "mine" } }));
    assert_eq!(session.from_client(given.clone()).unwrap(), given);

    let cancelled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
    session.from_client(line(&cancelled)).unwrap();
    assert_eq!(session.begin(), [other, given]);
    let problem = crate::kernel::fault::Fault::not_found("owner", "x").problem("1");
    let told: Vec<Value> = session.give_up(&problem).iter().map(|line| read(line)["id"].clone()).collect();
    assert_eq!(told, [2, 3]);
    assert!(session.is_quiet());
}

#[test]
fn answers_go_to_the_owner_that_asked() {
    let mut session = session();
    let asked = session.from_owner(request(0, "elicitation/create", &json!({}))).unwrap();
    let id = read(&asked)["id"].clone();
    assert_eq!(read(&session.from_client(answer(&id)).unwrap())["id"], 0);
    let withdrawn = line(&json!({ "method": "notifications/cancelled", "params": { "requestId": 0 } }));
    assert_eq!(read(&session.from_owner(withdrawn).unwrap())["params"]["requestId"], id);
    session.begin();
    assert_eq!(session.from_client(answer(&id)), None);
}

#[test]
fn progress_never_goes_back() {
    let mut session = session();
    let call = json!({ "name": "x", "_meta": { "progressToken": "t" } });
    session.from_client(request(1, "tools/call", &call)).unwrap();
    let progress = |done: f64| {
        let params = json!({ "progressToken": "t", "progress": done });
        line(&json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params }))
    };
    assert!(session.from_owner(progress(1.0)).is_some());
    assert!(session.from_owner(progress(2.0)).is_some());
    session.begin();
    assert!(session.from_owner(progress(1.0)).is_none());
    assert!(session.from_owner(progress(3.0)).is_some());
    session.from_owner(answer(&json!(1)));
    assert!(session.from_owner(progress(1.0)).is_some());
}

#[test]
fn what_is_no_message_is_left_to_the_owner() {
    let mut session = session();
    for text in ["not json", "[]", "{\"jsonrpc\":\"2.0\"}", "{\"id\":null,\"error\":{}}"] {
        assert_eq!(session.from_client(text.as_bytes().to_vec()).unwrap(), text.as_bytes());
        assert_eq!(session.from_owner(text.as_bytes().to_vec()).unwrap(), text.as_bytes());
    }
    assert!(session.begin().is_empty());
}

#[test]
fn a_stream_of_notices_keeps_no_client_that_is_gone() {
    let mut session = session();
    session.from_client(request(1, "subscriptions/listen", &json!({})));
    assert!(session.is_quiet());
    session.from_client(request(2, "tools/list", &json!({})));
    assert!(!session.is_quiet());
    // While the client is there, the next owner is told of it.
    assert_eq!(session.begin().len(), 2);
    session.from_owner(answer(&json!(2)));
    assert!(session.is_quiet());
}

#[test]
fn an_id_is_the_same_however_it_is_written() {
    let mut session = session();
    let asked = br#"{"jsonrpc":"2.0","id":"a\/b\u0063","method":"ping"}"#.to_vec();
    session.from_client(asked).unwrap();
    assert!(!session.is_quiet());
    session.from_owner(answer(&json!("a/bc"))).unwrap();
    assert!(session.is_quiet(), "the answer closes the request");
    assert!(session.begin().is_empty());
}
