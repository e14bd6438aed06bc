//! `execution_logs`: what happened as lines of a log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::finding::load;
use crate::domain::executions::logs::{Level, at_least, told};
use crate::domain::executions::model::line::JOURNAL;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::logs::LogQuery;
use crate::port::records::{Comparison, Filter, Scalar, Scope};

/// Lines that are read at once.
const PORTION: u32 = 1_000;
/// Lines that one call looks through.
const LOOKED_THROUGH: usize = 20_000;

/// Tells an execution as a log.
pub(in crate::domain::executions) struct ExecutionLogs;

/// Which lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
    /// Only lines that matter as much as this or more: debug, info, warning, error; all when not said.
    #[serde(default)]
    level: Level,
    /// Only lines of this moment or later.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Only lines before this moment.
    #[serde(default)]
    to: Option<Timestamp>,
    /// Only lines whose message has this text, in capitals or small letters.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    text: Option<String>,
    /// Only lines of this node.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    node: Option<String>,
    /// The newest first.
    #[serde(default)]
    newest_first: bool,
    /// Which part of the log.
    #[serde(flatten)]
    paging: Paging,
}

/// Lines of the log.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// The lines in order.
    items: Vec<LogLine>,
    /// Give it as `pageToken` to go on; absent where nothing is left. A page may hold few lines and have one, since a call looks through 20,000
    /// lines of the journal at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A line.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LogLine {
    /// Its place in the journal.
    position: i64,
    /// When.
    at: Timestamp,
    /// How much it matters.
    level: Level,
    /// What happened, as `execution_history` names it.
    event: String,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    /// A sentence that says it.
    message: String,
}

impl Capability for ExecutionLogs {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "execution_logs",
        Domain::Executions,
        Route::get("/operations/{id}/logs"),
        Permit::on(Resource::Executions, Action::Read),
        "The log of one execution as readable lines, by level (debug, info, warning, error), time, node and text; also what agents, prompts and HTTP \
         calls answered. For the same as events with all their data use execution_history.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Read).await?;
        let mut filter = Filter::is("stream", Scalar::Text(stored.id.to_string())).and(at_least(input.level));
        if let Some(node) = &input.node {
            filter = filter.and(Filter::is("node", Scalar::Text(node.clone())));
        }
        if let Some(from) = input.from {
            filter = filter.and(Filter::Compare("at", Comparison::AtLeast, Scalar::Time(from)));
        }
        if let Some(to) = input.to {
            filter = filter.and(Filter::Compare("at", Comparison::Less, Scalar::Time(to)));
        }
        let words = input.text.as_deref().map(str::to_lowercase);
        let list = format!("execution logs {filter:?} {:?} {words:?} {}", input.level, input.newest_first);
        let token = input.paging.page_token.as_deref();
        let mut beyond = token.map(|token| cx.open_page::<i64>(&list, token)).transpose()?;
        let size = input.paging.size() as usize;
        let (scope, store) = (Scope::Tenant(cx.tenant()), &cx.platform().store);
        let (mut items, mut looked, mut more) = (Vec::new(), 0, false);
        'looking: while looked < LOOKED_THROUGH {
            let query = LogQuery { filter: filter.clone(), beyond, descending: input.newest_first, limit: PORTION };
            let found = store.entries(scope, &JOURNAL, query).await.map_err(store_fault)?;
            let count = found.len();
            for entry in found {
                if items.len() == size {
                    more = true;
                    break 'looking;
                }
                beyond = Some(entry.position);
                looked += 1;
                let Some(line) = entry.body.as_object().map(told) else { continue };
                let has_words = words.as_ref().is_none_or(|words| line.message.to_lowercase().contains(words));
                if line.level >= input.level && has_words {
                    items.push(LogLine {
                        position: entry.position,
                        at: entry.at,
                        level: line.level,
                        event: line.event,
                        node: line.node,
                        message: line.message,
                    });
                }
            }
            more = count == PORTION as usize;
            if !more {
                break;
            }
        }
        let next_page_token = match beyond {
            Some(position) if more => Some(cx.seal_page(&list, &position)?),
            _ => None,
        };
        Ok(Output { items, next_page_token })
    }
}
