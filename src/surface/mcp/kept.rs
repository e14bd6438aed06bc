//! Streams to clients that are kept open: cut when the client does not read, ended when there is a reason to.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::sync::mpsc;

use crate::kernel::tasks;

/// A client that does not read is given up after so long.
pub(super) const SLOW: Duration = Duration::from_secs(30);
const WAITING: usize = 4;

/// The body, passed on as it comes. Where nobody reads, it is dropped together with all that works for it, and with what is held
/// for its sake; so it is when the client goes or `end` comes.
pub(super) fn kept(body: Body, held: impl Send + 'static, end: impl Future<Output = ()> + Send + 'static) -> Body {
    kept_for(SLOW, body, held, end)
}

fn kept_for(
    patience: Duration,
    body: Body,
    held: impl Send + 'static,
    end: impl Future<Output = ()> + Send + 'static,
) -> Body {
    let (chunks, mut passed) = mpsc::channel::<Bytes>(WAITING);
    let was_cut = Arc::new(AtomicBool::new(false));
    let cutting = was_cut.clone();
    drop(tasks::spawn(async move {
        let _held = held;
        let mut body = body.into_data_stream();
        let mut end = pin!(end);
        loop {
            let chunk = tokio::select! {
                chunk = body.next() => chunk,
                () = chunks.closed() => return,
                () = &mut end => return,
            };
            let Some(Ok(chunk)) = chunk else { return };
            match tokio::time::timeout(patience, chunks.send(chunk)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => {
                    tracing::debug!("a client that does not read was cut");
                    return cutting.store(true, Ordering::Release);
                }
            }
        }
    }));
    Body::from_stream(futures::stream::poll_fn(move |context| {
        passed.poll_recv(context).map(|chunk| match chunk {
            Some(chunk) => Some(Ok(chunk)),
            // Something is missing: that must not look like an end.
            None if was_cut.swap(false, Ordering::AcqRel) => Some(Err(io::Error::other("the client did not read"))),
            None => None,
        })
    }))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::sync::oneshot;

    use super::*;

    fn endless() -> Body {
        Body::from_stream(futures::stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(b"more"))))
    }

    #[tokio::test]
    async fn what_nobody_reads_is_cut_and_gives_back_what_it_held() {
        let (held, given_back) = oneshot::channel::<()>();
        let body = kept_for(Duration::from_millis(10), endless(), held, std::future::pending());
        assert!(given_back.await.is_err());
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn what_is_read_goes_on_until_its_end() {
        let (told, end) = oneshot::channel::<()>();
        let mut body = kept(endless(), (), async move { drop(end.await) }).into_data_stream();
        for _ in 0..100 {
            assert_eq!(body.next().await.unwrap().unwrap(), "more");
        }
        drop(told);
        while let Some(chunk) = body.next().await {
            chunk.unwrap();
        }
    }

    #[tokio::test]
    async fn what_the_client_leaves_is_dropped() {
        let (held, given_back) = oneshot::channel::<()>();
        drop(kept(Body::from_stream(futures::stream::pending::<io::Result<Bytes>>()), held, std::future::pending()));
        assert!(given_back.await.is_err());
    }
}
