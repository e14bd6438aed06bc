//! `process_import`: a new process from a file: BPMN 2.0, YAML or JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::process_create;
use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::schema::{compiled, of_input};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::bpmn::{self, Outside, Refused};
use crate::domain::processes::engine::definition::Definition;
use crate::domain::processes::engine::validation::{Finding, Soundness};
use crate::domain::processes::engine::yaml;
use crate::domain::processes::faults::{FILE_BROKEN, FILE_OUTSIDE};
use crate::domain::processes::looking::judged;
use crate::domain::prompts::engine::file::id_of;
use crate::kernel::fault::{Fault, Violation};

/// Makes a process from a file.
pub(in crate::domain::processes) struct ProcessImport;

/// The most places of a file that are told at once.
const MOST_PLACES: usize = 50;
/// The deepest schema of what `process_create` takes.
const DEEPEST: usize = 64;

/// The file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The text of the file: BPMN 2.0 XML, or what `process_create` takes as YAML or JSON.
    #[schemars(length(min = 1, max = 2_000_000))]
    content: String,
    /// What the text is; found out by how it begins when not said.
    #[serde(default)]
    format: Option<Format>,
    /// What the process is called, in place of what the file says.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Whether to tell only what would come of it, and store nothing.
    #[serde(default)]
    dry_run: bool,
    /// Whether it is kept though it has errors, to be mended by `process_update`: a file of another tool seldom says which tool or agent is meant.
    #[serde(default)]
    incomplete: bool,
    /// What is to be said of this definition in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

/// What a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::processes) enum Format {
    /// BPMN 2.0 in XML.
    Bpmn,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The id that the process has, or would have.
    id: String,
    /// Its name.
    name: String,
    /// What the file was read as.
    format: Format,
    /// Whether it was made.
    created: bool,
    /// Its version, where it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Whether it could be published as it is.
    valid: bool,
    /// Whether it always comes to its end; left out where errors hide that.
    #[serde(skip_serializing_if = "Option::is_none")]
    soundness: Option<Soundness>,
    /// What was found in it, errors first.
    findings: Vec<Finding>,
    /// What the file says beyond the subset of BPMN that is read: what is to be done, and what was left out.
    outside: Vec<Outside>,
    /// The definition, where nothing was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<Definition>,
}

impl Capability for ProcessImport {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "process_import",
        Domain::Processes,
        Route::post("/processes/import"),
        Permit::on(Resource::Processes, Action::Create),
        "Makes a new process from a file: BPMN 2.0 XML (Camunda, bpmn.io, Signavio and others), YAML or JSON. Names what the file says beyond \
         what is read; 'dryRun' tells what would come of it. To write one out use process_view.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let format = input.format.unwrap_or_else(|| Format::of(&input.content));
        let (content, name) = (input.content, input.name);
        let (mut taken, outside) =
            tokio::task::spawn_blocking(move || read(&content, format)).await.map_err(Fault::internal)??;
        if let Some(name) = name {
            taken.insert("name".to_owned(), json!(name));
        }
        let name = match taken.get("name").and_then(Value::as_str) {
            Some(name) if !name.trim().is_empty() => name.to_owned(),
            _ => return Err(Fault::bad_input("/name", "is not in the file: say what the process is called")),
        };
        if input.incomplete {
            taken.insert("incomplete".to_owned(), json!(true));
        }
        if let Some(message) = input.message {
            taken.insert("message".to_owned(), json!(message));
        }
        fits(&taken)?;
        if input.dry_run {
            let definition = definition_of(taken)?;
            let judged = judged(cx, &definition, Some(&id_of(&name))).await?;
            return Ok(Output {
                id: id_of(&name),
                name,
                format,
                created: false,
                version: None,
                valid: judged.is_fit(),
                soundness: judged.sound,
                findings: judged.findings,
                outside,
                definition: Some(definition),
            });
        }
        let create = serde_json::from_value(Value::Object(taken))
            .map_err(|error| Fault::bad_input("/content", error.to_string()))?;
        let made = process_create::ProcessCreate::run(cx, create).await?;
        let is_error = |one: &Finding| one.level == crate::domain::processes::engine::validation::Level::Error;
        Ok(Output {
            id: made.brief.id,
            name: made.brief.name,
            format,
            created: true,
            version: Some(made.brief.version),
            valid: !made.findings.iter().any(is_error),
            soundness: made.soundness,
            findings: made.findings,
            outside,
            definition: None,
        })
    }
}

impl Format {
    /// What a text is by how it begins.
    fn of(content: &str) -> Self {
        match content.trim_start_matches('\u{FEFF}').trim_start().chars().next() {
            Some('<') => Self::Bpmn,
            Some('{') => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// What `process_create` takes, from a text.
fn read(content: &str, format: Format) -> Result<(Map<String, Value>, Vec<Outside>), Fault> {
    let value = match format {
        Format::Bpmn => {
            let imported = bpmn::import(content).map_err(refused)?;
            let mut told = Map::new();
            if !imported.name.trim().is_empty() {
                told.insert("name".to_owned(), json!(imported.name.chars().take(100).collect::<String>()));
            }
            if !imported.description.is_empty() {
                told.insert("description".to_owned(), json!(imported.description));
            }
            if let Value::Object(definition) = json!(imported.definition) {
                told.extend(definition);
            }
            return Ok((told, imported.outside));
        }
        Format::Yaml => yaml::read(content).map_err(|at| broken(at.line, at.column, &at.say))?,
        Format::Json => serde_json::from_str(content)
            .map_err(|at| broken(at.line(), at.column(), &format!("it is no JSON: {at}")))?,
    };
    match value {
        Value::Object(told) => Ok((told, Vec::new())),
        _ => Err(broken(1, 1, "it is no map with 'name', 'nodes' and 'edges'")),
    }
}

fn broken(line: usize, column: usize, say: &str) -> Fault {
    let detail = json!({ "line": line, "column": column });
    Fault::new(&FILE_BROKEN, format!("line {line}, column {column}: {say}")).with_detail(detail)
}

fn refused(refused: Refused) -> Fault {
    match refused {
        Refused::Broken(at) => broken(at.line, at.column, &at.say),
        Refused::Outside(outside) => {
            let first = outside.first().map_or_else(String::new, |one| {
                let id = one.id.as_deref().map_or_else(String::new, |id| format!(" '{id}'"));
                format!("line {}, {}{id}: {}", one.line, one.element, one.say)
            });
            Fault::new(&FILE_OUTSIDE, first).with_detail(json!({ "outside": outside }))
        }
    }
}

/// Whether a file is what `process_create` takes, each place where not.
fn fits(taken: &Map<String, Value>) -> Result<(), Fault> {
    let schema = of_input::<process_create::Input>();
    let validator = compiled(&schema, DEEPEST).map_err(Fault::internal)?;
    let value = Value::Object(taken.clone());
    let mut places: Vec<Violation> = validator
        .iter_errors(&value)
        .take(MOST_PLACES)
        .map(|error| {
            let say: String = error.to_string().chars().take(300).collect();
            Violation { pointer: "/content".to_owned(), message: format!("{}: {say}", error.instance_path()) }
        })
        .collect();
    if taken.get("nodes").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        places.push(Violation { pointer: "/content".to_owned(), message: "nodes: are missing".to_owned() });
    }
    if places.is_empty() { Ok(()) } else { Err(Fault::violations(places)) }
}

/// The definition within what `process_create` takes.
fn definition_of(mut taken: Map<String, Value>) -> Result<Definition, Fault> {
    taken.retain(|name, _| ["nodes", "edges", "variables", "lanes"].contains(&name.as_str()));
    let mut definition: Definition = serde_json::from_value(Value::Object(taken))
        .map_err(|error| Fault::bad_input("/content", error.to_string()))?;
    definition.name_edges();
    Ok(definition)
}
