//! `keys`: made, listed, revoked, replaced when lost.

use serde_json::json;

use crate::support::program::Place;

#[test]
fn a_lost_administrator_key_is_replaced_while_the_server_runs() {
    let place = Place::new();
    let server = place.serve();
    let (url, first) = (server.url.clone(), server.key.clone().unwrap());
    let call = |key: &str| place.run(&["call", "user_me", "--server", &url, "--key", key]);
    assert_eq!(call(&first).code(), 0);
    let second = place.run(&["keys", "reset"]).json()["key"].as_str().unwrap().to_owned();
    let refused = call(&first);
    assert_eq!((refused.code(), refused.problem()["status"].as_u64()), (1, Some(401)));
    assert_eq!(call(&second).json()["email"], "admin@localhost");
    // Only on the machine itself: there is no --server.
    assert_eq!(place.run(&["keys", "reset", "--server", &url]).code(), 2);
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let place = Place::new();
    let made = place.run(&["keys", "create", "reader", "--read-only", "--expires-in-days", "7"]).json();
    let listed = place.run(&["keys", "list"]).json();
    let reader = listed["items"].as_array().unwrap().iter().find(|key| key["name"] == "reader").unwrap();
    assert_eq!((&reader["id"], &reader["readOnly"]), (&made["id"], &json!(true)));
    assert!(!listed.to_string().contains(made["key"].as_str().unwrap()));
    assert_eq!(place.run(&["keys", "revoke", made["id"].as_str().unwrap()]).code(), 0);
    assert_eq!(place.run(&["keys", "revoke", "01900000-0000-7000-8000-000000000000"]).code(), 1);
}

/// A second administrator, who suspends the first: whoever has the account of the machine acts as nobody any more.
fn suspend_the_owner(place: &Place) -> String {
    let me = place.call("user_me", &json!({}));
    let other = place.call("user_create", &json!({ "email": "ann@example.org", "name": "Ann", "roles": ["admin"] }));
    let key = place.run(&["keys", "create", "ann", "--user", other["id"].as_str().unwrap()]).json();
    let key = key["key"].as_str().unwrap().to_owned();
    let server = place.serve();
    let input = json!({ "id": me["id"], "status": "suspended" }).to_string();
    place.run(&["call", "user_update", &input, "--server", &server.url, "--key", &key]).json();
    assert_eq!(server.stop(), 0);
    key
}

#[test]
fn a_suspended_owner_is_refused_and_rescued_on_the_machine_itself() {
    let place = Place::new();
    suspend_the_owner(&place);
    let refused = place.run(&["call", "user_me"]);
    assert_eq!((refused.code(), refused.problem()["code"].as_str()), (1, Some("key_refused")));
    let key = place.run(&["keys", "reset"]).json()["key"].as_str().unwrap().to_owned();
    assert_eq!(place.call("user_me", &json!({}))["status"], "active");
    let server = place.serve();
    assert_eq!(place.run(&["call", "user_me", "--server", &server.url, "--key", &key]).code(), 0);
}

#[test]
fn a_suspended_owner_is_refused_and_rescued_beside_a_running_server() {
    let place = Place::new();
    suspend_the_owner(&place);
    let server = place.serve();
    let refused = place.run(&["call", "user_me"]);
    assert_eq!((refused.code(), refused.problem()["code"].as_str()), (1, Some("key_refused")));
    assert_eq!(place.run(&["tools"]).problem()["code"], "key_refused");
    let key = place.run(&["keys", "reset"]).json()["key"].as_str().unwrap().to_owned();
    assert_eq!(place.run(&["call", "user_me", "--server", &server.url, "--key", &key]).code(), 0);
    assert_eq!(place.call("user_me", &json!({}))["status"], "active");
}
