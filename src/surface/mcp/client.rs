//! The client on the other side of a running call: progress and messages go out while it runs, questions are asked where the
//! revision lets a server ask.
#![expect(deprecated, reason = "clients of the older revisions are logged to")]

use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use rmcp::RoleServer;
use rmcp::model::{
    CustomRequest, LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken,
    ServerRequest,
};
use rmcp::service::{Peer, PeerRequestOptions, ServiceError};
use serde_json::Value;
use tokio::sync::mpsc;

use super::ask;
use super::era::Era;
use crate::capability::client::{Abilities, Answers, Client, Level, Progress, Question, Questions};
use crate::kernel::codes;
use crate::kernel::current::Current;
use crate::kernel::fault::Fault;

/// A person may take so long to answer; the call's own deadline is mostly nearer.
const ANSWER_TIME: Duration = Duration::from_mins(10);
/// A client that does not read is not waited for longer, notice by notice.
const NOTICE_TIME: Duration = Duration::from_secs(5);
const NOTICES: usize = 128;

/// What is told while a call runs.
pub(super) enum Notice {
    Progress(ProgressNotificationParam),
    Message(LoggingMessageNotificationParam),
}

/// The client of one call.
pub(super) struct Remote {
    peer: Peer<RoleServer>,
    era: Era,
    abilities: Abilities,
    token: Option<ProgressToken>,
    least: Option<Level>,
    notices: mpsc::Sender<Notice>,
}

impl Remote {
    /// The client of a call, and what it will be told.
    pub(super) fn new(
        peer: Peer<RoleServer>,
        era: Era,
        abilities: Abilities,
        token: Option<ProgressToken>,
        least: Option<Level>,
    ) -> (Self, mpsc::Receiver<Notice>) {
        let (notices, told) = mpsc::channel(NOTICES);
        (Self { peer, era, abilities, token, least, notices }, told)
    }

    async fn ask_one(&self, question: &Question) -> Result<Value, Fault> {
        let mut params = ask::params(question);
        if let Some(trace) = Current::trace() {
            ask::place(&mut params, trace);
        }
        let request = CustomRequest::new(ask::method(question), Some(params));
        let options = PeerRequestOptions::with_timeout(ANSWER_TIME);
        let sent = self.peer.send_request_with_option(ServerRequest::CustomRequest(request), options).await;
        let answer = match sent {
            Ok(handle) => handle.await_response().await,
            Err(error) => Err(error),
        };
        answer.map_err(unanswered).and_then(|answer| serde_json::to_value(answer).map_err(Fault::internal))
    }
}

/// What is told while a call runs, until the call has ended. The call goes on meanwhile: it does not wait for a client that is
/// slow to read, and who does not read one notice in time is told no more of them.
pub(super) async fn telling<T>(
    peer: &Peer<RoleServer>,
    told: mpsc::Receiver<Notice>,
    calling: impl Future<Output = T>,
) -> T {
    meanwhile(told, calling, |notice| tell(peer, notice).boxed()).await
}

async fn meanwhile<'a, N, T>(
    mut told: mpsc::Receiver<N>,
    calling: impl Future<Output = T>,
    tell: impl Fn(N) -> BoxFuture<'a, bool>,
) -> T {
    let mut calling = pin!(calling);
    let mut sending: Option<BoxFuture<'a, bool>> = None;
    let mut listens = true;
    let answer = loop {
        tokio::select! {
            // Notices first: they must be out before the answer.
            biased;
            heard = async { match &mut sending { Some(sending) => sending.await, None => std::future::pending().await } } => {
                listens &= heard;
                sending = None;
            }
            Some(notice) = told.recv(), if sending.is_none() => {
                sending = listens.then(|| tell(notice));
            }
            answer = &mut calling => break answer,
        }
    };
    if let Some(sending) = sending {
        listens &= sending.await;
    }
    while listens && let Ok(notice) = told.try_recv() {
        listens = tell(notice).await;
    }
    answer
}

/// Sends a notice, waiting only so long for a client that does not read; false when it did not go out.
async fn tell(peer: &Peer<RoleServer>, notice: Notice) -> bool {
    let sending = async {
        match notice {
            Notice::Progress(progress) => peer.notify_progress(progress).await,
            Notice::Message(message) => peer.notify_logging_message(message).await,
        }
    };
    let sent = matches!(tokio::time::timeout(NOTICE_TIME, sending).await, Ok(Ok(())));
    if !sent {
        tracing::debug!("a notice to a client was lost");
    }
    sent
}

#[async_trait]
impl Client for Remote {
    fn progress(&self, progress: Progress) {
        let Some(token) = self.token.clone() else { return };
        let mut told = ProgressNotificationParam::new(token, progress.done);
        told.total = progress.total;
        told.message = progress.message;
        // Progress that the client does not keep up with is worth nothing to it.
        let _ = self.notices.try_send(Notice::Progress(told));
    }

    fn say(&self, level: Level, logger: &str, data: Value) {
        if self.least.is_none_or(|least| level < least) {
            return;
        }
        let told = LoggingMessageNotificationParam::new(wire(level), data).with_logger(logger.to_owned());
        let _ = self.notices.try_send(Notice::Message(told));
    }

    async fn ask(&self, questions: &Questions) -> Option<Result<Answers, Fault>> {
        if self.era == Era::Modern || !questions.iter().all(|(_, question)| ask::is_able(self.abilities, question)) {
            return None;
        }
        let mut answers = Answers::new();
        for (key, question) in questions {
            match self.ask_one(question).await {
                Ok(answer) => answers.insert(key.clone(), answer),
                Err(fault) => return Some(Err(fault)),
            };
        }
        Some(Ok(answers))
    }

    fn abilities(&self) -> Abilities {
        self.abilities
    }
}

fn unanswered(error: ServiceError) -> Fault {
    match error {
        ServiceError::Timeout { .. } => Fault::new(&codes::DEADLINE, "the client did not answer in time"),
        ServiceError::Cancelled { .. } | ServiceError::TransportClosed => {
            Fault::new(&codes::CANCELLED, "the client went away without an answer")
        }
        ServiceError::McpError(error) => {
            Fault::new(&codes::CONFLICT, format!("the client refused to answer: {}", error.message))
        }
        other => {
            Fault::new(&codes::CONFLICT, "the client gave no answer that can be read").caused_by(other.to_string())
        }
    }
}

/// The protocol's name for a level.
pub(super) fn wire(level: Level) -> LoggingLevel {
    match level {
        Level::Debug => LoggingLevel::Debug,
        Level::Info => LoggingLevel::Info,
        Level::Warning => LoggingLevel::Warning,
        Level::Error => LoggingLevel::Error,
    }
}

/// The least of our levels that a client which set one of the protocol's hears.
pub(super) fn least(level: LoggingLevel) -> Level {
    match level {
        LoggingLevel::Debug => Level::Debug,
        LoggingLevel::Info => Level::Info,
        LoggingLevel::Notice | LoggingLevel::Warning => Level::Warning,
        LoggingLevel::Error | LoggingLevel::Critical | LoggingLevel::Alert | LoggingLevel::Emergency => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_call_does_not_wait_for_a_slow_reader() {
        let (notices, told) = mpsc::channel(8);
        let read = Notify::new();
        let heard = Mutex::new(Vec::new());
        let calling = async {
            for number in 1..=3 {
                notices.send(number).await.unwrap();
                tokio::task::yield_now().await;
            }
            // The client reads only now.
            read.notify_one();
            drop(notices);
            "done"
        };
        let slow = |number: i32| {
            let (read, heard) = (&read, &heard);
            async move {
                if number == 1 {
                    read.notified().await;
                }
                heard.lock().unwrap().push(number);
                true
            }
            .boxed()
        };
        let answer = tokio::time::timeout(Duration::from_mins(1), meanwhile(told, calling, slow)).await;
        assert_eq!(answer, Ok("done"));
        assert_eq!(*heard.lock().unwrap(), [1, 2, 3], "what was told is out before the answer");
    }

    #[tokio::test]
    async fn who_does_not_hear_is_told_no_more() {
        let (notices, told) = mpsc::channel(8);
        for number in 1..=3 {
            notices.try_send(number).unwrap();
        }
        let tried = Mutex::new(0);
        let deaf = |_: i32| {
            *tried.lock().unwrap() += 1;
            std::future::ready(false).boxed()
        };
        let calling = async {
            tokio::task::yield_now().await;
            drop(notices);
        };
        meanwhile(told, calling, deaf).await;
        assert_eq!(*tried.lock().unwrap(), 1);
    }
}
