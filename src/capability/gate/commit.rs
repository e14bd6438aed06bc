//! Committing what a call wrote, with its audit entry, usage and events in one batch, and telling of it afterwards. Once
//! begun it is carried through even when whoever waits for it goes away: a key that was revoked must not stay good because a
//! connection broke.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::audit::{self, Told};
use super::operation::{Ending, Operation, State};
use super::sealing::Sealing;
use super::usage;
use crate::capability::cx::{Call, Pending};
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::port::records::{Document as _, Visibility};
use crate::port::store::{Batch, Expect, Put, Step, StoreFault};

/// How far the call is.
pub(in crate::capability) enum Stage<'a> {
    /// It goes on: a checkpoint.
    Step,
    /// It ended well.
    Done {
        /// What the operation keeps of the answer.
        result: Option<&'a Value>,
        /// How long it took.
        took: Duration,
    },
}

/// What a commit left.
pub(in crate::capability) struct Committed {
    /// The new revision, where the call wrote just one document.
    pub(in crate::capability) revision: Option<i64>,
    /// The operation as it lies in the store now.
    pub(in crate::capability) ending: Option<Ending>,
}

/// Commits.
pub(in crate::capability) async fn commit(
    platform: &Arc<Platform>,
    call: &Call,
    pending: Pending,
    stage: Stage<'_>,
) -> Result<Committed, StoreFault> {
    let broken = |fault: Fault| StoreFault::Broken(fault.to_string());
    let tenant = call.caller.tenant;
    let puts = pending.steps.iter().filter(|step| matches!(step, Step::Put(_))).count();
    let mut steps = pending.steps;
    let mut sealing = Sealing::default();
    if call.tool.is_audited() {
        let outcome = match stage {
            Stage::Step => "step",
            Stage::Done { .. } => "done",
        };
        let record = pending.record.as_ref();
        let told = Told { subject: pending.subject, changes: &pending.changes, record };
        sealing = Box::pin(audit::entry(platform, call, &told, outcome)).await?;
        steps.append(&mut sealing.steps);
        if let Stage::Done { took, .. } = stage {
            steps.push(usage::row(call, took).map_err(broken)?);
        }
    }
    let now = platform.clock.now();
    let mut ending = pending.ending;
    if let Some(ending) = &mut ending {
        match stage {
            Stage::Step => ending.operation.stepped = true,
            Stage::Done { result, .. } => ending.operation.end(&call.tool, result.unwrap_or(&Value::Null), now),
        }
        steps.push(put_operation(ending).map_err(broken)?);
    }
    let batch = Batch { tenant, at: now, steps };
    let (authority, events) = (pending.authority, pending.events);
    let shared = platform.clone();
    let revisions = platform
        .carry_through(async move {
            let revisions = shared.store.commit(vec![batch]).await?;
            sealing.committed();
            for user in authority {
                shared.authority_changed(tenant, user);
            }
            for event in events {
                shared.tell(Arc::new(event));
            }
            Ok(revisions)
        })
        .await
        .unwrap_or_else(|| Err(StoreFault::Broken("the commit panicked".to_owned())))?;
    if let (Some(ending), Some(revision)) = (&mut ending, revisions.last()) {
        ending.expect = Expect::Revision(*revision);
    }
    // An ETag names one document: only where the call wrote exactly one is its new revision the answer's.
    Ok(Committed { revision: if puts == 1 { revisions.first().copied() } else { None }, ending })
}

/// The step that writes an operation.
pub(super) fn put_operation(ending: &Ending) -> Result<Step, Fault> {
    Ok(Step::Put(Put {
        kind: Operation::KIND,
        id: ending.id,
        expect: ending.expect,
        owner: Some(ending.operation.user.uuid()),
        workspace: None,
        visibility: Visibility::Private,
        body: serde_json::to_value(&ending.operation).map_err(Fault::internal)?,
    }))
}

/// An operation that has not been written yet.
pub(super) fn unwritten(id: Uuid, operation: Operation) -> Ending {
    debug_assert!(operation.state != State::Done, "an operation begins unfinished");
    Ending { id, expect: Expect::Absent, operation }
}
