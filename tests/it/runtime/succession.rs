//! Who comes after an owner: a server before anybody else, whoever is left otherwise; and what clients see of it, the real
//! program throughout.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use convoke::capability::gate::operation::{OPERATION, State};
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use convoke::runtime::owner::lock::{Holder, OwnerLock};
use convoke::runtime::owner::protocol::Welcome;
use serde_json::{Value, json};

use crate::gate::fixture::{self, Probe};
use crate::support::app::TestApp;
use crate::support::program::{Client, Place, program};

/// Sends ten writes of a client and does not wait.
fn write(client: &mut Client, who: &str) -> Vec<u64> {
    let user = |number| json!({ "email": format!("{who}{number}@example.org"), "name": who });
    let call = |number| json!({ "name": "user_create", "arguments": user(number) });
    (0..10).map(|number| client.send("tools/call", &call(number))).collect()
}

/// All of them are answered, well.
fn answered(client: &mut Client, sent: &[u64]) {
    let mut answered: Vec<u64> = Vec::new();
    for _ in sent {
        let answer = client.answer().unwrap();
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        answered.push(answer["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, sent);
}

#[test]
fn a_server_comes_back_while_others_are_there() {
    let place = Place::new();
    let server = place.serve();
    let key = server.key.clone().unwrap();
    let mut guests = [place.stdio(&[]), place.stdio(&[])];
    server.kill();
    // Nobody starts it again, and they are answered.
    for guest in &mut guests {
        assert_eq!(guest.call("user_me", &json!({}))["email"], "admin@localhost");
    }
    let first = place.owner().unwrap();
    assert!(guests.iter().any(|guest| guest.pid() == first));
    for round in 0..3 {
        let sent: Vec<Vec<u64>> =
            guests.iter_mut().zip(["a", "b"]).map(|(guest, who)| write(guest, &format!("{who}{round}-"))).collect();
        let server = place.serve();
        assert_eq!(place.owner(), Some(server.pid()));
        for (guest, sent) in guests.iter_mut().zip(&sent) {
            answered(guest, sent);
            assert_eq!(guest.call("user_me", &json!({}))["email"], "admin@localhost");
        }
        let me = place.run(&["call", "user_me", "{}", "--server", &server.url, "--key", &key]).json();
        assert_eq!(me["email"], "admin@localhost");
        assert_eq!(
            place.call("user_list", &json!({ "limit": 200 }))["items"].as_array().unwrap().len(),
            21 + round * 20
        );
        server.kill();
    }
    for guest in guests {
        assert_eq!(guest.end(), 0);
    }
}

#[test]
fn a_server_that_cannot_listen_disturbs_nobody() {
    let place = Place::new();
    let mut client = place.stdio(&[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = place.run(&["serve", "--listen", &address]);
    assert_eq!(refused.problem()["code"], "unavailable");
    assert_eq!(place.owner(), Some(client.pid()));
    client.call("user_me", &json!({}));
    assert_eq!(client.end(), 0);
}

#[test]
fn guests_are_served_while_a_server_ends_what_runs() {
    let place = Place::new();
    let server = place.serve_with(&["--set", "server.drain_seconds=3600"]);
    let mut guest = place.stdio(&[]);
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut open = TcpStream::connect(&address).unwrap();
    let key = server.key.clone().unwrap();
    let head = format!(
        "POST /api/v1/users HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    );
    open.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    let mut answer = BufReader::new(open.try_clone().unwrap());
    answer.read_line(&mut line).unwrap();
    assert!(line.contains("100"), "{line}");

    server.tell();
    while TcpStream::connect(&address).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(guest.call("user_me", &json!({}))["email"], "admin@localhost");
    assert_eq!(place.owner(), Some(server.pid()));
    open.write_all(b"{}").unwrap();
    let mut rest = String::new();
    answer.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("bad_input"), "{rest}");
    assert_eq!(server.wait(), 0);
    assert_eq!(guest.call("user_me", &json!({}))["email"], "admin@localhost");
    assert_eq!(place.owner(), Some(guest.pid()));
}

#[test]
fn what_is_asked_while_nobody_listens_is_answered_by_who_comes() {
    let place = Place::new();
    let owner = OwnerLock::try_take(&place.data(), &Holder::this("serve")).unwrap().unwrap();
    let mut client = place.stdio_unopened(&[]);
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    });
    let initialize = client.send("initialize", &params);
    client.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    client.write(&json!("no message"));
    let call = client.send("tools/call", &json!({ "name": "user_me", "arguments": {} }));
    drop(owner);
    let answers = [client.answer().unwrap(), client.answer().unwrap(), client.answer().unwrap()];
    let of = |id: &Value| answers.iter().find(|answer| answer["id"] == *id).unwrap();
    assert!(of(&json!(initialize))["result"]["serverInfo"].is_object(), "{answers:?}");
    assert_eq!(of(&json!(call))["result"]["isError"], false, "{answers:?}");
    assert_eq!(of(&Value::Null)["error"]["code"], -32600, "{answers:?}");
    assert_eq!(client.end(), 0);
}

#[test]
fn a_client_that_no_owner_answers_is_told_why_as_long_as_it_asks() {
    let place = Place::new();
    let owner = OwnerLock::try_take(&place.data(), &Holder::this("serve")).unwrap().unwrap();
    let socket = place.data().join("owner.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let problem = Fault::new(&codes::OWNED, "the owner is of another version").problem("1");
    let refusal = serde_json::to_string(&Welcome::Refused(Box::new(problem))).unwrap();
    let refusing = std::thread::spawn(move || {
        loop {
            let (mut guest, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(guest.try_clone().unwrap()).read_line(&mut line).unwrap();
            if line.is_empty() {
                return;
            }
            guest.write_all(format!("{refusal}\n").as_bytes()).unwrap();
        }
    });
    let mut client = place.stdio_unopened(&[]);
    for _ in 0..2 {
        let answer = client.open();
        assert_eq!(answer["error"]["data"]["code"], "owned_elsewhere", "{answer}");
    }
    drop(UnixStream::connect(&socket).unwrap());
    refusing.join().unwrap();
    drop(owner);
    assert!(client.open()["result"]["serverInfo"].is_object());
    client.call("user_me", &json!({}));
    assert_eq!(client.end(), 0);
}

#[tokio::test]
async fn an_owner_for_one_call_takes_up_what_was_left() {
    let probe = Probe::new();
    let app = TestApp::start_with(fixture::with(&probe)).await;
    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    let input = json!({ "text": "far", "wait": true });
    app.app.gate().start(app.request(caller, "fixture_reach", input, |_| {})).await.unwrap();
    probe.entered().await;
    app.app.close(Duration::ZERO).await;
    let folder = app.app.data().to_owned();
    let mut command = std::process::Command::new(program());
    command.env_clear().env("HOME", &folder).env("CONVOKE_DATA", &folder).current_dir(&folder);
    let output = command.args(["call", "user_me", "{}"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let app = app.open_again_with(|_| {}).await;
    let states: Vec<Value> =
        app.documents(&OPERATION).await.iter().map(|operation| operation["state"].clone()).collect();
    assert_eq!(states, [serde_json::to_value(State::Unknown).unwrap()]);
}

#[test]
fn a_data_folder_has_one_owner_by_whatever_path() {
    let place = Place::new();
    let first = place.stdio(&[]);
    let link = place.path("link");
    std::os::unix::fs::symlink(place.data(), &link).unwrap();
    let me = place.run(&["--data", link.to_str().unwrap(), "call", "user_me", "{}"]).json();
    assert_eq!(me["email"], "admin@localhost");
    assert_eq!(place.owner(), Some(first.pid()));
    assert_eq!(first.end(), 0);
}

#[test]
fn what_lies_where_the_socket_should_be_is_replaced_or_told() {
    let place = Place::new();
    std::fs::create_dir_all(place.data()).unwrap();
    let socket = place.data().join("owner.sock");
    std::fs::write(&socket, "left by somebody").unwrap();
    assert_eq!(place.call("user_me", &json!({}))["email"], "admin@localhost");
    assert!(!socket.exists());
    std::fs::create_dir(&socket).unwrap();
    let refused = place.run(&["call", "user_me", "{}"]);
    assert_eq!((refused.code(), refused.problem()["code"].clone()), (4, json!("bad_configuration")));
}

#[test]
fn a_data_folder_that_cannot_be_written_is_told() {
    let place = Place::new();
    let file = place.path("file");
    std::fs::write(&file, "").unwrap();
    let mut folders = vec![file.join("data")];
    if cfg!(target_os = "linux") {
        // A file system that takes no files, also not from who may do everything.
        folders.push("/proc/self/data".into());
        folders.push("/proc/self".into());
    }
    for folder in folders {
        for command in [&["call", "user_me", "{}"][..], &["stdio"], &["serve", "--listen", "127.0.0.1:0"]] {
            let refused = place.run(&[&["--data", folder.to_str().unwrap()], command].concat());
            assert_eq!(refused.code(), 4, "{command:?} {}: {}", folder.display(), refused.errors());
            assert_eq!(refused.problem()["code"], "bad_configuration");
        }
    }
}
