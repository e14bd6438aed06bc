//! Several relays on one store: one delivers for a subscription at a time, and another takes over.

use std::time::Duration;

use convoke::runtime::relay::Relay;
use convoke::runtime::supervise::Supervisor;
use serde_json::json;

use super::receiver::{Receiver, listed, publish, subscribe, to_this_machine, until};
use crate::support::app::TestApp;

fn relay(app: &TestApp) -> Supervisor {
    let supervisor = Supervisor::new();
    Relay::new(app.app.gate().clone()).start(&supervisor);
    supervisor
}

#[tokio::test]
async fn of_two_one_delivers_and_the_other_takes_over() {
    let app = TestApp::start_with(to_this_machine).await;
    let mut receiver = Receiver::start().await;
    let target = json!({ "type": "webhook", "url": receiver.url() });
    let made = subscribe(&app, &app.member, &["order.*"], target, json!({})).await;
    let (one, other) = (relay(&app), relay(&app));
    for number in 0..200 {
        publish(&app, "order.created", "a", number).await;
    }
    for number in 0..200 {
        assert_eq!(receiver.next().await.json()["data"]["number"], number, "in order, each once");
    }
    let delivered = async |count: u64| {
        until("all is written", async || (listed(&app, &made).await["lag"]["delivered"] == count).then_some(())).await;
    };
    delivered(200).await;
    assert!(one.stop(Duration::from_secs(5)).await);
    publish(&app, "order.created", "a", 200).await;
    assert_eq!(receiver.next().await.json()["data"]["number"], 200);
    delivered(201).await;
    assert!(other.stop(Duration::from_secs(5)).await);
    assert!(receiver.already().is_none());
}

/// One that is gone without a word is missed until its lease ends.
#[tokio::test]
async fn what_a_relay_held_that_is_gone_goes_on_when_its_lease_ends() {
    let app = TestApp::start_with(to_this_machine).await;
    let mut receiver = Receiver::start().await;
    let target = json!({ "type": "webhook", "url": receiver.url() });
    let made = subscribe(&app, &app.member, &["order.*"], target, json!({})).await;
    let first = relay(&app);
    publish(&app, "order.created", "a", 0).await;
    receiver.next().await;
    until("it is written", async || (listed(&app, &made).await["lag"]["delivered"] == 1).then_some(())).await;
    // Ends as in a crash: nothing is given up.
    let progress = {
        use convoke::domain::events::model::progress::Progress;
        use convoke::port::records::{Document as _, Scope};
        let id = made["id"].as_str().unwrap().parse().unwrap();
        let record = app.app.platform().store.get(Scope::Tenant(app.admin.tenant), Progress::KIND, id).await.unwrap();
        serde_json::from_value::<Progress>(record.unwrap().body).unwrap()
    };
    assert!(progress.holder.is_some() && progress.until > convoke::kernel::clock::Clock::now(&*app.clock));
    let app = app.open_again_with(to_this_machine).await;
    drop(first);
    app.app.start().await.unwrap();
    publish(&app, "order.created", "a", 1).await;
    app.clock.advance(Duration::from_secs(11));
    assert_eq!(receiver.next().await.json()["data"]["number"], 1);
}
