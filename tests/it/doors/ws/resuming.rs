//! The property of resuming: whatever is cut and whenever, what a client hears over all its connections is what was said.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::any;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::client::{Socket, open_as};
use crate::doors::served::Served;

const SAID: i64 = 200;

/// What a client has heard, over all its connections.
#[derive(Default)]
struct Listener {
    last: i64,
    epoch: Value,
}

impl Listener {
    async fn connect(&self, served: &Served, channel: &str) -> Socket {
        let mut socket = open_as(served, &served.app.nobody).await;
        let mut subscribe = json!({ "type": "subscribe", "channel": channel, "after": self.last });
        if !self.epoch.is_null() {
            subscribe["epoch"] = self.epoch.clone();
        }
        socket.send(subscribe).await;
        socket
    }

    /// Hears one thing more, which must be the next.
    async fn hear(&mut self, socket: &mut Socket) {
        let heard = socket.hear().await;
        if heard["type"] == "ok" {
            // All that was kept came before, and what is said from now on comes after.
            assert_eq!((&heard["seq"], &heard["missed"]), (&json!(self.last), &json!(false)));
            self.epoch = heard["epoch"].clone();
        } else {
            self.last += 1;
            assert_eq!((&heard["seq"], &heard["data"][0]), (&json!(self.last), &json!(self.last)));
        }
    }
}

async fn say(speaker: &mut Socket, channel: &str, bytes: usize) {
    for number in 1..=SAID {
        let data = json!([number, "x".repeat(bytes)]);
        let told = speaker.ask(json!({ "type": "publish", "channel": channel, "data": data })).await;
        assert_eq!(told["seq"], number);
    }
}

async fn listen(served: &Served, channel: &str, cuts: &[(usize, bool)]) {
    let mut listener = Listener::default();
    for (heard, politely) in cuts {
        let mut socket = listener.connect(served, channel).await;
        for _ in 0..*heard {
            if listener.last < SAID {
                listener.hear(&mut socket).await;
            }
        }
        if *politely {
            let _ = socket.0.close(None).await;
        }
    }
    let mut socket = listener.connect(served, channel).await;
    while listener.last < SAID {
        listener.hear(&mut socket).await;
    }
}

#[test]
fn what_is_heard_is_what_was_said() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let served = runtime.block_on(Served::start());
    let mut speaker = runtime.block_on(open_as(&served, &served.app.member));
    let speaker = tokio::sync::Mutex::new(&mut speaker);
    let cuts = proptest::collection::vec((0..60_usize, any::<bool>()), 0..12);
    let case = AtomicUsize::new(0);
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&(cuts, 0..4000_usize), |(cuts, bytes)| {
        let channel = format!("channel:{}", case.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(async {
            let mut speaker = speaker.lock().await;
            tokio::join!(say(&mut speaker, &channel, bytes), listen(&served, &channel, &cuts));
        });
        Ok(())
    });
    ran.unwrap();
}
