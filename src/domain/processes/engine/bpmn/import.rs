//! A process from BPMN 2.0.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use super::extension::{agreed, carried};
use super::ids::Ids;
use super::nodes::{Node as Read, Roots, VENDORS, node};
use super::outside::{Effect, Found, Outside};
use super::xml::{Broken, Element, read};
use super::{EXPORTER, MODEL};
use crate::domain::processes::engine::definition::{Definition, Edge, Lane, MOST_EDGES, MOST_NODES, Variable};

/// The most lanes.
const MOST_LANES: usize = 100;

/// What a file says.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The id of the process in the file, or the one that it had here.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The process.
    pub definition: Definition,
    /// What the file says beyond the subset; nothing of it changes the flow.
    pub outside: Vec<Outside>,
}

/// Why a file is not taken.
#[derive(Debug, Clone)]
pub enum Refused {
    /// It is no XML that is read, or no BPMN.
    Broken(Broken),
    /// What is beyond the subset would change the flow.
    Outside(Vec<Outside>),
}

/// What is kept of the process besides.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Kept {
    id: String,
    name: String,
    description: String,
    variables: std::collections::BTreeMap<String, Variable>,
    dangling: Vec<(usize, Edge)>,
}

/// Reads a file.
///
/// # Errors
/// Where it is broken, or what of it is beyond the subset and changes the flow.
pub fn import(text: &str) -> Result<Imported, Refused> {
    let root = read(text).map_err(Refused::Broken)?;
    let broken = |element: &Element, say: String| Refused::Broken(Broken { line: element.line, column: 1, say });
    if !root.is("definitions") {
        return Err(broken(&root, format!("the outermost element is <{}>, not <definitions> of {MODEL}", root.name)));
    }
    let mut found = Found::default();
    let mut processes: Vec<&Element> = root.all("process").collect();
    if processes.len() > 1 {
        processes.retain(|one| one.children.iter().any(is_flow));
    }
    let Some(process) = processes.first().copied().or_else(|| root.child("process")) else {
        return Err(broken(&root, "there is no <process> in it".to_owned()));
    };
    for other in processes.iter().skip(1) {
        found.add(other, None, Effect::Flow, "one process at a time is read: write each to a file of its own, and let one run the other by a callActivity");
    }
    around(&root, &mut found);
    let count =
        |flows: bool| process.children.iter().filter(|one| is_flow(one) && one.is("sequenceFlow") == flows).count();
    let lanes = process.all("laneSet").flat_map(|set| set.all("lane")).count();
    if count(false) > MOST_NODES || count(true) > MOST_EDGES || lanes > MOST_LANES {
        return Err(broken(
            process,
            format!("a process has at most {MOST_NODES} nodes, {MOST_EDGES} sequence flows and {MOST_LANES} lanes"),
        ));
    }
    let kept: Kept = carried(process, "process").unwrap_or_default();
    foreign(process, &mut found);
    let roots = Roots::of(&root, process);
    let mut definition = Definition { variables: kept.variables, ..Definition::default() };
    let ids = named(process);
    let lane_of = lanes_of(process, &mut definition, &mut found);
    let mut bodies = Vec::new();
    let mut taken: HashSet<String> = HashSet::new();
    let mut others = Ids::default();
    for id in ids.values() {
        others.of_ours(id);
    }
    for element in process.children.iter().filter(|one| is_flow(one) && !one.is("sequenceFlow")) {
        let Some(id) = element.attribute("id").and_then(|id| ids.get(id)) else {
            found.add(element, None, Effect::Flow, "it has no id");
            continue;
        };
        if !taken.insert(id.clone()) {
            found.add(element, None, Effect::Flow, "there are two elements of this id");
            continue;
        }
        let Read { node: mut one, body } = node(element, id, &ids, &roots, &mut others, &mut found);
        if let Some((at, body)) = body {
            bodies.push((at, definition.nodes.len(), body));
        }
        one.lane = element.attribute("id").and_then(|id| lane_of.get(id).cloned());
        definition.nodes.push(one);
    }
    // Each body where it was, those that were nowhere behind what runs them.
    bodies.sort_by_key(|(at, behind, _)| (at.is_none(), at.unwrap_or(*behind)));
    for (at, behind, body) in bodies {
        let at = at.unwrap_or(behind + 1).min(definition.nodes.len());
        definition.nodes.insert(at, body);
    }
    edges(process, &ids, &mut definition, &mut found);
    for (at, edge) in kept.dangling {
        definition.edges.insert(at.min(definition.edges.len()), edge);
    }
    let description = agreed(&documented(process), Some(&kept.description));
    let description = found.cut(process, "documentation", description, 2000);
    if found.is_flow() {
        return Err(Refused::Outside(found.told()));
    }
    let participant = root
        .all("collaboration")
        .flat_map(|one| one.all("participant"))
        .find(|one| one.attribute("processRef") == process.attribute("id"));
    let name =
        process.attribute("name").or_else(|| participant.and_then(|one| one.attribute("name"))).unwrap_or_default();
    let file_id = process.attribute("id").unwrap_or("process");
    Ok(Imported {
        id: if kept.id.is_empty() { file_id.to_owned() } else { kept.id },
        name: agreed(name, Some(&kept.name)),
        description,
        definition,
        outside: found.told(),
    })
}

/// The text of an element's documentation.
pub(super) fn documented(element: &Element) -> String {
    let all: Vec<&str> = element.all("documentation").map(|one| one.text.as_str()).collect();
    all.join("\n\n")
}

/// Whether an element is a part of the flow.
fn is_flow(element: &Element) -> bool {
    let aside = [
        "documentation",
        "extensionElements",
        "laneSet",
        "association",
        "textAnnotation",
        "group",
        "dataObject",
        "dataObjectReference",
        "dataStoreReference",
        "auditing",
        "monitoring",
        "property",
        "ioSpecification",
        "ioBinding",
        "supports",
        "resourceRole",
        "performer",
        "humanPerformer",
        "potentialOwner",
        "correlationSubscription",
    ];
    element.namespace == MODEL && !aside.contains(&element.name.as_str())
}

/// The ids of the nodes here, by their ids in the file.
fn named(process: &Element) -> HashMap<String, String> {
    let mut made = Ids::default();
    let mut ids = HashMap::new();
    for element in process.children.iter().filter(|one| is_flow(one) && !one.is("sequenceFlow")) {
        if let Some(id) = element.attribute("id").filter(|id| !ids.contains_key(*id)) {
            let ours = made.of_ours(id);
            ids.insert(id.to_owned(), ours);
        }
    }
    ids
}

/// What stands around the process and beside its flow.
fn around(root: &Element, found: &mut Found) {
    let is_ours = root.attribute("exporter") == Some(EXPORTER);
    for element in &root.children {
        match element.name.as_str() {
            "process" | "message" | "signal" | "error" | "itemDefinition" | "documentation" => {}
            "collaboration" => {
                for part in element.children.iter().filter(|part| part.name != "participant") {
                    found.add(
                        part,
                        None,
                        Effect::None,
                        "only the process is read: what passes between pools is left out",
                    );
                }
                for part in element.all("participant").filter(|part| part.attribute("processRef").is_none()) {
                    found.add(part, None, Effect::None, "a pool without a process is left out");
                }
            }
            "BPMNDiagram" if is_ours => {}
            "BPMNDiagram" => {
                found.add(element, None, Effect::None, "places and colours are left out: the picture is drawn anew");
            }
            "escalation" | "import" | "extension" | "relationship" | "dataStore" | "category" | "resource"
            | "interface" | "partnerEntity" | "partnerRole" | "endPoint" => {
                found.add(element, None, Effect::None, "it is left out");
            }
            _ => found.add(element, None, Effect::None, "it is not known and left out"),
        }
    }
}

/// What of a tool's own, or beside the flow, lies in an element; it is left out.
pub(super) fn foreign(element: &Element, found: &mut Found) {
    let id = element.attribute("id");
    for one in element.child("extensionElements").into_iter().flat_map(|all| &all.children) {
        if one.namespace != super::OURS && !VENDORS.contains(&one.name.as_str()) {
            found.add(one, id, Effect::None, "what a tool added for itself is left out");
        }
    }
    if !element.is("process") {
        return;
    }
    for one in &element.children {
        if matches!(one.name.as_str(), "documentation" | "extensionElements" | "laneSet") || is_flow(one) {
            continue;
        }
        // What ties an activity to what undoes it is read with that.
        let is_undoing = one.is("association") && one.attribute("associationDirection") == Some("One");
        if !is_undoing {
            found.add(one, None, Effect::None, "it says something of the picture or of data, and is left out");
        }
    }
}

/// The lanes, and the lane of each node by its id in the file.
fn lanes_of(process: &Element, definition: &mut Definition, found: &mut Found) -> HashMap<String, String> {
    let mut of = HashMap::new();
    let mut made = Ids::default();
    let sets: Vec<&Element> = process.all("laneSet").collect();
    for set in sets {
        for lane in set.all("lane") {
            let kept: Option<Lane> = carried(lane, "lane");
            let wish = kept.as_ref().map_or_else(|| lane.attribute("id").unwrap_or("lane"), |kept| &kept.id);
            let id = made.of_ours(wish);
            let name = agreed(lane.attribute("name").unwrap_or_default(), kept.as_ref().map(|kept| kept.name.as_str()));
            for inner in lane.all("childLaneSet") {
                found.add(
                    inner,
                    lane.attribute("id"),
                    Effect::None,
                    "lanes within a lane are left out: their nodes stand in the outer one",
                );
            }
            for node in references(lane) {
                of.insert(node.trim().to_owned(), id.clone());
            }
            let name = found.cut(lane, "name", name, 200);
            definition.lanes.push(Lane { id, name });
        }
    }
    of
}

/// The nodes of a lane and of the lanes within it.
fn references(lane: &Element) -> Vec<&str> {
    let own = lane.all("flowNodeRef").map(|one| one.text.as_str());
    let inner = lane.all("childLaneSet").flat_map(|set| set.all("lane")).flat_map(references);
    own.chain(inner).collect()
}

fn edges(process: &Element, ids: &HashMap<String, String>, definition: &mut Definition, found: &mut Found) {
    let defaults: HashSet<&str> = process.children.iter().filter_map(|one| one.attribute("default")).collect();
    let mut taken = HashSet::new();
    for flow in process.all("sequenceFlow") {
        let end = |attribute: &str| flow.attribute(attribute).and_then(|id| ids.get(id)).cloned();
        let (Some(from), Some(to)) = (end("sourceRef"), end("targetRef")) else {
            found.add(flow, None, Effect::Flow, "one of its ends is no node of the process");
            continue;
        };
        foreign(flow, found);
        let kept: Option<Edge> = carried(flow, "edge");
        let file_id = flow.attribute("id").unwrap_or_default();
        let mut id = kept.as_ref().map_or(file_id, |kept| &kept.id).chars().take(140).collect::<String>();
        if !id.is_empty() && !taken.insert(id.clone()) {
            id.clear();
        }
        let name = agreed(flow.attribute("name").unwrap_or_default(), kept.as_ref().map(|kept| kept.name.as_str()));
        let condition = flow.child("conditionExpression").filter(|one| !one.text.trim().is_empty()).map(|one| {
            let said = agreed(&one.text, kept.as_ref().and_then(|kept| kept.condition.as_deref()));
            if said.starts_with("${")
                || said.starts_with("#{")
                || one.attribute("language").is_some_and(|language| !is_feel(language))
            {
                found.add(
                    one,
                    flow.attribute("id"),
                    Effect::Todo,
                    format!("the condition '{}' is kept as it stands: write it in FEEL", short(&said)),
                );
            }
            said
        });
        let edge = Edge {
            id,
            from,
            to,
            name: found.cut(flow, "name", name, 200),
            condition,
            default: defaults.contains(file_id) || kept.as_ref().is_some_and(|kept| kept.default),
        };
        for one in
            flow.children.iter().filter(|one| !matches!(one.name.as_str(), "conditionExpression" | "extensionElements"))
        {
            found.add(one, flow.attribute("id"), Effect::None, "it is left out");
        }
        definition.edges.push(edge);
    }
    definition.name_edges();
}

/// Whether a language of expressions is FEEL.
pub(super) fn is_feel(language: &str) -> bool {
    language.to_ascii_lowercase().contains("feel")
}

/// The beginning of a text, to tell of it.
pub(super) fn short(text: &str) -> String {
    let mut told: String = text.chars().take(80).collect();
    if told.len() < text.len() {
        told.push('…');
    }
    told
}

/// A value that is a text.
pub(super) fn text_of<'a>(config: &'a serde_json::Map<String, Value>, name: &str) -> Option<&'a str> {
    config.get(name).and_then(Value::as_str)
}
