//! The faults that an operation can end by: the statuses by what the operation takes and does, and those of its domain's own
//! codes; and for each status all the codes that there are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{headers, is_value, properties};
use crate::capability::registry::Snapshot;
use crate::capability::spec::Effect;
use crate::capability::tool::Tool;
use crate::kernel::codes::{self, Code};

/// The answer of each status of the table and of the domains.
pub(super) fn responses(snapshot: &Snapshot) -> Value {
    // The tools of a domain have the same faults.
    let own: BTreeMap<&str, Code> =
        snapshot.built().iter().flat_map(|tool| tool.faults).map(|code| (code.name, *code)).collect();
    let all: Vec<Code> = codes::ALL.iter().copied().chain(own.into_values()).collect();
    let statuses: BTreeSet<u16> = all.iter().map(|code| code.status).collect();
    let told = statuses.into_iter().map(|status| {
        let rows: Vec<_> = all.iter().filter(|code| code.status == status).collect();
        let lines: Vec<String> = rows.iter().map(|code| format!("`{}`: {}", code.name, code.mend)).collect();
        let names: Vec<&str> = rows.iter().map(|code| code.name).collect();
        let more: &[&str] = match status {
            401 => &["WWW-Authenticate"],
            408 | 409 | 429 | 503 => &["Retry-After"],
            _ => &[],
        };
        let response = json!({
            "description": lines.join("\n\n"),
            "headers": headers::of_answer(more),
            "content": { "application/problem+json": schema() },
            "x-convoke-codes": names,
        });
        (name(status), response)
    });
    Value::Object(told.collect::<Map<_, _>>())
}

/// What a tool's operation can be refused by.
pub(super) fn of(tool: &Tool, named: bool, has_body: bool) -> Value {
    let writes = tool.is_audited();
    let takes_input = properties(tool).next().is_some();
    let rows = [
        (true, &[400, 401, 403, 406, 414, 429, 431, 500, 503, 504][..]),
        (named || takes_input, &[404]),
        (has_body, &[408, 413, 415]),
        (writes, &[409, 507]),
        (matches!(tool.effect, Effect::Change | Effect::Remove), &[412]),
        (writes && is_value(tool) || takes_input, &[422]),
        (tool.reaches || tool.spends, &[501]),
        (tool.spends, &[402, 502]),
        (tool.forwards.is_some(), &[409, 412]),
    ];
    let possible = rows.into_iter().filter(|(possible, _)| *possible).flat_map(|(_, statuses)| statuses).copied();
    // What only reads neither conflicts nor spends.
    let own = tool.faults.iter().map(|code| code.status).filter(|status| writes || ![402, 409, 412].contains(status));
    let statuses: Vec<u16> = possible.chain(own).collect();
    with(&statuses, &[])
}

/// Answers of an operation: these faults and these others.
pub(super) fn with(statuses: &[u16], others: &[(u16, Value)]) -> Value {
    let faults = statuses.iter().map(|status| (*status, self::named(*status)));
    let all = faults.chain(others.iter().cloned()).map(|(status, response)| (status.to_string(), response));
    Value::Object(all.collect::<Map<_, _>>())
}

/// A reference to the answer of a status.
pub(super) fn named(status: u16) -> Value {
    json!({ "$ref": format!("#/components/responses/{}", name(status)) })
}

/// The content of a problem.
pub(super) fn schema() -> Value {
    json!({ "schema": { "$ref": "#/components/schemas/Problem" } })
}

fn name(status: u16) -> String {
    format!("Problem{status}")
}
