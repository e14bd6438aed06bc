//! Finding processes and their versions.

use super::engine::definition::Definition;
use super::model::process::{MAIN, Process};
use super::model::revision::Revision;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::Action;
use crate::domain::prompts::engine::file::meant;
use crate::domain::prompts::engine::version::Version;
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Query, Scalar};

/// The word for the newest definition, published or not.
pub(super) const DRAFT: &str = "draft";
/// The word for the newest version that was published.
pub(super) const LATEST: &str = "latest";

/// Words that stand in paths beside the ids of processes.
pub(super) const RESERVED: &[&str] = &["designs", "import", "templates"];

/// The process of an id or name that the caller may do this to.
pub(super) async fn load(cx: &Cx, given: &str, action: Action) -> Result<Stored<Process>, Fault> {
    let id = meant(given);
    cx.load::<Process>(Process::id(&id), action).await.map_err(|fault| {
        if fault.is(&crate::kernel::codes::NOT_FOUND) { Fault::not_found("process", given) } else { fault }
    })
}

/// The version of a name: `1.2.0`, `1.3.0-draft.7`, `draft` for the newest of a branch, `latest` for the newest that was published. When
/// nothing is said `latest`, or the draft where nothing was published; with a branch its draft.
pub(super) async fn version(
    cx: &Cx,
    process: &Process,
    name: Option<&str>,
    branch: Option<&str>,
) -> Result<Revision, Fault> {
    let missing = |name: &str| {
        let detail = serde_json::json!({ "processId": process.process_id, "latest": process.published });
        Fault::not_found("version", name).with_detail(detail)
    };
    let of_branch = branch.unwrap_or(MAIN);
    let head = process.head(of_branch).ok_or_else(|| unknown_branch(process, of_branch))?;
    let name = match name {
        Some(name) => name,
        None if branch.is_none() && process.published.is_some() => LATEST,
        None => DRAFT,
    };
    if name == DRAFT {
        return revision(cx, process, head).await;
    }
    let name = if name == LATEST { process.published.as_deref().ok_or_else(|| missing(name))? } else { name };
    if let Some((_, number)) = name.split_once("-draft.") {
        let number = number.parse().map_err(|_| missing(name))?;
        return revision(cx, process, number).await.map_err(|_| missing(name));
    }
    if Version::parse(name).is_none() {
        return Err(missing(name));
    }
    let of = Filter::is("processId", Scalar::Text(process.process_id.clone()));
    let filter = of.and(Filter::is("version", Scalar::Text(name.to_owned())));
    let query = Query { filter, order: "revision", descending: true, after: None, limit: 1 };
    let found = cx.find::<Revision>(query).await?.into_iter().next();
    found.map(|stored| stored.value).ok_or_else(|| missing(name))
}

/// The fault of a branch that is not there.
pub(super) fn unknown_branch(process: &Process, branch: &str) -> Fault {
    let known: Vec<&str> = process.branches.keys().map(String::as_str).collect();
    let detail = serde_json::json!({ "processId": process.process_id, "branches": known });
    Fault::not_found("branch", branch).with_detail(detail)
}

/// The revision of a number.
pub(super) async fn revision(cx: &Cx, process: &Process, number: u32) -> Result<Revision, Fault> {
    stored_revision(cx, process, number).await.map(|stored| stored.value)
}

/// The document of a revision.
pub(super) async fn stored_revision(cx: &Cx, process: &Process, number: u32) -> Result<Stored<Revision>, Fault> {
    let stored = cx.get::<Revision>(Revision::id(&process.process_id, number)).await?;
    stored.ok_or_else(|| Fault::not_found("revision", number))
}

/// What words of a definition a process is found by: names of nodes.
pub(super) fn words_of(definition: &Definition, tags: &[String]) -> String {
    let names = definition.nodes.iter().map(|node| node.name.as_str()).filter(|name| !name.is_empty());
    let mut words = tags.join(" ");
    for name in names {
        if words.len() > 4_000 {
            break;
        }
        words.push(' ');
        words.push_str(name);
    }
    words
}
