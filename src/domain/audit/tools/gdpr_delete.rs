//! `gdpr_delete_request`: erasure of what the log says of a person, after a notice period.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::audit::erasure::{Erasure, State};
use crate::domain::audit::policy;
use crate::domain::audit::retention::DAY;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{ErasureId, UserId};
use crate::port::records::{Filter, Query, Scalar, Visibility};

/// Asks for an erasure, or takes that back.
pub(in crate::domain::audit) struct GdprDelete;

/// Whose data.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Input {
    /// The user id of the person.
    subject_id: UserId,
    /// Why: what the person asked for, the number of their letter.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    reason: Option<String>,
    /// Days until it is carried out, if more than the policy's notice period.
    #[serde(default)]
    #[schemars(range(min = 0, max = 365))]
    notice_days: Option<u32>,
    /// Takes a request back that is not carried out yet.
    #[serde(default)]
    withdraw: bool,
}

/// The request.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Output {
    /// Its id.
    id: ErasureId,
    #[serde(flatten)]
    erasure: Erasure,
}

impl Capability for GdprDelete {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::remove(
        "gdpr_delete_request",
        Domain::Audit,
        Route::delete("/records"),
        Permit::on(Resource::Audit, Action::Remove),
        "Queues the erasure of a data subject's personal data: after the notice period their memories, and the documents and \
         knowledge that nobody else sees, are removed and their encryption keys in the audit log are destroyed, for good. Entries, the chain and a proof of the erasure stay. Can be withdrawn until then.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let waiting = Filter::is("subject", Scalar::Id(input.subject_id.uuid()))
            .and(Filter::is("state", Scalar::Text(State::Waiting.name().to_owned())));
        let waiting = cx.find::<Erasure>(Query::newest(waiting, 1)).await?.into_iter().next();
        let now = cx.now();
        if input.withdraw {
            let Some(stored) = waiting else {
                return Err(Fault::not_found("request for the erasure of", input.subject_id));
            };
            if stored.value.due_at <= now {
                return Err(Fault::new(
                    &codes::CONFLICT,
                    "the notice period is over: the erasure is being carried out",
                ));
            }
            let erasure = Erasure { state: State::Withdrawn, ..stored.value.clone() };
            cx.change(&stored, &erasure)?;
            return Ok(Output { id: ErasureId::from_uuid(stored.id), erasure });
        }
        if let Some(stored) = waiting {
            let say =
                format!("the erasure of {} is asked for already, and due {}", input.subject_id, stored.value.due_at);
            return Err(Fault::new(&codes::ALREADY_EXISTS, say));
        }
        let days = cx.platform().config.store.audit_days;
        let policy = policy::in_force(&*cx.platform().store, cx.tenant(), days).await?;
        let notice = input.notice_days.unwrap_or(policy.notice_days);
        if notice < policy.notice_days {
            let say = format!("must be at least the {} days of the retention policy", policy.notice_days);
            return Err(Fault::bad_input("/noticeDays", say));
        }
        let erasure = Erasure {
            subject: input.subject_id,
            state: State::Waiting,
            requested_by: cx.caller().user,
            requested_at: now,
            due_at: now.plus(DAY * notice),
            reason: input.reason,
            erased_at: None,
            keys_destroyed: None,
            proof_request_id: None,
        };
        let id = cx.new_id();
        // What the entry of this very call says of the request goes with the person's key.
        let belongs = Belongs { owner: Some(input.subject_id.uuid()), workspace: None, visibility: Visibility::Tenant };
        cx.create(id, belongs, &erasure)?;
        Ok(Output { id: ErasureId::from_uuid(id), erasure })
    }
}
