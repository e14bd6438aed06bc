//! A session's streams, left and come back to.

use rmcp::model::ServerJsonRpcMessage;
use serde_json::json;

use super::*;

fn event(text: &str) -> ServerSseMessage {
    let message = json!({
        "jsonrpc": "2.0",
        "method": "notifications/message",
        "params": { "level": "info", "data": text },
    });
    ServerSseMessage::from_message(serde_json::from_value::<ServerJsonRpcMessage>(message).unwrap())
}

fn source() -> (mpsc::Sender<ServerSseMessage>, EventStream) {
    let (sender, receiver) = mpsc::channel(1000);
    (sender, received(receiver))
}

async fn id(stream: &mut EventStream) -> Option<String> {
    stream.next().await.map(|event| event.event_id.unwrap())
}

async fn until_ended(journal: &Journal, stream: u64) {
    while journal.book().streams[&stream].ended.is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_comes_back_hears_the_rest_and_nothing_twice() {
    let journal = Journal::new(Spent::default());
    let (tell, events) = source();
    let mut first = journal.follow(events);
    tell.send(event("a")).await.unwrap();
    assert_eq!(id(&mut first).await.unwrap(), "1/1");
    drop(first);
    tell.send(event("b")).await.unwrap();
    let mut again = loop {
        if journal.book().streams[&1].next == 3 {
            break journal.resume("1/1").unwrap();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(id(&mut again).await.unwrap(), "2/1");
    tell.send(event("c")).await.unwrap();
    assert_eq!(id(&mut again).await.unwrap(), "3/1");
    drop(tell);
    assert_eq!(id(&mut again).await, None);
    until_ended(&journal, 1).await;
    let mut late = journal.resume("2/1").unwrap();
    assert_eq!(id(&mut late).await.unwrap(), "3/1");
    assert_eq!(id(&mut late).await, None);
    assert_eq!(id(&mut journal.resume("3/1").unwrap()).await, None);
    for made_up in ["4/1", "0/1", "1/2", "1", "1/0", "x", "", "1/x", "-1/1"] {
        assert!(journal.resume(made_up).is_none(), "{made_up}");
    }
    assert!(Journal::new(Spent::default()).resume("1/1").is_none());
}

#[tokio::test]
async fn the_common_stream_has_one_listener_who_misses_nothing() {
    let journal = Journal::new(Spent::default());
    assert!(journal.listen().is_none());
    let (tell, events) = source();
    journal.follow_common(events);
    tell.send(event("a")).await.unwrap();
    let mut one = journal.listen().unwrap();
    assert_eq!(id(&mut one).await.unwrap(), "1");
    let mut other = journal.listen().unwrap();
    tell.send(event("b")).await.unwrap();
    assert_eq!(id(&mut one).await.unwrap(), "2");
    drop(one);
    let mut third = journal.listen().unwrap();
    tell.send(event("c")).await.unwrap();
    assert_eq!(id(&mut third).await.unwrap(), "3");
    drop(journal);
    assert_eq!(id(&mut other).await, None);
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let spent = Spent::default();
    let journal = Journal::new(spent.clone());
    let (tell, events) = source();
    drop(journal.follow(events));
    let large = event(&"x".repeat(MOST_BYTES / 8));
    for _ in 0..20 {
        tell.send(large.clone()).await.unwrap();
    }
    drop(tell);
    until_ended(&journal, 1).await;
    assert!(journal.book().bytes <= MOST_BYTES && journal.book().bytes > MOST_BYTES / 2);
    assert_eq!(spent.0.load(Ordering::Acquire), journal.book().bytes);
    // What came after the first is not known any more; that must not be told as if nothing had.
    assert!(journal.resume("1/1").is_none());
    assert!(journal.resume("19/1").is_some());
    for _ in 0..2 * MOST_ENDED {
        drop(journal.follow(futures::stream::empty()));
    }
    while journal.book().streams.values().any(|told| told.ended.is_none()) {
        tokio::task::yield_now().await;
    }
    assert!(journal.book().streams.len() <= MOST_ENDED);
    drop(journal);
    assert_eq!(spent.0.load(Ordering::Acquire), 0);
}
