//! `audit_export`: the log of a tenant in a form that can be verified elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::audit::engine::checkpoints::{Made, newest};
use crate::domain::audit::engine::export::{Item, Stretch, page};
use crate::domain::audit::engine::hash::empty_root;
use crate::domain::audit::engine::keeper::Keeper;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;

/// Exports the log.
pub(in crate::domain::audit) struct Export;

/// What of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Input {
    /// The size of an earlier checkpoint that the export is to be verified against, besides the newest.
    #[serde(default)]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_u64))]
    split: Option<u64>,
    #[serde(flatten)]
    paging: Paging,
}

/// A part of the export.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::audit) struct Output {
    /// Entries of the tenant, and what stands for those of others, in the order of the tree.
    items: Vec<Item>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
    /// The tenant.
    tenant_id: TenantId,
    /// How many entries the tree has, over all tenants.
    size: u64,
    /// The signed checkpoint that the export is made for.
    checkpoint: String,
    /// The key that its signature is checked with.
    public_key: String,
}

impl Capability for Export {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "audit_export",
        Domain::Audit,
        Route::get("/audit/export"),
        Permit::on(Resource::Audit, Action::Read),
        "The whole log as a file for verification offline, page by page: sealed entries with hashes and the signed checkpoint; \
         'convoke audit export' writes it. To search entries use audit_query.",
    )
    .sees_entries();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let keeper = cx.service::<Keeper>()?;
        let store = &cx.platform().store;
        let list = format!("{} {} {:?}", cx.call().tool.name, cx.tenant(), input.split);
        let (stretch, checkpoint) = if let Some(token) = &input.paging.page_token {
            cx.open_page::<(Stretch, String)>(&list, token)?
        } else {
            // Before the first checkpoint there is that of an empty tree.
            let signer = keeper.checkpoints.signer();
            let empty = || Made { size: 0, note: signer.sign(0, empty_root()) };
            let made = newest(&**store).await?.map_or_else(empty, |(made, _)| made);
            let split = input.split.unwrap_or(made.size);
            if split > made.size {
                let say = format!("the newest checkpoint has {} entries", made.size);
                return Err(Fault::bad_input("/split", say));
            }
            (Stretch { from: 0, size: made.size, split }, made.note)
        };
        let limit = usize::try_from(input.paging.size()).unwrap_or(usize::MAX);
        let (items, next) = page(store, cx.tenant(), stretch, limit).await?;
        let next_page_token = next.map(|next| cx.seal_page(&list, &(next, &checkpoint))).transpose()?;
        let public_key = keeper.checkpoints.signer().verifier().to_string();
        Ok(Output { items, next_page_token, tenant_id: cx.tenant(), size: stretch.size, checkpoint, public_key })
    }
}
