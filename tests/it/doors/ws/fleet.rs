//! Channels of clients that are connected to different instances of one database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use convoke::app::App;
use convoke::capability::channels;
use convoke::surface::http::server::Listening;
use convoke::surface::ws;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::client::{Socket, open_as, open_as_at};
use crate::doors::served::Served;
use crate::fleet::config_at;
use crate::support::servers::Database;

/// Two instances, both with a door.
struct Fleet {
    one: Served,
    other: Arc<App>,
    there: SocketAddr,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Fleet {
    async fn start(database: &Database) -> Self {
        let mut config = config_at(database.url().await);
        "127.0.0.1:0".clone_into(&mut config.server.listen);
        let here = config.clone();
        let one = Served::start_with(|settings| settings.config = here).await;
        one.app.app.start().await.unwrap();
        let (other, folder) = one.app.another(config).await;
        other.start().await.unwrap();
        let server = Listening::bind(&other.platform().config.server).await.unwrap();
        let (there, stop) = (server.address(), CancellationToken::new());
        tokio::spawn(server.serve(ws::router(other.gate().clone()), one.app.clock.clone(), stop.clone()));
        Self { one, other, there, stop, _folder: folder }
    }

    async fn end(self) {
        self.stop.cancel();
        self.one.shutdown.cancel();
        self.other.close(Duration::from_secs(5)).await;
        self.one.app.app.close(Duration::from_secs(5)).await;
    }
}

async fn subscribe(socket: &mut Socket, channel: &str) -> Value {
    let told = socket.ask(json!({ "type": "subscribe", "channel": channel })).await;
    assert_eq!((&told["type"], &told["missed"]), (&json!("ok"), &json!(false)), "{told}");
    told
}

/// The next messages of a socket, answers left out, as number and what was said.
async fn heard(socket: &mut Socket, count: usize) -> Vec<(i64, Value)> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.hear()).await.expect("it is never heard");
        if message["type"] == "message" {
            heard.push((message["seq"].as_i64().unwrap(), message["data"].clone()));
        }
    }
    assert!(heard.windows(2).all(|pair| pair[0].0 < pair[1].0), "{heard:?}");
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_all_instances_hear_the_same_in_the_same_order() {
    let Some(database) = Database::find() else { return };
    let fleet = Box::pin(Fleet::start(&database)).await;
    let app = &fleet.one.app;
    let mut here = open_as(&fleet.one, &app.member).await;
    let mut there = open_as_at(fleet.there, &app.nobody).await;
    let mut stranger = open_as_at(fleet.there, &app.stranger).await;
    subscribe(&mut stranger, "channel:tea").await;
    subscribe(&mut here, "channel:tea").await;
    let known = subscribe(&mut there, "channel:tea").await;
    for number in 0..30 {
        let publish = json!({ "type": "publish", "channel": "channel:tea", "data": number });
        if number % 3 == 0 { here.send(publish).await } else { there.send(publish).await }
    }
    let (one, other) = (heard(&mut here, 30).await, heard(&mut there, 30).await);
    assert_eq!(one, other);
    let of = |rest: fn(u64) -> bool| -> Vec<u64> {
        one.iter().filter_map(|(_, data)| data.as_u64()).filter(|number| rest(*number)).collect()
    };
    assert!(of(|number| number % 3 == 0).is_sorted() && of(|number| number % 3 != 0).is_sorted(), "{one:?}");

    // Who comes back to another instance goes on where it left off.
    let mut back = open_as(&fleet.one, &app.nobody).await;
    let after = one[19].0;
    let resume = json!({
        "type": "subscribe", "channel": "channel:tea", "after": after, "epoch": known["epoch"], "id": 1,
    });
    back.send(resume.clone()).await;
    assert_eq!(heard(&mut back, 10).await, one[20..]);
    let told = back.hear().await;
    assert_eq!((&told["type"], &told["seq"], &told["missed"]), (&json!("ok"), &json!(one[29].0), &json!(false)));
    let mut late = open_as_at(fleet.there, &app.nobody).await;
    for (after, epoch) in [(one[29].0 + 1000, known["epoch"].clone()), (one[29].0, json!("another"))] {
        let mut asked = resume.clone();
        (asked["after"], asked["epoch"]) = (json!(after), epoch);
        late.send(asked).await;
        let told = loop {
            let told = late.hear().await;
            if told["type"] != "message" {
                break told;
            }
        };
        assert_eq!((&told["seq"], &told["missed"]), (&json!(one[29].0), &json!(true)), "{told}");
    }

    // Events of the log, wherever they were committed.
    assert_eq!(stranger.ask(json!({ "type": "subscribe", "channel": "events:*" })).await["type"], "ok");
    app.call(&app.stranger, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(20), stranger.hear()).await.expect("it is never heard");
    assert_eq!(told["event"]["topic"], "user.created", "{told}");

    // What a subscription says, whichever instance delivers it.
    let target = json!({ "type": "channel", "channel": "channel:tea" });
    app.call(&app.member, "event_subscribe", json!({ "topics": ["order.*"], "target": target })).await.unwrap();
    for number in 0..5 {
        let event = json!({ "topic": "order.created", "subject": "a", "event": { "number": number } });
        app.call(&app.member, "event_publish", event).await.unwrap();
    }
    let (one, other) = (heard(&mut here, 5).await, heard(&mut there, 5).await);
    assert_eq!(one, other);
    let numbers: Vec<&Value> = one.iter().map(|(_, event)| &event["data"]["number"]).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
    assert_eq!(stranger.ask(json!({ "type": "ping" })).await["type"], "pong", "another tenant hears nothing");
    drop((here, there, back, late, stranger));
    fleet.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_there_is_known_on_all_instances() {
    let Some(database) = Database::find() else { return };
    let fleet = Box::pin(Fleet::start(&database)).await;
    let app = &fleet.one.app;
    let mut here = open_as(&fleet.one, &app.member).await;
    subscribe(&mut here, "channel:room").await;
    let join = |mood: &str| json!({ "type": "join", "channel": "channel:room", "state": { "mood": mood } });
    let ask = json!({ "type": "presence", "channel": "channel:room" });
    let mut guest = open_as_at(fleet.there, &app.nobody).await;
    for (mood, change) in [("fine", "joined"), ("better", "changed")] {
        let joined = guest.ask(join(mood)).await;
        assert_eq!(joined["members"][0]["state"]["mood"], mood, "{joined}");
        let told = here.hear().await;
        assert_eq!(
            (&told["type"], &told["change"], &told["member"]["state"]["mood"]),
            (&json!("presence"), &json!(change), &json!(mood))
        );
        assert_eq!(here.ask(ask.clone()).await["members"], joined["members"]);
    }
    guest.ask(json!({ "type": "leave", "channel": "channel:room" })).await;
    assert_eq!(here.hear().await["change"], "left");
    // However it goes: away without a word, and with its instance.
    guest.ask(join("fine")).await;
    assert_eq!(here.hear().await["change"], "joined");
    drop(guest);
    assert_eq!(here.hear().await["change"], "left");
    let mut guest = open_as_at(fleet.there, &app.nobody).await;
    guest.ask(join("fine")).await;
    assert_eq!(here.hear().await["change"], "joined");
    let gone = fleet.other.platform().store.instance().unwrap();
    channels::leave_gone(app.app.platform(), gone).await.unwrap();
    assert_eq!(here.hear().await["change"], "left");
    assert_eq!(here.ask(ask).await["members"], json!([]));
    let full = here.ask(json!({ "type": "join", "channel": "channel:room", "state": "x".repeat(2000) })).await;
    assert_eq!(full["problem"]["code"], "bad_input");
    drop((here, guest));
    fleet.end().await;
}
