//! The place of a step in the trace of what started its execution: what the step calls, tells and sends is within it.

use std::sync::Arc;
use std::time::Duration;

use super::doing::Wanted;
use crate::capability::platform::Platform;
use crate::capability::spans::{Span, Told};
use crate::kernel::current::Current;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::trace::TraceContext;

/// A step that is being done.
pub(super) struct Step<'p> {
    platform: &'p Arc<Platform>,
    parent: Option<TraceContext>,
    context: Option<TraceContext>,
    began: Duration,
    told: Vec<(&'static str, Told)>,
}

impl<'p> Step<'p> {
    pub(super) fn new(platform: &'p Arc<Platform>, tenant: TenantId, wanted: &Wanted) -> Self {
        let execution = &wanted.stored.value;
        let context = platform.spans.within(execution.traceparent);
        let told = if platform.spans.records(context) {
            vec![
                ("convoke.tenant", tenant.to_string().into()),
                ("convoke.process", execution.process_id.clone().into()),
                ("convoke.execution", wanted.execution.to_string().into()),
                ("convoke.node", wanted.node.clone().into()),
                ("convoke.attempt", u64::from(wanted.attempt).into()),
            ]
        } else {
            Vec::new()
        };
        Self { platform, parent: execution.traceparent, context, began: platform.clock.elapsed(), told }
    }

    /// What runs while it is done.
    pub(super) fn current(&self) -> Current {
        Current { request: None, trace: self.context }
    }

    /// Tells those who collect traces that it has ended.
    pub(super) fn ended(self, fault: Option<&Fault>) {
        let Some(context) = self.context.filter(|context| self.platform.spans.records(Some(*context))) else { return };
        let took = self.platform.clock.elapsed().saturating_sub(self.began);
        self.platform.spans.add(Span {
            context,
            parent: self.parent.map(|parent| parent.span),
            name: "step of an execution".to_owned(),
            outgoing: false,
            began: self.platform.clock.now().minus(took),
            took,
            fault: fault.map(|fault| fault.code().name),
            told: self.told,
        });
    }
}
