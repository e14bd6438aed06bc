//! The picture as SVG: shapes as BPMN has them, light and dark, read out by screen readers node by node, and nothing in it that runs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::texts::{lines, one_line, xml};
use super::{Passed, Progress, Stage, called, icons, spoken};
use crate::domain::processes::engine::definition::{Definition, Node};
use crate::domain::processes::engine::layout::{LETTER, LONGEST_LABEL, Layout, NodeBox, Point, Shape, Way};

/// Colours are properties, so that a page that shows the picture can set its own.
const STYLE: &str = "\
svg{--ground:#fff;--ink:#1f2328;--soft:#59636e;--line:#57606a;--fill:#f6f8fa;--lane:#f0f3f6;--edge:#d1d9e0;\
--waiting:#9a6700;--running:#0969da;--done:#1a7f37;--failed:#cf222e;--skipped:#6e7781;--cancelled:#8250df;\
background:var(--ground);font-family:system-ui,-apple-system,'Segoe UI',sans-serif}\
@media(prefers-color-scheme:dark){svg{--ground:#0d1117;--ink:#f0f6fc;--soft:#9198a1;--line:#9198a1;--fill:#151b23;--lane:#12171e;--edge:#3d444d;\
--waiting:#d29922;--running:#4493f8;--done:#3fb950;--failed:#f85149;--skipped:#9198a1;--cancelled:#ab7df8}}\
text{fill:var(--ink);font-size:12px;unicode-bidi:plaintext}\
.ground{fill:var(--ground)}.lane rect{fill:none;stroke:var(--edge)}.lane .head{fill:var(--lane)}.lane text{font-weight:600;text-anchor:middle}\
.shape{fill:var(--fill);stroke:var(--line);stroke-width:1.5}.thick{stroke-width:3}.ring{fill:none;stroke:var(--line);stroke-width:1.2}.dashed{stroke-dasharray:4 3}\
.icon{fill:none;stroke:var(--line);stroke-width:1.3;stroke-linejoin:round;stroke-linecap:round}.icon.full{fill:var(--line)}\
.node text{text-anchor:middle}.node .small,.way text{font-size:11px;fill:var(--soft)}.node .beside{text-anchor:start}\
.way path{fill:none;stroke:var(--line);stroke-width:1.4}.way .head,.head-of-way{fill:var(--line)}.link path{stroke-dasharray:3 3}\
.way text{paint-order:stroke;stroke:var(--ground);stroke-width:3px;stroke-linejoin:round}\
.badge circle{stroke:var(--ground);stroke-width:1.5}.badge text{fill:var(--ground);font-size:11px;font-weight:700}.badge .times{fill:var(--ink);text-anchor:start}";

/// Draws a process. `title` and `about` are what it is called and what it is for.
#[must_use]
pub fn svg(definition: &Definition, layout: &Layout, title: &str, about: &str, progress: &Progress) -> String {
    let (width, height) = (layout.width.max(1), layout.height.max(1));
    let mut out = String::with_capacity(2_000 + layout.nodes.len() * 600 + layout.edges.len() * 400);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"graphics-document document\" aria-roledescription=\"process\" aria-labelledby=\"picture-title picture-about\">\n\
         <title id=\"picture-title\">{}</title>\n<desc id=\"picture-about\">{}</desc>\n<style>{STYLE}",
        xml(&one_line(title)),
        xml(&summary(definition, about, progress)),
    );
    for stage in Stage::ALL.iter().filter(|stage| progress.values().any(|one| one.state == **stage)) {
        let word = stage.word();
        let _ = write!(
            out,
            ".{word} .shape,.{word} .ring{{stroke:var(--{word});stroke-width:2.5}}.{word} .badge circle{{fill:var(--{word})}}"
        );
    }
    out.push_str(
        "</style>\n<defs><marker id=\"picture-arrow\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path class=\"head-of-way\" d=\"M0 1L10 5L0 9z\"/></marker></defs>\n",
    );
    let _ = writeln!(out, "<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>");
    lanes(&mut out, layout);
    for link in &layout.links {
        let _ = writeln!(out, "<g class=\"way link\" aria-hidden=\"true\"><path d=\"{}\"/></g>", path(&link.points));
    }
    for way in &layout.edges {
        edge(&mut out, definition, way);
    }
    // In the order in which people read it.
    let mut order: Vec<usize> = (0..layout.nodes.len()).collect();
    order.sort_by_key(|number| {
        let node = &layout.nodes[*number];
        (node.on.is_some(), node.place.x, node.place.y)
    });
    let hosts: BTreeSet<&str> = layout.nodes.iter().filter_map(|node| node.on.as_deref()).collect();
    for number in order {
        let drawn = &layout.nodes[number];
        // What stands on its lower edge leaves less room for its name.
        let raised = if hosts.contains(drawn.id.as_str()) { 7 } else { 0 };
        node(&mut out, &definition.nodes[number], drawn, progress.get(&drawn.id), raised);
    }
    out.push_str("</svg>\n");
    out
}

/// What is told of the whole.
fn summary(definition: &Definition, about: &str, progress: &Progress) -> String {
    let mut told = one_line(about);
    if !told.is_empty() {
        told.push_str(if told.ends_with('.') { " " } else { ". " });
    }
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let _ = write!(told, "{}, {}", counted(definition.nodes.len(), "node"), counted(definition.edges.len(), "way"));
    if !definition.lanes.is_empty() {
        let _ = write!(told, ", {}", counted(definition.lanes.len(), "lane"));
    }
    told.push('.');
    for stage in Stage::ALL {
        let count = progress.values().filter(|one| one.state == stage).count();
        if count > 0 {
            let _ = write!(told, " {} {}.", counted(count, "node"), stage.word());
        }
    }
    told
}

fn lanes(out: &mut String, layout: &Layout) {
    for lane in &layout.lanes {
        let place = lane.place;
        let name = called(&lane.name, &lane.id);
        let (middle, letters) = (place.y + place.height / 2, usize::try_from(place.height / (LETTER + 1)).unwrap_or(0));
        let _ = writeln!(
            out,
            "<g class=\"lane\" role=\"graphics-object group\" aria-label=\"{label}\"><rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/><rect class=\"head\" x=\"{x}\" y=\"{y}\" width=\"30\" height=\"{h}\"/><text transform=\"translate({tx} {middle}) rotate(-90)\">{text}</text></g>",
            label = xml(&format!("lane {}", one_line(name))),
            x = place.x,
            y = place.y,
            w = place.width,
            h = place.height,
            tx = place.x + 19,
            text = xml(&lines(name, letters.max(3), 1).join("")),
        );
    }
}

fn edge(out: &mut String, definition: &Definition, way: &Way) {
    let name_of =
        |id: &str| definition.node(id).map_or_else(String::new, |node| one_line(called(&node.name, &node.id)));
    let text = one_line(&way.text);
    let mut said = format!("from {} to {}", name_of(&way.from), name_of(&way.to));
    let edge = definition.edges.iter().find(|edge| edge.id == way.id && edge.from == way.from && edge.to == way.to);
    let is_default = edge.is_some_and(|edge| edge.default);
    if !text.is_empty() {
        let _ = write!(said, ": {text}");
    }
    if let Some(condition) =
        edge.and_then(|edge| edge.condition.as_deref()).filter(|_| edge.is_some_and(|edge| !edge.name.is_empty()))
    {
        let _ = write!(said, ", when {}", one_line(condition));
    }
    if is_default {
        said.push_str(", when nothing else holds");
    }
    let _ = write!(
        out,
        "<g class=\"way\" role=\"graphics-symbol img\" aria-label=\"{said}\"><title>{said}</title><path d=\"{}\" marker-end=\"url(#picture-arrow)\"/>",
        path(&way.points),
        said = xml(&said),
    );
    if is_default && let Some(first) = way.points.first() {
        let _ = write!(out, "<path d=\"M{} {}l6 -10\"/>", first.x + 5, first.y + 5);
    }
    if let Some(label) = way.label {
        let text = lines(&text, LONGEST_LABEL, 1).join("");
        let _ = write!(out, "<text x=\"{}\" y=\"{}\">{}</text>", label.x + 2, label.y + 10, xml(&text));
    }
    out.push_str("</g>\n");
}

fn path(points: &[Point]) -> String {
    let mut path = String::with_capacity(points.len() * 10);
    for (number, point) in points.iter().enumerate() {
        let _ = write!(path, "{}{} {}", if number == 0 { 'M' } else { 'L' }, point.x, point.y);
    }
    path
}

fn node(out: &mut String, node: &Node, drawn: &NodeBox, passed: Option<&Passed>, raised: i64) {
    let place = drawn.place;
    let name = one_line(called(&node.name, &node.id));
    let mut said = format!("{name}: {}", spoken(&node.kind));
    if let Some(passed) = passed {
        let _ = write!(said, ", {}", passed.state.word());
        if passed.times > 1 {
            let _ = write!(said, ", {} times", passed.times);
        }
    }
    let class = passed.map_or_else(|| "node".to_owned(), |passed| format!("node {}", passed.state.word()));
    let _ = write!(
        out,
        "<g class=\"{class}\" role=\"graphics-symbol img\" aria-label=\"{said}\"><title>{said}</title>",
        said = xml(&said)
    );
    if !node.description.trim().is_empty() {
        let _ = write!(out, "<desc>{}</desc>", xml(&one_line(&node.description)));
    }
    let (middle_x, middle_y) = (place.x + place.width / 2, place.y + place.height / 2);
    let mut icon_at = (middle_x, middle_y);
    match drawn.shape {
        Shape::Event => event(out, node, middle_x, middle_y, place.width / 2),
        Shape::Gateway => {
            let _ = write!(
                out,
                "<path class=\"shape\" d=\"M{middle_x} {}L{} {middle_y}L{middle_x} {}L{} {middle_y}z\"/>",
                place.y,
                place.x + place.width,
                place.y + place.height,
                place.x
            );
        }
        Shape::Activity => {
            let class = if node.kind == "sub_process" { "shape thick" } else { "shape" };
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
                place.x, place.y, place.width, place.height
            );
            icon_at = (place.x + 15, place.y + 14);
            let letters = usize::try_from((place.width - 16) / (LETTER + 1)).unwrap_or(1);
            let text = lines(&name, letters, if raised > 0 { 2 } else { 3 });
            let first = middle_y - raised + 10 - 7 * i64::try_from(text.len()).unwrap_or(0);
            for (number, line) in (0_i64..).zip(&text) {
                let _ = write!(out, "<text x=\"{middle_x}\" y=\"{}\">{}</text>", first + 5 + number * 14, xml(line));
            }
        }
    }
    if let Some(icon) = icons::icon(node) {
        let scale = if drawn.shape == Shape::Activity { " scale(.75)" } else { "" };
        let class = if icon.filled { "icon full" } else { "icon" };
        let _ = write!(
            out,
            "<path class=\"{class}\" transform=\"translate({} {}){scale}\" d=\"{}\"/>",
            icon_at.0, icon_at.1, icon.path
        );
    }
    if let Some(label) = drawn.label {
        if node.kind.starts_with("boundary") || drawn.on.is_some() {
            let letters = usize::try_from(label.width / LETTER).unwrap_or(1);
            let text = lines(&node.name, letters, 1).join("");
            let _ = write!(
                out,
                "<text class=\"small beside\" x=\"{}\" y=\"{}\">{}</text>",
                label.x,
                label.y + 10,
                xml(&text)
            );
        } else {
            let letters = usize::try_from(label.width / LETTER).unwrap_or(1);
            for (number, line) in (0_i64..).zip(lines(&node.name, letters.max(3), 2)) {
                let _ = write!(
                    out,
                    "<text class=\"small\" x=\"{}\" y=\"{}\">{}</text>",
                    label.x + label.width / 2,
                    label.y + 11 + number * 13,
                    xml(&line)
                );
            }
        }
    }
    if let Some(passed) = passed {
        badge(out, passed, place.x + place.width, place.y);
    }
    out.push_str("</g>\n");
}

fn event(out: &mut String, node: &Node, x: i64, y: i64, radius: i64) {
    let class = match node.kind.as_str() {
        "end" => "shape thick",
        _ if node.config.get("interrupting") == Some(&serde_json::Value::Bool(false)) => "shape dashed",
        _ => "shape",
    };
    let _ = write!(out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
    if !matches!(node.kind.as_str(), "start" | "end") {
        let ring = if class == "shape dashed" { "ring dashed" } else { "ring" };
        let _ = write!(out, "<circle class=\"{ring}\" cx=\"{x}\" cy=\"{y}\" r=\"{}\"/>", radius - 4);
    }
}

fn badge(out: &mut String, passed: &Passed, x: i64, y: i64) {
    let _ = write!(
        out,
        "<g class=\"badge\" aria-hidden=\"true\"><circle cx=\"{x}\" cy=\"{y}\" r=\"9\"/><text x=\"{x}\" y=\"{}\">{}</text>",
        y + 4,
        passed.state.sign()
    );
    if passed.times > 1 {
        let _ = write!(out, "<text class=\"times\" x=\"{}\" y=\"{}\">×{}</text>", x + 11, y + 4, passed.times);
    }
    out.push_str("</g>");
}
