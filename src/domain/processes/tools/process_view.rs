//! `process_view`: a process as a picture, or in the languages that other tools read.

use std::fmt::Write as _;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::standing::standing;
use crate::domain::processes::engine::bpmn::{About, export};
use crate::domain::processes::engine::layout::{Layout, lay_out};
use crate::domain::processes::engine::pictures::{Progress, mermaid, svg};
use crate::domain::processes::engine::yaml;
use crate::domain::processes::finding::{load, revision, version};
use crate::domain::processes::model::process::Process;
use crate::domain::processes::model::revision::Revision;
use crate::kernel::fault::Fault;

/// Draws a process.
pub(in crate::domain::processes) struct ProcessView;

/// Which one, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version: `1.2.0`, `1.3.0-draft.7`, `latest` or `draft`. When not said `latest`, or the draft where nothing was published.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// The branch whose newest definition is meant.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    branch: Option<String>,
    /// The id of an execution of it, whose version is drawn with how far it is; not for `bpmn` and `yaml`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    execution: Option<String>,
    /// What it is drawn or written as; `svg` when not said.
    #[serde(default)]
    format: Format,
}

/// What a process is drawn or written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::processes) enum Format {
    /// A picture for people, light and dark, readable by screen readers.
    #[default]
    Svg,
    /// A flowchart as text, for pages and chats that draw Mermaid.
    Mermaid,
    /// BPMN 2.0 in XML with its diagram; `process_import` reads it back the same.
    Bpmn,
    /// Where each node, edge and lane stands, as data.
    Json,
    /// The definition as YAML; `process_import` reads it back the same.
    Yaml,
}

/// The picture.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The id of the process.
    id: String,
    /// Its name.
    name: String,
    /// The version that is drawn.
    version: String,
    /// What it is drawn or written as.
    format: Format,
    /// The media type of `content`.
    media_type: &'static str,
    /// A name for a file of it.
    file_name: String,
    /// The picture or text, to be saved as it is; left out for `json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// The places, for `json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    layout: Option<Layout>,
    /// How far the execution is, by the ids of nodes: those that it has not come to are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
}

impl Capability for ProcessView {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "process_view",
        Domain::Processes,
        Route::get("/processes/{id}/view"),
        Permit::on(Resource::Processes, Action::Read),
        "Draws a process: diagram with swimlanes as SVG or Mermaid, BPMN 2.0 XML for other tools, YAML, or the layout as JSON; with how \
         far an execution is drawn on it. For the bare definition use process_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let process = load(cx, &input.id, Action::Read).await?.value;
        let (revision, progress) = match &input.execution {
            None => (version(cx, &process, input.version.as_deref(), input.branch.as_deref()).await?, None),
            Some(execution) => {
                let (revision, progress) = executed(cx, &process, &input, execution).await?;
                (revision, Some(progress))
            }
        };
        let process = Arc::new(process);
        let called = revision.called();
        let of = process.clone();
        // A large picture takes a while: nobody else waits for it.
        let on_it = progress.clone().unwrap_or_default();
        let drawing = tokio::task::spawn_blocking(move || drawn(&of, &revision, input.format, &on_it));
        let (content, layout) = drawing.await.map_err(Fault::internal)?;
        let (media_type, ending) = input.format.file();
        Ok(Output {
            id: process.process_id.clone(),
            name: process.name.clone(),
            file_name: format!("{}-{called}.{ending}", process.process_id),
            version: called,
            format: input.format,
            media_type,
            content,
            layout,
            progress,
        })
    }
}

/// What an execution runs, and how far it is.
async fn executed(cx: &Cx, process: &Process, input: &Input, execution: &str) -> Result<(Revision, Progress), Fault> {
    if input.version.is_some() || input.branch.is_some() {
        return Err(Fault::bad_input("/execution", "says which version is drawn: leave version and branch out"));
    }
    if matches!(input.format, Format::Bpmn | Format::Yaml) {
        return Err(Fault::bad_input("/execution", "is drawn as svg, mermaid or json only"));
    }
    let standing = standing(cx, execution).await?;
    if standing.process_id != process.process_id {
        let say = format!("is an execution of '{}', not of '{}'", standing.process_id, process.process_id);
        return Err(Fault::bad_input("/execution", say));
    }
    Ok((revision(cx, process, standing.revision).await?, standing.progress))
}

impl Format {
    /// The media type and the ending of a file's name.
    const fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Svg => ("image/svg+xml", "svg"),
            Self::Mermaid => ("text/vnd.mermaid", "mmd"),
            Self::Bpmn => ("application/bpmn+xml", "bpmn"),
            Self::Json => ("application/json", "json"),
            Self::Yaml => ("application/yaml", "yaml"),
        }
    }
}

fn drawn(
    process: &Process,
    revision: &Revision,
    format: Format,
    progress: &Progress,
) -> (Option<String>, Option<Layout>) {
    let definition = &revision.definition;
    let (name, about) = (process.name.as_str(), process.description.as_str());
    match format {
        Format::Svg => {
            let title = format!("{name}, {}", revision.called());
            (Some(svg(definition, &lay_out(definition), &title, about, progress)), None)
        }
        Format::Mermaid => (Some(mermaid(definition, name, progress)), None),
        Format::Bpmn => {
            let told = About { id: &process.process_id, name, description: about };
            (Some(export(definition, &lay_out(definition), told)), None)
        }
        Format::Json => (None, Some(lay_out(definition))),
        Format::Yaml => (Some(as_yaml(process, revision)), None),
    }
}

/// What `process_create` takes, as YAML.
fn as_yaml(process: &Process, revision: &Revision) -> String {
    let mut told = json!({ "name": process.name });
    if !process.description.is_empty() {
        told["description"] = json!(process.description);
    }
    if !process.tags.is_empty() {
        told["tags"] = json!(process.tags);
    }
    if let (Value::Object(told), Value::Object(definition)) = (&mut told, json!(revision.definition)) {
        told.extend(definition);
    }
    let mut text = String::new();
    let _ = writeln!(text, "# {} {}", process.process_id, revision.called());
    text.push_str(&yaml::write(&told));
    text
}
