//! Reading further back in the stream than memory goes: for who was away, or asks for what is past. Where a place of the log lies
//! in the stream is looked for by halves, and remembered for whoever reads on from there.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use bytes::Bytes;
use futures::StreamExt as _;

use super::link::PATIENCE;
use super::stream::Open;
use super::wire::Carried;
use super::{locked, subject};
use crate::kernel::id::TenantId;
use crate::port::records::Filter;

/// Places that are remembered.
const MOST_PLACES: usize = 1024;

/// The stream, for who reads back.
#[derive(Default)]
pub(super) struct Cold(Mutex<Option<Known>>);

struct Known {
    open: Open,
    /// Where the first message after a place is.
    places: HashMap<i64, u64>,
}

/// What is wanted.
pub(super) struct Wanted<'a> {
    pub(super) tenant: TenantId,
    pub(super) filter: &'a Filter,
    pub(super) after: i64,
    pub(super) most: usize,
}

impl Cold {
    /// Takes the stream that is followed now.
    pub(super) fn set(&self, open: &Open) {
        let mut known = locked(&self.0);
        match known.as_mut() {
            Some(known) if known.open.token == open.token => known.open = open.clone(),
            _ => *known = Some(Known { open: open.clone(), places: HashMap::new() }),
        }
    }

    fn look_up(&self, place: i64) -> Option<(Open, Option<u64>)> {
        locked(&self.0).as_ref().map(|known| (known.open.clone(), known.places.get(&place).copied()))
    }

    fn remember(&self, open: &Open, place: i64, sequence: u64) {
        if let Some(known) = locked(&self.0).as_mut().filter(|known| known.open.token == open.token) {
            if known.places.len() >= MOST_PLACES {
                known.places.clear();
            }
            known.places.insert(place, sequence);
        }
    }

    /// What of a tenant comes after a place and fits: as much as is wanted, or all that the stream had when it was asked.
    /// `None` where the stream does not go back so far.
    pub(super) async fn read(&self, client: &Client, wanted: Wanted<'_>) -> Result<Option<Vec<Carried>>, String> {
        let Some((mut open, place)) = self.look_up(wanted.after) else { return Ok(None) };
        let start_sequence = match place {
            Some(sequence) => sequence,
            None => match open.after(wanted.after).await? {
                Some(sequence) => sequence,
                None => return Ok(None),
            },
        };
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            filter_subject: subject::of_filter(&open.below, wanted.tenant, wanted.filter),
            inactive_threshold: Duration::from_secs(5),
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = open.stream.create_consumer(config).await.map_err(|error| error.to_string())?;
        let name = consumer.cached_info().name.clone();
        let pending = usize::try_from(consumer.cached_info().num_pending).unwrap_or(usize::MAX);
        let read = read_from(&open, &consumer, &wanted, pending).await;
        // It would go by itself after a while.
        let gone = format!("$JS.API.CONSUMER.DELETE.{}.{name}", open.name());
        let _ = client.publish(gone, Bytes::new()).await;
        let (found, last) = read?;
        // The oldest may have gone meanwhile, or the whole stream for another of its name: then it is not known what was passed.
        if !open.still_has(start_sequence).await? {
            return Err("the stream went on meanwhile".to_owned());
        }
        if let Some(last) = last {
            self.remember(&open, last.0, last.1 + 1);
        }
        Ok(Some(found))
    }
}

type Consumer = async_nats::jetstream::consumer::Consumer<pull::Config>;

/// Takes from the consumer until there is as much as is wanted or no more; answers the place and the number of
/// the last, where the reader goes on from there.
async fn read_from(
    open: &Open,
    consumer: &Consumer,
    wanted: &Wanted<'_>,
    mut pending: usize,
) -> Result<(Vec<Carried>, Option<(i64, u64)>), String> {
    let mut found: Vec<Carried> = Vec::new();
    while pending > 0 && found.len() < wanted.most {
        let count = (wanted.most - found.len()).min(pending);
        let batch = consumer.batch().max_messages(count).expires(PATIENCE).messages();
        let mut messages = batch.await.map_err(|error| error.to_string())?;
        for _ in 0..count {
            let message = messages.next().await.ok_or("what was read back is cut off")?;
            let message = message.map_err(|error| error.to_string())?;
            let sequence = message.info().map_err(|error| error.to_string())?.stream_sequence;
            let message = message.message;
            let headers = message.headers.as_ref();
            let carried = Carried::read(&open.below, &message.subject, headers, message.payload, sequence)
                .ok_or_else(|| format!("the message {sequence} of the stream is none of ours"))?;
            if carried.position <= wanted.after {
                return Err("the stream is another".to_owned());
            }
            if subject::fits(wanted.filter, &carried.topic) {
                found.push(carried);
            }
        }
        pending -= count;
    }
    // Who got less goes on in memory.
    let last = found.last().filter(|_| found.len() >= wanted.most).map(|last| (last.position, last.sequence));
    Ok((found, last))
}
