//! Finding by meaning. The scripted vendor's vectors say how long a text is: texts of one length mean alike.

use std::time::Duration;

use convoke::domain::memory::retrieval::working::Worker;
use convoke::kernel::clock::Clock as _;
use convoke::port::logs::Keep;
use convoke::port::models::ModelFaultKind;
use convoke::port::records::{Filter, Kind, Query, Scope};
use convoke::port::vectors::Index;
use serde_json::{Value, json};

use super::{ada, fact};
use crate::support::app::TestApp;
use crate::support::scripted::fault;

/// As long as the question, and of other words.
const ALIKE: &str = "Anna is fond of green tea leaves";
const QUESTION: &str = "Which beverages does he consume?";
const SHORT: &str = "Bo rides";
const FIRST: &str = "test/vectors";
const OTHER: &str = "test/other-vectors";

async fn app() -> TestApp {
    TestApp::start_with(|settings| FIRST.clone_into(&mut settings.config.embeddings.model)).await
}

async fn embed(app: &TestApp) -> usize {
    Worker::new(app.app.platform().clone()).round().await.unwrap()
}

async fn search(app: &TestApp, query: &str) -> Value {
    ada(app, "memory_search", json!({ "query": query, "scope": "user" })).await.unwrap()
}

fn texts(found: &Value) -> Vec<&str> {
    found["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect()
}

async fn embeddings(app: &TestApp) -> usize {
    let kind: &'static Kind =
        convoke::domain::memory::MODULE.kinds.iter().find(|kind| kind.name == "embedding").unwrap();
    app.app.platform().store.find(Scope::Platform, kind, Query::newest(Filter::All, 100)).await.unwrap().len()
}

#[tokio::test]
async fn what_means_alike_is_found_without_a_word_in_common() {
    assert_eq!(ALIKE.len(), QUESTION.len());
    let app = app().await;
    fact(&app, ALIKE).await;
    fact(&app, SHORT).await;
    let before = search(&app, QUESTION).await;
    assert_eq!((texts(&before), &before["method"]), (vec![], &json!("hybrid")));
    assert_eq!(embed(&app).await, 2);
    let found = search(&app, QUESTION).await;
    assert_eq!((texts(&found)[0], &found["method"], found.get("partial")), (ALIKE, &json!("hybrid"), None));
    let why = &found["items"][0]["why"];
    assert_eq!((&why["meaningRank"], why.get("wordsRank"), &why["likeness"]), (&json!(1), None, &json!(1.0)));
    // By words and meaning before what only one of the two knows.
    let both = search(&app, "Who is it that leaves? Tell me !!").await;
    assert_eq!(texts(&both)[0], ALIKE);
    // What was embedded is not embedded again, and who asks pays.
    assert_eq!(embed(&app).await, 0);
    fact(&app, "anna is fond of green tea leaves").await;
    assert_eq!(embed(&app).await, 0);
    // Another's question does not lead here.
    let other = app.call(&app.stranger, "memory_search", json!({ "query": QUESTION })).await.unwrap();
    assert_eq!(texts(&other), Vec::<&str>::new());
    let everybody = app.call(&app.admin, "memory_search", json!({ "query": QUESTION })).await.unwrap();
    assert!(!texts(&everybody).contains(&ALIKE), "{everybody}");
}

#[tokio::test]
async fn what_is_corrected_is_found_by_what_it_says_now_and_what_is_forgotten_has_no_vector() {
    let app = app().await;
    let id = fact(&app, SHORT).await["memory"]["memoryId"].clone();
    embed(&app).await;
    ada(&app, "memory_update", json!({ "id": id, "text": ALIKE })).await.unwrap();
    embed(&app).await;
    assert_eq!(texts(&search(&app, QUESTION).await), [ALIKE]);
    assert_eq!(embeddings(&app).await, 2);
    ada(&app, "memory_forget", json!({ "id": id })).await.unwrap();
    assert_eq!(embeddings(&app).await, 0);
    assert_eq!(texts(&search(&app, QUESTION).await), Vec::<&str>::new());
    let index = app.app.platform().service::<Index>().unwrap();
    assert_eq!(index.0.fullness().await.unwrap().points, 0);
    // Forgotten before it was embedded, it never is.
    let id = fact(&app, ALIKE).await["memory"]["memoryId"].clone();
    ada(&app, "memory_forget", json!({ "id": id })).await.unwrap();
    embed(&app).await;
    assert_eq!(embeddings(&app).await, 0);
}

#[tokio::test]
async fn without_the_model_words_find_and_the_answer_says_what_it_lacks() {
    let app = app().await;
    fact(&app, ALIKE).await;
    app.vendor.tell("vectors", [fault(ModelFaultKind::Refused), fault(ModelFaultKind::Refused)]);
    assert_eq!(embed(&app).await, 1);
    assert_eq!(embeddings(&app).await, 0);
    let found = search(&app, "green tea").await;
    assert_eq!((texts(&found), &found["method"]), (vec![ALIKE], &json!("lexical")));
    assert!(found["partial"].as_str().unwrap().starts_with("not looked for by meaning: "), "{found}");
    // It waits, and is embedded later.
    assert_eq!(embed(&app).await, 0);
    app.clock.advance(Duration::from_mins(5));
    assert_eq!(embed(&app).await, 1);
    assert_eq!(texts(&search(&app, QUESTION).await), [ALIKE]);
}

#[tokio::test]
async fn an_index_that_was_lost_is_filled_anew_and_says_so_meanwhile() {
    let app = app().await;
    fact(&app, ALIKE).await;
    embed(&app).await;
    let index = app.app.platform().service::<Index>().unwrap();
    index.0.clear().await.unwrap();
    let found = search(&app, QUESTION).await;
    assert_eq!(texts(&found), Vec::<&str>::new());
    assert!(found["partial"].is_string(), "{found}");
    embed(&app).await;
    let found = search(&app, QUESTION).await;
    assert_eq!((texts(&found), found.get("partial")), (vec![ALIKE], None));
    // Also after a start.
    let app = app.open_again_with(|settings| FIRST.clone_into(&mut settings.config.embeddings.model)).await;
    assert_eq!(texts(&search(&app, QUESTION).await), [ALIKE]);
}

#[tokio::test]
async fn another_embedder_looks_through_everything_and_the_two_are_never_mixed() {
    let app = app().await;
    fact(&app, ALIKE).await;
    embed(&app).await;
    let app = app.open_again_with(|settings| OTHER.clone_into(&mut settings.config.embeddings.model)).await;
    assert_eq!(texts(&search(&app, QUESTION).await), Vec::<&str>::new());
    let worker = Worker::new(app.app.platform().clone());
    // The scene's two memories and its passage, and Ada's memory.
    assert_eq!((worker.sweep().await.unwrap(), worker.sweep().await.unwrap()), (4, 0));
    assert_eq!(embed(&app).await, 4);
    assert_eq!(texts(&search(&app, QUESTION).await), [ALIKE]);
    // Back to the first one: what it made is still there, and what it has not made is looked for.
    fact(&app, SHORT).await;
    embed(&app).await;
    let app = app.open_again_with(|settings| FIRST.clone_into(&mut settings.config.embeddings.model)).await;
    assert_eq!(texts(&search(&app, QUESTION).await), [ALIKE]);
    let worker = Worker::new(app.app.platform().clone());
    // The scene's three were never embedded by it, Ada's first memory was.
    assert_eq!(worker.sweep().await.unwrap(), 4);
    embed(&app).await;
    // What was written while nothing embedded is looked for when something does again.
    let app = app.open_again_with(|_| {}).await;
    assert_eq!(search(&app, "fond").await["method"], "lexical");
    Worker::new(app.app.platform().clone()).sweep().await.unwrap();
    fact(&app, "Zoe keeps bees, and wasps at times").await;
    let app = app.open_again_with(|settings| FIRST.clone_into(&mut settings.config.embeddings.model)).await;
    assert_eq!(Worker::new(app.app.platform().clone()).sweep().await.unwrap(), 1);
}

#[tokio::test]
async fn one_text_that_is_refused_holds_up_no_others_and_a_vector_that_is_none_is_not_kept() {
    let app = app().await;
    fact(&app, ALIKE).await;
    fact(&app, SHORT).await;
    // Together they are refused; then one of them is.
    app.vendor.tell("vectors", [fault(ModelFaultKind::Refused), fault(ModelFaultKind::Refused)]);
    assert_eq!(embed(&app).await, 2);
    assert_eq!(embeddings(&app).await, 1);
    app.clock.advance(Duration::from_mins(5));
    assert_eq!(embed(&app).await, 1);
    assert_eq!(embeddings(&app).await, 2);
    // The scripted vendor's vector of this text is no number.
    fact(&app, "not a number").await;
    embed(&app).await;
    assert_eq!(embeddings(&app).await, 2);
    assert_eq!(texts(&search(&app, QUESTION).await), [ALIKE, SHORT]);
}

#[tokio::test]
async fn a_mark_from_before_what_was_trimmed_fills_the_index_anew() {
    let app = app().await;
    fact(&app, ALIKE).await;
    embed(&app).await;
    let index = app.app.platform().service::<Index>().unwrap();
    let log = convoke::domain::memory::MODULE.logs.iter().find(|log| log.name == "embedded").unwrap();
    let store = &app.app.platform().store;
    let nothing = Keep { age: Duration::ZERO, entries: 0 };
    app.clock.advance(Duration::from_mins(1));
    store.trim(log, nothing, app.clock.now(), 100).await.unwrap();
    index.0.clear().await.unwrap();
    index.0.take(Vec::new(), Some(0)).await.unwrap();
    let found = search(&app, QUESTION).await;
    assert!(texts(&found).is_empty() && found["partial"].is_string(), "{found}");
    embed(&app).await;
    assert_eq!(texts(&search(&app, QUESTION).await), [ALIKE]);
}
