//! The writing half of a connection: sends what waits in its order, and at the end says why it ends.

use std::time::Duration;

use futures::SinkExt as _;
use futures::stream::SplitSink;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::outbox::{GONE, Outbox, TOO_SLOW, Waiting};
use super::upgrade::Socket;

const PING_EVERY: Duration = Duration::from_secs(20);
/// A client that does not take one message within this is too slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// What waits at the end, and the close frame, must be taken within this.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Sends until the end; gives the half back so that the line can be ended.
pub(super) async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut waiting: UnboundedReceiver<Waiting>,
    outbox: Outbox,
) -> SplitSink<Socket, Message> {
    let mut ping = tokio::time::interval(PING_EVERY);
    let ended = outbox.ended().clone();
    loop {
        // What is in line gives its room back only once it is sent.
        let (message, _room) = tokio::select! {
            biased;
            () = ended.cancelled() => break,
            next = waiting.recv() => match next {
                Some(next) => (Message::Text(next.text.clone()), Some(next)),
                None => break,
            },
            _ = ping.tick() => (Message::Ping(bytes::Bytes::new()), None),
        };
        let mut sending = std::pin::pin!(sink.send(message));
        let sent = tokio::select! {
            sent = tokio::time::timeout(PATIENCE, &mut sending) => sent,
            // Begun is finished, unless not being taken is why it ends.
            () = ended.cancelled() => match outbox.why() {
                TOO_SLOW => break,
                _ => tokio::time::timeout(CLOSE_WITHIN, &mut sending).await,
            },
        };
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                outbox.cut(GONE);
                return sink;
            }
            Err(_) => outbox.cut(TOO_SLOW),
        }
    }
    let why = outbox.why();
    // What was said before the end is still sent, unless being too slow is why it ends; who is slow gets longer to read why.
    let within = if why == TOO_SLOW { PATIENCE } else { CLOSE_WITHIN };
    if why == TOO_SLOW {
        waiting.close();
        while waiting.try_recv().is_ok() {}
    }
    let closing = async {
        while let Ok(next) = waiting.try_recv() {
            if sink.feed(Message::Text(next.text)).await.is_err() {
                return;
            }
        }
        let frame = CloseFrame { code: why.0.into(), reason: why.1.into() };
        let _ = sink.send(Message::Close(Some(frame))).await;
        let _ = sink.flush().await;
    };
    let _ = tokio::time::timeout(within, closing).await;
    sink
}
