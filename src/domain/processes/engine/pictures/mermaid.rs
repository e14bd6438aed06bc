//! The picture as a flowchart of Mermaid: what many editors and pages draw from text.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::texts::one_line;
use super::{Progress, Stage, called, spoken};
use crate::domain::processes::engine::definition::{Definition, Node};
use crate::domain::processes::engine::layout::{Shape, text_of};

/// Writes a process as a flowchart.
#[must_use]
pub fn mermaid(definition: &Definition, title: &str, progress: &Progress) -> String {
    let mut out = String::from("flowchart LR\n");
    let _ = writeln!(out, "  accTitle: {}", plain(title));
    let mut by_id: HashMap<&str, String> = HashMap::new();
    let names: Vec<String> = definition.nodes.iter().enumerate().map(|(number, node)| name(number, &node.id)).collect();
    for (node, name) in definition.nodes.iter().zip(&names) {
        by_id.entry(&node.id).or_insert_with(|| name.clone());
    }
    for (number, lane) in definition.lanes.iter().enumerate() {
        let _ = writeln!(out, "  subgraph lane{number}[\"{}\"]", text(called(&lane.name, &lane.id)));
        for (node, name) in definition.nodes.iter().zip(&names).filter(|(node, _)| node.lane.as_ref() == Some(&lane.id))
        {
            let _ = writeln!(out, "    {name}{}", shape(node));
        }
        out.push_str("  end\n");
    }
    let has_lane =
        |node: &Node| node.lane.as_ref().is_some_and(|lane| definition.lanes.iter().any(|one| one.id == *lane));
    for (node, name) in definition.nodes.iter().zip(&names).filter(|(node, _)| !has_lane(node)) {
        let _ = writeln!(out, "  {name}{}", shape(node));
    }
    for edge in &definition.edges {
        let (Some(from), Some(to)) = (by_id.get(edge.from.as_str()), by_id.get(edge.to.as_str())) else { continue };
        let said = if edge.default && text_of(edge).is_empty() { "otherwise" } else { text_of(edge) };
        let said = text(said);
        let label = if said.is_empty() { String::new() } else { format!("|\"{said}\"|") };
        let _ = writeln!(out, "  {from} -->{label} {to}");
    }
    for (node, name) in definition.nodes.iter().zip(&names) {
        let named =
            |field: &str| node.config.get(field).and_then(serde_json::Value::as_str).and_then(|id| by_id.get(id));
        if let Some(on) = named("attachedTo") {
            let _ = writeln!(out, "  {on} -.- {name}");
        }
        let run = match node.kind.as_str() {
            "for_each" => named("node"),
            "compensation" => named("by"),
            _ => None,
        };
        if let Some(run) = run {
            let _ = writeln!(out, "  {name} -.-> {run}");
        }
    }
    for stage in Stage::ALL {
        let of: Vec<&str> = definition
            .nodes
            .iter()
            .zip(&names)
            .filter(|(node, _)| progress.get(&node.id).is_some_and(|passed| passed.state == stage))
            .map(|(_, name)| name.as_str())
            .collect();
        if !of.is_empty() {
            let (word, colour) = (stage.word(), colour(stage));
            let _ =
                writeln!(out, "  classDef {word} stroke:{colour},stroke-width:3px\n  class {} {word}", of.join(","));
        }
    }
    out
}

const fn colour(stage: Stage) -> &'static str {
    match stage {
        Stage::Waiting => "#9a6700",
        Stage::Running => "#0969da",
        Stage::Done => "#1a7f37",
        Stage::Failed => "#cf222e",
        Stage::Skipped => "#6e7781",
        Stage::Cancelled => "#8250df",
    }
}

/// A name that Mermaid takes for no word of its own, and that is there once.
fn name(number: usize, id: &str) -> String {
    let plain: String = id.chars().take(64).map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }).collect();
    format!("n{number}_{plain}")
}

fn shape(node: &Node) -> String {
    let said = text(called(&node.name, &node.id));
    match Shape::of(&node.kind) {
        Shape::Gateway => {
            let sign = match node.kind.as_str() {
                "parallel" => "+",
                "inclusive" => "O",
                _ => "X",
            };
            let said = if node.name.trim().is_empty() { sign.to_owned() } else { format!("{sign} {said}") };
            format!("{{\"{said}\"}}")
        }
        Shape::Event if node.kind == "start" => format!("([\"{said}\"])"),
        Shape::Event if node.kind == "end" => format!("(((\"{said}\")))"),
        Shape::Event => format!("((\"{said}\"))"),
        Shape::Activity if node.kind == "sub_process" => format!("[[\"{said}\"]]"),
        Shape::Activity => format!("[\"{said}<br/>({})\"]", text(&spoken(&node.kind))),
    }
}

/// A text within quotes: everything that could be read as more than text is written as its number.
fn text(text: &str) -> String {
    let mut escaped = String::new();
    for one in one_line(text).chars() {
        if one.is_alphanumeric()
            || matches!(one, ' ' | '.' | ',' | '-' | '_' | '+' | '/' | '=' | '(' | ')' | '!' | '?' | ':' | '…')
            || !one.is_ascii()
        {
            escaped.push(one);
        } else {
            let _ = write!(escaped, "#{};", u32::from(one));
        }
    }
    escaped
}

/// A text on a line of its own, where nothing can be escaped.
fn plain(text: &str) -> String {
    one_line(text)
        .chars()
        .map(|one| if matches!(one, '%' | '{' | '}' | ';' | '#' | '<' | '>' | '`' | '"') { ' ' } else { one })
        .collect()
}
