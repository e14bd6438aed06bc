//! Exit codes, and where what is told is written.

use serde_json::json;

use crate::support::program::Place;

#[test]
fn answers_go_to_standard_output_and_problems_to_standard_error() {
    let place = Place::new();
    let done = place.run(&["call", "user_me"]);
    assert_eq!((done.code(), done.json()["email"].as_str()), (0, Some("admin@localhost")));
    assert_eq!(done.errors(), "");

    let fault = place.run(&["call", "user_create", "{\"email\":7,\"name\":\"Ann\"}"]);
    assert_eq!((fault.code(), fault.out().as_str()), (1, ""));
    let problem = fault.problem();
    assert_eq!(problem["code"], "bad_input");
    assert_eq!(problem["violations"][0]["pointer"], "/email");
    assert_eq!(place.run(&["call", "no_such_tool"]).problem()["code"], "unknown_tool");
}

#[test]
fn what_cannot_be_meant_is_a_fault_of_usage() {
    let place = Place::new();
    for arguments in [
        &["fly"][..],
        &["call"],
        &["call", "user_me", "not json"],
        &["call", "user_me", "@absent.json"],
        &["call", "user_me", "--server", "localhost:1"],
        &["connect", "teapot"],
        &["connect", "generic", "--write"],
        &["serve", "--set", "nothing"],
    ] {
        assert_eq!(place.run(arguments).code(), 2, "{arguments:?}");
    }
    assert!(!place.data().exists());
}

#[test]
fn a_server_that_is_not_there_cannot_be_reached() {
    let place = Place::new();
    let refused = place.run(&["call", "user_me", "--server", "http://127.0.0.1:1", "--key", "cvk_x"]);
    assert_eq!(refused.code(), 3);
    assert_eq!(refused.problem()["code"], "unavailable");
}

#[test]
fn a_configuration_that_cannot_be_used_is_told_with_file_and_key() {
    let place = Place::new();
    std::fs::write(place.path("convoke.toml"), "[server]\nlissten = 1\n").unwrap();
    for command in [&["serve"][..], &["call", "user_me"], &["config", "show"], &["check"]] {
        let refused = place.run(command);
        assert_eq!(refused.code(), 4, "{command:?}");
        let problem = refused.problem();
        assert_eq!(problem["code"], "bad_configuration");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains("convoke.toml: server.lissten: is not known; the nearest is 'server.listen'"),
            "{detail}"
        );
    }
    assert_eq!(place.run(&["serve", "--set", "server.listen=0.0.0.0:80"]).code(), 4);
    // Help and completions need no configuration.
    for command in [&["--help"][..], &["--version"], &["completions", "bash"], &["man"]] {
        assert_eq!(place.run(command).code(), 0, "{command:?}");
    }
}

#[test]
fn input_comes_as_text_from_a_file_or_from_standard_input() {
    use std::io::Write as _;
    let place = Place::new();
    let input = json!({ "query": "who am I" }).to_string();
    std::fs::write(place.path("input.json"), &input).unwrap();
    let from_text = place.run(&["call", "tool_search", &input]).json();
    assert_eq!(place.run(&["call", "tool_search", "@input.json"]).json(), from_text);
    let mut child = place.command(&["call", "tool_search", "-"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap(), from_text);
}

#[test]
fn the_same_key_makes_a_call_once() {
    let place = Place::new();
    let input = json!({ "email": "ann@example.org", "name": "Ann" }).to_string();
    let call = || place.run(&["call", "user_create", &input, "--idempotency-key", "once"]).json();
    assert_eq!(call(), call());
}
