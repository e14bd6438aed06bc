//! Many processes on one data folder: later ones go through the owner, and go on when it goes.

use serde_json::{Value, json};

use crate::support::program::{Client, Place};

fn user(name: &str) -> Value {
    json!({ "email": format!("{name}@example.org"), "name": name })
}

fn emails(place: &Place) -> Vec<String> {
    let answer = place.call("user_list", &json!({ "limit": 200 }));
    let mut emails: Vec<String> =
        answer["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect();
    emails.sort();
    emails
}

/// Sends a call and does not wait.
fn send(client: &mut Client, tool: &str, input: &Value) -> u64 {
    client.send("tools/call", &json!({ "name": tool, "arguments": input }))
}

#[test]
fn a_second_process_goes_through_the_first() {
    let place = Place::new();
    let mut first = place.stdio(&[]);
    let mut second = place.stdio(&[]);
    assert_eq!(place.owner(), Some(first.pid()));
    let made = first.call("user_create", &user("ann"));
    let seen = second.call("user_get", &json!({ "id": made["id"] }));
    assert_eq!(seen["email"], "ann@example.org");
    assert_eq!(first.call("user_get", &json!({ "id": made["id"] })), seen);
    assert_eq!(place.call("user_get", &json!({ "id": made["id"] })), seen);
    let other = second.call("user_create", &user("ben"));
    assert_eq!(first.call("user_get", &json!({ "id": other["id"] }))["email"], "ben@example.org");
    assert_eq!(second.end(), 0);
    assert_eq!(first.end(), 0);
}

#[test]
fn each_client_is_shown_what_it_asked_for() {
    let place = Place::new();
    let mut whole = place.stdio(&["--toolsets", "all"]);
    let mut narrow = place.stdio(&["--toolsets", "identity", "--read-only"]);
    let names = |client: &mut Client| -> Vec<String> {
        let answer = client.ask("tools/list", &json!({}));
        let tools = answer["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names(&mut whole).contains(&"user_create".to_owned()));
    let narrow = names(&mut narrow);
    assert!(narrow.contains(&"user_me".to_owned()) && !narrow.contains(&"user_create".to_owned()), "{narrow:?}");
}

#[test]
fn the_session_goes_on_when_the_owner_is_killed() {
    let place = Place::new();
    let mut first = place.stdio(&[]);
    let mut second = place.stdio(&[]);
    let mut third = place.stdio(&[]);
    second.ask("logging/setLevel", &json!({ "level": "warning" }));
    let kept = second.call("user_create", &user("kept"));
    // In flight when the owner goes: whether it was committed by the first or is by the next, it happens once.
    let open: Vec<u64> =
        (0..20).map(|number| send(&mut second, "user_create", &user(&format!("open{number}")))).collect();
    first.kill_now();
    let mut answered: Vec<u64> = Vec::new();
    for _ in &open {
        let answer = second.answer().unwrap();
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        answered.push(answer["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, open);
    assert_eq!(third.call("user_get", &json!({ "id": kept["id"] }))["email"], "kept@example.org");
    assert!([second.pid(), third.pid()].contains(&place.owner().unwrap()));
    let emails = emails(&place);
    assert_eq!(emails.iter().filter(|email| email.starts_with("open")).count(), open.len(), "{emails:?}");
    assert!(emails.contains(&"kept@example.org".to_owned()));
}

#[test]
fn an_owner_that_ends_hands_over() {
    let place = Place::new();
    let mut first = place.stdio(&[]);
    let mut second = place.stdio(&[]);
    first.call("user_create", &user("ann"));
    let open = send(&mut second, "user_create", &user("ben"));
    assert_eq!(first.end(), 0);
    assert_eq!(second.answer().unwrap()["id"], open);
    assert_eq!(second.call("user_me", &json!({}))["email"], "admin@localhost");
    assert_eq!(place.owner(), Some(second.pid()));
    assert_eq!(emails(&place), ["admin@localhost", "ann@example.org", "ben@example.org"]);
    assert_eq!(second.stop(), 0);
    assert_eq!(emails(&place).len(), 3);
}

#[test]
fn a_server_owns_and_is_not_started_twice() {
    let place = Place::new();
    let server = place.serve();
    assert!(server.key.is_some());
    let refused = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code(), 5);
    let problem = refused.problem();
    assert_eq!(problem["code"], "owned_elsewhere");
    assert!(problem["detail"].as_str().unwrap().contains(&format!("the process {}", server.pid())), "{problem}");

    let mut client = place.stdio(&[]);
    let made = client.call("user_create", &user("ann"));
    let (url, key) = (server.url.clone(), server.key.clone().unwrap());
    let input = json!({ "id": made["id"] }).to_string();
    let over_http = place.run(&["call", "user_get", &input, "--server", &url, "--key", &key]).json();
    assert_eq!(over_http["email"], "ann@example.org");
    assert_eq!(place.call("user_get", &json!({ "id": made["id"] })), over_http);

    assert_eq!(server.stop(), 0);
    assert_eq!(client.call("user_get", &json!({ "id": made["id"] })), over_http);
    assert_eq!(place.owner(), Some(client.pid()));
    assert_eq!(client.end(), 0);
    let again = place.serve();
    assert_eq!(again.key, None);
    again.kill();
}

#[test]
fn another_version_is_refused() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let place = Place::new();
    let _owner = place.stdio(&[]);
    let mut socket = std::os::unix::net::UnixStream::connect(place.data().join("owner.sock")).unwrap();
    socket.write_all(b"{\"convoke\":1,\"version\":\"0.0.1\",\"pid\":1,\"door\":\"call\"}\n").unwrap();
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).unwrap();
    let answer: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(answer["refused"]["code"], "owned_elsewhere");
    assert!(answer["refused"]["detail"].as_str().unwrap().contains("this one is 0.0.1"), "{answer}");
}

#[test]
fn a_data_folder_with_a_long_path_is_shared_too() {
    let mut place = Place::new();
    place.lengthen();
    let mut first = place.stdio(&[]);
    let mut second = place.stdio(&[]);
    let made = first.call("user_create", &user("ann"));
    assert_eq!(second.call("user_get", &json!({ "id": made["id"] }))["email"], "ann@example.org");
    assert_eq!(first.end(), 0);
    assert_eq!(second.end(), 0);
}
