//! `process_list`: processes by tag, words and state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::model::process::Process;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::Filter;

/// Lists processes.
pub(in crate::domain::processes) struct ProcessList;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// Only those whose name, description, tags or nodes have all of these words.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    text: Option<String>,
    /// Only those that can be started, or only those of which no version was published.
    #[serde(default)]
    status: Option<Wanted>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// Which state is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    /// A version was published.
    Published,
    /// None was.
    Draft,
}

/// A process in the list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Item {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// What it is found by.
    tags: Vec<String>,
    /// The newest version that was published; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<String>,
    /// How many definitions it has had.
    revision: u32,
    /// Its branches.
    branches: Vec<String>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl Capability for ProcessList {
    type Input = Input;
    type Output = Page<Item>;
    const SPEC: Spec = Spec::read(
        "process_list",
        Domain::Processes,
        Route::get("/processes"),
        Permit::on(Resource::Processes, Action::Read),
        "The processes that there are, by words and state, each with its newest published version. For the definition of one use process_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Item>, Fault> {
        let mut filter = Filter::All;
        if let Some(text) = &input.text {
            filter = filter.and(Filter::Matches(text.clone()));
        }
        if let Some(wanted) = input.status {
            let none = Filter::IsNull("published");
            filter = filter.and(if wanted == Wanted::Draft { none } else { Filter::Not(Box::new(none)) });
        }
        let page = cx.list::<Process>(filter, "name", false, &input.paging).await?;
        Ok(page.map(Item::of))
    }
}

impl Item {
    fn of(stored: Stored<Process>) -> Self {
        let Stored { value, created_at, updated_at, .. } = stored;
        Self {
            id: value.process_id,
            name: value.name,
            description: value.description,
            tags: value.tags,
            published: value.published,
            revision: value.revision,
            branches: value.branches.into_keys().collect(),
            created_at,
            updated_at,
        }
    }
}
