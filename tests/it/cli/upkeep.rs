//! Looking after an installation from the command line: backups, and changes of the schema.

use std::path::Path;

use serde_json::json;

use crate::support::program::Place;

/// The data of the first version, whose logs had no index by time.
fn old(place: &Place) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data/0.1.0/convoke.db");
    std::fs::create_dir_all(place.data()).unwrap();
    std::fs::copy(kept, place.data().join("convoke.db")).unwrap();
}

#[test]
fn a_backup_is_whole_when_the_command_ends() {
    let place = Place::new();
    let made = place.run(&["--set", "limits.call_seconds=1", "backup"]).json();
    assert_eq!(made["state"], "complete");
    let listed = place.run(&["backup", "--list"]).json();
    assert_eq!((&listed["items"][0]["name"], &listed["items"][0]["state"]), (&made["name"], &json!("complete")));
}

#[test]
fn a_dry_run_migrates_nothing() {
    let place = Place::new();
    old(&place);
    let before = std::fs::read(place.data().join("convoke.db")).unwrap();
    for _ in 0..2 {
        let told = place.run(&["migrate", "--dry-run"]).json();
        let changes = told["changes"].as_array().unwrap();
        assert!(changes.iter().any(|change| change.as_str().unwrap().starts_with("log 'audit': form 1")), "{told}");
        assert_eq!((&told["dryRun"], &told["rollBack"]["copies"]), (&json!(true), &json!([])));
    }
    assert_eq!(std::fs::read(place.data().join("convoke.db")).unwrap(), before);
}

#[test]
fn what_was_migrated_goes_back_to_the_copy() {
    let place = Place::new();
    old(&place);
    let told = place.run(&["migrate"]).json();
    assert_eq!(told["changes"], json!([]));
    let copy = told["rollBack"]["copies"][0].as_str().unwrap().to_owned();
    place.call("user_create", &json!({ "email": "later@example.org" }));

    let served = place.serve();
    let refused = place.run(&["migrate", "--roll-back", &copy]);
    assert_eq!(refused.code(), 5, "{}", refused.errors());
    assert_eq!(served.stop(), 0);

    let back = place.run(&["migrate", "--roll-back", &copy]).json();
    assert!(Path::new(back["kept"].as_str().unwrap()).is_file(), "{back}");
    let told = place.run(&["migrate", "--dry-run"]).json();
    assert_ne!(told["changes"], json!([]), "it is as the earlier version left it");
    let users = place.call("user_list", &json!({})).to_string();
    assert!(users.contains("first@example.org") && !users.contains("later@example.org"), "{users}");
    let refused = place.run(&["migrate", "--roll-back", "before-nothing.db"]);
    assert_eq!(refused.problem()["code"], "not_found");
}
