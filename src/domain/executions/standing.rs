//! How far an execution is, for those who draw its process.

use super::finding::load;
use super::model::execution::Execution;
use crate::capability::cx::Cx;
use crate::capability::permit::Action;
use crate::domain::processes::engine::interpreter::Stage as Doing;
use crate::domain::processes::engine::pictures::{Passed, Progress, Stage};
use crate::kernel::fault::Fault;

/// Which definition an execution runs, and how far it is.
pub(crate) struct Standing {
    /// The id of the process.
    pub(crate) process_id: String,
    /// The number of the definition.
    pub(crate) revision: u32,
    /// How far it is.
    pub(crate) progress: Progress,
}

/// How an execution stands that the caller may read.
///
/// # Errors
/// Where there is none.
pub(crate) async fn standing(cx: &Cx, id: &str) -> Result<Standing, Fault> {
    let execution = load(cx, id, Action::Read).await?.value;
    let progress = progress(&execution);
    Ok(Standing { process_id: execution.process_id, revision: execution.revision, progress })
}

fn progress(execution: &Execution) -> Progress {
    let passed = |state| Passed { state, times: 1 };
    let mut progress: Progress =
        execution.state.passed.iter().map(|node| (node.clone(), passed(Stage::Done))).collect();
    // A node at which a token is has been come to anew.
    for token in &execution.state.tokens {
        let state = match &token.stage {
            Doing::Failed { .. } => Stage::Failed,
            _ if execution.status.is_over() => Stage::Cancelled,
            Doing::Before { .. } | Doing::Until { .. } | Doing::Listening { .. } => Stage::Waiting,
            Doing::Working { .. } | Doing::Retrying { .. } | Doing::Each { .. } | Doing::Undoing { .. } => {
                Stage::Running
            }
        };
        progress.insert(token.node.clone(), passed(state));
    }
    progress
}
