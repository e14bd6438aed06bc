//! `execution_list`: executions by process, state, time and variable.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::model::execution::{Execution, Status, mark};
use crate::domain::executions::views::Brief;
use crate::domain::prompts::engine::file::meant;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Scalar};

/// Lists executions.
pub(in crate::domain::executions) struct ExecutionList;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// Only those of this process.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// Only those of this version.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// Only those that stand so.
    #[serde(default)]
    status: Option<Status>,
    /// Only those that began at this moment or later.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Only those that began before this moment.
    #[serde(default)]
    to: Option<Timestamp>,
    /// Only those with this variable, which has the value of `value`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    variable: Option<String>,
    /// The value of the variable, written out: `A-7`, `12` or `true`.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    value: Option<String>,
    /// Only those that this execution runs as a part of itself.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    parent: Option<String>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for ExecutionList {
    type Input = Input;
    type Output = Page<Brief>;
    const SPEC: Spec = Spec::read(
        "execution_list",
        Domain::Executions,
        Route::get("/executions"),
        Permit::on(Resource::Executions, Action::Read),
        "Executions of processes, newest first: by process, version, status, time, or the value of a variable. For one of them use \
         execution_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Brief>, Fault> {
        let text = |text: &str| Scalar::Text(text.to_owned());
        let mut filter = Filter::All;
        if let Some(process) = &input.process_id {
            filter = filter.and(Filter::is("processId", text(&meant(process))));
        }
        if let Some(version) = &input.version {
            filter = filter.and(Filter::is("version", text(version)));
        }
        if let Some(status) = input.status {
            filter = filter.and(Filter::is("status", text(status.name())));
        }
        if let Some(from) = input.from {
            filter = filter.and(Filter::Compare("startedAt", Comparison::AtLeast, Scalar::Time(from)));
        }
        if let Some(to) = input.to {
            filter = filter.and(Filter::Compare("startedAt", Comparison::Less, Scalar::Time(to)));
        }
        if let Some(parent) = &input.parent {
            let id = uuid::Uuid::parse_str(parent)
                .map_err(|_| Fault::bad_input("/parent", "must be the id of an execution"))?;
            filter = filter.and(Filter::is("parent", Scalar::Id(id)));
        }
        match (&input.variable, &input.value) {
            (Some(name), Some(value)) => filter = filter.and(with_value(name, value)),
            (None, None) => {}
            (Some(_), None) => return Err(Fault::bad_input("/value", "is missing: say which value the variable has")),
            (None, Some(_)) => {
                return Err(Fault::bad_input("/variable", "is missing: say which variable has the value"));
            }
        }
        let page = cx.list::<Execution>(filter, "createdAt", true, &input.paging).await?;
        Ok(page.map(|stored| Brief::of(stored.id, &stored.value)))
    }
}

/// Executions whose variable has a value; what is written out may be a text as well as a number or a truth value.
fn with_value(name: &str, value: &str) -> Filter {
    let mut words = vec![mark(name, &Value::from(value))];
    if let Ok(other) = serde_json::from_str::<Value>(value) {
        words.push(mark(name, &other));
    }
    Filter::Or(words.into_iter().map(Filter::Matches).collect())
}
