//! `compliance_report`: what the log says of a period, in the order of a framework's controls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::audit::engine::checkpoints::newest;
use crate::domain::audit::engine::keeper::Keeper;
use crate::domain::audit::engine::verify::{Range, verify};
use crate::domain::audit::policy;
use crate::domain::audit::report::gather;
use crate::domain::audit::templates::{self, Format, Report, Template};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Reports.
pub(in crate::domain::audit) struct ComplianceReport;

/// On what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Input {
    /// The framework.
    template: Template,
    /// The beginning of the period.
    from: Timestamp,
    /// Its end, itself not in it; now when not given.
    #[serde(default)]
    to: Option<Timestamp>,
    /// What `document` is written in; no document for `json`, which is the answer itself.
    #[serde(default)]
    format: Format,
}

/// The report.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Output {
    #[serde(flatten)]
    report: Report,
    /// The same as a document for people, in the format that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
}

impl Capability for ComplianceReport {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "compliance_report",
        Domain::Audit,
        Route::post("/reports/compliance"),
        Permit::on(Resource::Audit, Action::Read),
        "A GDPR, SOC 2 or HIPAA report for a period, filled from the real entries of the audit log: figures and evidence per \
         control, erasures, retention and integrity, as JSON, Markdown or HTML. To look at single entries use audit_query.",
    )
    .sees_entries()
    .also(&[Route::get("/security/compliance")]);

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let now = cx.now();
        let to = input.to.unwrap_or(now);
        if input.from >= to {
            return Err(Fault::bad_input("/from", "must be earlier than 'to'"));
        }
        let material = gather(cx, input.from, to).await?;
        let store = &cx.platform().store;
        let keeper = cx.service::<Keeper>()?;
        let policy = policy::in_force(&**store, cx.tenant(), cx.platform().config.store.audit_days).await?;
        let whole = Range { from: 1, to: u64::MAX };
        let verified = verify(store, &keeper.checkpoints, cx.tenant(), whole).await?;
        let checkpoint = newest(&**store).await?.map(|(made, _)| made.note);
        let report = templates::fill(templates::Facts {
            template: input.template,
            from: input.from,
            to,
            now,
            material: &material,
            policy: &policy,
            verified: &verified,
            checkpoint,
        });
        let document = templates::document(&report, input.format);
        Ok(Output { report, document })
    }
}
