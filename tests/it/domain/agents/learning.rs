//! An interaction becomes feedback, facts, lessons and weights, once.

use serde_json::{Value, json};

use super::{call, calls, register, said, status};
use crate::support::app::{Person, TestApp};
use crate::support::scripted::Act;

async fn learn(app: &TestApp, person: &Person, input: Value) -> Value {
    app.call(person, "agent_learn", input).await.unwrap()
}

async fn clerk(app: &TestApp, more: Value) {
    register(app, &app.member, "Clerk", more).await;
}

async fn memory(app: &TestApp, id: &Value) -> Value {
    app.call(&app.member, "memory_get", json!({ "id": id })).await.unwrap()
}

#[tokio::test]
async fn an_interaction_is_learned_of_once() {
    let app = TestApp::start().await;
    clerk(&app, json!({ "memory": {} })).await;
    let input = json!({
        "id": "Clerk", "interactionId": "i-1", "input": "When is the reading room open?", "output": "Always.", "topic": "Opening Hours",
        "feedback": { "accuracy": 0.2, "correction": "Every day but Monday." },
        "facts": [{ "subject": "Reading Room", "subjectType": "Place", "relation": "closed_on", "object": "Monday", "quote": "every day but Monday" }],
        "lessons": [{ "text": "Say first on which days the reading room is closed.", "importance": 0.7 }, { "text": "Name the source of opening hours." }],
    });
    let told = learn(&app, &app.member, input.clone()).await;
    assert_eq!((&told["repeated"], &told["score"], &told["agentId"]), (&json!(false), &json!(0.2), &json!("clerk")));
    assert_eq!(
        told["standing"],
        json!({ "interactions": 1, "rated": 1, "score": 0.2, "topics": [{ "name": "opening hours", "rated": 1, "score": 0.2 }] })
    );
    // Feedback beside all other.
    let feedback = app.call(&app.member, "feedback_query", json!({ "agentId": "clerk" })).await.unwrap();
    assert_eq!(
        (&feedback["items"][0]["feedbackId"], &feedback["items"][0]["feedback"]["correction"]),
        (&told["feedbackId"], &json!("Every day but Monday."))
    );
    // Facts in the graph, lessons in the agent's memory, each with where it comes from.
    let room = app.call(&app.member, "graph_get", json!({ "id": told["facts"][0]["from"] })).await.unwrap();
    assert_eq!(
        (&room["name"], &room["type"], &room["relations"][0]["type"]),
        (&json!("Reading Room"), &json!("Place"), &json!("closed_on"))
    );
    let origin = &room["relations"][0]["provenance"][0];
    assert_eq!((&origin["source"], origin.get("extracted")), (&json!("interaction://clerk/i-1"), None));
    assert_eq!(told["lessons"].as_array().unwrap().len(), 2);
    let lesson = memory(&app, &told["lessons"][0]["memoryId"]).await;
    assert_eq!(
        (&lesson["kind"], &lesson["scope"], &lesson["scopeId"]),
        (&json!("procedure"), &json!("agent"), &json!("clerk"))
    );
    assert_eq!(
        (&lesson["trust"], &lesson["importance"], &lesson["sources"][0]["uri"]),
        (&json!("stated"), &json!(0.7), &json!("interaction://clerk/i-1"))
    );
    // The agent is reminded of it.
    let answer = app
        .call(
            &app.member,
            "agent_invoke",
            json!({ "id": "clerk", "prompt": "On which days is the reading room closed?" }),
        )
        .await
        .unwrap();
    assert!(answer["recalled"]["memoryIds"].as_array().unwrap().contains(&told["lessons"][0]["memoryId"]));
    // The same again is answered as it was; another one under its id is refused.
    let again = learn(&app, &app.member, input.clone()).await;
    assert_eq!(
        (&again["repeated"], &again["lessons"], &again["facts"], &again["feedbackId"]),
        (&json!(true), &told["lessons"], &told["facts"], &told["feedbackId"])
    );
    assert_eq!(again["standing"]["interactions"], 1);
    let count = app.call(&app.member, "feedback_query", json!({ "agentId": "clerk" })).await.unwrap()["items"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(count, 1);
    let mut other = input.clone();
    other["feedback"]["accuracy"] = json!(1);
    assert_eq!(app.call(&app.member, "agent_learn", other).await.unwrap_err().code().name, "interaction_differs");
    // Somebody else's interaction of that name is another one, and their standing counts their own.
    let theirs = json!({ "id": "clerk", "interactionId": "i-1", "feedback": { "userSatisfaction": 5 } });
    let theirs = learn(&app, &app.admin, theirs).await;
    assert_eq!((&theirs["repeated"], &theirs["standing"]["interactions"]), (&json!(false), &json!(2)));
    assert_eq!(learn(&app, &app.member, input).await["standing"]["score"], 0.6);
}

#[tokio::test]
async fn what_a_run_was_reminded_of_matters_more_or_less_from_then_on() {
    let app = TestApp::start().await;
    clerk(&app, json!({ "memory": {}, "tools": { "names": ["user_me"] } })).await;
    let store = |text: &str, scope: &str| json!({ "text": text, "scope": scope, "scopeId": (scope == "agent").then_some("clerk"), "kind": "procedure" });
    let own = app
        .call(&app.member, "memory_store", store("Answer questions of tea with the name of the tea", "agent"))
        .await
        .unwrap();
    let (own, user) = (own["memory"]["memoryId"].clone(), store("Tea is drunk at four", "user"));
    let user = app.call(&app.member, "memory_store", user).await.unwrap()["memory"]["memoryId"].clone();
    let run = async |prompt: &str| {
        app.vendor.tell("large", [calls(&[call("c1", "user_me", json!({}))]), said("Green tea.")]);
        app.call(&app.member, "agent_invoke", json!({ "id": "clerk", "prompt": prompt })).await.unwrap()
    };
    let first = run("Which tea?").await;
    assert_eq!(first["recalled"]["memoryIds"].as_array().unwrap().len(), 2);
    let rate = |number: u32, execution: &Value, accuracy: f64| {
        json!({
            "id": "clerk", "interactionId": format!("i-{number}"), "executionId": execution, "feedback": { "accuracy": accuracy },
        })
    };
    let told = learn(&app, &app.member, rate(1, &first["executionId"], 0.9)).await;
    assert_eq!(told["weighed"], json!([{ "memoryId": own, "before": 0.5, "after": 0.55 }]));
    assert_eq!(memory(&app, &own).await["importance"], 0.55);
    assert_eq!(memory(&app, &user).await["importance"], 0.5);
    // A run counts once, whatever it is called; one that was neither good nor bad changes nothing.
    assert_eq!(learn(&app, &app.member, rate(2, &first["executionId"], 1.0)).await["weighed"], json!([]));
    let second = run("Which tea now?").await;
    assert_eq!(learn(&app, &app.member, rate(3, &second["executionId"], 0.5)).await["weighed"], json!([]));
    let third = run("Which tea then?").await;
    let told = learn(&app, &app.member, rate(4, &third["executionId"], 0.0)).await;
    assert_eq!(told["weighed"], json!([{ "memoryId": own, "before": 0.55, "after": 0.45 }]));
    assert_eq!(told["standing"]["tools"], json!([{ "name": "user_me", "rated": 4, "score": 0.6 }]));
    // Five ratings are a part of the agent's score.
    let rated = |told: &Value| {
        let parts = told["performance"]["parts"].as_array().unwrap();
        parts.iter().find(|part| part["name"] == "rated").cloned()
    };
    assert_eq!(rated(&status(&app, &app.member, "clerk", &Value::Null).await), None);
    learn(&app, &app.member, json!({ "id": "clerk", "interactionId": "i-5", "feedback": { "accuracy": 0.1 } })).await;
    let part = rated(&status(&app, &app.member, "clerk", &Value::Null).await).unwrap();
    assert_eq!((&part["value"], &part["of"], &part["weight"]), (&json!(0.5), &json!(5), &json!(0.5)));
    let metrics = app.call(&app.member, "agent_metrics", json!({ "id": "clerk" })).await.unwrap();
    assert_eq!((&metrics["learned"]["rated"], &metrics["learned"]["score"]), (&json!(5), &json!(0.5)));
    // Somebody else's run is not told.
    let theirs = app.call(&app.admin, "agent_invoke", json!({ "id": "clerk", "prompt": "Tea?" })).await.unwrap();
    let fault = app.call(&app.member, "agent_learn", rate(6, &theirs["executionId"], 1.0)).await.unwrap_err();
    assert_eq!(fault.code().name, "not_found");
}

#[tokio::test]
async fn a_model_draws_out_what_the_interaction_bears_out() {
    let app = TestApp::start().await;
    clerk(&app, json!({ "memory": {} })).await;
    let drawn = json!({
        "facts": [
            { "subject": "Dora Lind", "subjectType": "Person", "relation": "works at", "object": "Alder Works", "quote": "Dora Lind works at Alder Works" },
            { "subject": "Mallory", "relation": "owns", "object": "Alder Works", "quote": "Mallory owns Alder Works" },
        ],
        "lessons": ["Name the landlord when asked about the lease."],
    });
    app.vendor.tell("small", [Act::Say(drawn.to_string().leak(), None)]);
    let input = json!({
        "id": "clerk", "interactionId": "i-1", "extract": true, "model": "test/small", "input": "Who is Dora?",
        "output": "Dora Lind works at Alder Works.", "feedback": { "notes": "You forgot the landlord." }, "untrusted": true,
    });
    let told = learn(&app, &app.member, input.clone()).await;
    assert_eq!((&told["model"], &told["dropped"], told.get("score")), (&json!("test/small"), &json!(1), None));
    assert_eq!((told["facts"].as_array().unwrap().len(), told["lessons"].as_array().unwrap().len()), (1, 1));
    let dora = app.call(&app.member, "graph_get", json!({ "id": told["facts"][0]["from"] })).await.unwrap();
    let extracted = &dora["relations"][0]["provenance"][0]["extracted"];
    assert_eq!(
        (&extracted["method"], &extracted["model"], &extracted["trust"]),
        (&json!("model"), &json!("test/small"), &json!("untrusted"))
    );
    let lesson = memory(&app, &told["lessons"][0]["memoryId"]).await;
    assert_eq!(lesson["trust"], "untrusted");
    // So the agent is not reminded of it.
    let answer = app
        .call(&app.member, "agent_invoke", json!({ "id": "clerk", "prompt": "Who is the landlord of the lease?" }))
        .await
        .unwrap();
    assert_eq!(answer["recalled"]["memoryIds"], json!([]));
    // Neither is the model asked again for the same.
    let before = app.vendor.asked().len();
    assert_eq!(learn(&app, &app.member, input).await["repeated"], true);
    assert_eq!(app.vendor.asked().len(), before);
}

#[tokio::test]
async fn what_cannot_be_learned_says_why() {
    let app = TestApp::start().await;
    clerk(&app, json!({})).await;
    let refused = async |person: &Person, more: Value| {
        let mut input = json!({ "id": "clerk", "interactionId": "x" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.call(person, "agent_learn", input).await.unwrap_err()
    };
    assert_eq!(refused(&app.member, json!({})).await.code().name, "nothing_to_learn");
    let rated = json!({ "feedback": { "accuracy": 1 } });
    assert_eq!(refused(&app.stranger, rated.clone()).await.code().name, "not_found");
    assert_eq!(refused(&app.nobody, rated).await.code().name, "forbidden");
    assert_eq!(refused(&app.member, json!({ "feedback": {} })).await.code().name, "feedback_empty");
    for (more, place) in [
        (json!({ "extract": true, "feedback": { "accuracy": 1 } }), "/extract"),
        (json!({ "model": "test/small", "feedback": { "accuracy": 1 } }), "/model"),
        (json!({ "feedback": { "accuracy": 2 } }), "/feedback/accuracy"),
        (json!({ "facts": [{ "subject": "a", "relation": "no type", "object": "b" }] }), "/facts/0/relation"),
        (json!({ "lessons": [{ "text": "" }] }), "/lessons/0/text"),
    ] {
        let fault = refused(&app.member, more).await;
        assert_eq!((fault.code().name, fault.places()[0].pointer.as_str()), ("bad_input", place));
    }
    let execution = json!({ "executionId": "exec-none", "feedback": { "accuracy": 1 } });
    assert_eq!(refused(&app.member, execution).await.code().name, "not_found");
    // What was refused left nothing: the id is free.
    let told =
        learn(&app, &app.member, json!({ "id": "clerk", "interactionId": "x", "feedback": { "accuracy": 1 } })).await;
    assert_eq!((&told["repeated"], &told["standing"]["interactions"]), (&json!(false), &json!(1)));
}
