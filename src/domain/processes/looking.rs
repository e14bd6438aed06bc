//! Looking up what a definition names, and judging it with that.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::engine::definition::Definition;
use super::engine::nodes::{Named, node_type};
use super::engine::validation::{Found, Judged, Level, Surroundings, judge_within, key};
use super::faults::PROCESS_UNUSABLE;
use super::model::process::Process;
use crate::capability::cx::Cx;
use crate::capability::permit::Action;
use crate::capability::registry::may_call;
use crate::domain::agents::whose;
use crate::domain::processes::reading::published;
use crate::domain::prompts::engine::file::meant;
use crate::domain::prompts::library::Library;
use crate::domain::prompts::model::prompt::Prompt;
use crate::domain::rules::deciding::unanswered;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;
use crate::port::expressions::Language;

/// Judges a definition with all that it names.
pub(super) async fn judged(cx: &Cx, definition: &Definition, of: Option<&str>) -> Result<Judged, Fault> {
    judged_around(cx, definition, of).await.map(|(judged, _)| judged)
}

/// The same, with what was found of all that it names.
pub(super) async fn judged_around(
    cx: &Cx,
    definition: &Definition,
    of: Option<&str>,
) -> Result<(Judged, Surroundings), Fault> {
    let around = surroundings(cx, definition, of).await?;
    let language = cx.service::<Language>()?;
    let (definition, language) = (Arc::new(definition.clone()), language.0.clone());
    // Searching may take its time.
    let judging = move || (judge_within(&definition, &*language, &around), around);
    blocking(judging).await.ok_or_else(|| Fault::internal("judging the definition panicked"))
}

/// The fault of a definition that has errors.
pub(super) fn unusable(judged: &Judged) -> Fault {
    let errors: Vec<_> = judged.findings.iter().filter(|one| one.level == Level::Error).collect();
    let say = match errors.first() {
        Some(first) => format!("the definition has {} errors; the first: {}, at {}", errors.len(), first.say, first.at),
        None => "the definition has no graph".to_owned(),
    };
    Fault::new(&PROCESS_UNUSABLE, say).with_detail(json!({ "findings": judged.findings }))
}

/// What is there of all that a definition names.
async fn surroundings(cx: &Cx, definition: &Definition, of: Option<&str>) -> Result<Surroundings, Fault> {
    let mut found = BTreeMap::new();
    let configs = definition.nodes.iter().filter_map(|node| node_type(&node.kind)?.read(&node.config).ok());
    let named: Vec<Named> = configs.flat_map(|config| config.names()).map(|(_, named)| named).collect();
    for one in named {
        let Some(key) = key(&one) else { continue };
        if found.contains_key(&key) {
            continue;
        }
        let what = match &one {
            Named::Tool(name) => tool(cx, name),
            Named::Agent(id) => agent(cx, id).await?,
            Named::Prompt(id) => prompt(cx, id).await?,
            Named::Process(id, version) => process(cx, id, version.as_deref(), of).await?,
            Named::Rules(id, decision, version) => rules(cx, id, decision.as_deref(), *version).await?,
            Named::Body(_) => continue,
        };
        found.insert(key, what);
    }
    Ok(Surroundings { found })
}

fn tool(cx: &Cx, name: &str) -> Option<Found> {
    let snapshot = cx.platform().registry.present();
    let tool = snapshot.find(cx.tenant(), name).filter(|tool| may_call(cx.caller(), tool))?;
    Some(Found {
        input: Some(tool.input().clone()),
        output: Some(tool.output().clone()),
        writes: !tool.effect.reads(),
        unusable: None,
    })
}

async fn agent(cx: &Cx, id: &str) -> Result<Option<Found>, Fault> {
    there(whose(cx, id).await.map(|_| Found::default()))
}

async fn prompt(cx: &Cx, id: &str) -> Result<Option<Found>, Fault> {
    let id = meant(id);
    match there(cx.load::<Prompt>(Prompt::id(&id), Action::Read).await)? {
        Some(_) => Ok(Some(Found::default())),
        None => Ok(cx.service::<Library>()?.present().get(&id).map(|_| Found::default())),
    }
}

async fn process(cx: &Cx, id: &str, version: Option<&str>, of: Option<&str>) -> Result<Option<Found>, Fault> {
    let id = meant(id);
    if there(cx.load::<Process>(Process::id(&id), Action::Read).await)?.is_none() {
        return Ok(None);
    }
    let unusable = |why: &str| Some(Found { unusable: Some(why.to_owned()), ..Found::default() });
    Ok(match there(published(cx.platform(), cx.caller(), &id, version).await)? {
        Some(Some((_, revision))) => {
            Some(Found { input: Some(Arc::new(inputs(&revision.definition))), ..Found::default() })
        }
        None => unusable("was not published so"),
        // One that runs itself cannot be published before it is.
        Some(None) if of == Some(id.as_str()) => Some(Found::default()),
        Some(None) => unusable("was never published"),
    })
}

async fn rules(cx: &Cx, id: &str, decision: Option<&str>, version: Option<u32>) -> Result<Option<Found>, Fault> {
    let why = there(unanswered(cx, id, decision, version).await)?;
    Ok(why.map(|unusable| Found { unusable, ..Found::default() }))
}

/// The schema of what a process is started with.
pub(super) fn inputs(definition: &Definition) -> serde_json::Map<String, serde_json::Value> {
    let properties: serde_json::Map<_, _> = definition
        .variables
        .iter()
        .map(|(name, variable)| (name.clone(), serde_json::Value::Object(variable.schema.clone())))
        .collect();
    let required: Vec<&String> =
        definition.variables.iter().filter(|(_, variable)| variable.required).map(|(name, _)| name).collect();
    let schema =
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    match schema {
        serde_json::Value::Object(schema) => schema,
        _ => serde_json::Map::new(),
    }
}

fn there<T>(found: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(fault) if fault.is(&codes::NOT_FOUND) || fault.is(&codes::FORBIDDEN) => Ok(None),
        Err(fault) => Err(fault),
    }
}
