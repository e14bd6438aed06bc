//! Calls that are made once, later, or with answers.

use http::Method;
use serde_json::{Value, json};

use crate::doors::served::{Served, header, json as read, problem, told};

#[tokio::test]
async fn a_key_makes_a_call_once() {
    let served = Served::start().await;
    let make = |email: &str| served.post("/users", &json!({ "email": email })).header("idempotency-key", "\"one\"");
    let first = make("once@example.org").send().await.unwrap();
    assert_eq!((first.status().as_u16(), header(&first, "idempotency-replayed")), (201, ""));
    let again = make("once@example.org").send().await.unwrap();
    assert_eq!((again.status().as_u16(), header(&again, "idempotency-replayed")), (201, "true"));
    assert_eq!(read(first).await, read(again).await);
    assert_eq!(problem(make("other@example.org")).await, (422, "idempotency_key_reused".to_owned()));
}

#[tokio::test]
async fn a_call_goes_on_after_its_request() {
    let served = Served::start().await;
    let later = served.post("/probe/wait", &json!({})).header("prefer", "respond-async, wait=1").send().await.unwrap();
    assert_eq!(later.status(), 202);
    assert_eq!(header(&later, "preference-applied"), "respond-async");
    let place = header(&later, "location").strip_prefix("/api/v1").unwrap().to_owned();
    assert_eq!(read(later).await["state"], "running");
    served.waiting.begun.acquire().await.unwrap().forget();
    for other in [&served.app.member, &served.app.stranger] {
        let theirs = served.request(other, Method::GET, &place);
        assert_eq!(problem(theirs).await, (404, "not_found".to_owned()));
    }
    served.waiting.go.add_permits(1);
    let ended = until(&served, &place, "done").await;
    assert_eq!((&ended["result"], &ended["tool"]), (&json!({ "waited": true }), &json!("probe_wait")));
    assert_eq!(problem(served.bare(Method::GET, &format!("/api/v1{place}"))).await.0, 401);
    assert_eq!(problem(served.get("/calls/made-up")).await, (404, "not_found".to_owned()));
    assert_eq!(problem(served.post(&place, &json!({}))).await, (405, "method_not_allowed".to_owned()));
}

#[tokio::test]
async fn a_call_that_goes_on_can_be_called_off() {
    let served = Served::start().await;
    let later = served.post("/probe/wait", &json!({})).header("prefer", "respond-async").send().await.unwrap();
    let place = header(&later, "location").strip_prefix("/api/v1").unwrap().to_owned();
    served.waiting.begun.acquire().await.unwrap().forget();
    assert_eq!(told(served.post(&format!("{place}/cancel"), &json!({}))).await.0, 200);
    let ended = until(&served, &place, "cancelled").await;
    assert_eq!(ended["problem"]["code"], "cancelled");
}

#[tokio::test]
async fn a_call_that_goes_on_takes_answers() {
    let served = Served::start().await;
    let later =
        served.post("/probe/ask", &json!({ "count": 4 })).header("prefer", "respond-async").send().await.unwrap();
    let place = header(&later, "location").strip_prefix("/api/v1").unwrap().to_owned();
    let waits = until(&served, &place, "waiting").await;
    assert_eq!(waits["questions"]["colour"]["message"], "Which colour?");
    let answer = json!({ "answers": { "colour": { "action": "accept", "content": { "colour": "red" } } } });
    assert_eq!(told(served.post(&format!("{place}/answers"), &answer)).await.0, 202);
    let ended = until(&served, &place, "done").await;
    assert_eq!(ended["result"], json!({ "answer": answer["answers"]["colour"], "count": 4 }));
}

#[tokio::test]
async fn a_call_is_made_again_with_answers() {
    let served = Served::start().await;
    let (status, asked) = told(served.post("/probe/ask", &json!({ "count": 4 }))).await;
    assert_eq!((status, asked["code"].as_str()), (422, Some("input_required")));
    assert_eq!(asked["data"]["questions"]["colour"]["message"], "Which colour?");
    let state = asked["data"]["requestState"].as_str().unwrap();
    let resume = |state: &str| json!({ "requestState": state, "answers": { "colour": { "action": "decline" } } });
    let answered = told(served.post("/calls/resume", &resume(state))).await;
    assert_eq!(answered, (200, json!({ "answer": { "action": "decline" }, "count": 4 })));
    // The state is good for one call: sent again, it is answered as it was, whatever the answers are now.
    let audited = served.app.ledger().await.audit;
    let again = json!({ "requestState": state, "answers": { "colour": { "action": "cancel" } } });
    assert_eq!(told(served.post("/calls/resume", &again)).await, answered);
    assert_eq!(served.app.ledger().await.audit, audited, "it did not run again");

    let bad = (400, "bad_request_state".to_owned());
    let mut tampered = state.to_owned();
    tampered.replace_range(40..41, if &state[40..41] == "A" { "B" } else { "A" });
    for wrong in [tampered.as_str(), "made-up", ""] {
        assert_eq!(problem(served.post("/calls/resume", &resume(wrong))).await, bad, "{wrong}");
    }
    let other = served.request(&served.app.member, Method::POST, "/calls/resume").json(&resume(state));
    assert_eq!(problem(other).await, bad);
    served.app.clock.advance(std::time::Duration::from_secs(601));
    assert_eq!(problem(served.post("/calls/resume", &resume(state))).await, bad);
    assert_eq!(problem(served.post("/calls/resume", &json!({}))).await, (400, "bad_input".to_owned()));
}

/// How a call stands once it is in a state.
async fn until(served: &Served, place: &str, state: &str) -> Value {
    loop {
        let (status, standing) = told(served.get(place)).await;
        assert_eq!(status, 200, "{standing}");
        if standing["state"] == state {
            return standing;
        }
        assert_eq!(standing["state"], "running", "{standing}");
        tokio::task::yield_now().await;
    }
}
