//! `system_logs`: recent lines of the server's log.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::ring::{LineFilter, LogLevel, LogLine, LogRing};
use crate::domain::system::operator;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Shows recent lines of the log.
pub(in crate::domain::system) struct Logs;

/// Which lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// Lines as important as this or more; all when not given.
    #[serde(default)]
    level: Option<LogLevel>,
    /// Lines with this text in the message or a field, whatever its case.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    text: Option<String>,
    /// Lines of the call with this request id.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    request_id: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Lines, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The lines.
    items: Vec<LogLine>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl Capability for Logs {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "system_logs",
        Domain::System,
        Route::get("/system/logs"),
        Permit::on(Resource::System, Action::Read),
        "Recent lines of the server's log, newest first, by level, text or request id. For who did what use audit_query.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        let ring = cx.service::<LogRing>().map_err(|_| {
            Fault::new(&codes::NOT_CONFIGURED, "this instance keeps no recent lines: it was started without logging")
        })?;
        let list = format!("system_logs {} {:?} {:?} {:?}", cx.tenant(), input.level, input.text, input.request_id);
        let before = input.paging.page_token.as_deref().map(|token| cx.open_page::<u64>(&list, token)).transpose()?;
        let filter = LineFilter { level: input.level, text: input.text, request_id: input.request_id, before };
        let size = input.paging.size() as usize;
        let mut lines = ring.read(&filter, size + 1);
        let more = lines.len() > size;
        lines.truncate(size);
        let next_page_token = match lines.last() {
            Some((place, _)) if more => Some(cx.seal_page(&list, place)?),
            _ => None,
        };
        let items = lines.into_iter().map(|(_, line)| Arc::unwrap_or_clone(line)).collect();
        Ok(Output { items, next_page_token })
    }
}
