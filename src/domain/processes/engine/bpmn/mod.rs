//! BPMN 2.0 in XML: a process written so that other tools can show and change it, and read from what they wrote. What BPMN has no element for
//! lies in `extensionElements`, so that what was written is read back the same. What a file says beyond the subset is named.

mod events;
mod export;
mod extension;
mod ids;
mod import;
mod nodes;
mod outside;
#[cfg(test)]
mod tests;
mod xml;

pub use export::{About, export};
pub use import::{Imported, Refused, import};
pub use outside::{Effect, Outside};
pub use xml::Broken;

/// The namespace of BPMN 2.0.
const MODEL: &str = "http://www.omg.org/spec/BPMN/20100524/MODEL";
/// The namespace of what is ours.
const OURS: &str = "https://convoke.dev/bpmn/1";
/// Who writes, as a file names it.
const EXPORTER: &str = "Convoke";
/// The largest file.
pub const LARGEST: usize = 4_000_000;

/// The element that a type of node is written as.
fn element_of(kind: &str) -> &'static str {
    match kind {
        "start" => "startEvent",
        "end" => "endEvent",
        "human_task" => "userTask",
        "agent" | "tool" | "integration" | "prompt" => "serviceTask",
        "decision" => "businessRuleTask",
        "script" => "scriptTask",
        "sub_process" => "callActivity",
        "exclusive" => "exclusiveGateway",
        "parallel" => "parallelGateway",
        "inclusive" => "inclusiveGateway",
        "timer" | "wait" => "intermediateCatchEvent",
        "boundary_timeout" | "boundary_error" | "compensation" => "boundaryEvent",
        "compensate" => "intermediateThrowEvent",
        _ => "task",
    }
}
