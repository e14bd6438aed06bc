//! `audit_query`: the entries of the audit log.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::gate::audit::{AUDIT, AuditEntry, opened};
use crate::capability::gate::sealing::Sealer;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::logs::TimeQuery;
use crate::port::records::{Comparison, Filter, Scalar, Scope};

/// Reads the audit log.
pub(in crate::domain::audit) struct Query;

/// Which entries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Input {
    /// What this user did.
    #[serde(default)]
    actor: Option<UserId>,
    /// What was done: a tool's name, such as `user_create`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    action: Option<String>,
    /// What was done to things of this kind, such as `user`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    resource_type: Option<String>,
    /// What was done to the thing with this id.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    resource_id: Option<String>,
    /// What the call with this request id did.
    #[serde(default)]
    request_id: Option<CallId>,
    /// Not before this moment.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Before this moment.
    #[serde(default)]
    to: Option<Timestamp>,
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for Query {
    type Input = Input;
    type Output = Page<AuditEntry>;
    const SPEC: Spec = Spec::read(
        "audit_query",
        Domain::Audit,
        Route::get("/audit"),
        Permit::on(Resource::Audit, Action::Read),
        "Who did what and when: every change in the tenant with its properties before and after, newest first, by person, \
         action, resource, call or period. For technical log lines use system_logs.",
    )
    .sees_entries()
    .also(&[Route::get("/audit-logs")]);

    async fn run(cx: &Cx, input: Input) -> Result<Page<AuditEntry>, Fault> {
        let paging = input.paging.clone();
        let filter = filter(input)?;
        let pages = format!("audit_query {} {filter:?}", cx.tenant());
        let beyond =
            paging.page_token.as_deref().map(|token| cx.open_page::<(Timestamp, i64)>(&pages, token)).transpose()?;
        let size = paging.size();
        let query = TimeQuery { filter, beyond, descending: true, limit: size + 1 };
        let scope = Scope::Tenant(cx.tenant());
        let mut entries = cx.platform().store.entries_by_time(scope, &AUDIT, query).await.map_err(store_fault)?;
        let more = entries.len() > size as usize;
        entries.truncate(size as usize);
        let next_page_token = match entries.last() {
            Some(last) if more => Some(cx.seal_page(&pages, &(last.at, last.position))?),
            _ => None,
        };
        let sealer = cx.service::<Sealer>()?;
        let mut items = Vec::with_capacity(entries.len());
        for entry in entries {
            items.push(opened(&sealer, entry).await?);
        }
        Ok(Page { items, next_page_token })
    }
}

fn filter(input: Input) -> Result<Filter, Fault> {
    if let (Some(from), Some(to)) = (input.from, input.to)
        && from >= to
    {
        return Err(Fault::bad_input("/to", "must be later than 'from'"));
    }
    let fields = [
        ("actor", input.actor.map(|user| Scalar::Id(user.uuid()))),
        ("action", input.action.map(Scalar::Text)),
        ("resourceType", input.resource_type.map(Scalar::Text)),
        ("resourceId", input.resource_id.map(Scalar::Text)),
        ("requestId", input.request_id.map(|call| Scalar::Id(call.uuid()))),
    ];
    let mut filter = Filter::All;
    for (field, value) in fields {
        if let Some(value) = value {
            filter = filter.and(Filter::is(field, value));
        }
    }
    if let Some(from) = input.from {
        filter = filter.and(Filter::Compare("at", Comparison::AtLeast, Scalar::Time(from)));
    }
    if let Some(to) = input.to {
        filter = filter.and(Filter::Compare("at", Comparison::Less, Scalar::Time(to)));
    }
    Ok(filter)
}
