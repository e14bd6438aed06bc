//! A process as BPMN 2.0, with its diagram.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::extension::{agreed, written};
use super::ids::Ids;
use super::{EXPORTER, MODEL, OURS, element_of};
use crate::domain::processes::engine::definition::{Definition, Edge, Node, expression_of};
use crate::domain::processes::engine::layout::{Layout, Place, Shape, Way};
use crate::domain::processes::engine::pictures::texts::xml;

/// What the file is told of the process around the definition.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The id of the process.
    pub id: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// What it is for.
    pub description: &'a str,
}

/// What of the file is known before it is written.
struct Plan<'a> {
    definition: &'a Definition,
    by_id: HashMap<&'a str, usize>,
    /// The ids of nodes, edges and lanes in the file.
    nodes: Vec<String>,
    edges: Vec<Option<String>>,
    lanes: Vec<String>,
    /// The node that is written within another one, as what is done for each item.
    within: Vec<Option<usize>>,
    bodies: HashMap<usize, usize>,
    /// Messages, signals and errors: the id of each name.
    messages: BTreeMap<String, String>,
    signals: BTreeMap<String, String>,
    errors: BTreeMap<String, String>,
}

/// Writes a process. The ids of its edges must be there, and its layout be that of the same definition.
#[must_use]
pub fn export(definition: &Definition, layout: &Layout, about: About<'_>) -> String {
    let mut ids = Ids::default();
    let plan = Plan::of(definition, &mut ids);
    let process = ids.in_file(if plan.by_id.contains_key(about.id) { "Process" } else { about.id });
    let mut out = String::with_capacity(4_000 + definition.nodes.len() * 1_200);
    let _ = write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<bpmn:definitions xmlns:bpmn=\"{MODEL}\" xmlns:bpmndi=\"http://www.omg.org/spec/BPMN/20100524/DI\" xmlns:dc=\"http://www.omg.org/spec/DD/20100524/DC\" xmlns:di=\"http://www.omg.org/spec/DD/20100524/DI\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:convoke=\"{OURS}\" id=\"{}\" targetNamespace=\"{OURS}\" exporter=\"{EXPORTER}\" exporterVersion=\"{}\">\n",
        ids.in_file("Definitions"),
        env!("CARGO_PKG_VERSION"),
    );
    for (element, attribute, all) in
        [("message", "name", &plan.messages), ("signal", "name", &plan.signals), ("error", "errorCode", &plan.errors)]
    {
        for (name, id) in all {
            let named = if element == "error" { format!(" name=\"{}\"", xml(name)) } else { String::new() };
            let _ = writeln!(out, "  <bpmn:{element} id=\"{id}\"{named} {attribute}=\"{}\"/>", xml(name));
        }
    }
    let pool = (!definition.lanes.is_empty()).then(|| (ids.in_file("Collaboration"), ids.in_file("Participant")));
    if let Some((collaboration, participant)) = &pool {
        let _ = writeln!(
            out,
            "  <bpmn:collaboration id=\"{collaboration}\">\n    <bpmn:participant id=\"{participant}\" name=\"{}\" processRef=\"{process}\"/>\n  </bpmn:collaboration>",
            xml(about.name)
        );
    }
    let _ = writeln!(out, "  <bpmn:process id=\"{process}\" name=\"{}\" isExecutable=\"true\">", xml(about.name));
    documentation(&mut out, about.description);
    let dangling: Vec<Value> = definition
        .edges
        .iter()
        .enumerate()
        .filter(|(number, _)| plan.edges[*number].is_none())
        .map(|(number, edge)| json!([number, edge]))
        .collect();
    let mut kept = json!({ "id": about.id, "name": about.name, "description": about.description, "variables": definition.variables });
    if !dangling.is_empty() {
        kept["dangling"] = Value::Array(dangling);
    }
    let _ = writeln!(
        out,
        "    <bpmn:extensionElements><convoke:process>{}</convoke:process></bpmn:extensionElements>",
        written(&kept)
    );
    lanes(&mut out, &plan, &mut ids);
    for number in 0..definition.nodes.len() {
        if plan.within[number].is_none() {
            node(&mut out, &plan, number);
        }
    }
    for (number, edge) in definition.edges.iter().enumerate() {
        flow(&mut out, &plan, number, edge);
    }
    let mut ties = Vec::new();
    for (number, one) in definition.nodes.iter().enumerate() {
        if one.kind == "compensation"
            && let Some(by) = plan.named(one, "by")
        {
            let id = ids.in_file(&format!("Association_{}", plan.nodes[number]));
            let _ = writeln!(
                out,
                "    <bpmn:association id=\"{id}\" associationDirection=\"One\" sourceRef=\"{}\" targetRef=\"{}\"/>",
                plan.nodes[number], plan.nodes[by]
            );
            ties.push((id, one.id.as_str(), definition.nodes[by].id.as_str()));
        }
    }
    out.push_str("  </bpmn:process>\n");
    diagram(&mut out, &plan, layout, &process, pool.as_ref(), &ties, &mut ids);
    out.push_str("</bpmn:definitions>\n");
    out
}

impl<'a> Plan<'a> {
    fn of(definition: &'a Definition, ids: &mut Ids) -> Self {
        let mut by_id = HashMap::new();
        for (number, node) in definition.nodes.iter().enumerate() {
            by_id.entry(node.id.as_str()).or_insert(number);
        }
        let mut plan = Self {
            definition,
            nodes: definition.nodes.iter().map(|node| ids.in_file(&node.id)).collect(),
            edges: Vec::new(),
            lanes: definition.lanes.iter().map(|lane| ids.in_file(&lane.id)).collect(),
            within: vec![None; definition.nodes.len()],
            bodies: HashMap::new(),
            messages: BTreeMap::new(),
            signals: BTreeMap::new(),
            errors: BTreeMap::new(),
            by_id,
        };
        for edge in &definition.edges {
            let is_there = plan.by_id.contains_key(edge.from.as_str()) && plan.by_id.contains_key(edge.to.as_str());
            plan.edges.push(is_there.then(|| ids.in_file(&edge.id)));
        }
        for (number, node) in definition.nodes.iter().enumerate() {
            if node.kind == "for_each"
                && let Some(body) = plan.named(node, "node")
                && plan.goes_within(number, body)
            {
                plan.within[body] = Some(number);
                plan.bodies.insert(number, body);
            }
            let text = |field: &str| node.config.get(field).and_then(Value::as_str);
            let (named, name, wish) = match node.kind.as_str() {
                "wait" if node.config.contains_key("event") => (&mut plan.signals, text("event"), "Signal"),
                "wait" => (&mut plan.messages, text("message"), "Message"),
                "end" if text("kind") == Some("error") => (&mut plan.errors, text("code"), "Error"),
                "boundary_error" => (&mut plan.errors, first(node, "codes"), "Error"),
                _ => continue,
            };
            if let Some(name) = name {
                named.entry(name.to_owned()).or_insert_with(|| ids.in_file(wish));
            }
        }
        plan
    }

    fn named(&self, node: &Node, field: &str) -> Option<usize> {
        node.config.get(field).and_then(Value::as_str).and_then(|id| self.by_id.get(id).copied())
    }

    /// Whether what is done for each item can be written as one activity with it.
    fn goes_within(&self, each: usize, body: usize) -> bool {
        let (definition, id) = (self.definition, self.definition.nodes[body].id.as_str());
        let is_activity =
            Shape::of(&definition.nodes[body].kind) == Shape::Activity && definition.nodes[body].kind != "for_each";
        let is_meant = |node: &Node| {
            ["attachedTo", "by", "node"].iter().any(|field| node.config.get(*field).and_then(Value::as_str) == Some(id))
        };
        let is_free = definition.nodes.iter().enumerate().all(|(number, node)| number == each || !is_meant(node));
        let is_wired = definition.edges.iter().any(|edge| edge.from == id || edge.to == id);
        is_activity && is_free && !is_wired && body != each && self.by_id.get(id) == Some(&body)
    }
}

/// The first text of a list in a node's config.
fn first<'a>(node: &'a Node, field: &str) -> Option<&'a str> {
    node.config.get(field).and_then(Value::as_array).and_then(|all| all.first()).and_then(Value::as_str)
}

fn documentation(out: &mut String, text: &str) {
    if !text.is_empty() {
        let _ = writeln!(out, "    <bpmn:documentation>{}</bpmn:documentation>", xml(text));
    }
}

fn lanes(out: &mut String, plan: &Plan<'_>, ids: &mut Ids) {
    if plan.lanes.is_empty() {
        return;
    }
    let _ = writeln!(out, "    <bpmn:laneSet id=\"{}\">", ids.in_file("LaneSet"));
    for (lane, id) in plan.definition.lanes.iter().zip(&plan.lanes) {
        let _ = writeln!(out, "      <bpmn:lane id=\"{id}\" name=\"{}\">", xml(&lane.name));
        if *id != lane.id || agreed(&xml_said(&lane.name), None) != lane.name {
            let _ = writeln!(
                out,
                "        <bpmn:extensionElements><convoke:lane>{}</convoke:lane></bpmn:extensionElements>",
                written(&json!(lane))
            );
        }
        for (number, node) in plan.definition.nodes.iter().enumerate() {
            if plan.within[number].is_none() && node.lane.as_ref() == Some(&lane.id) {
                let _ = writeln!(out, "        <bpmn:flowNodeRef>{}</bpmn:flowNodeRef>", plan.nodes[number]);
            }
        }
        out.push_str("      </bpmn:lane>\n");
    }
    out.push_str("    </bpmn:laneSet>\n");
}

/// A text as it is read from a file again.
fn xml_said(text: &str) -> String {
    quick_xml::escape::unescape(&xml(text)).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

fn node(out: &mut String, plan: &Plan<'_>, number: usize) {
    let node = &plan.definition.nodes[number];
    let body = plan.bodies.get(&number).map(|body| &plan.definition.nodes[*body]);
    let element = element_of(body.map_or(&node.kind, |body| &body.kind));
    let text = |field: &str| node.config.get(field).and_then(Value::as_str);
    let _ = write!(out, "    <bpmn:{element} id=\"{}\"", plan.nodes[number]);
    if !node.name.is_empty() {
        let _ = write!(out, " name=\"{}\"", xml(&node.name));
    }
    let mut leaving = plan.definition.edges.iter().enumerate().filter(|(_, edge)| edge.from == node.id && edge.default);
    if let Some(edge) = leaving.find_map(|(number, _)| plan.edges[number].as_ref()) {
        let _ = write!(out, " default=\"{edge}\"");
    }
    if let Some(called) =
        body.unwrap_or(node).config.get("processId").and_then(Value::as_str).filter(|_| element == "callActivity")
    {
        let _ = write!(out, " calledElement=\"{}\"", xml(called));
    }
    match node.kind.as_str() {
        "boundary_timeout" | "boundary_error" | "compensation" => {
            if let Some(on) = plan.named(node, "attachedTo") {
                let _ = write!(out, " attachedToRef=\"{}\"", plan.nodes[on]);
            }
            if node.config.get("interrupting") == Some(&Value::Bool(false)) {
                out.push_str(" cancelActivity=\"false\"");
            }
        }
        _ => {}
    }
    let undoes = |one: &Node| one.kind == "compensation" && plan.named(one, "by") == Some(number);
    if plan.definition.nodes.iter().any(undoes) {
        out.push_str(" isForCompensation=\"true\"");
    }
    out.push_str(">\n");
    documentation(out, &node.description);
    let mut kept = json!(node);
    if let Some(body) = body {
        let place = plan.definition.nodes.iter().position(|one| std::ptr::eq(one, body));
        kept["body"] = json!(body);
        kept["bodyAt"] = json!(place);
    }
    let _ = writeln!(
        out,
        "      <bpmn:extensionElements><convoke:node>{}</convoke:node></bpmn:extensionElements>",
        written(&kept)
    );
    for (direction, end) in [("incoming", false), ("outgoing", true)] {
        for (number, edge) in plan.definition.edges.iter().enumerate() {
            if let (Some(id), true) = (&plan.edges[number], (if end { &edge.from } else { &edge.to }) == &node.id) {
                let _ = writeln!(out, "      <bpmn:{direction}>{id}</bpmn:{direction}>");
            }
        }
    }
    if body.is_some() {
        let _ = writeln!(
            out,
            "      <bpmn:multiInstanceLoopCharacteristics isSequential=\"{}\"/>",
            text("mode") != Some("parallel")
        );
    }
    if element == "scriptTask" && body.is_none() {
        script(out, node);
    }
    event(out, plan, node);
    let _ = writeln!(out, "    </bpmn:{element}>");
}

/// The steps of a script, for who reads the file; what counts lies in the extension.
fn script(out: &mut String, node: &Node) {
    let steps = node.config.get("steps").and_then(Value::as_array).into_iter().flatten();
    let text = |step: &Value, field: &str| step.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let members: Vec<String> = steps.map(|step| format!("{}: {}", text(step, "name"), text(step, "value"))).collect();
    let _ = writeln!(out, "      <bpmn:script>{{ {} }}</bpmn:script>", xml(&members.join(", ")));
}

fn event(out: &mut String, plan: &Plan<'_>, node: &Node) {
    let text = |field: &str| node.config.get(field).and_then(Value::as_str);
    let timer = |element: &str, said: &str| {
        format!(
            "<bpmn:timerEventDefinition><bpmn:{element} xsi:type=\"bpmn:tFormalExpression\">{}</bpmn:{element}></bpmn:timerEventDefinition>",
            xml(said)
        )
    };
    let refers = |element: &str, attribute: &str, id: Option<&String>| match id {
        Some(id) => format!("<bpmn:{element} {attribute}=\"{id}\"/>"),
        None => format!("<bpmn:{element}/>"),
    };
    let nothing = || "<bpmn:timerEventDefinition/>".to_owned();
    let definition = match node.kind.as_str() {
        "timer" => match (text("after"), text("until"), text("next")) {
            (Some(after), ..) => timer("timeDuration", after),
            (None, Some(until), _) => timer("timeDate", until),
            (None, None, Some(next)) => timer("timeCycle", next),
            (None, None, None) => nothing(),
        },
        "boundary_timeout" => {
            let times = node.config.get("times").and_then(Value::as_u64);
            match (text("after"), times) {
                (Some(after), Some(times)) if expression_of(after).is_none() => {
                    timer("timeCycle", &format!("R{times}/{after}"))
                }
                (Some(after), _) => timer("timeDuration", after),
                (None, _) => nothing(),
            }
        }
        "wait" if node.config.contains_key("event") => {
            refers("signalEventDefinition", "signalRef", text("event").and_then(|name| plan.signals.get(name)))
        }
        "wait" => {
            refers("messageEventDefinition", "messageRef", text("message").and_then(|name| plan.messages.get(name)))
        }
        "boundary_error" => {
            refers("errorEventDefinition", "errorRef", first(node, "codes").and_then(|code| plan.errors.get(code)))
        }
        "compensation" => "<bpmn:compensateEventDefinition/>".to_owned(),
        "compensate" => {
            let one = first(node, "only")
                .and_then(|id| plan.by_id.get(id))
                .filter(|one| plan.within[**one].is_none())
                .map(|one| &plan.nodes[*one]);
            refers("compensateEventDefinition", "activityRef", one)
        }
        "end" => match text("kind") {
            Some("error") => {
                refers("errorEventDefinition", "errorRef", text("code").and_then(|code| plan.errors.get(code)))
            }
            Some("terminate") => "<bpmn:terminateEventDefinition/>".to_owned(),
            _ => return,
        },
        _ => return,
    };
    let _ = writeln!(out, "      {definition}");
}

fn flow(out: &mut String, plan: &Plan<'_>, number: usize, edge: &Edge) {
    let Some(id) = &plan.edges[number] else { return };
    let end = |end: &str| plan.by_id.get(end).map_or("", |number| plan.nodes[*number].as_str());
    let _ = write!(
        out,
        "    <bpmn:sequenceFlow id=\"{id}\" sourceRef=\"{}\" targetRef=\"{}\"",
        end(&edge.from),
        end(&edge.to)
    );
    if !edge.name.is_empty() {
        let _ = write!(out, " name=\"{}\"", xml(&edge.name));
    }
    let before = plan.definition.edges[..number].iter().enumerate();
    let is_second = edge.default
        && before.into_iter().any(|(number, one)| one.default && one.from == edge.from && plan.edges[number].is_some());
    let condition = edge.condition.as_deref();
    let is_exact = |text: &str| agreed(&xml_said(text), None) == text;
    let is_plain = *id == edge.id && !is_second && is_exact(&edge.name) && condition.is_none_or(is_exact);
    if is_plain && condition.is_none() {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    if !is_plain {
        let mut kept = json!(edge);
        kept["default"] = json!(is_second);
        let _ = writeln!(
            out,
            "      <bpmn:extensionElements><convoke:edge>{}</convoke:edge></bpmn:extensionElements>",
            written(&kept)
        );
    }
    if let Some(condition) = condition {
        let _ = writeln!(
            out,
            "      <bpmn:conditionExpression xsi:type=\"bpmn:tFormalExpression\">{}</bpmn:conditionExpression>",
            xml(condition)
        );
    }
    out.push_str("    </bpmn:sequenceFlow>\n");
}

fn diagram(
    out: &mut String,
    plan: &Plan<'_>,
    layout: &Layout,
    process: &str,
    pool: Option<&(String, String)>,
    ties: &[(String, &str, &str)],
    ids: &mut Ids,
) {
    let plane = pool.map_or(process, |(collaboration, _)| collaboration);
    let _ = writeln!(
        out,
        "  <bpmndi:BPMNDiagram id=\"{}\">\n    <bpmndi:BPMNPlane id=\"{}\" bpmnElement=\"{plane}\">",
        ids.in_file("Diagram"),
        ids.in_file("Plane")
    );
    let mut shape = |element: &str, more: &str, place: Place, label: Option<Place>| {
        let bounds = |place: Place| {
            format!(
                "<dc:Bounds x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                place.x, place.y, place.width, place.height
            )
        };
        let label =
            label.map_or_else(String::new, |label| format!("<bpmndi:BPMNLabel>{}</bpmndi:BPMNLabel>", bounds(label)));
        let id = ids.in_file(&format!("{element}_di"));
        let _ = writeln!(
            out,
            "      <bpmndi:BPMNShape id=\"{id}\" bpmnElement=\"{element}\"{more}>{}{label}</bpmndi:BPMNShape>",
            bounds(place)
        );
    };
    if let Some((_, participant)) = pool {
        // The pool has a title of its own before those of the lanes, and holds what stands in none of them.
        let (first, last) = (layout.lanes.first(), layout.lanes.last());
        let (first, last) =
            (first.map(|lane| lane.place).unwrap_or_default(), last.map(|lane| lane.place).unwrap_or_default());
        let top = layout.nodes.iter().map(|node| node.place.y - 16).chain([first.y]).min().unwrap_or(0);
        let place = Place { x: first.x - 30, y: top, width: first.width + 30, height: last.y + last.height - top };
        shape(participant, " isHorizontal=\"true\"", place, None);
    }
    for (lane, id) in layout.lanes.iter().zip(&plan.lanes) {
        shape(id, " isHorizontal=\"true\"", lane.place, None);
    }
    for (number, node) in layout.nodes.iter().enumerate() {
        if plan.within[number].is_none() {
            let more = if node.kind == "exclusive" { " isMarkerVisible=\"true\"" } else { "" };
            shape(&plan.nodes[number], more, node.place, node.label);
        }
    }
    let mut line = |element: &str, way: &Way| {
        let id = ids.in_file(&format!("{element}_di"));
        let _ = write!(out, "      <bpmndi:BPMNEdge id=\"{id}\" bpmnElement=\"{element}\">");
        for point in &way.points {
            let _ = write!(out, "<di:waypoint x=\"{}\" y=\"{}\"/>", point.x, point.y);
        }
        if let Some(label) = way.label {
            let _ = write!(
                out,
                "<bpmndi:BPMNLabel><dc:Bounds x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/></bpmndi:BPMNLabel>",
                label.x, label.y, label.width, label.height
            );
        }
        out.push_str("</bpmndi:BPMNEdge>\n");
    };
    for (id, way) in plan.edges.iter().flatten().zip(&layout.edges) {
        line(id, way);
    }
    for (id, from, to) in ties {
        if let Some(way) = layout.links.iter().find(|way| way.from == *from && way.to == *to) {
            line(id, way);
        }
    }
    out.push_str("    </bpmndi:BPMNPlane>\n  </bpmndi:BPMNDiagram>\n");
}
