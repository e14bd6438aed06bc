//! One connection: who it speaks for, what it hears, and what it asks for, in the order in which it asks.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::channels::Who;
use super::events::{Listening, Topics, may_listen};
use super::frames::{self, Asked};
use super::outbox::{GONE, Outbox, REFUSED, SILENT, STOPPING, TOO_BIG};
use super::{DOOR, Sockets};
use crate::capability::caller::{Caller, Credential, Origin};
use crate::capability::cx::store_fault;
use crate::capability::events::EVENTS;
use crate::capability::gate::{Gate, Request as Call};
use crate::capability::outcome::Outcome;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id, new_uuid};
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;

/// The first message must have brought a credential after so long.
const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(20);
/// Without any message or answer to a ping for so long, the client is gone.
const SILENCE: Duration = Duration::from_mins(1);
/// So often a change of rights is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A close frame must be taken within this.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
const MOST_SUBSCRIPTIONS: usize = 64;
const MOST_CALLS: usize = 32;

/// Who a connection speaks for, asked anew each time: a revoked key ends it.
pub(super) struct Rights {
    pub(super) gate: Arc<Gate>,
    credential: Credential,
    address: Option<IpAddr>,
}

impl Rights {
    pub(super) async fn caller(&self) -> Result<Arc<Caller>, Fault> {
        self.gate.identify(&self.credential, self.address).await
    }

    pub(super) fn new_id(&self) -> CallId {
        Id::new(self.gate.platform().clock.now())
    }
}

/// One connection.
pub(super) struct Session {
    sockets: Arc<Sockets>,
    rights: Arc<Rights>,
    connection: Uuid,
    outbox: Outbox,
    listening: HashMap<String, CancellationToken>,
    channels: BTreeSet<String>,
    joined: BTreeSet<String>,
    calls: Arc<Semaphore>,
    window: (Timestamp, u32),
}

impl Session {
    /// Serves a connection until it ends.
    pub(super) async fn run(
        sockets: Arc<Sockets>,
        socket: WebSocket,
        credential: Option<Credential>,
        address: Option<IpAddr>,
        stopping: CancellationToken,
    ) {
        let (sink, mut stream) = socket.split();
        let (outbox, queued) = Outbox::new();
        let writing = tokio::spawn(write(sink, queued, outbox.clone()));
        let credential = match credential {
            Some(credential) => Some((Value::Null, credential)),
            None => authenticate(&mut stream, &stopping).await,
        };
        match credential {
            None => outbox.cut(if stopping.is_cancelled() { STOPPING } else { REFUSED }),
            Some((id, credential)) => {
                let rights = Arc::new(Rights { gate: sockets.gate.clone(), credential, address });
                match rights.caller().await {
                    Err(fault) => {
                        outbox.push(frames::error(&id, &fault, &rights.new_id().to_string()));
                        outbox.cut(REFUSED);
                    }
                    Ok(caller) => {
                        let now = sockets.gate.platform().clock.now();
                        let mut session = Self {
                            connection: new_uuid(now),
                            sockets,
                            rights,
                            outbox: outbox.clone(),
                            listening: HashMap::new(),
                            channels: BTreeSet::new(),
                            joined: BTreeSet::new(),
                            calls: Arc::new(Semaphore::new(MOST_CALLS)),
                            window: (now, 0),
                        };
                        session.welcome(&id, &caller);
                        let why = session.serve(&mut stream, &stopping).await;
                        outbox.cut(why);
                        session.depart(&caller);
                    }
                }
            }
        }
        let _ = writing.await;
    }

    fn welcome(&self, id: &Value, caller: &Caller) {
        let told = json!({
            "type": "welcome", "connectionId": self.connection, "userId": caller.user, "tenantId": caller.tenant,
            "name": caller.name,
        });
        self.outbox.push(frames::with_id(id, told));
    }

    async fn serve(&mut self, stream: &mut SplitStream<WebSocket>, stopping: &CancellationToken) -> super::outbox::Why {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut authority = self.rights.gate.platform().authority();
        let mut heard = Instant::now();
        let ended = self.outbox.ended().clone();
        loop {
            tokio::select! {
                () = ended.cancelled() => return self.outbox.why(),
                () = stopping.cancelled() => return STOPPING,
                message = stream.next() => {
                    heard = Instant::now();
                    match message {
                        None | Some(Ok(Message::Close(_))) => return GONE,
                        Some(Err(error)) => return if is_too_big(&error) { TOO_BIG } else { GONE },
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Binary(_))) => {
                            let fault = Fault::new(&codes::MALFORMED, "messages are text");
                            self.outbox.push(frames::error(&Value::Null, &fault, &self.rights.new_id().to_string()));
                        }
                        Some(Ok(Message::Text(text))) => if !self.take(&text).await { return REFUSED },
                    }
                }
                _ = look.tick() => {
                    if heard.elapsed() > SILENCE {
                        return SILENT;
                    }
                    let now = self.rights.gate.platform().authority();
                    if authority != now {
                        authority = now;
                        if self.rights.caller().await.is_err_and(|fault| fault.code().status == 401) {
                            return REFUSED;
                        }
                    }
                }
            }
        }
    }

    /// Takes a message; false when whoever sends it is not let in any more.
    async fn take(&mut self, text: &Utf8Bytes) -> bool {
        let (id, asked) = frames::read(text);
        let request = self.rights.new_id();
        let answer = match (self.rights.caller().await, asked) {
            (Err(fault), _) => {
                self.outbox.push(frames::error(&id, &fault, &request.to_string()));
                return fault.code().status != 401;
            }
            (Ok(_), Err(fault)) => Err(fault),
            (Ok(caller), Ok(asked)) => match self.in_measure() {
                Ok(()) => self.answer(&id, request, &caller, asked).await,
                Err(fault) => Err(fault),
            },
        };
        match answer {
            Ok(Some(told)) => self.outbox.push(told),
            Ok(None) => {}
            Err(fault) => self.outbox.push(frames::error(&id, &fault, &request.to_string())),
        }
        true
    }

    async fn answer(
        &mut self,
        id: &Value,
        request: CallId,
        caller: &Arc<Caller>,
        asked: Asked,
    ) -> Result<Option<Utf8Bytes>, Fault> {
        let who = Who { connection: self.connection, caller, at: self.sockets.gate.platform().clock.now() };
        let channels = &self.sockets.channels;
        let told = match asked {
            Asked::Ping {} => return Ok(Some(frames::with_id(id, json!({ "type": "pong" })))),
            Asked::Authenticate { .. } => return Err(Fault::new(&codes::CONFLICT, "the connection is authenticated")),
            Asked::Call { tool, input, answers, idempotency_key } => {
                let mut call = Call::new(request, caller.clone(), self.origin(), tool, input);
                call.answers = answers;
                call.idempotency_key = idempotency_key;
                self.call(id.clone(), call)?;
                return Ok(None);
            }
            Asked::Subscribe { channel, after, epoch } => return self.subscribe(id, &who, channel, after, epoch).await,
            Asked::Unsubscribe { channel } => {
                if let Some(stop) = self.listening.remove(&channel) {
                    stop.cancel();
                } else if self.channels.remove(&channel) {
                    channels.unsubscribe(&channel, &who)?;
                }
                json!({ "channel": channel })
            }
            Asked::Publish { channel, data } => {
                if caller.read_only {
                    return Err(Fault::new(&codes::FORBIDDEN, "the key may only read"));
                }
                let seq = channels.publish(&channel, &who, &data)?;
                json!({ "channel": channel, "seq": seq })
            }
            Asked::Join { channel, state } => {
                self.room_for(&channel)?;
                let members = channels.join(&channel, &who, &state)?;
                self.joined.insert(channel.clone());
                json!({ "channel": channel, "members": members })
            }
            Asked::Leave { channel } => {
                if self.joined.remove(&channel) {
                    channels.leave(&channel, &who)?;
                }
                json!({ "channel": channel })
            }
            Asked::Presence { channel } => {
                let members = channels.presence(&channel, &who)?;
                json!({ "channel": channel, "members": members })
            }
        };
        Ok(Some(frames::ok(id, told)))
    }

    async fn subscribe(
        &mut self,
        id: &Value,
        who: &Who<'_>,
        channel: String,
        after: Option<i64>,
        epoch: Option<String>,
    ) -> Result<Option<Utf8Bytes>, Fault> {
        self.room_for(&channel)?;
        let Some(topics) = Topics::of(&channel) else {
            // What was kept comes before the answer that says so: both are in the channel's order.
            let mut told = self.sockets.channels.subscribe(&channel, who, &self.outbox, after, epoch.as_deref())?;
            told["channel"] = channel.clone().into();
            self.channels.insert(channel);
            return Ok(Some(frames::ok(id, told)));
        };
        let topics = topics?;
        if !may_listen(who.caller) {
            return Err(Fault::new(&codes::FORBIDDEN, "hearing events needs the permission audit:read")
                .with_detail(json!({ "permission": "audit:read" })));
        }
        let after = match after {
            Some(after) => after,
            None => self.rights.gate.platform().store.last(&EVENTS).await.map_err(store_fault)?,
        };
        let stop = self.outbox.ended().child_token();
        if let Some(before) = self.listening.insert(channel.clone(), stop.clone()) {
            before.cancel();
        }
        self.outbox.push(frames::ok(id, json!({ "channel": channel, "seq": after })));
        let (rights, outbox, tenant) = (self.rights.clone(), self.outbox.clone(), who.caller.tenant);
        tokio::spawn(Listening { rights, outbox, channel, topics, tenant, after, stop }.run());
        Ok(None)
    }

    /// Makes a call and answers when it has ended; the connection goes on meanwhile.
    fn call(&self, id: Value, mut call: Call) -> Result<(), Fault> {
        let Ok(place) = self.calls.clone().try_acquire_owned() else {
            let fault = Fault::new(&codes::RATE_LIMITED, "the connection runs as many calls as it may");
            return Err(fault.with_retry_after(Duration::from_secs(1)));
        };
        let (gate, outbox) = (self.sockets.gate.clone(), self.outbox.clone());
        call.cancel = outbox.ended().child_token();
        tokio::spawn(async move {
            let request = call.id.to_string();
            let reply = gate.call(call).await;
            let told = match reply.result {
                Ok(Outcome::Value(value)) => json!({ "type": "result", "requestId": request, "result": value }),
                Ok(Outcome::Stream(mut items)) => loop {
                    match items.next().await {
                        None => break json!({ "type": "result", "requestId": request }),
                        Some(Ok(item)) => {
                            let frame = json!({ "type": "item", "requestId": request, "item": item });
                            if !outbox.push_patiently(frames::with_id(&id, frame)).await {
                                return;
                            }
                        }
                        Some(Err(fault)) => break json!({ "type": "error", "problem": fault.problem(&request) }),
                    }
                },
                Ok(Outcome::Bytes(_)) => {
                    let fault = Fault::new(&codes::NOT_ACCEPTABLE, "the tool answers with a file: call it over REST");
                    json!({ "type": "error", "problem": fault.problem(&request) })
                }
                Err(fault) => json!({ "type": "error", "problem": fault.problem(&request) }),
            };
            outbox.push(frames::with_id(&id, told));
            drop(place);
        });
        Ok(())
    }

    fn origin(&self) -> Origin {
        Origin { door: DOOR, address: self.rights.address }
    }

    fn room_for(&self, channel: &str) -> Result<(), Fault> {
        let known =
            self.listening.contains_key(channel) || self.channels.contains(channel) || self.joined.contains(channel);
        let held = self.listening.len() + self.channels.len() + self.joined.len();
        if known || held < MOST_SUBSCRIPTIONS {
            return Ok(());
        }
        Err(Fault::new(&codes::RATE_LIMITED, format!("a connection holds at most {MOST_SUBSCRIPTIONS} channels")))
    }

    /// Holds a connection to as many messages a minute as a caller may write.
    fn in_measure(&mut self) -> Result<(), Fault> {
        let platform = self.rights.gate.platform();
        let now = platform.clock.now();
        let since = now.since(self.window.0);
        if since >= Duration::from_mins(1) {
            self.window = (now, 0);
        }
        self.window.1 += 1;
        if self.window.1 <= platform.config.limits.writes_per_minute {
            return Ok(());
        }
        let wait = Duration::from_mins(1).saturating_sub(since).max(Duration::from_secs(1));
        Err(Fault::new(&codes::RATE_LIMITED, "too many messages").with_retry_after(wait))
    }

    /// Leaves everything.
    fn depart(&mut self, caller: &Caller) {
        let who = Who { connection: self.connection, caller, at: self.sockets.gate.platform().clock.now() };
        for channel in &self.channels {
            let _ = self.sockets.channels.unsubscribe(channel, &who);
        }
        for channel in &self.joined {
            let _ = self.sockets.channels.leave(channel, &who);
        }
    }
}

/// The credential of the first message.
async fn authenticate(
    stream: &mut SplitStream<WebSocket>,
    stopping: &CancellationToken,
) -> Option<(Value, Credential)> {
    let first = async {
        loop {
            match stream.next().await? {
                Ok(Message::Text(text)) => {
                    let (id, asked) = frames::read(&text);
                    let Ok(Asked::Authenticate { token }) = asked else { return None };
                    return Some((id, Credential::Bearer(Secret::new(token))));
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(Message::Binary(_) | Message::Close(_)) | Err(_) => return None,
            }
        }
    };
    tokio::select! {
        given = tokio::time::timeout(AUTHENTICATE_WITHIN, first) => given.ok().flatten(),
        () = stopping.cancelled() => None,
    }
}

/// Sends what waits until the end, then says why it ends.
async fn write(mut sink: SplitSink<WebSocket, Message>, mut waiting: mpsc::Receiver<Utf8Bytes>, outbox: Outbox) {
    let mut ping = tokio::time::interval(PING_EVERY);
    let ended = outbox.ended().clone();
    loop {
        let message = tokio::select! {
            biased;
            () = ended.cancelled() => break,
            message = waiting.recv() => match message {
                Some(text) => Message::Text(text),
                None => break,
            },
            _ = ping.tick() => Message::Ping(bytes::Bytes::new()),
        };
        tokio::select! {
            sent = sink.send(message) => if sent.is_err() {
                outbox.cut(GONE);
                return;
            },
            () = ended.cancelled() => break,
        }
    }
    let why = outbox.why();
    let closing = async {
        // What was said before the end is still sent, unless being too slow is why it ends.
        if why != super::outbox::TOO_SLOW {
            while let Ok(text) = waiting.try_recv() {
                if sink.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        }
        let frame = CloseFrame { code: why.0, reason: why.1.into() };
        let _ = sink.send(Message::Close(Some(frame))).await;
        let _ = sink.flush().await;
    };
    let _ = tokio::time::timeout(CLOSE_WITHIN, closing).await;
}

fn is_too_big(error: &axum::Error) -> bool {
    let text = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    text.contains("too long") || text.contains("too big") || text.contains("Space limit exceeded")
}
