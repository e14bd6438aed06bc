//! What a capability is, the registry of them, the context that a call runs in, and the gate before it.

pub mod acting;
pub mod alarms;
pub mod asking;
pub mod behind;
pub mod bound;
pub mod caches;
pub mod caller;
mod changed;
pub mod channels;
pub mod client;
pub mod content;
pub mod credentials;
pub mod cx;
pub mod documentation;
pub mod events;
pub mod form_page;
pub mod forwarding;
pub mod gate;
pub mod leasing;
pub mod module;
mod names;
pub mod outcome;
pub mod owned;
pub mod page;
pub mod passes;
pub mod permit;
mod place;
pub mod platform;
pub mod registry;
mod room;
pub mod row;
pub mod schema;
pub mod source;
pub mod spans;
pub mod spec;
pub mod tool;
pub mod topics;
mod touch;
pub mod within;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kernel::fault::Fault;
use cx::Cx;
use outcome::Download;
use spec::Spec;

/// A capability that answers with one value: almost every one.
pub trait Capability: 'static {
    /// What it takes. The type is the only schema; its doc comments are the parameters' documentation.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// What it answers.
    type Output: Serialize + JsonSchema + Send;
    /// Everything about it but its types and its code.
    const SPEC: Spec;

    /// Runs it. Writes are collected in `cx` and committed by the gate when this ends well.
    fn run(cx: &Cx, input: Self::Input) -> impl Future<Output = Result<Self::Output, Fault>> + Send;
}

/// A capability that answers with values as they come.
pub trait Streaming: 'static {
    /// What it takes.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// What it answers, many times.
    type Item: Serialize + JsonSchema + Send;
    /// Everything about it but its types and its code.
    const SPEC: Spec;

    /// Starts it.
    fn run(
        cx: &Cx,
        input: Self::Input,
    ) -> impl Future<Output = Result<impl futures::Stream<Item = Result<Self::Item, Fault>> + Send + 'static, Fault>> + Send;
}

/// A capability that answers with a file.
pub trait Downloading: 'static {
    /// What it takes.
    type Input: DeserializeOwned + JsonSchema + Send;
    /// Everything about it but its types and its code.
    const SPEC: Spec;

    /// Opens the file.
    fn run(cx: &Cx, input: Self::Input) -> impl Future<Output = Result<Download, Fault>> + Send;
}
