//! An event as a message: the body is its payload, the subject tells tenant and topic, headers its place and time.

use async_nats::HeaderMap;
use bytes::Bytes;

use super::subject;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::logs::Entry;
use crate::port::store::StoreFault;

/// The event's place in the log.
const POSITION: &str = "Convoke-Position";
/// The place of the event that comes before it in the log, over all tenants: whoever has both knows that nothing lies between.
const AFTER: &str = "Convoke-After";
/// When it was appended, in milliseconds.
const AT: &str = "Convoke-At";
/// Its body is larger than a message may be and lies in the log alone.
const IN_LOG: &str = "Convoke-In-Log";

/// An event on the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Carried {
    /// Its number in the stream.
    pub(super) sequence: u64,
    pub(super) position: i64,
    /// The place of the one before it.
    pub(super) after: i64,
    pub(super) tenant: TenantId,
    pub(super) topic: String,
    pub(super) at: Timestamp,
    /// Its body, or nothing where that lies in the log alone.
    pub(super) body: Option<Bytes>,
}

impl Carried {
    /// Reads a message; `None` where it is none of ours.
    pub(super) fn read(
        below: &str,
        subject: &str,
        headers: Option<&HeaderMap>,
        payload: Bytes,
        sequence: u64,
    ) -> Option<Self> {
        let (tenant, topic) = subject::read(below, subject)?;
        let headers = headers?;
        let number = |name: &str| headers.get(name)?.as_str().parse::<i64>().ok();
        let body = headers.get(IN_LOG).is_none().then_some(payload);
        let at = Timestamp::from_millis(number(AT)?);
        Some(Self { sequence, position: number(POSITION)?, after: number(AFTER)?, tenant, topic, at, body })
    }

    /// The entry that it is; `None` where its body lies in the log.
    pub(super) fn entry(&self) -> Result<Option<Entry>, StoreFault> {
        let Some(body) = &self.body else { return Ok(None) };
        let body = serde_json::from_slice(body)
            .map_err(|error| StoreFault::Broken(format!("the event {} on NATS: {error}", self.position)))?;
        let (position, tenant, stream, at) = (self.position, self.tenant, self.topic.clone(), self.at);
        Ok(Some(Entry { position, tenant, stream, at, body }))
    }

    /// What it weighs in memory, about.
    pub(super) fn weight(&self) -> usize {
        self.body.as_ref().map_or(0, Bytes::len) + self.topic.len() + 200
    }
}

/// The headers of the message that a stream begins with, of nobody's event: it stands for everything up to a place.
pub(super) fn beginning(place: i64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(POSITION, place.to_string());
    headers.insert(AFTER, place.to_string());
    headers.insert(AT, "0");
    headers
}

/// The message of an entry that comes after another, with at most so many bytes.
pub(super) fn message(entry: &Entry, after: i64, most: usize) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    headers.insert(POSITION, entry.position.to_string());
    headers.insert(AFTER, after.to_string());
    headers.insert(AT, entry.at.as_millis().to_string());
    let body = entry.body.to_string();
    if body.len() > most {
        headers.insert(IN_LOG, "1");
        return (headers, Bytes::new());
    }
    (headers, body.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let entry = Entry {
            position: 12,
            tenant: TenantId::from_uuid(Uuid::from_u128(3)),
            stream: "order.created".to_owned(),
            at: Timestamp::from_millis(1_763_640_000_123),
            body: json!({ "subject": "ü", "number": 1.50, "nothing": null }),
        };
        let below = "s.t";
        let subject = subject::subject(below, entry.tenant, &entry.stream);
        let (headers, payload) = message(&entry, 9, 1000);
        let read = Carried::read(below, &subject, Some(&headers), payload, 4).unwrap();
        assert_eq!((read.sequence, read.position, read.after), (4, 12, 9));
        assert_eq!(read.entry().unwrap(), Some(entry.clone()));
        // What is too large is named and left where it is.
        let (headers, payload) = message(&entry, 9, 10);
        assert!(payload.is_empty());
        assert_eq!(Carried::read(below, &subject, Some(&headers), payload, 4).unwrap().entry().unwrap(), None);
        assert_eq!(Carried::read(below, &subject, None, Bytes::new(), 4), None);
        assert_eq!(Carried::read(below, "s.u.x.y", Some(&headers), Bytes::new(), 4), None);
    }
}
