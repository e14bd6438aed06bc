//! `check`, `config` and `tools`.

use crate::support::buckets::Part;
use crate::support::program::Place;

#[test]
fn check_reads_what_an_operator_wrote() {
    let place = Place::new();
    let good = place.run(&["check"]);
    assert_eq!(good.code(), 0, "{}", good.out());
    let tools = place.data().join("tools/identity");
    std::fs::create_dir_all(&tools).unwrap();
    std::fs::write(tools.join("user_me.toml"), "tool = \"user_me\"\nphrases = [\"who am I\"]\n").unwrap();
    assert_eq!(place.run(&["check"]).code(), 0);
    std::fs::write(tools.join("user_you.toml"), "tool = \"user_you\"\n").unwrap();
    std::fs::write(tools.join("broken.toml"), "tool = \n").unwrap();
    let bad = place.run(&["check"]);
    assert_eq!(bad.code(), 4);
    let faults = bad.problem()["data"]["faults"].to_string();
    for wanted in ["user_you.toml: is the card of 'user_you'", "broken.toml: TOML parse error"] {
        assert!(faults.contains(wanted), "{faults}");
    }
    let providers = place.data().join("providers");
    std::fs::create_dir_all(&providers).unwrap();
    let ours = "name = \"ours\"\ndialect = \"openai\"\nbase_url = \"https://example.org/v1\"\n";
    std::fs::write(providers.join("ours.toml"), format!("{ours}[unlisted]\nabilities = []\n")).unwrap();
    let faults = place.run(&["check"]).problem()["data"]["faults"].to_string();
    assert!(faults.contains("ours.toml: unlisted.abilities: a model has the ability chat"), "{faults}");
    // What is wrong with the configuration is told beside what is wrong with the cards.
    let bad = place.run(&["check", "--set", "mcp.toolsets=compact,cooking"]);
    let faults = bad.problem()["data"]["faults"].to_string();
    assert!(faults.contains("'cooking' is no toolset") && faults.contains("broken.toml"), "{faults}");
}

#[test]
fn check_reads_what_the_program_reads_and_nothing_else() {
    let place = Place::new();
    // Folders of other programs, and a circle of links.
    for folder in ["data/prompts", "data/tools/a", "tools"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    for file in ["data/prompts/broken.toml", "tools/broken.toml", "data/tools/note.txt", "data/tools/.hidden.toml"] {
        std::fs::write(place.path(file), "tool = \n").unwrap();
    }
    std::os::unix::fs::symlink(place.path("data/tools"), place.path("data/tools/a/again")).unwrap();
    let good = place.run(&["check"]);
    assert_eq!(good.code(), 0, "{}", good.errors());
    for file in ["one.toml", "two.toml"] {
        std::fs::write(place.path("data/tools/a").join(file), "tool = \"user_me\"\n").unwrap();
    }
    let faults = place.run(&["check"]).problem()["data"]["faults"].clone();
    assert_eq!(faults.as_array().unwrap().len(), 1, "{faults}");
    assert!(faults[0].as_str().unwrap().ends_with("two.toml: is a second card of 'user_me'"), "{faults}");
}

#[test]
fn a_card_in_the_data_folder_lies_over_the_built_in_one() {
    let place = Place::new();
    let first = |query: &str| {
        let found = place.run(&["tools", query]);
        (found.out().split_whitespace().next().unwrap_or_default().to_owned(), found.errors())
    };
    let before = place.run(&["tools", "who am I"]).out();
    assert!(before.starts_with("user_me"), "{before}");
    let tools = place.data().join("tools/mine");
    std::fs::create_dir_all(&tools).unwrap();
    std::fs::write(tools.join("list.toml"), "tool = \"role_list\"\nphrases = [\"the zebra ledger of hats\"]\n")
        .unwrap();
    std::fs::write(tools.join("me.toml"), "tool = \"user_me\"\nphrases = 7\n").unwrap();
    let (name, errors) = first("zebra ledger hats");
    assert_eq!(name, "role_list", "{errors}");
    assert!(errors.contains("a card is left out") && errors.contains("me.toml"), "{errors}");
    // The broken one leaves the built-in one in force.
    assert_eq!(first("who am I").0, "user_me");
}

#[test]
fn a_certificate_that_cannot_be_used_is_found_before_the_start() {
    let place = Place::new();
    for file in ["certificate.pem", "key.pem"] {
        std::fs::write(place.path(file), "no PEM\n").unwrap();
    }
    let tls = ["--set", "server.tls_certificate=certificate.pem", "--set", "server.tls_key=key.pem"];
    for command in [&["check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = place.run(&[command, &tls].concat());
        assert_eq!(refused.code(), 4, "{command:?} {}", refused.errors());
        let detail = refused.problem()["detail"].to_string();
        assert!(detail.contains("certificate.pem' holds no certificate"), "{detail}");
    }
}

#[test]
fn config_show_tells_every_value_with_its_source() {
    let place = Place::new();
    std::fs::write(place.path("convoke.toml"), "[limits]\ncall_seconds = 9\n").unwrap();
    let mut command = place.command(&["config", "show", "--json", "--set", "backup.keep=3"]);
    let output = command.env("CONVOKE_MCP__READ_ONLY", "true").output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["data"], place.data().to_str().unwrap());
    let of = |key: &str| {
        let found = shown["values"].as_array().unwrap().iter().find(|value| value["key"] == key).unwrap();
        (found["value"].to_string(), found["source"].as_str().unwrap().to_owned())
    };
    assert_eq!(of("limits.call_seconds").0, "9");
    assert!(of("limits.call_seconds").1.ends_with("/convoke.toml"));
    assert_eq!(of("mcp.read_only"), ("true".to_owned(), "environment CONVOKE_MCP__READ_ONLY".to_owned()));
    assert_eq!(of("backup.keep"), ("3".to_owned(), "flag --set".to_owned()));
    assert_eq!(of("backup.folder").1, "default");
    let table = place.run(&["config", "show"]).out();
    assert!(table.lines().any(|line| line.starts_with("limits.call_seconds") && line.contains("  9  ")), "{table}");
    let defaults = place.run(&["config", "defaults"]).out();
    assert!(defaults.parse::<toml::Table>().is_ok());
    assert_eq!(place.run(&["config", "schema"]).json()["type"], "object");
}

#[test]
fn tools_are_listed_searched_and_shown_whole_wherever_they_are() {
    let place = Place::new();
    let listed = place.run(&["tools"]).out();
    assert!(listed.lines().any(|line| line.starts_with("user_me ")), "{listed}");
    let found = place.run(&["tools", "who am I"]).out();
    assert!(found.lines().next().unwrap().starts_with("user_me"), "{found}");
    let all = place.run(&["tools", "--all", "--json"]).json();
    let tools = all["tools"].as_array().unwrap();
    assert!(tools.iter().all(|tool| tool["inputSchema"]["type"] == "object" && tool["outputSchema"].is_object()));

    let server = place.serve();
    let (url, key) = (server.url.clone(), server.key.clone());
    let key = key.unwrap();
    let elsewhere = place.run(&["tools", "--json", "--server", &url, "--key", &key]).json();
    let names = |list: &serde_json::Value| -> Vec<String> {
        let mut names: Vec<String> =
            list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&elsewhere), names(&all));
}

#[test]
fn a_login_to_nats_that_cannot_be_used_is_found_before_the_start() {
    let place = Place::new();
    std::fs::create_dir_all(place.data()).unwrap();
    std::fs::write(place.data().join("nats.seed"), "hunter2\n").unwrap();
    let with = |login: &str, from: &str| {
        let (login, from) = (format!("nats.login={login}"), format!("nats.login_from={from}"));
        let settings = ["events.bus=nats", "nats.urls=nats://localhost:1", &login, &from];
        let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        let check = place.run(&[&["check"][..], &settings].concat());
        let serve = place.run(&[&["serve", "--listen", "127.0.0.1:0"][..], &settings].concat());
        for ran in [&check, &serve] {
            assert_eq!(ran.code(), 4, "{}", ran.errors());
            assert!(!ran.errors().contains("hunter2"), "{}", ran.errors());
        }
        check.problem()["detail"].to_string()
    };
    assert!(with("nkey", "file:nats.seed").contains("the seed cannot be used"));
    assert!(with("token", "file:nothing").contains("nothing cannot be read"));
    assert!(
        with("token", "env:NATS_TOKEN_THAT_NOBODY_SETS")
            .contains("the variable NATS_TOKEN_THAT_NOBODY_SETS is not set")
    );
}

#[test]
fn check_tells_what_is_wrong_with_object_stores_before_any_is_reached() {
    let place = Place::new();
    for (setting, why) in [
        ("objects.credentials=id:hunter2", "must be 'file:PATH' or 'env:VARIABLE'"),
        ("objects.credentials=vault:s3", "must be 'file:PATH' or 'env:VARIABLE'"),
        ("objects.endpoint=minio:9000", "must be the address of a server"),
        ("objects.tls_ca=no-such-file", "cannot be read"),
        ("store.blobs=somewhere", "must be 'folder' or 's3://BUCKET/PREFIX'"),
        ("store.blobs=s3://id:hunter2@bucket", "no place for credentials"),
        ("backup.place=http://bucket", "must be written 's3://BUCKET/PREFIX'"),
        ("backup.schedule=nightly", "must be a span"),
        ("backup.encrypt=hunter2", "the key itself is not written here"),
        ("audit.anchor_objects=bucket", "must be written"),
        ("audit.anchors=objects", "must be written"),
        ("audit.anchors=tape", "is no anchor"),
    ] {
        let bad = place.run(&["check", "--set", setting]);
        assert_eq!(bad.code(), 4, "{setting}");
        let faults = bad.problem()["data"]["faults"].to_string();
        assert!(faults.contains(why) && !faults.contains("hunter2"), "{setting}: {faults}");
    }
    let retained = ["--set", "audit.anchor_objects=gs://bucket", "--set", "audit.anchor_retain_days=1"];
    let bad = place.run(&[&["check"][..], &retained].concat());
    assert!(bad.problem()["data"]["faults"].to_string().contains("is for S3 alone"));
    let unset = ["--set", "store.blobs=s3://bucket", "--set", "objects.credentials=env:NOT_SET"];
    let bad = place.run(&[&["check"][..], &unset].concat());
    assert!(bad.problem()["data"]["faults"].to_string().contains("the variable NOT_SET is not set"));
}

#[test]
fn check_tries_the_object_stores_that_are_named() {
    let Some(part) = Part::find() else { return };
    let place = Place::new();
    let endpoint = format!("objects.endpoint={}", part.server.url);
    let check = |blobs: &str, credentials: &str| {
        let (blobs, backups) = (format!("store.blobs={blobs}"), format!("backup.place={}", part.bucket));
        let named = ["objects.credentials=env:OURS", &endpoint, &blobs, &backups];
        let mut arguments = vec!["check"];
        arguments.extend(named.iter().flat_map(|setting| ["--set", *setting]));
        let output = place.command(&arguments).env("OURS", credentials).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap())
    };
    let (good, told) = check(&part.bucket.to_string(), &part.credentials());
    assert_eq!(good, Some(0), "{told}");
    let (bad, told) = check("s3://no-such-bucket", &part.credentials());
    assert_eq!(bad, Some(4));
    assert!(told.contains("store.blobs cannot be used: there is no such bucket"), "{told}");
    assert!(!told.contains("backup.place"), "{told}");
    let (bad, told) = check(&part.bucket.to_string(), "someone:hunter2");
    assert_eq!(bad, Some(4));
    assert!(told.contains("backup.place cannot be used: the credentials are refused"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_backup_goes_to_an_object_store_and_is_restored_on_another_machine() {
    let Some(part) = Part::find() else { return };
    let run = |place: &Place, key: &str, arguments: &[&str]| {
        let settings = [
            format!("objects.endpoint={}", part.server.url),
            "objects.credentials=env:OURS".to_owned(),
            format!("backup.place={}", part.bucket),
            "backup.encrypt=env:KEY".to_owned(),
        ];
        let mut all: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
        all.extend(arguments);
        let output = place.command(&all).env("OURS", part.credentials()).env("KEY", key).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let (old, new, key) = (Place::new(), Place::new(), "a7".repeat(32));
    old.call("user_create", &serde_json::json!({ "email": "moved@example.org", "name": "Moved" }));
    let (made, told) = run(&old, &key, &["backup"]);
    assert_eq!(made, Some(0), "{told}");
    let name = told.split('"').find(|word| word.starts_with("backup-")).unwrap().to_owned();
    let (listed, told) = run(&new, &key, &["backup", "--list"]);
    assert!(listed == Some(0) && told.contains(&name), "{told}");
    let (refused, told) = run(&new, &"b8".repeat(32), &["restore", &name]);
    assert!(refused != Some(0) && told.contains("backup_locked"), "{told}");
    let (restored, told) = run(&new, &key, &["restore", &name]);
    assert_eq!(restored, Some(0), "{told}");
    let users = new.run(&["call", "user_list", "{}"]).out();
    assert!(users.contains("moved@example.org"), "{users}");
}
