//! `rule_versions`: the history of a rule set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::rules::finding::load;
use crate::domain::rules::model::RuleVersion;
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Query, Scalar};

/// Tells the history of a rule set.
pub(in crate::domain::rules) struct RuleVersions;

/// Whose history.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::rules) struct Input {
    /// The rule set's id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Which part of the history.
    #[serde(flatten)]
    paging: Paging,
}

/// The history.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::rules) struct Output {
    /// The rule set's id.
    rule_set_id: String,
    /// Its versions, newest first.
    items: Vec<Item>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A version.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Item {
    /// The version.
    version: u32,
    /// The SHA-256 of what it says.
    digest: String,
    /// How many decisions it has.
    decisions: usize,
    /// How many rules its tables have together.
    rules: usize,
    /// How many tests it passed.
    tests: usize,
    /// Who wrote it.
    author: UserId,
    /// What is new in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// When it was written.
    written_at: Timestamp,
}

impl Capability for RuleVersions {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "rule_versions",
        Domain::Rules,
        Route::get("/rules/{id}/versions"),
        Permit::on(Resource::Rules, Action::Read),
        "The history of a rule set, newest first: who wrote each version, when and why, and how much it says. For what a version says use \
         rule_get with its number.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let set = load(cx, &input.id, Action::Read).await?.value;
        let list = format!("rule_versions {} {}", cx.tenant(), set.rule_set_id);
        let below: Option<u32> =
            input.paging.page_token.as_deref().map(|token| cx.open_page(&list, token)).transpose()?;
        let mut filter = Filter::is("ruleSetId", Scalar::Text(set.rule_set_id.clone()));
        if let Some(below) = below {
            filter = filter.and(Filter::Compare("version", Comparison::Less, Scalar::Integer(below.into())));
        }
        let size = input.paging.size();
        let query = Query { filter, order: "version", descending: true, after: None, limit: size + 1 };
        let mut found: Vec<RuleVersion> =
            cx.find::<RuleVersion>(query).await?.into_iter().map(|stored| stored.value).collect();
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let last = found.last().filter(|_| more).map(|last| last.version);
        let next_page_token = last.map(|last| cx.seal_page(&list, &last)).transpose()?;
        let items = found.into_iter().map(item).collect();
        Ok(Output { rule_set_id: set.rule_set_id, items, next_page_token })
    }
}

fn item(version: RuleVersion) -> Item {
    Item {
        version: version.version,
        digest: version.digest,
        decisions: version.rules.decisions.len(),
        rules: version.rules.rules(),
        tests: version.rules.tests.len(),
        author: version.author,
        message: version.message,
        written_at: version.written_at,
    }
}
