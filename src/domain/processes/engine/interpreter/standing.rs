//! What becomes of tokens that stand somewhere in the middle, told as findings.

use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::soundness::{DefectKind, Standing, Verdict, judge_from};
use crate::domain::processes::engine::validation::{Finding, Findings, Place};

/// Whether tokens that stand so come to an end.
#[must_use]
pub fn judged_from(graph: &Graph, standing: &[Standing]) -> Vec<Finding> {
    let mut findings = Findings::default();
    let mend = "Let tokens land elsewhere by 'nodes', or change the new version so that a token comes by each way that a join waits for.";
    match judge_from(graph, standing) {
        Verdict::Sound => {}
        Verdict::Unknown => findings.warning(
            "end_unknown",
            Place::at(""),
            "whether what stands so comes to an end could not be searched to its end",
            "Try it on one execution first, and look at its joins.",
        ),
        Verdict::Unsound(defects) => {
            for one in defects {
                let say = match one.kind {
                    DefectKind::Stuck => "a join waits for what can no longer come",
                    DefectKind::Twice => "a second token comes where one still is",
                    DefectKind::Endless | DefectKind::Never => "the end cannot be reached any more",
                };
                let example = one.example.iter().map(|(_, edge)| graph.edge(*edge).id.clone()).collect();
                findings.error("no_end", Place::of(graph, one.node, ""), say, mend);
                findings.with_example(example);
            }
        }
    }
    findings.told()
}
