//! Follows the stream: what comes is kept in memory for who reads, and those who wait are woken.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use futures::StreamExt as _;
use tokio::time::{Instant, MissedTickBehavior};

use super::stream::{self, Open};
use super::tail::Tail;
use super::wire::Carried;
use super::{NatsBus, locked, say};
use crate::port::bus::Arrival;

/// A stream that is not there or cannot be followed is looked for again so soon.
const AGAIN: Duration = Duration::from_millis(100);
/// And so late at the latest.
const AGAIN_AT_LAST: Duration = Duration::from_secs(2);
/// So long it may be behind what was told of the stream.
const MAY_LAG: Duration = Duration::from_secs(1);
/// So long there may be no stream before that is a fault: whoever copies makes it.
const MAY_MISS: Duration = Duration::from_secs(5);

/// Follows for as long as it is let.
pub(super) async fn follow(bus: &NatsBus, client: &Client) {
    let (mut wait, began) = (AGAIN, Instant::now());
    let mut followed = false;
    loop {
        let from = Instant::now();
        let fault = if bus.line.is_up() { once(bus, client).await.err() } else { None };
        followed |= from.elapsed() > MAY_MISS;
        if let Some(fault) = fault
            && bus.line.is_up()
            && (followed || began.elapsed() > MAY_MISS)
        {
            bus.note("follow", Some(fault));
        }
        // What waits is found in the log meanwhile.
        say::wake_all(bus);
        wait = if from.elapsed() > AGAIN_AT_LAST { AGAIN } else { (wait * 2).min(AGAIN_AT_LAST) };
        let mut made = bus.line.made();
        made.mark_unchanged();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = made.changed() => {}
        }
    }
}

/// Follows until something is wrong, or the connection is another.
async fn once(bus: &NatsBus, client: &Client) -> Result<(), String> {
    let context = NatsBus::context(client);
    let mut made = bus.line.made();
    made.mark_unchanged();
    let Some(mut open) = stream::find(&context, &bus.settings).await? else {
        return Err(format!("there is no stream '{}'", bus.settings.stream));
    };
    let start_sequence = begin(bus, &mut open).await?;
    bus.cold.set(&open);
    let config = push::Config {
        deliver_subject: client.new_inbox(),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
        ack_policy: AckPolicy::None,
        max_deliver: 1,
        idle_heartbeat: Duration::from_secs(5),
        flow_control: true,
        memory_storage: true,
        num_replicas: 1,
        ..push::Config::default()
    };
    let consumer = open.stream.create_consumer(config).await.map_err(|error| error.to_string())?;
    let mut messages = consumer.messages().await.map_err(|error| error.to_string())?;
    bus.note("follow", None);
    let mut looks = tokio::time::interval(MAY_LAG / 4);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut behind: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            message = messages.next() => {
                let message = message.ok_or("the stream is followed no more")?.map_err(|error| error.to_string())?;
                let sequence = message.info().map_err(|error| error.to_string())?.stream_sequence;
                let message = message.message;
                let headers = message.headers.as_ref();
                let carried = Carried::read(&open.below, &message.subject, headers, message.payload, sequence);
                take(bus, carried.ok_or_else(|| format!("the message {sequence} of the stream is none of ours"))?)?;
            }
            _ = made.changed() => return Ok(()),
            _ = looks.tick() => {
                let through = bus.reached().unwrap_or_default();
                if !locked(&bus.leader).has_told_more(through) {
                    behind = None;
                } else if behind.get_or_insert_with(Instant::now).elapsed() > MAY_LAG {
                    return Err("the stream goes on and nothing comes".to_owned());
                }
            }
        }
    }
}

/// Where to go on: after what is in memory already, where the stream still has that; else at its end.
async fn begin(bus: &NatsBus, open: &mut Open) -> Result<u64, String> {
    let state = open.state().await?;
    let token = open.token.text();
    let near = bus.settings.tail_events as u64;
    let last = locked(&bus.tail).as_ref().filter(|tail| tail.token() == token).map(|tail| tail.last().0);
    if let Some(last) = last
        && state.first_sequence <= last + 1
        && state.last_sequence <= last + near
    {
        return Ok(last + 1);
    }
    let end = open.end().await?.ok_or("everything in the stream is gone by age")?;
    *locked(&bus.tail) = Some(Tail::after(&token, end.sequence, end.position, bus.room()));
    say::wake_all(bus);
    Ok(end.sequence + 1)
}

fn take(bus: &NatsBus, carried: Carried) -> Result<(), String> {
    let arrival = Arrival::Event { tenant: carried.tenant, topic: carried.topic.clone() };
    let sequence = carried.sequence;
    let pushed = locked(&bus.tail).as_mut().map(|tail| tail.push(carried.into()));
    let Some(Ok(new)) = pushed else {
        *locked(&bus.tail) = None;
        return Err(format!("the message {sequence} does not come after the one before it"));
    };
    if new {
        // Nobody waiting is not a fault.
        let _ = bus.arrivals.send(arrival);
    }
    Ok(())
}
