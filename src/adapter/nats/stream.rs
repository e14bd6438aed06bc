//! The stream: what it is made of, which one it is, and where in it a place of the log lies.
//!
//! Its subjects hold a token that says whose it is, which making of it, and after which place of the log it begins. A message
//! for a stream that was made anew since has a subject that nobody takes, so who still writes to the former one writes nothing.

use std::time::Duration;

use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, State, StorageType, Stream};
use bytes::Bytes;
use uuid::Uuid;

use super::wire::Carried;
use super::{Settings, subject, wire};
use crate::kernel::id::TenantId;

/// Which stream it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Whose.
    pub(super) installation: String,
    /// Which making of it.
    pub(super) made: String,
    /// Everything after this place of the log is for it; what lies before is read from the log.
    pub(super) base: i64,
}

impl Token {
    pub(super) fn text(&self) -> String {
        format!("e-{}-{}-{}", self.installation, self.made, self.base)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("e-")?.splitn(3, '-');
        let (installation, made) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Self { installation, made, base: parts.next()?.parse().ok()? })
    }
}

/// Where a stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// The number of its last message.
    pub(super) sequence: u64,
    /// The place in the log of that.
    pub(super) position: i64,
    /// The message, where it is not the beginning.
    pub(super) last: Option<Carried>,
}

/// An open stream.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) stream: Stream,
    pub(super) token: Token,
    /// What its subjects begin with.
    pub(super) below: String,
}

/// Finds the stream; `None` where there is none.
pub(super) async fn find(context: &Context, settings: &Settings) -> Result<Option<Open>, String> {
    let stream = match context.get_stream(&settings.stream).await {
        Ok(stream) => stream,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(format!("the stream '{}' cannot be looked up: {error}", settings.stream)),
    };
    let config = &stream.cached_info().config;
    let token = config.subjects.first().and_then(|subject| {
        let token = subject.strip_prefix(settings.stream.as_str())?.strip_prefix('.')?.strip_suffix(".>")?;
        Token::parse(token)
    });
    let Some(token) = token else {
        let say = "is not one that this program made: name another with nats.stream";
        return Err(format!("the stream '{}' {say}", settings.stream));
    };
    if token.installation != settings.installation {
        let say = "belongs to another installation: name another with nats.stream, or delete it";
        return Err(format!("the stream '{}' {say}", settings.stream));
    }
    let below = format!("{}.{}", settings.stream, token.text());
    Ok(Some(Open { stream, token, below }))
}

fn is_missing(error: &async_nats::jetstream::context::GetStreamError) -> bool {
    use async_nats::jetstream::ErrorCode;
    use async_nats::jetstream::context::GetStreamErrorKind;
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

/// Makes the stream for what comes after a place of the log. Where another instance was faster, theirs is found.
pub(super) async fn make(context: &Context, settings: &Settings, made: String, base: i64) -> Result<Open, String> {
    let token = Token { installation: settings.installation.clone(), made, base };
    let config = Config { subjects: vec![format!("{}.{}.>", settings.stream, token.text())], ..wanted(settings) };
    match context.create_stream(config).await {
        Ok(_) => tracing::info!(stream = settings.stream, base, "made the stream of events on NATS"),
        Err(error) => tracing::debug!(%error, "the stream was not made here"),
    }
    let found = find(context, settings).await?;
    found.ok_or_else(|| format!("the stream '{}' cannot be made", settings.stream))
}

/// The topic of the message that a stream begins with: to expect that nothing is there before is nothing that a server holds
/// anybody to, but that there is none of a subject is.
const BEGINNING: &str = "begins";
const NOBODY: TenantId = TenantId::from_uuid(Uuid::nil());

/// Removes the stream of a token, for one to be made anew.
pub(super) async fn remove(context: &Context, settings: &Settings, token: &Token) -> Result<(), String> {
    // Another instance may have made it anew already.
    if find(context, settings).await?.is_some_and(|open| open.token == *token) {
        let gone = context.delete_stream(&settings.stream).await;
        gone.map_err(|error| format!("the stream '{}' cannot be removed: {error}", settings.stream))?;
    }
    Ok(())
}

/// How the stream is to be, but for its subjects.
fn wanted(settings: &Settings) -> Config {
    Config {
        name: settings.stream.clone(),
        description: Some("Events of Convoke. Made by the program, and made anew by it when it is lost.".to_owned()),
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        max_age: settings.keep,
        max_bytes: settings.most_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        num_replicas: settings.replicas,
        // No message goes but the oldest: whoever has two that follow each other knows that nothing was between.
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        // Nothing is remembered to tell what comes twice: the number that is expected does.
        duplicate_window: Duration::from_millis(100),
        ..Config::default()
    }
}

impl Open {
    /// Sees to it that its limits are those that are wanted now.
    pub(super) async fn adjust(&mut self, context: &Context, settings: &Settings) -> Result<(), String> {
        let (now, wanted) = (self.stream.cached_info().config.clone(), wanted(settings));
        let same = now.max_age == wanted.max_age
            && now.max_bytes == wanted.max_bytes
            && now.num_replicas == wanted.num_replicas;
        if same {
            return Ok(());
        }
        let (max_age, max_bytes, num_replicas) = (wanted.max_age, wanted.max_bytes, wanted.num_replicas);
        let changed = Config { max_age, max_bytes, num_replicas, ..now };
        let updated = context.update_stream(changed).await;
        updated.map_err(|error| format!("the limits of the stream '{}' cannot be set: {error}", settings.stream))?;
        Ok(())
    }

    /// Sees to it that it has its first message.
    pub(super) async fn begin(&mut self, context: &Context) -> Result<(), String> {
        if self.state().await?.last_sequence > 0 {
            return Ok(());
        }
        let first = PublishMessage::build().headers(wire::beginning(self.token.base)).expected_last_subject_sequence(0);
        let subject = subject::subject(&self.below, NOBODY, BEGINNING);
        let sent = context.send_publish(subject, first).await.map_err(|error| error.to_string())?;
        // Another may have been faster.
        if let Err(error) = sent.await {
            tracing::debug!(%error, "the stream was not begun here");
        }
        Ok(())
    }

    pub(super) fn name(&self) -> &str {
        &self.stream.cached_info().config.name
    }

    /// How it is now.
    pub(super) async fn state(&mut self) -> Result<State, String> {
        self.stream.info().await.map(|info| info.state.clone()).map_err(|error| error.to_string())
    }

    /// Whether it is still this one, and nothing of a number or later is gone from it.
    pub(super) async fn still_has(&self, sequence: u64) -> Result<bool, String> {
        let info = self.stream.get_info().await.map_err(|error| error.to_string())?;
        let same = info.config.subjects.first().is_some_and(|subject| *subject == format!("{}.>", self.below));
        Ok(same && info.state.first_sequence <= sequence)
    }

    /// Where it ends; `None` where nothing is in it, or not any more, so that nobody can tell.
    pub(super) async fn end(&mut self) -> Result<Option<End>, String> {
        // Between the two answers it may have gone on, or lost what was the last.
        let state = self.state().await?;
        if state.messages == 0 {
            return Ok(None);
        }
        let last = self.get(state.last_sequence).await?;
        let (sequence, position) = (last.sequence, last.position);
        Ok(Some(End { sequence, position, last: Some(last).filter(|last| last.tenant != NOBODY) }))
    }

    /// The message of a number.
    pub(super) async fn get(&self, sequence: u64) -> Result<Carried, String> {
        let message = self.stream.direct_get(sequence).await.map_err(|error| error.to_string())?;
        let payload: Bytes = message.payload;
        Carried::read(&self.below, &message.subject, Some(&message.headers), payload, message.sequence)
            .ok_or_else(|| format!("the message {sequence} of the stream is none of ours"))
    }

    /// The number of the first message after a place; `None` where some of what comes after it is not in the stream.
    pub(super) async fn after(&mut self, position: i64) -> Result<Option<u64>, String> {
        let state = self.state().await?;
        if state.messages == 0 {
            return Ok(None);
        }
        let (mut low, mut high) = (state.first_sequence, state.last_sequence);
        if self.get(low).await?.after > position {
            return Ok(None);
        }
        if self.get(high).await?.position <= position {
            return Ok(Some(high + 1));
        }
        // The one that is looked for lies from `low` to `high`.
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).await?.position > position {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(Some(low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_written() {
        let token = Token { installation: "0a1b".to_owned(), made: "77".to_owned(), base: 1234 };
        assert_eq!(Token::parse(&token.text()), Some(token));
        for nonsense in ["", "e-", "e-a", "e-a-b", "e-a-b-c", "x-a-b-1"] {
            assert_eq!(Token::parse(nonsense), None, "{nonsense}");
        }
    }
}
