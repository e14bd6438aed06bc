//! A dialect over the wire: everything that waits. Limits of time, bounds, faults and the care for keys are one for all dialects.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::fault::{self, told};
use super::language::{Call, Language, Reader, lacks, only_for, unreadable};
use super::sse::Events;
use super::wire::{self, Wire};
use crate::kernel::secret::Secret;
use crate::port::models::{
    ChatRequest, Completion, EmbedRequest, Embedding, Endpoint, ModelFault, ModelFaultKind, Models, Piece, Pieces,
    RerankRequest, Reranking,
};

/// After the last piece the connection's end is waited for so long: then it can be used again.
const DRAIN: Duration = Duration::from_millis(250);

/// Speaks a dialect.
pub(super) struct Speaking {
    /// The dialect that requests may name properties for.
    dialect: &'static str,
    language: Box<dyn Language>,
    wire: Arc<Wire>,
}

impl Speaking {
    pub(super) fn new(dialect: &'static str, language: impl Language, wire: Arc<Wire>) -> Self {
        Self { dialect, language: Box::new(language), wire }
    }

    fn chat(&self, endpoint: &Endpoint, request: &ChatRequest, streams: bool) -> Result<Call, ModelFault> {
        let mut call = self.language.chat(endpoint, request, streams)?;
        only_for(self.dialect, &mut call.body);
        Ok(call)
    }

    /// A whole answer to a call. The head comes when the answer is made, so that the patience is for all of the making.
    async fn ask(&self, endpoint: &Endpoint, call: Call) -> Result<Value, ModelFault> {
        let sending = self.wire.send(&*self.language, endpoint, call, "application/json");
        let response = timeout(endpoint.patience, sending).await.map_err(|_| late(endpoint))??;
        let body = wire::whole(response, endpoint.silence).await?;
        self.refused(&body)?;
        Ok(body)
    }

    /// Some vendors refuse in an answer of success.
    fn refused(&self, body: &Value) -> Result<(), ModelFault> {
        if body.get("error").is_none_or(Value::is_null) {
            return Ok(());
        }
        let refusal = self.language.refusal(200, body);
        let kind = refusal.kind.unwrap_or(ModelFaultKind::Unavailable);
        let text = body.to_string();
        let mut fault = fault::of_status(200, &HeaderMap::new(), text.as_bytes(), refusal);
        fault.kind = kind;
        Err(fault)
    }

    async fn open(&self, endpoint: &Endpoint, call: Call) -> Result<(Piece, Reading), ModelFault> {
        let until = Instant::now() + endpoint.patience;
        let sending = self.wire.send(&*self.language, endpoint, call, "text/event-stream");
        let response = timeout_at(until, sending).await.map_err(|_| late(endpoint))??;
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if media_type.is_some_and(|media_type| media_type.starts_with("application/json")) {
            let body =
                timeout_at(until, wire::whole(response, endpoint.silence)).await.map_err(|_| late(endpoint))??;
            self.refused(&body)?;
            return Err(unreadable("it is no stream"));
        }
        let mut reading = Reading {
            body: response.bytes_stream().boxed(),
            events: Events::default(),
            reader: self.language.reader(endpoint),
            ready: VecDeque::new(),
            fault: None,
            stage: Stage::Open,
            // The first piece has the patience, however that stands to the silence.
            silence: endpoint.patience,
            key: endpoint.key.clone(),
        };
        let first = timeout_at(until, reading.next()).await.map_err(|_| late(endpoint))?;
        reading.silence = endpoint.silence;
        match first {
            Some(Ok(piece)) => Ok((piece, reading)),
            Some(Err(fault)) => Err(fault),
            None => Err(super::language::cut_off()),
        }
    }
}

fn late(endpoint: &Endpoint) -> ModelFault {
    let seconds = endpoint.patience.as_secs_f64();
    ModelFault::new(
        ModelFaultKind::TimedOut,
        format!("'{}' did not begin to answer within {seconds} s", endpoint.provider),
    )
}

#[async_trait]
impl Models for Speaking {
    async fn complete(&self, endpoint: &Endpoint, request: &ChatRequest) -> Result<Completion, ModelFault> {
        let answered = async {
            let call = self.chat(endpoint, request, false)?;
            let body = self.ask(endpoint, call).await?;
            self.language.answer(endpoint, body)
        };
        answered.await.map_err(|fault| told(fault, endpoint.key.as_ref()))
    }

    async fn stream(&self, endpoint: &Endpoint, request: &ChatRequest) -> Result<Pieces, ModelFault> {
        let opened = async {
            let call = self.chat(endpoint, request, true)?;
            self.open(endpoint, call).await
        };
        let (first, reading) = opened.await.map_err(|fault| told(fault, endpoint.key.as_ref()))?;
        let rest = stream::unfold(reading, |mut reading| async move {
            let next = reading.next().await?;
            Some((next, reading))
        });
        Ok(stream::once(std::future::ready(Ok(first))).chain(rest).boxed())
    }

    async fn embed(&self, endpoint: &Endpoint, request: &EmbedRequest) -> Result<Embedding, ModelFault> {
        let answered = async {
            let call = self.language.embed(endpoint, request)?;
            let body = self.ask(endpoint, call).await?;
            let embedding = self.language.vectors(endpoint, body)?;
            if embedding.vectors.len() != request.texts.len() {
                let (came, asked) = (embedding.vectors.len(), request.texts.len());
                return Err(unreadable(format!("{came} vectors for {asked} texts")));
            }
            Ok(embedding)
        };
        answered.await.map_err(|fault| told(fault, endpoint.key.as_ref()))
    }

    async fn rerank(&self, endpoint: &Endpoint, request: &RerankRequest) -> Result<Reranking, ModelFault> {
        let answered = async {
            let call = self.language.rerank(endpoint, request).ok_or_else(|| lacks(self.dialect, "order of texts"))?;
            let body = self.ask(endpoint, call).await?;
            let reranking = self.language.order(endpoint, body)?;
            let mut seen = HashSet::new();
            for (place, score) in &reranking.order {
                if *place >= request.documents.len() || !score.is_finite() || !seen.insert(*place) {
                    return Err(unreadable(format!("the text {place} with {score} is none of those that were sent")));
                }
            }
            Ok(reranking)
        };
        answered.await.map_err(|fault| told(fault, endpoint.key.as_ref()))
    }
}

/// A stream as it is read. Dropping it drops the connection.
struct Reading {
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    events: Events,
    reader: Box<dyn Reader>,
    ready: VecDeque<Piece>,
    /// What ended it, to be told behind the pieces that came before.
    fault: Option<ModelFault>,
    stage: Stage,
    silence: Duration,
    key: Option<Secret>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Pieces come.
    Open,
    /// The last piece has come.
    Ended,
    /// A fault has come.
    Failed,
    /// Everything is told.
    Over,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Piece, ModelFault>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            match self.stage {
                Stage::Open => self.read().await,
                Stage::Failed => {
                    self.stage = Stage::Over;
                    let fault = self.fault.take()?;
                    return Some(Err(told(fault, self.key.as_ref())));
                }
                Stage::Ended => {
                    self.stage = Stage::Over;
                    let body = &mut self.body;
                    // Whoever reads to the very end gives the connection back.
                    let _ = timeout(DRAIN, async { while let Some(Ok(_)) = body.next().await {} }).await;
                    return None;
                }
                Stage::Over => return None,
            }
        }
    }

    /// Reads on until there is something to tell.
    async fn read(&mut self) {
        // Comments and pings are signs of life, too: a vendor sends them while a model thinks.
        let mut pieces = Vec::new();
        let read = match timeout(self.silence, self.body.next()).await {
            Err(_) => Err(wire::silent()),
            Ok(Some(Err(error))) => Err(wire::of_reading(&error)),
            Ok(None) => self.reader.over(&mut pieces),
            Ok(Some(Ok(bytes))) => {
                let reader = &mut self.reader;
                self.events.read(&bytes, |event| {
                    // What comes behind the end is no part of the answer.
                    if matches!(pieces.last(), Some(Piece::End { .. })) {
                        Ok(())
                    } else {
                        reader.event(&event, &mut pieces)
                    }
                })
            }
        };
        if matches!(pieces.last(), Some(Piece::End { .. })) {
            self.stage = Stage::Ended;
        } else if let Err(fault) = read {
            (self.fault, self.stage) = (Some(fault), Stage::Failed);
        }
        self.ready.extend(pieces);
    }
}
