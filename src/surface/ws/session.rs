//! One connection: who it speaks for, what it hears, and what it asks for, in the order in which it asks.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::SplitStream;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::channel::{self, REPLAY, Who};
use super::events::{Listening, Topics, beginning};
use super::frames::{self, Asked};
use super::newcomers::{AUTHENTICATE_WITHIN, Place};
use super::outbox::{GONE, Outbox, REFUSED, SILENT, STOPPING, TOO_BIG, Why, weight_of};
use super::rights::{Rights, is_refusal};
use super::upgrade::Socket;
use super::writer::write;
use super::{DOOR, Sockets};
use crate::capability::caller::{Caller, Credential, Origin};
use crate::capability::gate::Request as Call;
use crate::capability::gate::message::Message as Kind;
use crate::capability::outcome::Outcome;
use crate::capability::topics::may_listen;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id, new_uuid};
use crate::kernel::secret::Secret;
use crate::kernel::trace::TraceContext;

/// Without any message or answer to a ping for so long, the client is gone.
const SILENCE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So much of the time for the drain is left for saying goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
const MOST_SUBSCRIPTIONS: usize = 64;
const MOST_CALLS: u32 = 32;

/// Who opens a connection.
pub(super) enum From {
    /// A caller whose credential came with the request.
    Known(Arc<Caller>),
    /// Somebody whose first message will bring one.
    Unknown(Place),
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
}

impl Session {
    /// Serves a connection until it ends.
    pub(super) async fn run(
        sockets: Arc<Sockets>,
        socket: Socket,
        from: From,
        address: Option<IpAddr>,
        stopping: CancellationToken,
    ) {
        let known = socket.get_ref().known();
        let (sink, mut stream) = socket.split();
        let (outbox, queued) = Outbox::new();
        let writing = tokio::spawn(write(sink, queued, outbox.clone()));
        let why = match let_in(&sockets, &mut stream, from, address, &outbox, &stopping).await {
            Err(why) => why,
            Ok((id, caller)) => {
                known.set();
                let rights = Arc::new(Rights::new(sockets.gate.clone(), address, caller.clone()));
                let mut session = Self {
                    connection: new_uuid(sockets.gate.platform().clock.now()),
                    sockets,
                    rights: rights.clone(),
                    outbox: outbox.clone(),
                    listening: HashMap::new(),
                    channels: BTreeSet::new(),
                    joined: BTreeSet::new(),
                    calls: Arc::new(Semaphore::new(MOST_CALLS as usize)),
                };
                let why = tokio::select! {
                    why = session.serve(&id, &caller, &mut stream, &stopping) => why,
                    // Also while an answer waits to be taken.
                    () = rights.watch(&outbox) => outbox.why(),
                };
                session.depart(&caller);
                why
            }
        };
        outbox.cut(why);
        if let Ok(sink) = writing.await
            && let Ok(mut socket) = stream.reunite(sink)
        {
            socket.get_mut().end().await;
        }
    }

    fn welcome(&self, id: &Value, caller: &Caller) -> Utf8Bytes {
        let told = json!({
            "type": "welcome", "connectionId": self.connection, "userId": caller.user, "tenantId": caller.tenant,
            "name": caller.name,
        });
        frames::with_id(id, told)
    }

    async fn serve(
        &mut self,
        id: &Value,
        caller: &Caller,
        stream: &mut SplitStream<Socket>,
        stopping: &CancellationToken,
    ) -> Why {
        self.outbox.answer(self.welcome(id, caller)).await;
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut heard = Instant::now();
        let ended = self.outbox.ended().clone();
        let calls = self.calls.clone();
        // Once the server stops: until when running calls may end.
        let mut drained_by = None;
        loop {
            let draining = drained_by.is_some();
            tokio::select! {
                () = ended.cancelled() => return self.outbox.why(),
                () = stopping.cancelled(), if !draining => drained_by = Some(Instant::now() + self.time_to_drain()),
                _ = calls.acquire_many(MOST_CALLS), if draining => return STOPPING,
                () = tokio::time::sleep_until(drained_by.unwrap_or(heard)), if draining => return STOPPING,
                message = stream.next() => {
                    match message {
                        Some(Err(tungstenite::Error::Capacity(_))) => return TOO_BIG,
                        None | Some(Ok(Message::Close(_)) | Err(_)) => return GONE,
                        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                        Some(Ok(Message::Binary(_))) => {
                            let fault = Fault::new(&codes::MALFORMED, "messages are text");
                            if let Err(why) = self.take(Value::Null, Err(fault), draining).await {
                                return why;
                            }
                        }
                        Some(Ok(Message::Text(text))) => {
                            let (id, asked) = frames::read(&text);
                            if let Err(why) = self.take(id, asked, draining).await {
                                return why;
                            }
                        }
                    }
                    heard = Instant::now();
                }
                _ = look.tick() => {
                    if heard.elapsed() > SILENCE {
                        return SILENT;
                    }
                    self.sockets.channels.tidy(self.rights.gate.platform().clock.now());
                }
            }
        }
    }

    fn time_to_drain(&self) -> Duration {
        let limit = Duration::from_secs(self.rights.gate.platform().config.server.drain_seconds);
        limit.saturating_sub(GOODBYE.min(limit / 4))
    }

    /// Takes a message; says why the connection ends when whoever sends it is not let in any more.
    async fn take(&mut self, id: Value, asked: Result<Asked, Fault>, draining: bool) -> Result<(), Why> {
        let request = self.rights.new_id();
        let caller = self.rights.caller().await;
        let refused = caller.as_ref().is_err_and(is_refusal);
        let answer = match caller {
            Err(fault) => Err(fault),
            Ok(_) if draining => Err(Fault::new(&codes::UNAVAILABLE, "the server is stopping")),
            Ok(caller) => match self.admit(&caller, &asked).await.and(asked) {
                Ok(asked) => self.answer(&id, request, &caller, asked).await,
                Err(fault) => Err(fault),
            },
        };
        // The next message is taken once this one's answer is in line: who asks and does not read is waited for, not cut.
        let _ = match answer {
            Ok(Some(told)) => self.outbox.answer(told).await,
            Ok(None) => true,
            Err(fault) => self.outbox.answer(frames::error(&id, &fault, &request.to_string())).await,
        };
        if refused { Err(REFUSED) } else { Ok(()) }
    }

    /// Whether the caller may send such a message now. A call is judged and counted as the call that it is.
    async fn admit(&self, caller: &Caller, asked: &Result<Asked, Fault>) -> Result<(), Fault> {
        let kind = match asked {
            Ok(Asked::Call { .. }) => return Ok(()),
            Ok(Asked::Publish { .. } | Asked::Join { .. }) => Kind::Say,
            Ok(Asked::Presence { .. }) => Kind::Hear,
            Ok(Asked::Subscribe { channel, .. }) if Topics::of(channel).is_none() => Kind::Hear,
            Ok(_) | Err(_) => Kind::Own,
        };
        self.rights.gate.message(caller, self.rights.address, kind).await
    }

    async fn answer(
        &mut self,
        id: &Value,
        request: CallId,
        caller: &Arc<Caller>,
        asked: Asked,
    ) -> Result<Option<Utf8Bytes>, Fault> {
        let who = Who { connection: self.connection, caller, at: self.sockets.gate.platform().clock.now() };
        let (channels, shared) = (&self.sockets.channels, self.sockets.shared.as_ref());
        let told = match asked {
            Asked::Ping {} => return Ok(Some(frames::with_id(id, json!({ "type": "pong" })))),
            Asked::Authenticate { .. } => return Err(Fault::new(&codes::CONFLICT, "the connection is authenticated")),
            Asked::Call { tool, input, answers, idempotency_key, traceparent } => {
                let mut call = Call::new(request, caller.clone(), self.origin(), tool, input);
                call.answers = answers;
                call.idempotency_key = idempotency_key;
                call.trace = traceparent.as_deref().and_then(TraceContext::parse);
                self.call(id.clone(), call)?;
                return Ok(None);
            }
            Asked::Subscribe { channel, after, epoch } => return self.subscribe(id, &who, channel, after, epoch).await,
            Asked::Unsubscribe { channel } => {
                if let Some(stop) = self.listening.remove(&channel) {
                    stop.cancel();
                } else if self.channels.remove(&channel) {
                    self.sockets.unsubscribe(&channel, &who);
                }
                json!({ "channel": channel })
            }
            Asked::Publish { channel, data } => {
                let seq = match shared {
                    Some(shared) => shared.publish(&channel, &who, &data).await?,
                    None => channels.publish(&channel, &who, &data)?,
                };
                json!({ "channel": channel, "seq": seq })
            }
            Asked::Join { channel, state } => {
                self.room_for(&channel)?;
                let members = match shared {
                    Some(shared) => shared.join(&channel, &who, &state).await?,
                    None => channels.join(&channel, &who, &state)?,
                };
                self.joined.insert(channel.clone());
                json!({ "channel": channel, "members": members })
            }
            Asked::Leave { channel } => {
                if self.joined.remove(&channel) {
                    match shared {
                        Some(shared) => shared.leave(&channel, &who).await?,
                        None => channels.leave(&channel, &who),
                    }
                }
                json!({ "channel": channel })
            }
            Asked::Presence { channel } => {
                let members = match shared {
                    Some(shared) => shared.presence(&channel, &who).await?,
                    None => channels.presence(&channel, &who)?,
                };
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
            // Room for all of it first: then it is put in line at once, and nothing that is said meanwhile comes between.
            let room = if after.is_some() { REPLAY } else { weight_of(1, 1024) };
            let Some(room) = self.outbox.reserve(room).await else { return Ok(None) };
            let from = channel::From { after, epoch: epoch.as_deref() };
            let answer = |mut told: Value| {
                told["channel"] = channel.clone().into();
                frames::ok(id, told)
            };
            if let Some(shared) = self.sockets.shared.clone() {
                // Noted first: whoever goes away meanwhile hears no more of it.
                let new = self.channels.insert(channel.clone());
                let begun = shared.subscribe(&channel, who, &self.outbox, &from, room, answer).await;
                if begun.is_err() && new {
                    self.channels.remove(&channel);
                }
                return begun.map(|()| None);
            }
            self.sockets.channels.subscribe(&channel, who, &self.outbox, &from, room, answer)?;
            self.channels.insert(channel);
            return Ok(None);
        };
        let topics = topics?;
        if !may_listen(who.caller) {
            return Err(Fault::new(&codes::FORBIDDEN, "hearing events needs the permission audit:read")
                .with_detail(json!({ "permission": "audit:read" })));
        }
        let (after, missed) = beginning(&*self.rights.gate.platform().store, after).await?;
        let stop = self.outbox.ended().child_token();
        if let Some(before) = self.listening.insert(channel.clone(), stop.clone()) {
            before.cancel();
        }
        // In line before the first event is.
        self.outbox.answer(frames::ok(id, json!({ "channel": channel, "seq": after, "missed": missed }))).await;
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
                            if !outbox.answer(frames::with_id(&id, frame)).await {
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
            outbox.answer(frames::with_id(&id, told)).await;
            // Only now: a server that stops waits for the answer too.
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

    /// Leaves everything.
    fn depart(&mut self, caller: &Caller) {
        let who = Who { connection: self.connection, caller, at: self.sockets.gate.platform().clock.now() };
        for channel in &self.channels {
            self.sockets.unsubscribe(channel, &who);
        }
        if let Some(shared) = &self.sockets.shared {
            return shared.leave_all(self.connection, caller, who.at);
        }
        for channel in &self.joined {
            self.sockets.channels.leave(channel, &who);
        }
    }
}

/// Who opens a connection and the id of the message that said so, or why they are not let in.
async fn let_in(
    sockets: &Sockets,
    stream: &mut SplitStream<Socket>,
    from: From,
    address: Option<IpAddr>,
    outbox: &Outbox,
    stopping: &CancellationToken,
) -> Result<(Value, Arc<Caller>), Why> {
    let _place = match from {
        From::Known(caller) => return Ok((Value::Null, caller)),
        From::Unknown(place) => place,
    };
    let given = tokio::select! {
        given = tokio::time::timeout(AUTHENTICATE_WITHIN, first(stream)) => given.ok().flatten(),
        () = stopping.cancelled() => return Err(STOPPING),
    };
    let (id, credential) = given.ok_or(REFUSED)?;
    match sockets.gate.identify(&credential, address).await {
        Ok(caller) => Ok((id, caller)),
        Err(fault) => {
            let request: CallId = Id::new(sockets.gate.platform().clock.now());
            outbox.answer(frames::error(&id, &fault, &request.to_string())).await;
            Err(REFUSED)
        }
    }
}

/// The credential of the first message.
async fn first(stream: &mut SplitStream<Socket>) -> Option<(Value, Credential)> {
    loop {
        match stream.next().await? {
            Ok(Message::Text(text)) => {
                let (id, asked) = frames::read(&text);
                let Ok(Asked::Authenticate { token }) = asked else { return None };
                return Some((id, Credential::Bearer(Secret::new(token))));
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Binary(_) | Message::Close(_) | Message::Frame(_)) | Err(_) => return None,
        }
    }
}
