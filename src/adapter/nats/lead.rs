//! Copies the log to the stream, in its order. One instance does so at a time, and another takes over when nothing is heard of
//! it. That is for thrift alone: each message demands the number of the one that it follows, and what follows a message is
//! the same for everybody who reads the log. So of two who copy one gets on, nothing comes twice, and nothing is left out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::PublishMessage;
use tokio::time::Instant;

use super::link::PATIENCE;
use super::stream::{self, End, Open};
use super::{NatsBus, locked, say, subject, wire};
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Entry, LogQuery};
use crate::port::records::{Filter, Scope};

/// Messages under way at once.
const WINDOW: usize = 500;
/// Bytes under way at once, about.
const WINDOW_BYTES: usize = 4 << 20;
/// What the headers of a message may take.
const HEADERS: usize = 1024;
/// A start waits so long for whoever copies already to say so.
const FIRST: Duration = Duration::from_millis(600);
/// The first wait after a fault, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Copies for as long as it is let, whenever nobody else does.
pub(super) async fn lead(bus: &NatsBus, client: &Client) {
    let mut wait = WAITS.0;
    let mut makes = 0_u32;
    loop {
        until_nobody_else(bus).await;
        bus.leads.store(true, Ordering::Release);
        say::lead(bus, client, None).await;
        let began = Instant::now();
        let ended = copy(bus, client, &mut makes).await;
        bus.leads.store(false, Ordering::Release);
        if began.elapsed() > WAITS.1 {
            wait = WAITS.0;
        }
        // That there is no connection is told already.
        if let Err(why) = ended
            && bus.line.is_up()
        {
            bus.note("copy", Some(why));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAITS.1);
    }
}

/// Waits until there is a connection and nothing is heard of another who copies.
async fn until_nobody_else(bus: &NatsBus) {
    let mut since: Option<Instant> = None;
    loop {
        let (other, gone) = {
            let leader = locked(&bus.leader);
            (leader.heard(say::GONE).is_some_and(|by| by != bus.settings.instance), leader.is_gone())
        };
        let own = !other && locked(&bus.leader).heard(say::GONE).is_some();
        if other || !bus.line.is_up() {
            since = None;
        } else if gone || own || since.get_or_insert_with(Instant::now).elapsed() >= FIRST {
            return;
        }
        if other {
            // What was wrong with it here is of no matter any more.
            bus.note("copy", None);
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
            () = bus.nudged.notified() => {}
        }
    }
}

/// An entry that is in the stream, by which it is known again in the log.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    position: i64,
    tenant: TenantId,
    topic: String,
    at: Timestamp,
}

impl Known {
    fn of(entry: &Entry) -> Self {
        Self { position: entry.position, tenant: entry.tenant, topic: entry.stream.clone(), at: entry.at }
    }
}

/// Copies until another does, or something is wrong.
async fn copy(bus: &NatsBus, client: &Client, makes: &mut u32) -> Result<(), String> {
    let context = NatsBus::context(client);
    let (mut open, mut end) = opened(bus, &context, makes).await?;
    open.adjust(&context, &bus.settings).await?;
    let last = end.last.take();
    let mut known =
        last.map(|last| Known { position: last.position, tenant: last.tenant, topic: last.topic, at: last.at });
    let mut said = Instant::now();
    loop {
        if locked(&bus.leader).heard(say::GONE).is_some_and(|by| by < bus.settings.instance) {
            return Ok(());
        }
        if !bus.line.is_up() {
            return Err("there is no connection".to_owned());
        }
        // The last one is read once more: where the log does not have it any more, or another one in its place, it is not the
        // log that the stream was made from.
        let beyond = known.as_ref().map_or(end.position, |known| known.position - 1);
        let limit = u32::try_from(WINDOW + 1).unwrap_or(u32::MAX);
        let query = LogQuery { filter: Filter::All, beyond: Some(beyond), descending: false, limit };
        let entries = bus.store.entries(Scope::Platform, bus.log, query).await.map_err(|fault| fault.to_string())?;
        let next = match &known {
            None => entries.as_slice(),
            Some(known) => match entries.split_first() {
                Some((first, next)) if Known::of(first) == *known => next,
                _ => {
                    tracing::warn!(
                        position = known.position,
                        "the log has not what the stream ends with: the stream is made anew"
                    );
                    return stream::remove(&context, &bus.settings, &open.token).await;
                }
            },
        };
        let whole = next.len() < WINDOW;
        let next = &next[..within_bytes(next)];
        let whole = whole && next.len() + usize::from(known.is_some()) == entries.len();
        if let Some(last) = next.last() {
            let sent = publish(client, &context, &open, &end, next);
            let sent = tokio::time::timeout(PATIENCE * 2, sent).await;
            sent.map_err(|_| "the servers do not take events".to_owned())??;
            (end.sequence, end.position) = (end.sequence + next.len() as u64, last.position);
            known = Some(Known::of(last));
        }
        bus.note("copy", None);
        if whole || said.elapsed() >= say::EVERY {
            said = Instant::now();
            say::lead(bus, client, Some(end.position)).await;
        }
        if whole {
            tokio::select! {
                () = bus.nudged.notified() => {}
                () = tokio::time::sleep(say::EVERY) => {}
            }
        }
    }
}

/// The stream and where it ends; made where there is none, and made anew where nobody can tell.
async fn opened(bus: &NatsBus, context: &Context, makes: &mut u32) -> Result<(Open, End), String> {
    let settings = &bus.settings;
    if let Some(mut open) = stream::find(context, settings).await? {
        open.begin(context).await?;
        if let Some(end) = open.end().await? {
            return Ok((open, end));
        }
        stream::remove(context, settings, &open.token).await?;
    }
    *makes += 1;
    let run = settings.instance.simple().to_string();
    let made = format!("{}{makes}", &run[run.len() - 12..]);
    // What is committed from here on lies beyond.
    let base = bus.store.last(bus.log).await.map_err(|fault| fault.to_string())?;
    let mut open = stream::make(context, settings, made, base).await?;
    open.begin(context).await?;
    let end = open.end().await?.ok_or("the stream that was made is not to be found")?;
    Ok((open, end))
}

/// How many entries from the first one on may be under way at once.
fn within_bytes(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let fits = entries.iter().take_while(|entry| {
        let before = bytes;
        bytes += about(&entry.body);
        before < WINDOW_BYTES
    });
    fits.count()
}

/// About how many bytes a body has.
fn about(body: &serde_json::Value) -> usize {
    use serde_json::Value;
    match body {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(about).sum::<usize>() + 2,
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + about(value) + 4).sum::<usize>() + 2,
        Value::Null | Value::Bool(_) | Value::Number(_) => 6,
    }
}

/// Sends entries that follow the end of the stream, all at once, and waits for all of them to be taken.
async fn publish(client: &Client, context: &Context, open: &Open, end: &End, entries: &[Entry]) -> Result<(), String> {
    let most = client.server_info().max_payload.saturating_sub(HEADERS);
    let (mut sequence, mut after) = (end.sequence, end.position);
    let mut answers = Vec::with_capacity(entries.len());
    for entry in entries {
        let (headers, payload) = wire::message(entry, after, most);
        let message = PublishMessage::build().headers(headers).payload(payload).expected_last_sequence(sequence);
        let subject = subject::subject(&open.below, entry.tenant, &entry.stream);
        let sent = context.send_publish(subject, message).await;
        answers.push(sent.map_err(|error| format!("an event cannot be sent: {error}"))?);
        (sequence, after) = (sequence + 1, entry.position);
    }
    for (expected, answer) in (end.sequence + 1..).zip(answers) {
        let taken = answer.await.map_err(|error| format!("an event was not taken: {error}"))?;
        if taken.sequence != expected {
            return Err(format!("an event was taken as {} and not as {expected}", taken.sequence));
        }
    }
    Ok(())
}
