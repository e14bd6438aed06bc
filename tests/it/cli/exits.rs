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
        &["call", "user_me", "--server", "http://"],
        &["call", "user_me", "--key", "cvk_x"],
        &["connect", "cursor", "--key", "cvk_x"],
        &["connect", "cursor", "--toolsets", "cooking"],
        &["connect", "cursor", "--server", "convoke.example.org"],
        &["connect", "cursor", "--server", "https://convoke.example.org/?a=b"],
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

#[test]
fn a_key_of_the_environment_is_for_other_calls() {
    let place = Place::new();
    let done = place.command(&["call", "user_me"]).env("CONVOKE_KEY", "cvk_x").output().unwrap();
    assert_eq!(done.status.code(), Some(0));
}

#[test]
fn a_key_that_the_server_refuses_is_told_with_its_own_fault() {
    let place = Place::new();
    let server = place.serve();
    for command in [&["tools"][..], &["tools", "who am I"], &["call", "user_me"], &["keys", "list"]] {
        let refused = place.run(&[command, &["--server", &server.url, "--key", "cvk_x"]].concat());
        assert_eq!(refused.code(), 1, "{command:?} {}", refused.errors());
        assert_eq!(refused.problem()["code"], "unauthenticated", "{command:?}");
    }
}

#[test]
fn a_data_folder_that_cannot_be_used_is_told_as_one() {
    for file in ["convoke.db", "installation.key"] {
        let place = Place::new();
        place.call("user_me", &json!({}));
        std::fs::write(place.data().join(file), "damaged ".repeat(1024)).unwrap();
        for command in [&["call", "user_me"][..], &["serve", "--listen", "127.0.0.1:0"], &["stdio"]] {
            let refused = place.run(command);
            assert_eq!(refused.code(), 4, "{file} {command:?} {}", refused.errors());
            let problem = refused.problem();
            assert_eq!(problem["code"], "bad_configuration");
            assert!(problem["detail"].as_str().unwrap().contains(file), "{problem}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_written_is_a_fault_and_not_misuse() {
    let place = Place::new();
    std::fs::write(place.path("file"), "").unwrap();
    for command in [
        &["man", "--folder", "file/below"][..],
        &["connect", "cursor", "--write", "--file", "file/below/mcp.json"],
        &["connect", "cursor", "--write", "--file", "."],
    ] {
        let failed = place.run(command);
        assert_eq!(failed.code(), 1, "{command:?}");
        assert_eq!(failed.problem()["code"], "file_unusable", "{command:?}");
    }
}

/// A server that answers its first request with these lines.
fn answering(lines: &str) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{lines}",
        lines.len()
    );
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut held = Vec::new();
        // The request's body is small JSON: it ends with its last brace.
        while !held.ends_with(b"}}") {
            let mut chunk = [0; 1024];
            let read = stream.read(&mut chunk).unwrap();
            held.extend_from_slice(&chunk[..read]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
    });
    url
}

#[test]
fn a_stream_that_ends_by_a_fault_ends_the_command_by_it() {
    let place = Place::new();
    let problem = json!({
        "type": "urn:convoke:fault:deadline_exceeded", "title": "deadline exceeded", "status": 504,
        "code": "deadline_exceeded", "detail": "too long", "mend": "Ask for less.", "requestId": "1",
    });
    let fault = json!({ "problem": problem }).to_string();
    let ended = place.run(&["call", "x", "--server", &answering(&format!("1\n{fault}\n"))]);
    assert_eq!((ended.code(), ended.out().as_str()), (1, "1\n"));
    assert_eq!(ended.problem(), problem);
    // One that is followed by another value is a value.
    let ended = place.run(&["call", "x", "--server", &answering(&format!("{fault}\n2\n"))]);
    assert_eq!((ended.code(), ended.out()), (0, format!("{fault}\n2\n")));
    let cut = place.run(&["call", "x", "--server", &answering("1\n{\"a\":")]);
    assert_eq!((cut.code(), cut.out().as_str()), (3, "1\n"));
}
