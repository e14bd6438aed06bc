//! Processes as they hang together: all links of a tenant that a caller may see, and what a change of one does to the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::engine::definition::Definition;
use super::engine::linking::{Web, calls};
use super::engine::nodes::Named;
use super::engine::validation::{Finding, Found, Surroundings, key, unfit};
use super::finding::{DRAFT, LATEST, version};
use super::lines::Side;
use super::looking::inputs;
use super::model::process::{LinkKind, MAIN, Process};
use super::writing::step;
use crate::capability::cx::Cx;
use crate::capability::page::{LARGEST_PAGE, Paging};
use crate::domain::prompts::engine::file::meant;
use crate::domain::prompts::engine::version::Step;
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::port::records::Filter;

/// The most processes that a way is told to, in each direction.
const MOST_REACHED: usize = 500;
/// The most callers that are looked at.
const MOST_CALLERS: usize = 200;

/// Where a link comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// Somebody gave it with `process_link`.
    Given,
    /// The newest published version has sub-process nodes.
    Published,
    /// The newest draft has some.
    Draft,
}

/// A link.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkView {
    /// The process at the other end.
    process: String,
    /// Its name; left out where there is none that the caller may see.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// How they are linked.
    kind: LinkKind,
    /// Where that is known from.
    source: Source,
    /// What goes over it, or why it is there.
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
    /// Who said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<UserId>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
}

/// A process that is reached.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Affected {
    /// It.
    process: String,
    /// A shortest way to it.
    path: Vec<Hop>,
}

/// A step of a way.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hop {
    /// By which kind of link.
    by: LinkKind,
    /// To which process.
    process: String,
}

/// What a change does to callers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Impact {
    /// The newest published version; left out where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Side>,
    /// The newest draft.
    to: Side,
    /// How far the draft is from what is published; left out where they are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    /// The published versions of others that call it.
    callers: Vec<Caller>,
    /// How many callers were not looked at, because there are so many.
    not_looked_at: usize,
}

/// A caller.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Caller {
    /// The process.
    process: String,
    /// Its newest published version.
    version: String,
    /// Its nodes that call.
    nodes: Vec<Calling>,
    /// Whether it would break.
    breaks: bool,
}

/// A node that calls.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Calling {
    /// The node.
    node: String,
    /// The version that it insists on: it does not notice a newer one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<String>,
    /// What the draft does not take of what the node gives, or needs besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    breaks: Vec<Finding>,
}

/// All processes that the caller may see.
pub(super) struct Woven {
    all: BTreeMap<String, Process>,
    /// From what changes to what is affected by that.
    down: Web<LinkKind>,
    /// The other way.
    up: Web<LinkKind>,
}

impl Woven {
    /// Of the caller's tenant.
    pub(super) async fn of(cx: &Cx) -> Result<Self, Fault> {
        let mut all = BTreeMap::new();
        let mut paging = Paging { limit: Some(LARGEST_PAGE), page_token: None };
        loop {
            let page = cx.list::<Process>(Filter::All, "name", false, &paging).await?;
            all.extend(page.items.into_iter().map(|stored| (stored.value.process_id.clone(), stored.value)));
            paging.page_token = page.next_page_token;
            if paging.page_token.is_none() {
                break;
            }
        }
        let mut down = Vec::new();
        for process in all.values() {
            for (to, kind, _) in links(process) {
                let (of, at) = match kind {
                    LinkKind::Calls | LinkKind::DependsOn => (to, process.process_id.as_str()),
                    LinkKind::Feeds => (process.process_id.as_str(), to),
                };
                down.push((of.to_owned(), at.to_owned(), kind));
            }
        }
        let up = Web::of(down.iter().map(|(of, at, kind)| (at.clone(), of.clone(), *kind)));
        Ok(Self { all, down: Web::of(down), up })
    }

    /// The links of a process to others, and of others to it.
    pub(super) fn direct(&self, process: &Process) -> (Vec<LinkView>, Vec<LinkView>) {
        let outgoing = links(process).map(|(to, kind, source)| self.view(process, to, to, kind, source)).collect();
        let to_it = |other| links(other).filter(|(to, ..)| *to == process.process_id).map(move |link| (other, link));
        let incoming = self.all.values().flat_map(to_it);
        let incoming =
            incoming.map(|(other, (to, kind, source))| self.view(other, &other.process_id, to, kind, source));
        (outgoing, incoming.collect())
    }

    fn view(&self, of: &Process, other: &str, to: &str, kind: LinkKind, source: Source) -> LinkView {
        let given = of.links.iter().find(|link| source == Source::Given && link.to == to && link.kind == kind);
        LinkView {
            process: other.to_owned(),
            name: self.all.get(other).map(|process| process.name.clone()),
            kind,
            source,
            note: given.map(|link| link.note.clone()).unwrap_or_default(),
            by: given.map(|link| link.by),
            at: given.map(|link| link.at),
        }
    }

    /// What is affected by a change of a process.
    pub(super) fn affects(&self, id: &str) -> Vec<Affected> {
        told(&self.down, id)
    }

    /// What a process relies on.
    pub(super) fn relies_on(&self, id: &str) -> Vec<Affected> {
        told(&self.up, id)
    }

    /// Ways along which a process affects itself.
    pub(super) fn cycles(&self, id: &str) -> Vec<Vec<String>> {
        self.down.cycles(id)
    }
}

/// The links of a process: to which, how, and where from. A published version and a draft that both run a process are two links.
fn links(process: &Process) -> impl Iterator<Item = (&str, LinkKind, Source)> {
    let given = process.links.iter().map(|link| (link.to.as_str(), link.kind, Source::Given));
    let published = process.calls.published.iter().map(|to| (to.as_str(), LinkKind::Calls, Source::Published));
    let draft = process.calls.draft.iter().map(|to| (to.as_str(), LinkKind::Calls, Source::Draft));
    given.chain(published).chain(draft)
}

fn told(web: &Web<LinkKind>, id: &str) -> Vec<Affected> {
    let affected = web.reached(id).into_iter().take(MOST_REACHED).map(|one| Affected {
        process: one.process,
        path: one.way.into_iter().map(|(by, process)| Hop { by, process }).collect(),
    });
    affected.collect()
}

/// What the newest draft of a process does to those that call it.
pub(super) async fn impact(cx: &Cx, process: &Process, woven: &Woven) -> Result<Impact, Fault> {
    let to = version(cx, process, Some(DRAFT), Some(MAIN)).await?;
    let from = match &process.published {
        Some(_) => Some(version(cx, process, Some(LATEST), None).await?),
        None => None,
    };
    let id = process.process_id.as_str();
    let calling: Vec<&Process> =
        woven.all.values().filter(|other| other.calls.published.iter().any(|called| called == id)).collect();
    let mut callers = Vec::new();
    for other in calling.iter().take(MOST_CALLERS) {
        let published = version(cx, other, Some(LATEST), None).await?;
        let nodes = nodes(&Arc::new(published.definition), id, &to.definition);
        let breaks = nodes.iter().any(|node| !node.breaks.is_empty());
        let version = published.version.unwrap_or_default();
        callers.push(Caller { process: other.process_id.clone(), version, nodes, breaks });
    }
    let far = from.as_ref().filter(|from| from.digest != to.digest);
    Ok(Impact {
        step: far.map(|from| step(&from.definition, &to.definition)),
        from: from.as_ref().map(Side::of),
        to: Side::of(&to),
        callers,
        not_looked_at: calling.len().saturating_sub(MOST_CALLERS),
    })
}

/// The nodes of a definition that call a process, and what a definition of that does to them.
fn nodes(definition: &Arc<Definition>, id: &str, draft: &Definition) -> Vec<Calling> {
    let calls: Vec<_> = calls(definition).into_iter().filter(|call| call.process == id).collect();
    let mut around = Surroundings::default();
    let found = Found { input: Some(Arc::new(inputs(draft))), ..Found::default() };
    // A definition may name it by its name, too.
    for node in &definition.nodes {
        if let Some(said) = node.config.get("processId").and_then(serde_json::Value::as_str)
            && meant(said) == id
            && let Some(key) = key(&Named::Process(said.to_owned(), None))
        {
            around.found.insert(key, Some(found.clone()));
        }
    }
    let findings = unfit(definition.clone(), &around);
    let of_node = |call: super::engine::linking::Call| {
        let given = |one: &&Finding| one.node.as_ref() == Some(&call.node) && one.at.contains("/input");
        let breaks = match call.version {
            None => findings.iter().filter(given).cloned().collect(),
            Some(_) => Vec::new(),
        };
        Calling { node: call.node, pinned: call.version, breaks }
    };
    calls.into_iter().map(of_node).collect()
}
