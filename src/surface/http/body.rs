//! Request bodies. A door reads a body only when it knows who sends it; meanwhile nothing of it is held. Each body has a
//! largest size and a time, and all of them together a budget of memory.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use crate::capability::cx::store_fault;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::tasks;
use crate::port::arriving::{Arrival, Arrived};

/// A body must have come in whole after so long.
const BODY_TIME: Duration = Duration::from_secs(30);
/// One that is written away as it comes: it must go on within the same time.
const PASSING_TIME: Duration = Duration::from_mins(15);
/// Of a body that no door wants so much more is read, so that the client gets to read why.
const LINGER_BYTES: usize = 32 << 20;
const LINGER_TIME: Duration = Duration::from_secs(5);
/// Bodies are read on a server that has room again soon.
const ROOM_WAIT: Duration = Duration::from_secs(1);

/// The whole body.
///
/// # Errors
/// `too_large`, `slow_request`, `unavailable` when the server holds as many bytes of bodies as it may, `malformed` when the
/// body breaks off.
pub async fn read(mut body: Body, limit: usize) -> Result<Bytes, Fault> {
    let mut whole = BytesMut::new();
    while let Some(data) = next(&mut body).await? {
        if whole.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// A body that is written away as it comes: it holds nothing of what all bodies share and may be of another size.
///
/// # Errors
/// As `read`; when the file cannot be written.
pub async fn write_to(mut arrival: Box<dyn Arrival>, body: Body, limit: usize) -> Result<Arc<dyn Arrived>, Fault> {
    let mut body = body;
    let mut seen = 0;
    while let Some(data) = next(&mut body).await? {
        seen += data.len();
        if seen > limit {
            return Err(too_large(limit));
        }
        arrival.take(data).await.map_err(store_fault)?;
    }
    arrival.end().await.map_err(store_fault)
}

/// The next piece of a body.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Fault> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.into_inner().downcast::<Fault>() {
            Ok(fault) => *fault,
            Err(error) => Fault::new(&codes::MALFORMED, "the body broke off").caused_by(error),
        })?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// The bounds of a body, for the door that knows what becomes of it.
#[derive(Debug, Clone)]
pub struct Bounds(Arc<AtomicUsize>);

impl Bounds {
    /// It is written away as it comes, and may have so many bytes.
    pub fn pass(&self, limit: usize) {
        self.0.store(limit, Ordering::Release);
    }

    /// The largest size, where it is written away.
    fn passing(&self) -> Option<usize> {
        Some(self.0.load(Ordering::Acquire)).filter(|limit| *limit > 0)
    }
}

/// What all bodies share.
pub(super) struct Bodies {
    limit: usize,
    left: Arc<AtomicUsize>,
}

impl Bodies {
    /// Bodies of at most `limit` bytes each and `together` bytes at once.
    pub(super) fn new(limit: usize, together: usize) -> Self {
        Self { limit, left: Arc::new(AtomicUsize::new(together)) }
    }

    /// A body as doors get it, and what to do with it after they have answered.
    pub(super) fn guard(&self, headers: &HeaderMap, body: Incoming) -> (Body, Option<Unread>, Bounds) {
        let bounds = Bounds(Arc::default());
        if body.is_end_stream() {
            return (Body::empty(), None, bounds);
        }
        let held = Arc::new(Held { left: self.left.clone(), bytes: AtomicUsize::new(0) });
        let (back, rest) = oneshot::channel();
        let guarded = Guarded {
            body: Some(body),
            limit: self.limit,
            bounds: bounds.clone(),
            seen: 0,
            begun: Instant::now(),
            time: Box::pin(tokio::time::sleep(BODY_TIME)),
            held: held.clone(),
            back: Some(back),
        };
        // Who asks before sending is told the answer instead of being let to send.
        let asks_first = headers.contains_key(EXPECT);
        (Body::new(guarded), Some(Unread { rest, asks_first, _held: held }), bounds)
    }
}

/// Bytes that a request holds of the budget, until it is answered.
struct Held {
    left: Arc<AtomicUsize>,
    bytes: AtomicUsize,
}

impl Held {
    fn take(&self, bytes: usize) -> bool {
        let taken = self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes)).is_ok();
        if taken {
            self.bytes.fetch_add(bytes, Ordering::AcqRel);
        }
        taken
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes.load(Ordering::Acquire), Ordering::AcqRel);
    }
}

/// A body that a door may have left unread.
pub(super) struct Unread {
    rest: oneshot::Receiver<Incoming>,
    asks_first: bool,
    _held: Arc<Held>,
}

impl Unread {
    /// Reads on for a while without keeping anything: a connection that is closed over unread bytes loses the answer.
    pub(super) fn linger(mut self) {
        let Ok(mut body) = self.rest.try_recv() else { return };
        if self.asks_first {
            return;
        }
        drop(tasks::spawn(async move {
            let reading = async {
                let mut seen = 0;
                while let Some(Ok(frame)) = body.frame().await {
                    seen += frame.data_ref().map_or(0, Bytes::len);
                    if seen > LINGER_BYTES {
                        break;
                    }
                }
            };
            let _ = tokio::time::timeout(LINGER_TIME, reading).await;
        }));
    }
}

/// A body within its bounds. What is left of it when it is dropped goes back to the guard.
struct Guarded {
    body: Option<Incoming>,
    limit: usize,
    bounds: Bounds,
    seen: usize,
    begun: Instant,
    time: Pin<Box<Sleep>>,
    held: Arc<Held>,
    back: Option<oneshot::Sender<Incoming>>,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = self.get_mut();
        let Some(body) = this.body.as_mut() else { return Poll::Ready(None) };
        let passing = this.bounds.passing();
        let limit = passing.unwrap_or(this.limit);
        if this.seen as u64 + body.size_hint().lower() > limit as u64 {
            return Poll::Ready(Some(Err(too_large(limit))));
        }
        if this.time.as_mut().poll(context).is_ready() {
            let fault = Fault::new(&codes::SLOW_REQUEST, "the body did not come in within its time");
            return Poll::Ready(Some(Err(fault)));
        }
        let frame = match ready!(Pin::new(body).poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => {
                let fault = Fault::new(&codes::MALFORMED, "the body broke off").caused_by(error);
                return Poll::Ready(Some(Err(fault)));
            }
            Some(Ok(frame)) => frame,
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        this.seen += bytes;
        if this.seen > limit {
            return Poll::Ready(Some(Err(too_large(limit))));
        }
        if passing.is_some() {
            // It may take long, as long as it goes on.
            let last = this.begun + PASSING_TIME;
            this.time.as_mut().reset((Instant::now() + BODY_TIME).min(last));
        } else if !this.held.take(bytes) {
            let fault = Fault::new(&codes::UNAVAILABLE, "the server holds as many bytes of requests as it may");
            return Poll::Ready(Some(Err(fault.with_retry_after(ROOM_WAIT))));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        if let Some((back, rest)) = self.back.take().zip(rest) {
            let _ = back.send(rest);
        }
    }
}

fn too_large(limit: usize) -> Fault {
    Fault::new(&codes::TOO_LARGE, format!("the body is larger than {limit} bytes"))
        .with_detail(serde_json::json!({ "limitBytes": limit }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_end_at_their_limit() {
        assert_eq!(read(Body::from("12345"), 5).await.unwrap(), "12345");
        assert!(read(Body::from("123456"), 5).await.unwrap_err().is(&codes::TOO_LARGE));
        let broken = futures::stream::iter([Ok("1"), Err(std::io::Error::other("gone"))]);
        assert!(read(Body::from_stream(broken), 5).await.unwrap_err().is(&codes::MALFORMED));
    }

    #[test]
    fn what_a_request_holds_is_given_back() {
        let left = Arc::new(AtomicUsize::new(10));
        let held = || Held { left: left.clone(), bytes: AtomicUsize::new(0) };
        let (one, other) = (held(), held());
        assert!(one.take(4) && one.take(4) && !other.take(3) && other.take(2));
        drop(one);
        assert!(other.take(8));
        drop(other);
        assert_eq!(left.load(Ordering::Acquire), 10);
    }
}
