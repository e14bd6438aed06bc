//! What doors show besides tools: resources to read and prompts to start from. A domain brings sources of them; a source
//! reaches what it tells only through the gate, as the visitor who asks.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::caller::{Caller, Origin};
use super::client::Answers;
use super::content::Block;
use super::events::Event;
use super::gate::{Gate, Request};
use crate::kernel::codes::{self, Code};
use crate::kernel::fault::Fault;
use crate::kernel::id::Id;

/// Who asks a source.
#[derive(Clone)]
pub struct Visitor {
    /// The gate.
    pub gate: Arc<Gate>,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Where from.
    pub origin: Origin,
    /// Says that the answer is not wanted any more.
    pub cancel: CancellationToken,
}

/// Faults that say that there is nothing for the visitor.
static HIDDEN: &[Code] = &[&codes::NOT_FOUND, &codes::FORBIDDEN, &codes::UNAUTHENTICATED, &codes::UNKNOWN_TOOL];

/// What is not there, or not for the visitor, is nothing of theirs.
///
/// # Errors
/// Everything else that the answer failed by.
pub fn unless_hidden(answer: Result<Value, Fault>) -> Result<Option<Value>, Fault> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(fault) if HIDDEN.iter().any(|code| fault.is(code)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

impl Visitor {
    /// Calls a tool that reads, as the visitor. The door has counted what the source is asked for: what that takes is not counted
    /// again.
    ///
    /// # Errors
    /// What the gate refuses, and what the tool fails by.
    pub async fn read(&self, tool: &str, input: Value) -> Result<Value, Fault> {
        let id = Id::new(self.gate.platform().clock.now());
        let mut request = Request::new(id, self.caller.clone(), self.origin, tool, input);
        request.read_only = true;
        request.counted = true;
        request.cancel = self.cancel.clone();
        self.gate.call(request).await.result?.value()
    }
}

/// A resource in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceCard {
    /// Its URI.
    pub uri: String,
    /// Its name.
    pub name: String,
    /// Its name in words.
    pub title: Option<String>,
    /// What it is.
    pub description: String,
    /// Its media type.
    pub media_type: String,
}

/// A family of resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceTemplate {
    /// The URI with variables in braces (RFC 6570, level 1).
    pub uri_template: String,
    /// Its name.
    pub name: String,
    /// What the resources are.
    pub description: String,
    /// Their media type.
    pub media_type: String,
}

/// The content of a resource, or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceContent {
    /// Its URI.
    pub uri: String,
    /// Its media type.
    pub media_type: String,
    /// Its body.
    pub body: Body,
}

/// The body of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Text.
    Text(String),
    /// Anything else.
    Bytes(Vec<u8>),
}

/// A source of resources.
#[async_trait]
pub trait ResourceSource: Send + Sync {
    /// The families of resources that it has.
    fn templates(&self) -> Vec<ResourceTemplate>;

    /// Resources that the visitor may read, sorted by URI, from the one behind `after` on.
    async fn list(&self, visitor: &Visitor, after: Option<&str>, limit: usize) -> Result<Vec<ResourceCard>, Fault>;

    /// The content of a resource; `None` when the URI is not of this source or the visitor may not know of it.
    async fn read(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault>;

    /// Values for a variable of a template that begin as given; `None` when the template is not of this source.
    async fn complete(
        &self,
        _visitor: &Visitor,
        _template: &str,
        _variable: &str,
        _begun: &str,
    ) -> Option<Vec<String>> {
        None
    }

    /// The URIs whose content an event has changed.
    fn touched(&self, _event: &Event) -> Vec<String> {
        Vec::new()
    }

    /// Grows whenever the list of resources has changed.
    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

/// The sources of resources that domains bring: a service of the platform.
#[derive(Default)]
pub struct Sources(pub Vec<Arc<dyn ResourceSource>>);

/// A prompt in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptCard {
    /// Its name.
    pub name: String,
    /// Its name in words.
    pub title: Option<String>,
    /// What it is for.
    pub description: String,
    /// What it takes.
    pub arguments: Vec<PromptArgument>,
}

/// What a prompt takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Whether it must be given.
    pub required: bool,
}

/// Who speaks a message of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A prompt ready for use.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// What it is for.
    pub description: String,
    /// Its messages.
    pub messages: Vec<(Speaker, Block)>,
}

/// The sources of prompts that domains bring: a service of the platform.
#[derive(Default)]
pub struct PromptSources(pub Vec<Arc<dyn PromptSource>>);

/// A source of prompts.
#[async_trait]
pub trait PromptSource: Send + Sync {
    /// The prompts that the visitor may use, sorted by name.
    async fn list(&self, visitor: &Visitor) -> Result<Vec<PromptCard>, Fault>;

    /// A prompt with its arguments filled in; `None` when it is not of this source. A source that needs more from the person
    /// fails by `cx::input_required`, and is asked again with the answers.
    async fn get(
        &self,
        visitor: &Visitor,
        name: &str,
        arguments: &Map<String, Value>,
        answers: &Answers,
    ) -> Result<Option<Prompt>, Fault>;

    /// Values for an argument that begin as given; `None` when the prompt is not of this source.
    async fn complete(&self, _visitor: &Visitor, _prompt: &str, _argument: &str, _begun: &str) -> Option<Vec<String>> {
        None
    }

    /// Grows whenever the list of prompts has changed for everybody.
    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    /// Whether an event has changed the list of prompts of its tenant.
    fn touched(&self, _event: &Event) -> bool {
        false
    }
}
