//! The examples of the domain's cards: each runs on the scene and answers what the card says.

use std::collections::BTreeSet;

use convoke::capability::events::EVENTS;
use convoke::capability::spec::Domain;
use convoke::capability::topics::TopicBook;
use convoke::domain::MODULES;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Scope};

use crate::support::app::TestApp;
use crate::support::examples::{all, lacks};

#[tokio::test]
async fn the_examples_run() {
    for (tool, example) in all().into_iter().filter(|(tool, _)| tool.domain == Domain::Events) {
        let app = TestApp::start().await;
        let answer = app.call(&app.admin, &tool.name, example.input.clone()).await;
        let answer =
            answer.unwrap_or_else(|fault| panic!("{} {}: {fault:?} {:?}", tool.name, example.say, fault.places()));
        let expected = example.output.unwrap_or_else(|| panic!("{}: '{}' has no output", tool.name, example.say));
        assert!(lacks(&expected, &answer).is_empty(), "{} {}: {:?}", tool.name, example.say, lacks(&expected, &answer));
    }
}

/// What the program tells of is declared, and is as declared; and what is declared is told of.
#[tokio::test]
async fn every_event_of_the_examples_is_of_a_declared_topic_and_every_topic_is_heard() {
    let mut heard = BTreeSet::new();
    for (tool, example) in all() {
        let app = TestApp::start().await;
        if app.call(&app.admin, &tool.name, example.input.clone()).await.is_err() {
            continue;
        }
        let book = app.app.platform().service::<TopicBook>().unwrap();
        let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 100 };
        let entries = app.app.platform().store.entries(Scope::Platform, &EVENTS, query).await.unwrap();
        for entry in entries.into_iter().filter(|entry| entry.body.get("publisher").is_none()) {
            heard.insert(entry.stream.clone());
            let topic = book.find(&entry.stream);
            let topic =
                topic.unwrap_or_else(|| panic!("{} tells of '{}', which is not declared", tool.name, entry.stream));
            let schema = serde_json::Value::Object((*(topic.data)()).clone());
            let validator = jsonschema::validator_for(&schema).unwrap();
            let data = &entry.body["data"];
            let wrong: Vec<String> = validator.iter_errors(data).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{}: {data}: {wrong:?}", entry.stream);
        }
    }
    let declared = MODULES.iter().flat_map(|module| module.topics).map(|topic| topic.name.to_owned());
    let silent: BTreeSet<String> = declared.filter(|name| !heard.contains(name)).collect();
    assert_eq!(silent, super::topics::elsewhere(), "what no example makes heard must be heard by another test");
}
