//! `feedback_submit`: to which version an answer is tied, and what does not fit.

use convoke::kernel::codes;
use serde_json::{Value, json};

use super::{ada, code, split};
use crate::support::app::TestApp;

fn rated() -> Value {
    json!({ "accuracy": 0.5 })
}

/// What a session was shown is what its feedback is of, whatever the label stands for later.
#[tokio::test]
async fn feedback_is_tied_to_the_version_that_a_session_was_shown() {
    let app = TestApp::start().await;
    split(&app).await;
    let mut seen = std::collections::BTreeSet::new();
    let mut made = Vec::new();
    for session in 0..12 {
        let input = json!({ "id": "hello", "variables": { "who": "Ada" }, "session": format!("s{session}") });
        let shown = ada(&app, "prompt_assemble", input).await.unwrap();
        seen.insert(shown["version"].as_str().unwrap().to_owned());
        made.push((format!("s{session}"), shown));
    }
    assert_eq!(seen.len(), 2, "both versions are shown");
    ada(&app, "prompt_publish", json!({ "id": "hello", "version": "1.1.0", "labels": [{ "label": "production" }] }))
        .await
        .unwrap();
    for (session, shown) in &made {
        let input = json!({ "promptId": "hello", "session": session, "feedback": rated() });
        let told = ada(&app, "feedback_submit", input).await.unwrap();
        assert_eq!((&told["version"], &told["versionFrom"]), (&shown["version"], &json!("session")));
        let input = json!({ "promptId": "Hello", "exposureId": shown["exposureId"], "feedback": rated() });
        let told = ada(&app, "feedback_submit", input).await.unwrap();
        assert_eq!((&told["version"], &told["versionFrom"]), (&shown["version"], &json!("exposure")));
        assert_eq!(told["digest"], shown["digest"]);
    }
    // Of a session that was shown nothing, it is what the label stands for.
    let input = json!({ "promptId": "hello", "session": "another", "feedback": rated() });
    let told = ada(&app, "feedback_submit", input).await.unwrap();
    assert_eq!((&told["version"], &told["versionFrom"]), (&json!("1.1.0"), &json!("label")));
    let input = json!({ "promptId": "hello", "version": "1.0.0", "session": "s0", "feedback": rated() });
    let told = ada(&app, "feedback_submit", input).await.unwrap();
    assert_eq!((&told["version"], &told["versionFrom"]), (&json!("1.0.0"), &json!("named")));
}

#[tokio::test]
async fn what_is_recorded_of_an_execution_fills_in_the_rest() {
    let app = TestApp::start().await;
    split(&app).await;
    let input = json!({
        "model": "test/large", "prompt": "x", "execution": "exec-7", "agent": "scribe", "promptVersion": "hello@1.0.0",
    });
    ada(&app, "model_complete", input).await.unwrap();
    let told = ada(&app, "feedback_submit", json!({ "executionId": "exec-7", "feedback": rated() })).await.unwrap();
    assert_eq!((&told["agentId"], &told["model"]), (&json!("scribe"), &json!("test/large")));
    let joined = (&told["promptId"], &told["version"], &told["versionFrom"]);
    assert_eq!(joined, (&json!("hello"), &json!("1.0.0"), &json!("execution")));
    // What the caller says goes before it; of another prompt the execution says nothing.
    let input =
        json!({ "executionId": "exec-7", "agentId": "critic", "promptId": "welcome-mail", "feedback": rated() });
    let told = ada(&app, "feedback_submit", input).await.unwrap();
    assert_eq!((&told["agentId"], &told["promptId"]), (&json!("critic"), &json!("welcome-mail")));
    assert_eq!((&told["versionFrom"], &told["model"]), (&json!("label"), &json!("test/large")));
    // Of one that nothing is recorded of, it is what the caller says.
    let input = json!({ "executionId": "exec-8", "agentId": "scribe", "feedback": { "notes": "slow" } });
    let told = ada(&app, "feedback_submit", input).await.unwrap();
    assert_eq!((&told["promptId"], &told["score"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn what_says_nothing_or_does_not_fit_is_refused() {
    let app = TestApp::start().await;
    let submit = |input: Value| ada(&app, "feedback_submit", input);
    let said = json!({ "agentId": "a", "feedback": { "actualOutput": "x" } });
    assert_eq!(code(&submit(said).await), "feedback_empty");
    assert_eq!(code(&submit(json!({ "feedback": rated() })).await), "feedback_empty");
    for (input, pointer) in [
        (json!({ "agentId": "a", "feedback": { "accuracy": 1.5 } }), "/feedback/accuracy"),
        (json!({ "agentId": "a", "feedback": { "userSatisfaction": 0 } }), "/feedback/userSatisfaction"),
        (json!({ "agentId": "a", "feedback": { "stars": 5 } }), "/feedback/stars"),
        (json!({ "agentId": "a", "version": "1.0.0", "feedback": rated() }), "/version"),
        (json!({ "agentId": "a" }), "/feedback"),
    ] {
        let refused = submit(input.clone()).await.unwrap_err();
        assert!(refused.places().iter().any(|place| place.pointer == pointer), "{input}: {refused:?}");
    }
    for input in [
        json!({ "promptId": "gone", "feedback": rated() }),
        json!({ "promptId": "welcome-mail", "version": "9.0.0", "feedback": rated() }),
        json!({ "promptId": "welcome-mail", "exposureId": "0192f0c1-0000-7000-8000-0000000000aa", "feedback": rated() }),
    ] {
        assert!(submit(input.clone()).await.unwrap_err().is(&codes::NOT_FOUND), "{input}");
    }
    let untouched = app.call(&app.nobody, "feedback_submit", json!({ "agentId": "a", "feedback": rated() })).await;
    assert_eq!(code(&untouched), "forbidden");
}

/// What people wrote stands in no audit entry and in no event.
#[tokio::test]
async fn what_people_wrote_stays_where_it_is() {
    let app = TestApp::start().await;
    let mut events = app.app.platform().hear();
    let input = json!({ "agentId": "a", "feedback": { "notes": "a secret remark", "accuracy": 1 } });
    let told = ada(&app, "feedback_submit", input).await.unwrap();
    let event = events.recv().await.unwrap();
    assert_eq!((event.topic.as_str(), &event.data["feedbackId"]), ("feedback.submitted", &told["feedbackId"]));
    assert!(!serde_json::to_string(&*event).unwrap().contains("secret remark"));
    let entries = app.call(&app.admin, "audit_query", json!({ "action": "feedback_submit" })).await.unwrap();
    assert_eq!(entries["items"].as_array().unwrap().len(), 1);
    assert!(!entries.to_string().contains("secret remark"), "{entries}");
}
