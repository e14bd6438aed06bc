//! Calling a tool: the protocol's call becomes a request to the gate, and the gate's reply a result, questions or a task.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, CreateTaskResult, ErrorData, JsonObject, MetaObject,
    ResourceContents,
};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::ask::{self, Round, Subject};
use super::era::{Declared, Era, TASKS};
use super::fault;
use super::listing::{GATHERED, WRAPPED, is_object};
use super::server::Server;
use super::view::Visit;
use crate::capability::client::Client;
use crate::capability::cx::Lasting;
use crate::capability::gate::{Reply, Request};
use crate::capability::outcome::{Download, Form, Items, Outcome};
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, OperationId};
use crate::kernel::trace::TraceContext;

const METHOD: &str = "tools/call";
/// A longer file or stream is not put into one message.
const LARGEST_BYTES: usize = 8 << 20;
const MOST_ITEMS: usize = 10_000;

/// A call as the protocol brings it.
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) arguments: JsonObject,
    pub(super) responses: Option<BTreeMap<String, Value>>,
    pub(super) state: Option<String>,
    pub(super) key: Option<String>,
    pub(super) trace: Option<TraceContext>,
}

/// The metadata key of the caller's place in a trace.
pub(super) const TRACEPARENT: &str = "traceparent";

/// The place in a trace that a request's metadata names.
pub(super) fn trace(value: Option<&Value>) -> Option<TraceContext> {
    TraceContext::parse(value?.as_str()?)
}

/// The circumstances of a call.
pub(super) struct Side {
    pub(super) era: Era,
    pub(super) declared: Declared,
    pub(super) client: Arc<dyn Client>,
    pub(super) cancel: CancellationToken,
}

impl Server {
    /// Makes a call.
    pub(super) async fn call(&self, visit: &Visit, asked: Asked, side: Side) -> Result<CallToolResponse, ErrorData> {
        let id = self.new_id();
        let subject = Subject { method: METHOD, name: &asked.name, arguments: &asked.arguments };
        let round = match (&asked.state, asked.responses) {
            (None, None) => Round::default(),
            (state, responses) => self
                .open_round(visit, &subject, state.as_deref(), responses)
                .map_err(|fault| fault::error(&fault, id))?,
        };
        let mut request = Request::new(
            id,
            visit.caller.clone(),
            visit.origin,
            asked.name.clone(),
            Value::Object(asked.arguments.clone()),
        );
        request.tenant = visit.tenant;
        request.read_only = visit.view.read_only;
        // A repeated round has the same state, whatever key its request was given on the way.
        let continued = round.key.clone().filter(|_| self.ends_in_a_value(visit, &subject));
        request.idempotency_key = continued.or(asked.key);
        request.trace = asked.trace;
        request.client = side.client;
        request.cancel = side.cancel;
        request.answers = round.answers.clone();
        request.lasting = if side.declared.tasks { Lasting::Either } else { Lasting::Answer };
        let reply = self.gate.call(request).await;
        let fault = match reply.result {
            Ok(outcome) => return self.complete(visit, &asked.name, Reply { result: Ok(outcome), ..reply }).await,
            Err(fault) => fault,
        };
        if fault.is(&codes::INPUT_REQUIRED) && side.era == Era::Modern {
            let questions = ask::questions(fault.detail());
            if let Some(error) = ask::lacking(&questions, side.declared.abilities) {
                return Err(error);
            }
            let asks = self.input_required(visit, &subject, round, &questions);
            return asks.map(CallToolResponse::from).map_err(|fault| fault::error(&fault, id));
        }
        if fault.is(&codes::TASK_REQUIRED) {
            return match reply.operation {
                Some(operation) => self.begun_task(visit, id, operation).await,
                None if side.era == Era::Modern => Err(ask::missing(&json!({ "extensions": { TASKS: {} } }))),
                None => Ok(with_id(fault::result(&fault, id), id).into()),
            };
        }
        failed(&fault, id).map(CallToolResponse::from)
    }

    /// Whether a call's answer is one that can be kept and given again.
    fn ends_in_a_value(&self, visit: &Visit, subject: &Subject<'_>) -> bool {
        let snapshot = self.platform().registry.present();
        let find = |name: &str| snapshot.find(visit.caller.tenant, name);
        let named = find(subject.name).filter(|tool| tool.forwards.is_some());
        let inner = named.and_then(|_| subject.arguments.get("name")?.as_str());
        find(inner.unwrap_or(subject.name)).is_some_and(|tool| matches!(tool.form, Form::Value | Form::Content))
    }

    async fn begun_task(
        &self,
        visit: &Visit,
        id: CallId,
        operation: OperationId,
    ) -> Result<CallToolResponse, ErrorData> {
        let begun = self.gate.operation(&visit.caller, operation).await;
        match begun {
            Ok(stored) => {
                let mut created = CreateTaskResult::new(super::tasks::task(&stored));
                created.meta = Some(meta(id));
                Ok(created.into())
            }
            Err(fault) => failed(&fault, id).map(CallToolResponse::from),
        }
    }

    async fn complete(&self, visit: &Visit, name: &str, reply: Reply) -> Result<CallToolResponse, ErrorData> {
        let Reply { id, result, replayed, via, .. } = reply;
        let snapshot = self.platform().registry.present();
        let made = match (result, snapshot.find(visit.caller.tenant, name)) {
            (Ok(Outcome::Value(value)), _) if via.is_some_and(|ran| ran.form == Form::Content) => {
                forwarded_blocks(value)
            }
            (Ok(outcome), Some(tool)) => to_result(tool, outcome).await,
            (Ok(_), None) => Err(Fault::new(&codes::UNKNOWN_TOOL, format!("the tool '{name}' is gone"))),
            (Err(fault), _) => Err(fault),
        };
        let mut result = made.unwrap_or_else(|fault| fault::result(&fault, id));
        let meta = result.meta.get_or_insert_with(|| meta(id));
        if replayed {
            meta.0.insert("convoke/replayed".to_owned(), Value::Bool(true));
        }
        Ok(result.into())
    }
}

/// A call's failure as a result, or as a protocol error where it was no call.
fn failed(fault: &Fault, id: CallId) -> Result<CallToolResult, ErrorData> {
    if fault::is_protocol_error(fault) {
        return Err(fault::error(fault, id));
    }
    Ok(with_id(fault::result(fault, id), id))
}

fn with_id(mut result: CallToolResult, id: CallId) -> CallToolResult {
    result.meta = Some(meta(id));
    result
}

fn meta(id: CallId) -> MetaObject {
    let mut members = Map::new();
    members.insert("convoke/requestId".to_owned(), Value::String(id.to_string()));
    MetaObject(members)
}

async fn to_result(tool: &Tool, outcome: Outcome) -> Result<CallToolResult, Fault> {
    match outcome {
        Outcome::Value(value) => value_result(tool, value),
        Outcome::Stream(items) => gathered(items).await.map(structured),
        Outcome::Bytes(download) => file(&tool.name, download).await,
    }
}

/// The result of a value.
pub(super) fn value_result(tool: &Tool, value: Value) -> Result<CallToolResult, Fault> {
    Ok(match tool.form {
        Form::Content => blocks(&value)?,
        _ if is_object(tool.output()) && value.is_object() => structured(value),
        Form::Value | Form::Stream | Form::Bytes => structured(json!({ WRAPPED: value })),
    })
}

/// Structured content, and the same as text.
fn structured(value: Value) -> CallToolResult {
    let mut result = CallToolResult::default();
    result.content = vec![ContentBlock::text(value.to_string())];
    result.structured_content = Some(value);
    result.is_error = Some(false);
    result
}

fn blocks(value: &Value) -> Result<CallToolResult, Fault> {
    let mut result = CallToolResult::deserialize(value).map_err(Fault::internal)?;
    result.result_type = CallToolResult::default().result_type;
    result.structured_content = result.structured_content.filter(Value::is_object);
    Ok(result)
}

/// The blocks of a tool that was called through another stay blocks; a picture is not told again as text.
fn forwarded_blocks(mut wrapped: Value) -> Result<CallToolResult, Fault> {
    let mut result = blocks(&wrapped["result"])?;
    wrapped["result"] = result.structured_content.take().unwrap_or(Value::Null);
    result.structured_content = Some(wrapped);
    Ok(result)
}

async fn gathered(mut items: Items) -> Result<Value, Fault> {
    let mut all = Vec::new();
    let mut bytes = Length(0);
    while let Some(item) = items.next().await {
        let item = item?;
        serde_json::to_writer(&mut bytes, &item).map_err(Fault::internal)?;
        if all.len() == MOST_ITEMS || bytes.0 > LARGEST_BYTES {
            return Err(Fault::new(&codes::TOO_LARGE, "the answer is too long for one message: narrow the call"));
        }
        all.push(item);
    }
    Ok(json!({ GATHERED: all }))
}

/// Counts what is written and keeps none of it.
pub(super) struct Length(pub(super) usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn file(tool: &str, mut download: Download) -> Result<CallToolResult, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = download.chunks.next().await {
        let chunk = chunk?;
        if bytes.len() + chunk.len() > LARGEST_BYTES {
            return Err(Fault::new(&codes::TOO_LARGE, "the file is too large for one message: get it over REST"));
        }
        bytes.extend_from_slice(&chunk);
    }
    let media = download.media_type;
    let uri = format!("convoke://files/{tool}/{}", download.name);
    let block = match String::from_utf8(bytes) {
        Ok(text) if !media.starts_with("image/") && !media.starts_with("audio/") => {
            ContentBlock::resource(ResourceContents::text(text, uri).with_mime_type(media))
        }
        bytes => {
            let encoded =
                STANDARD.encode(bytes.map_or_else(std::string::FromUtf8Error::into_bytes, String::into_bytes));
            if media.starts_with("image/") {
                ContentBlock::image(encoded, media)
            } else if media.starts_with("audio/") {
                ContentBlock::audio(encoded, media)
            } else {
                ContentBlock::resource(ResourceContents::blob(encoded, uri).with_mime_type(media))
            }
        }
    };
    let mut result = CallToolResult::default();
    result.content = vec![block];
    result.is_error = Some(false);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_gathered_is_bounded_by_its_bytes() {
        let large = "x".repeat(LARGEST_BYTES / 4);
        let items = |count| futures::stream::iter(vec![Value::from(large.clone()); count].into_iter().map(Ok)).boxed();
        assert_eq!(gathered(items(3)).await.unwrap()[GATHERED].as_array().unwrap().len(), 3);
        assert!(gathered(items(4)).await.unwrap_err().is(&codes::TOO_LARGE));
    }
}
