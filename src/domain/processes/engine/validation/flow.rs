//! Whether every node can be come to, every way leads to an end, and the tokens come out even.

use super::Soundness;
use super::findings::{Findings, Place};
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::nodes::Role;
use crate::domain::processes::engine::soundness::{Defect, DefectKind, MOST_MARKINGS, Verdict, judge};

/// Looks at the flow.
pub(super) fn flow(graph: &Graph, findings: &mut Findings) -> Soundness {
    let forth = graph.reached([graph.start], Graph::after);
    let ends = (0..graph.nodes.len()).filter(|index| graph.nodes[*index].role == Role::End);
    let back = graph.reached(ends, Graph::before);
    let mut cut = false;
    for index in (0..graph.nodes.len()).filter(|index| graph.in_flow(*index)) {
        let id = &graph.node(index).id;
        if !forth[index] {
            cut = true;
            findings.error(
                "unreachable",
                Place::of(graph, index, ""),
                format!("no way leads from the start to '{id}'"),
                "Lead an edge to it, or take it out.",
            );
        } else if !back[index] {
            cut = true;
            findings.error(
                "no_way_to_end",
                Place::of(graph, index, ""),
                format!("no way leads from '{id}' to an end"),
                "Lead an edge out of the circle, to an end or to what leads to one.",
            );
        }
    }
    if cut {
        // The play would only say the same again, at other places.
        return Soundness::Unsound;
    }
    match judge(graph) {
        Verdict::Sound => Soundness::Sound,
        Verdict::Unsound(defects) => {
            for defect in defects {
                tell(graph, &defect, findings);
            }
            Soundness::Unsound
        }
        Verdict::Unknown => {
            findings.warning(
                "soundness_unknown",
                Place::at("/nodes"),
                format!("after {MOST_MARKINGS} states it is not known whether every execution comes to its end"),
                "Let ways that part in a gateway meet again in one of the same type, block within block: such a process needs no search.",
            );
            Soundness::Unknown
        }
    }
}

fn tell(graph: &Graph, defect: &Defect, findings: &mut Findings) {
    let id = &graph.node(defect.node).id;
    let place = Place::of(graph, defect.node, "");
    let example = defect.example.iter().map(|(_, edge)| graph.edge(*edge).id.clone()).collect();
    match defect.kind {
        DefectKind::Stuck => findings.error(
            "join_stuck",
            place,
            format!("'{id}' can wait for ever: a way that it waits for is not always taken"),
            "Let the ways that part in an exclusive gateway meet in an exclusive one, and those of an inclusive one in an inclusive one.",
        ),
        DefectKind::Twice => findings.error(
            "comes_twice",
            place,
            format!("'{id}' can be come to a second time before the first is through: ways that go at once meet without waiting for each other"),
            "Let the ways that part in a parallel gateway meet in a parallel one, before this node.",
        ),
        DefectKind::Endless => findings.error(
            "never_ends",
            place,
            format!("an execution can come to '{id}' and never to its end"),
            "Give the circle a way out whose condition can hold.",
        ),
        DefectKind::Never => findings.error(
            "never_runs",
            place,
            format!("'{id}' can never run, though a way leads to it"),
            "Look at the joins before it: one waits for what cannot come together.",
        ),
    }
    findings.with_example(example);
}
