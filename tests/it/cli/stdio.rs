//! `stdio`: the first process on a data folder, and how it ends.

use serde_json::json;

use crate::support::program::Place;

#[test]
fn what_was_asked_before_the_end_of_input_is_answered() {
    let place = Place::new();
    for _ in 0..2 {
        let mut client = place.stdio(&[]);
        let asked: Vec<u64> =
            (0..10).map(|_| client.send("tools/call", &json!({ "name": "user_me", "arguments": {} }))).collect();
        client.close_input();
        let mut answered: Vec<u64> =
            std::iter::from_fn(|| client.answer()).map(|answer| answer["id"].as_u64().unwrap()).collect();
        answered.sort_unstable();
        assert_eq!(answered, asked);
        assert_eq!(client.wait(), 0);
    }
}

#[test]
fn told_to_stop_it_ends_well() {
    let place = Place::new();
    let mut first = place.stdio(&[]);
    let second = place.stdio(&[]);
    assert_eq!(second.stop(), 0);
    first.call("user_me", &json!({}));
    assert_eq!(first.stop(), 0);
}

#[test]
fn a_toolset_that_does_not_exist_ends_the_start() {
    let place = Place::new();
    let ran = place.run(&["stdio", "--toolsets", "cooking"]);
    assert_eq!(ran.code(), 2, "{}", ran.errors());
    assert!(ran.errors().contains("'cooking' is no toolset"), "{}", ran.errors());
    assert_eq!(place.run(&["serve", "--set", "mcp.toolsets=cooking"]).code(), 4);
}
