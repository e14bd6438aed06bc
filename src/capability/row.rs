//! One row of the registry: a capability with its types erased. A domain lists its rows; doors see tools made from them.

use futures::StreamExt as _;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::content::Content;
use super::cx::Cx;
use super::outcome::{Form, Outcome};
use super::schema::{self, SharedSchema};
use super::spec::Spec;
use super::{Capability, Downloading, Streaming};
use crate::kernel::fault::Fault;
use crate::kernel::reading;

/// A capability's code with its types erased.
pub type Run = fn(&Cx, Value) -> BoxFuture<'_, Result<Outcome, Fault>>;

/// A capability as a plain row.
pub struct Row {
    /// What it says of itself.
    pub spec: Spec,
    /// The form of its answers.
    pub form: Form,
    /// Makes the input's schema.
    pub input: fn() -> SharedSchema,
    /// Makes the output's schema: of the value, or of one item of a stream.
    pub output: fn() -> SharedSchema,
    /// Runs it.
    pub run: Run,
}

impl Row {
    /// The row of a capability that answers with one value.
    #[must_use]
    pub const fn of<C: Capability>() -> Self {
        Self {
            spec: C::SPEC,
            form: Form::Value,
            input: schema::of_input::<C::Input>,
            output: schema::of_output::<C::Output>,
            run: |cx, input| {
                Box::pin(async move {
                    let output = C::run(cx, read(input)?).await?;
                    serde_json::to_value(output).map(Outcome::Value).map_err(unwritable)
                })
            },
        }
    }

    /// The row of a capability that answers with blocks for a model to read.
    #[must_use]
    pub const fn of_content<C: Capability<Output = Content>>() -> Self {
        Self { form: Form::Content, ..Self::of::<C>() }
    }

    /// The row of a capability that answers with values as they come.
    #[must_use]
    pub const fn of_stream<C: Streaming>() -> Self {
        Self {
            spec: C::SPEC,
            form: Form::Stream,
            input: schema::of_input::<C::Input>,
            output: schema::of_output::<C::Item>,
            run: |cx, input| {
                Box::pin(async move {
                    let items = C::run(cx, read(input)?).await?;
                    let items = items.map(|item| item.and_then(|item| serde_json::to_value(item).map_err(unwritable)));
                    Ok(Outcome::Stream(Box::pin(items)))
                })
            },
        }
    }

    /// The row of a capability that answers with a file.
    #[must_use]
    pub const fn of_bytes<C: Downloading>() -> Self {
        Self {
            spec: C::SPEC,
            form: Form::Bytes,
            input: schema::of_input::<C::Input>,
            output: || std::sync::Arc::default(),
            run: |cx, input| Box::pin(async move { C::run(cx, read(input)?).await.map(Outcome::Bytes) }),
        }
    }
}

fn unwritable(error: serde_json::Error) -> Fault {
    Fault::internal(error)
}

/// The schema was checked before, so what fails here is finer than a schema says: a time out of range, an id misspelt.
fn read<T: DeserializeOwned>(input: Value) -> Result<T, Fault> {
    reading::read(input).map_err(|misread| Fault::bad_input(misread.pointer(), misread.why()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::Timestamp;

    #[derive(Debug, serde::Deserialize)]
    struct Moment {
        #[expect(dead_code, reason = "only read")]
        at: Timestamp,
    }

    #[test]
    fn what_a_schema_cannot_say_is_told_with_its_place() {
        let input = serde_json::json!({ "a/b": [{ "at": "2026-11-20T12:00:00Z" }, { "at": "2026-11-31T12:00:00Z" }] });
        let fault = read::<std::collections::BTreeMap<String, Vec<Moment>>>(input).unwrap_err();
        assert_eq!(fault.places()[0].pointer, "/a~1b/1/at", "{fault}");
    }
}
