//! The log edited, reordered, cut, rewritten by somebody who can write the store's file, or is the database's superuser: each is
//! seen, and the first bad entry is named where it can be.

use std::time::Duration;

use convoke::capability::gate::audit::AUDIT;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Scope};
use serde_json::{Value, json};

use crate::support::app::{TestApp, config};
use crate::support::servers::{Database, Superuser};

/// The store of an installation, past which the program knows nothing of whoever works on it.
struct Forged(Option<(Database, Superuser)>);

impl Forged {
    fn postgres() -> Option<Self> {
        let database = Database::find()?;
        let superuser = Superuser::find()?;
        Some(Self(Some((database, superuser))))
    }

    async fn config(&self) -> convoke::config::Config {
        let mut config = config();
        if let Some((database, _)) = &self.0 {
            "postgres".clone_into(&mut config.store.backend);
            config.store.url = database.url().await;
        }
        config
    }

    /// The program on an empty store.
    async fn start(&self) -> TestApp {
        if let Some((database, _)) = &self.0 {
            database.empty().await;
        }
        let config = self.config().await;
        TestApp::start_with(|settings| settings.config = config).await
    }

    async fn restart(&self, app: TestApp) -> TestApp {
        app.app.close(Duration::from_secs(5)).await;
        self.again(app).await
    }

    /// Opens what was closed.
    async fn again(&self, app: TestApp) -> TestApp {
        let config = self.config().await;
        app.open_again_with(|settings| settings.config = config).await
    }

    /// Works on the store with `sqlite3`, or with `psql` as a superuser.
    async fn tamper(&self, app: &TestApp, sql: &str) {
        match &self.0 {
            None => app.tamper(sql),
            Some((database, superuser)) => {
                let past = "SET session_replication_role = replica; SET search_path = convoke";
                superuser.psql(&database.url().await, &[past, sql]);
            }
        }
    }

    /// Where the entries are, by number from 1.
    async fn places(&self, app: &TestApp) -> impl Fn(usize) -> i64 + use<> {
        let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 1000 };
        let store = &app.app.platform().store;
        let entries = store.entries(Scope::Platform, &AUDIT, query).await.unwrap();
        let places: Vec<i64> = entries.into_iter().map(|entry| entry.position).collect();
        move |number| places[number - 1]
    }

    /// A member of a document set to something else, as SQL.
    fn with_member(&self, name: &str, value: &str) -> String {
        match &self.0 {
            None => format!("json_set(document, '$.{name}', json('{value}'))"),
            Some(_) => format!("jsonb_set(document::jsonb, '{{{name}}}', '{value}')::text"),
        }
    }

    /// The id of a tenant that nobody has, as SQL.
    fn nobody(&self) -> &'static str {
        match &self.0 {
            None => "x'00000000000000000000000000000009'",
            Some(_) => "'00000000-0000-0000-0000-000000000009'",
        }
    }
}

/// One test of each case on either store.
macro_rules! forged {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&super::Forged(None)).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(store) = super::Forged::postgres() else { return };
                super::$case(&store).await;
            })+
        }
    };
}

forged!(
    an_edited_entry_is_named,
    another_time_or_tenant_is_an_edit,
    reordered_entries_are_named,
    a_removed_entry_is_named,
    an_entry_that_is_put_in_is_named,
    entries_cut_at_the_end_are_missed,
    a_link_or_the_end_of_a_chain_that_was_altered_is_seen,
    an_older_log_is_told_by_what_the_anchor_keeps,
    a_log_rewritten_whole_is_told_by_what_the_anchor_keeps,
    a_log_rewritten_under_the_running_program_is_told_with_the_next_checkpoint,
);

/// Six entries under two checkpoints, the first over three of them.
async fn log(store: &Forged) -> TestApp {
    let app = store.start().await;
    app.append_entries(app.admin.tenant, 3).await;
    app.chained().await;
    app.append_entries(app.admin.tenant, 3).await;
    app.chained().await;
    assert_eq!(app.verified().await["valid"], true);
    assert!(app.keeper().look().await.unwrap());
    app
}

/// What everything that the program keeps of chain and tree lies in.
const KEPT: [&str; 5] = ["k_audit_bundle", "k_audit_tile", "k_audit_chain", "k_audit_head", "l_audit_checkpoints"];

fn broken(told: &Value) -> (&Value, &str) {
    assert_eq!(told["valid"], false, "{told}");
    (&told["firstBroken"]["number"], told["firstBroken"]["why"].as_str().unwrap_or_default())
}

async fn alarm(app: &TestApp) -> String {
    let health = app.health().await;
    assert_eq!((&health["status"], &health["ready"]), (&json!("alarm"), &json!(true)), "{health}");
    assert_eq!(health["details"]["alarms"][0]["about"], "audit log");
    health["details"]["alarms"][0]["say"].as_str().unwrap().to_owned()
}

async fn an_edited_entry_is_named(store: &Forged) {
    let app = log(store).await;
    let at = store.places(&app).await;
    let edit = "UPDATE l_audit SET body = replace(body, 'thing_change', 'thing_charge')";
    store.tamper(&app, &format!("{edit} WHERE position IN ({}, {})", at(4), at(5))).await;
    let told = app.verified().await;
    assert_eq!(broken(&told), (&json!(4), "the entry was altered"));
    assert_eq!(told["firstBroken"]["position"], at(4));
    assert!(told["firstBroken"]["requestId"].is_string(), "{told}");
    assert!(alarm(&app).await.contains("altered"));
    assert!(!app.keeper().look().await.unwrap(), "a start sees it, too");
    // Only what was asked for is held against the chain.
    let before = app.call(&app.admin, "audit_verify", json!({ "to": 3 })).await.unwrap();
    assert_eq!((&before["valid"], &before["checked"]["entries"]), (&json!(true), &json!(3)));
    // It is nobody else's entry.
    let theirs = app.call(&app.stranger, "audit_verify", json!({})).await.unwrap();
    assert_eq!(theirs["valid"], true);
}

async fn another_time_or_tenant_is_an_edit(store: &Forged) {
    let app = log(store).await;
    let at = store.places(&app).await;
    store.tamper(&app, &format!("UPDATE l_audit SET at = at - 3600000 WHERE position = {}", at(2))).await;
    assert_eq!(broken(&app.verified().await), (&json!(2), "the entry was altered"));
    let edit = format!("UPDATE l_audit SET tenant = {} WHERE position = {}", store.nobody(), at(4));
    store.tamper(&app, &edit).await;
    let back = format!("UPDATE l_audit SET at = at + 3600000 WHERE position = {}", at(2));
    store.tamper(&app, &back).await;
    assert_eq!(broken(&app.verified().await), (&json!(4), "the entry is missing"));
}

async fn reordered_entries_are_named(store: &Forged) {
    let app = log(store).await;
    let at = store.places(&app).await;
    let moved = |from, to| format!("UPDATE l_audit SET position = {to} WHERE position = {from}");
    store.tamper(&app, &[moved(at(2), -1), moved(at(5), at(2)), moved(-1, at(5))].join("; ")).await;
    assert_eq!(broken(&app.verified().await), (&json!(2), "the entry was altered"));
}

async fn a_removed_entry_is_named(store: &Forged) {
    let app = log(store).await;
    let at = store.places(&app).await;
    store.tamper(&app, &format!("DELETE FROM l_audit WHERE position = {}", at(3))).await;
    assert_eq!(broken(&app.verified().await), (&json!(3), "the entry is missing"));
}

async fn an_entry_that_is_put_in_is_named(store: &Forged) {
    let app = log(store).await;
    let at = store.places(&app).await;
    let first = format!("SELECT 0, tenant, stream, at, body FROM l_audit WHERE position = {}", at(1));
    store.tamper(&app, &format!("INSERT INTO l_audit (position, tenant, stream, at, body) {first}")).await;
    let told = app.verified().await;
    assert_eq!(broken(&told).1, "the entry is not in the chain: it was put in later");
    assert_eq!(told["firstBroken"]["position"], 0);
}

async fn entries_cut_at_the_end_are_missed(store: &Forged) {
    let app = log(store).await;
    let at = store.places(&app).await;
    store.tamper(&app, &format!("DELETE FROM l_audit WHERE position > {}", at(4))).await;
    assert_eq!(broken(&app.verified().await), (&json!(5), "the entry is missing"));
    assert!(!app.keeper().look().await.unwrap(), "a start sees it, too");
}

async fn a_link_or_the_end_of_a_chain_that_was_altered_is_seen(store: &Forged) {
    let app = log(store).await;
    let altered = "UPDATE k_audit_bundle SET document = replace(document, 'AAAAAAAAAA', 'AAAAAAAAAB')";
    store.tamper(&app, altered).await;
    let told = app.verified().await;
    assert_eq!(told["valid"], false, "{told}");
    let app = log(store).await;
    store.tamper(&app, &format!("UPDATE k_audit_chain SET document = {}", store.with_member("length", "5"))).await;
    assert!(broken(&app.verified().await).1.contains("does not end"));
    let app = log(store).await;
    let emptied = store.with_member("links", "\"\"");
    store.tamper(&app, &format!("UPDATE k_audit_bundle SET document = {emptied}")).await;
    assert_eq!(broken(&app.verified().await).1, "links of the chain are missing");
}

/// Somebody puts an older store in place, or cuts log, chain and checkpoints alike.
async fn an_older_log_is_told_by_what_the_anchor_keeps(store: &Forged) {
    let app = store.start().await;
    app.append_entries(app.admin.tenant, 3).await;
    app.chained().await;
    let old = app.app.data().join("old.db");
    match &store.0 {
        None => app.app.platform().store.copy_to(&old).await.unwrap(),
        Some((database, superuser)) => superuser.dump(&database.url().await, &old),
    }
    app.append_entries(app.admin.tenant, 3).await;
    app.chained().await;
    app.app.close(std::time::Duration::from_secs(5)).await;
    match &store.0 {
        None => {
            for ending in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(app.app.data().join(format!("convoke.db{ending}")));
            }
            std::fs::rename(&old, app.app.data().join("convoke.db")).unwrap();
        }
        Some((database, superuser)) => {
            database.empty().await;
            superuser.load(&database.url().await, &old);
        }
    }
    let app = store.again(app).await;
    app.app.start().await.unwrap();
    let alarm = alarm(&app).await;
    assert!(alarm.contains("has 3 entries") && alarm.contains("checkpoint of 6"), "{alarm}");
    let told = app.verified().await;
    assert_eq!((&told["valid"], &told["fork"]["size"], &told["fork"]["intact"]), (&json!(false), &json!(6), &json!(3)));
    // Whoever knows why moves the anchor's file aside.
    let file = app.app.data().join("anchors/checkpoints.jsonl");
    std::fs::rename(&file, file.with_extension("evidence")).unwrap();
    let app = store.restart(app).await;
    app.app.start().await.unwrap();
    assert_eq!(app.health().await["status"], "ok");
    assert_eq!(app.verified().await["valid"], true);
}

/// The forger makes everything in the store fit again: chain, tree, checkpoints. What the anchor keeps does not.
async fn a_log_rewritten_whole_is_told_by_what_the_anchor_keeps(store: &Forged) {
    let app = log(store).await;
    let at = store.places(&app).await;
    let edit = "UPDATE l_audit SET body = replace(body, 'thing_change', 'thing_charge')";
    let deleted = KEPT.iter().fold(String::new(), |all, table| format!("{all}; DELETE FROM {table}"));
    store.tamper(&app, &format!("{edit} WHERE position = {}{deleted}", at(5))).await;
    let app = store.restart(app).await;
    app.keeper().sequencer.catch_up().await.unwrap();
    let told = app.verified().await;
    assert_eq!(told["valid"], false, "{told}");
    assert!(told.get("firstBroken").is_none(), "every link fits: {told}");
    assert_eq!((&told["fork"]["size"], &told["fork"]["intact"]), (&json!(6), &json!(3)), "it lies between: {told}");
    app.app.start().await.unwrap();
    assert!(alarm(&app).await.contains("rewritten"));
    // However long it goes on like that, the anchor keeps what it knows.
    app.append_entries(app.admin.tenant, 20).await;
    app.chained().await;
    let kept = std::fs::read_to_string(app.app.data().join("anchors/checkpoints.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), 2);
    let app = store.restart(app).await;
    app.app.start().await.unwrap();
    assert!(alarm(&app).await.contains("rewritten"));
}

/// The forger works while the program runs.
async fn a_log_rewritten_under_the_running_program_is_told_with_the_next_checkpoint(store: &Forged) {
    let app = log(store).await;
    let at = store.places(&app).await;
    let edit = "UPDATE l_audit SET body = replace(body, 'thing_change', 'thing_charge')";
    let deleted = KEPT.iter().fold(String::new(), |all, table| format!("{all}; DELETE FROM {table}"));
    store.tamper(&app, &format!("{edit} WHERE position = {}{deleted}", at(2))).await;
    app.append_entries(app.admin.tenant, 4).await;
    app.chained().await;
    assert!(alarm(&app).await.contains("does not go on"));
    assert_eq!(app.verified().await["fork"]["intact"], 0);
}

#[tokio::test]
async fn checkpoints_of_another_key_are_not_believed() {
    let store = Forged(None);
    let app = log(&store).await;
    std::fs::remove_file(app.app.data().join("keys/checkpoints.key")).unwrap();
    let app = app.restart().await;
    app.app.start().await.unwrap();
    assert!(alarm(&app).await.contains("another key has signed"));
}

#[tokio::test]
async fn an_anchor_that_cannot_be_given_a_checkpoint_raises_an_alarm_until_it_can() {
    let app = TestApp::start_with(|settings| settings.config.audit.anchor_file = "blocked/file".to_owned()).await;
    let blocked = app.app.data().join("blocked");
    std::fs::write(&blocked, "a file where a folder should be").unwrap();
    app.append_entries(app.admin.tenant, 1).await;
    app.chained().await;
    let health = app.health().await;
    assert_eq!(health["details"]["alarms"][0]["about"], "audit anchor", "{health}");
    std::fs::remove_file(&blocked).unwrap();
    app.chained().await;
    assert_eq!(app.health().await["status"], "ok");
    assert!(blocked.join("file").is_file());
}
