//! The sequencer: restart-safe, one at a time, and never in the way.

use std::sync::Arc;
use std::time::Duration;

use convoke::domain::audit::engine::keeper::Lookout;
use convoke::domain::audit::engine::kept::WIDTH;
use convoke::domain::audit::engine::sequencer::{Round, Sequencer};
use serde_json::json;

use crate::support::app::TestApp;

#[tokio::test]
async fn every_entry_gets_into_the_chain_in_order() {
    let app = TestApp::start().await;
    assert_eq!(app.verified().await["checked"]["entries"], 0, "nothing is chained yet");
    app.call(&app.admin, "user_create", json!({ "email": "one@example.org" })).await.unwrap();
    app.call(&app.stranger, "user_create", json!({ "email": "two@example.org" })).await.unwrap();
    app.call(&app.admin, "user_create", json!({ "email": "three@example.org" })).await.unwrap();
    assert_eq!(app.verified().await["head"]["behind"], true);
    app.chained().await;
    let told = app.verified().await;
    assert_eq!(told["valid"], true, "{told}");
    assert_eq!(told["checked"], json!({ "entries": 2, "removed": 0, "links": 3, "checkpoints": 2 }), "{told}");
    assert_eq!((&told["chain"]["length"], &told["head"]["size"]), (&json!(2), &json!(3)));
    let theirs = app.call(&app.stranger, "audit_verify", json!({})).await.unwrap();
    assert_eq!((&theirs["chain"]["length"], &theirs["checked"]["entries"]), (&json!(1), &json!(1)));
    assert_eq!(theirs["head"]["root"], told["head"]["root"]);
}

/// Bundles and tiles fill up and are taken up again wherever a run ended.
#[tokio::test]
async fn goes_on_after_a_restart_where_it_was() {
    let mut app = TestApp::start().await;
    let width = u32::try_from(WIDTH).unwrap();
    for count in [1, width - 1, width, 3, width * 3 + 7] {
        app.append_entries(app.admin.tenant, count).await;
        app.chained().await;
        app = app.restart().await;
    }
    let told = app.verified().await;
    assert_eq!(told["valid"], true, "{told}");
    assert_eq!(told["checked"]["entries"], width * 5 + 10);
    assert_eq!(told["checked"]["checkpoints"], 10, "five, each in the store and in the file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_at_once_each_entry_is_chained_once() {
    let app = TestApp::start().await;
    let store = app.app.platform().store.clone();
    for _ in 0..6 {
        app.append_entries(app.admin.tenant, 700).await;
        let rounds = (0..3).map(|_| {
            let one = Arc::new(Sequencer::new(store.clone(), app.clock.clone()));
            tokio::spawn(async move { one.catch_up().await.unwrap() })
        });
        for round in rounds.collect::<Vec<_>>() {
            assert_ne!(round.await.unwrap(), Round::Added(0));
        }
    }
    app.chained().await;
    let told = app.verified().await;
    assert_eq!((&told["valid"], &told["checked"]["entries"]), (&json!(true), &json!(4200)), "{told}");
}

/// Whoever lets another do it looks twice before it takes over, and the two looks are less than a second apart.
#[tokio::test]
async fn who_leaves_it_to_another_takes_over_when_nothing_is_chained_between_two_looks() {
    let app = TestApp::start().await;
    let (keeper, another) = (app.keeper(), Sequencer::new(app.app.platform().store.clone(), app.clock.clone()));
    let mut lookout = Lookout::default();
    lookout.elsewhere = true;
    for _ in 0..3 {
        app.append_entries(app.admin.tenant, 2).await;
        assert_eq!(keeper.turn(&mut lookout).await.unwrap(), Round::Elsewhere);
        assert!(keeper.sequencer.is_behind().await.unwrap(), "one look is not enough");
        another.catch_up().await.unwrap();
        assert_eq!(keeper.turn(&mut lookout).await.unwrap(), Round::Done);
    }
    app.append_entries(app.admin.tenant, 2).await;
    assert_eq!(keeper.turn(&mut lookout).await.unwrap(), Round::Elsewhere);
    another.round().await.unwrap();
    app.append_entries(app.admin.tenant, 2).await;
    assert_eq!(keeper.turn(&mut lookout).await.unwrap(), Round::Elsewhere, "it is at work, and behind once more");
    assert!(lookout.elsewhere);
    // Now it is gone.
    assert_eq!(keeper.turn(&mut lookout).await.unwrap(), Round::Done);
    assert!(!lookout.elsewhere && !keeper.sequencer.is_behind().await.unwrap());
    // From then on it is done at the first look.
    app.append_entries(app.admin.tenant, 2).await;
    assert_eq!(keeper.turn(&mut lookout).await.unwrap(), Round::Done);
    assert!(!keeper.sequencer.is_behind().await.unwrap());
}

#[tokio::test]
async fn chains_by_itself_while_the_program_runs_and_at_its_end() {
    let app = TestApp::start().await;
    app.app.start().await.unwrap();
    app.append_entries(app.admin.tenant, 5).await;
    for _ in 0..600 {
        if !app.keeper().sequencer.is_behind().await.unwrap() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!app.keeper().sequencer.is_behind().await.unwrap(), "nobody chains");
    app.append_entries(app.admin.tenant, 5).await;
    let app = app.restart().await;
    let told = app.verified().await;
    assert_eq!((&told["valid"], &told["checked"]["entries"]), (&json!(true), &json!(10)), "{told}");
    assert!(told["head"].get("behind").is_none());
}

#[tokio::test]
async fn a_checkpoint_is_made_after_so_many_entries_or_so_long() {
    let app = TestApp::start_with(|settings| {
        settings.config.audit.checkpoint_entries = 10;
        settings.config.audit.checkpoint_seconds = 60;
    })
    .await;
    let keeper = app.keeper();
    let size = async || keeper.keep_up(false).await.unwrap().map_or(0, |made| made.size);
    assert_eq!(size().await, 0);
    app.append_entries(app.admin.tenant, 1).await;
    assert_eq!(size().await, 1, "the first one is made at once");
    app.append_entries(app.admin.tenant, 9).await;
    assert_eq!(size().await, 1);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(size().await, 10);
    app.append_entries(app.admin.tenant, 10).await;
    assert_eq!(size().await, 20);
    let kept = std::fs::read_to_string(app.app.data().join("anchors/checkpoints.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), 3);
}
