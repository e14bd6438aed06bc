//! The vault through the doors: what REST, the command line and the program's own files say of a secret.

use reqwest::Method;
use serde_json::json;

use super::{SECRET, files_with};
use crate::doors::served::{Served, told};
use crate::support::program::Place;

#[tokio::test]
async fn rest_takes_it_and_never_gives_it_back() {
    let served = Served::start().await;
    let path = "/secrets/stripe";
    let (status, made) =
        told(served.request(&served.app.admin, Method::PUT, path).json(&json!({ "value": SECRET }))).await;
    assert_eq!((status, &made["version"]), (200, &json!(1)), "{made}");
    let (status, listed) = told(served.get("/secrets")).await;
    assert_eq!(status, 200);
    assert!(listed["items"].as_array().unwrap().iter().any(|item| item["name"] == "stripe"), "{listed}");
    assert!(!listed.to_string().contains(SECRET));
    let (status, refused) = told(served.get(path)).await;
    assert_eq!((status, &refused["code"]), (405, &json!("method_not_allowed")));
    let later = served.request(&served.app.admin, Method::PUT, path).header("prefer", "respond-async");
    let (status, refused) = told(later.json(&json!({ "value": SECRET }))).await;
    assert_eq!((status, &refused["code"]), (400, &json!("bad_input")), "{refused}");
    let (status, _) = told(served.request(&served.app.admin, Method::DELETE, path)).await;
    assert_eq!(status, 200);
    served.shutdown.cancel();
}

#[test]
fn the_command_line_takes_it_and_rotates_keys_of_a_running_server() {
    let place = Place::new();
    let server = place.serve();
    let input = json!({ "name": "stripe", "value": SECRET });
    place.call("secret_put", &input);
    let status = place.run(&["vault", "status"]).json();
    assert_eq!((&status["masterKeys"]["known"], &status["dataKeys"]["all"]), (&json!(1), &json!(1)), "{status}");
    assert!(status["masterKeys"]["from"].as_str().unwrap().contains("master.key"));
    let rotated = place.run(&["vault", "rotate"]).json();
    assert_eq!(rotated["rotated"]["secretsResealed"], 1, "{rotated}");
    let rotated = place.run(&["vault", "rotate", "--master", "--forget-former"]).json();
    assert_eq!((&rotated["rotated"]["dataKeysRewrapped"], &rotated["masterKeys"]["known"]), (&json!(1), &json!(1)));
    assert_eq!(place.run(&["vault", "rotate", "--forget-former"]).code(), 2);
    assert_eq!(place.run(&["vault", "reload"]).code(), 0);
    assert!(!place.run(&["config", "show"]).out().contains(SECRET));
    assert_eq!(server.stop(), 0);
    assert_eq!(files_with(&place.data(), SECRET), Vec::<String>::new());
    let listed = place.call("secret_list", &json!({}));
    assert_eq!(listed["items"][0]["name"], "stripe");
}
