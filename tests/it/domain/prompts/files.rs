//! Files in the data folder: live within a moment, and what is broken leaves the last good version and is told.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use convoke::capability::alarms::Alarms;
use convoke::domain::prompts::library::Library;
use convoke::runtime::folders;
use convoke::runtime::supervise::Supervisor;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::program::Place;

fn file(body: &str) -> String {
    format!(
        "+++\ntitle = \"Greeting\"\ndescription = \"Greets.\"\nversion = \"1.0.0\"\nlabels = [\"production\"]\n\n\
         [variables.who]\ntype = \"string\"\ndescription = \"Whom.\"\n+++\n{body}\n"
    )
}

async fn greeting(app: &TestApp) -> Value {
    let input = json!({ "id": "greeting", "variables": { "who": "Ada" } });
    app.call(&app.admin, "prompt_assemble", input).await.map_or(Value::Null, |made| made["assembled"].clone())
}

/// Waits until the files were taken so often.
async fn taken(library: &Library, change: impl FnOnce()) {
    let mut changes = library.changes();
    changes.mark_unchanged();
    change();
    tokio::time::timeout(Duration::from_secs(30), changes.changed()).await.expect("no change was noticed").unwrap();
}

#[tokio::test]
async fn an_edit_is_live_and_a_broken_one_leaves_the_last_good_version() {
    let app = TestApp::start().await;
    let platform = app.app.platform().clone();
    let library = platform.service::<Library>().unwrap();
    let alarms = platform.service::<Alarms>().unwrap();
    let folder = app.app.data().join("prompts");
    fs::create_dir_all(&folder).unwrap();
    let supervisor = Supervisor::new();
    folders::start(&platform, app.app.data(), &supervisor);
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();

    taken(&library, || write("greeting.md", file("Hello {{ who }}"))).await;
    assert_eq!(greeting(&app).await, "Hello Ada");
    taken(&library, || write("greeting.md", file("Good day {{ who }}"))).await;
    assert_eq!(greeting(&app).await, "Good day Ada");

    // The broken one is told; the one beside it is taken all the same.
    let both = || {
        write("greeting.md", file("Hello {{ whom }}"));
        write("other.md", file("Other {{ who }}"));
    };
    taken(&library, both).await;
    assert_eq!(greeting(&app).await, "Good day Ada");
    let told = raised(&alarms).await;
    assert!(told.contains("greeting.md: line 11: 'whom' is no variable") && !told.contains("other.md"), "{told}");
    let health = app.call(&app.admin, "system_health", json!({})).await.unwrap();
    assert_eq!((health["status"].as_str(), health["ready"].as_bool()), (Some("alarm"), Some(true)), "{health}");

    taken(&library, || write("greeting.md", file("Hi {{ who }}"))).await;
    assert_eq!(greeting(&app).await, "Hi Ada");
    while !alarms.raised().is_empty() {
        tokio::task::yield_now().await;
    }
    taken(&library, || fs::remove_file(folder.join("greeting.md")).unwrap()).await;
    assert_eq!(greeting(&app).await, Value::Null);
    assert!(supervisor.stop(Duration::from_secs(10)).await);
}

/// What the alarm says; it is raised right after the files are in force.
async fn raised(alarms: &Arc<Alarms>) -> String {
    loop {
        if let Some(alarm) = alarms.raised().into_iter().find(|alarm| alarm.about == "files in prompts") {
            return alarm.say;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_start_takes_what_lies_in_the_data_folder() {
    let app = TestApp::start_with(|settings| {
        let folder = settings.data.join("prompts/blocks");
        fs::create_dir_all(&folder).unwrap();
        fs::write(settings.data.join("prompts/greeting.md"), file("{% include \"bye\" %} {{ who }}")).unwrap();
        let block = "+++\ntitle = \"Bye\"\ndescription = \"Says so.\"\nversion = \"2.1.0\"\n+++\nBye";
        fs::write(folder.join("bye.md"), block).unwrap();
    })
    .await;
    assert_eq!(greeting(&app).await, "Bye Ada");
    let input = json!({ "id": "greeting", "variables": { "who": "Ada" } });
    let made = app.call(&app.admin, "prompt_assemble", input).await.unwrap();
    assert_eq!((&made["blocks"][0]["name"], &made["blocks"][0]["version"]), (&json!("bye"), &json!("2.1.0")));
    // A file is every tenant's.
    let input = json!({ "id": "greeting", "variables": { "who": "Eve" } });
    assert_eq!(app.call(&app.stranger, "prompt_assemble", input).await.unwrap()["assembled"], "Bye Eve");
}

#[test]
fn check_tells_what_is_wrong_with_files() {
    let place = Place::new();
    let folder = place.data().join("prompts");
    fs::create_dir_all(folder.join("blocks")).unwrap();
    fs::create_dir_all(place.data().join("personas")).unwrap();
    let write = |path: &Path, text: &str| fs::write(path, text).unwrap();
    write(&folder.join("fine.md"), &file("Hello {{ who }}"));
    assert_eq!(place.run(&["check"]).code(), 0);
    write(&folder.join("unknown.md"), &file("Hello\n{{ whom }}"));
    write(
        &folder.join("loud.md"),
        &file("Hello {{ who }}").replace(
            "+++\nHello",
            "\n[[checks]]\nname = \"is loud\"\nvariables = { who = \"Ada\" }\ncontains = [\"HELLO\"]\n+++\nHello",
        ),
    );
    for (name, other) in [("one", "two"), ("two", "one")] {
        let text =
            format!("+++\ntitle = \"T\"\ndescription = \"D\"\nversion = \"1.0.0\"\n+++\n{{% include \"{other}\" %}}");
        write(&folder.join(format!("blocks/{name}.md")), &text);
    }
    write(&place.data().join("personas/bad.md"), "+++\ntitle = \"T\"\n+++\n");
    let bad = place.run(&["check"]);
    assert_eq!(bad.code(), 4);
    let faults = bad.problem()["data"]["faults"].to_string();
    for wanted in [
        "unknown.md: line 12: 'whom' is no variable",
        "the blocks include each other: one -> two -> one",
        "prompts/loud: the check 'is loud': lacks",
        "bad.md: line 2: missing field `description`",
    ] {
        assert!(faults.contains(wanted), "{wanted}: {faults}");
    }
}
