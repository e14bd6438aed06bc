//! The list of tools, made once for each set of rights and each view and kept until the registry changes: as rmcp wants it, and
//! as the bytes that go out.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use rmcp::model::{CacheScope, ErrorData, JsonObject, ListToolsResult, Tool as Listed, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::era::Era;
use super::server::Server;
use super::view::{View, Visit};
use crate::capability::caches::{CacheBook, CountedCache};
use crate::capability::outcome::Form;
use crate::capability::permit::Grants;
use crate::capability::registry::Snapshot;
use crate::capability::schema::SharedSchema;
use crate::capability::spec::{Domain, Effect, Forward};
use crate::capability::tool::Tool;
use crate::kernel::id::TenantId;
use crate::kernel::seal::sha256;

/// The name under which an output that is no object is wrapped into one.
pub(super) const WRAPPED: &str = "result";
/// The name under which the values of a stream are gathered.
pub(super) const GATHERED: &str = "items";

/// All that a list depends upon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tools: (Option<TenantId>, u64),
    known: bool,
    grants: Grants,
    toolsets: Option<BTreeSet<Domain>>,
    read_only: bool,
    view: View,
}

/// Tells one list from another.
pub(super) type Digest = [u8; 32];

/// A list of tools by name.
pub(super) struct Listing {
    tools: Vec<Arc<Entry>>,
    pages: OnceLock<Vec<Bytes>>,
    digest: OnceLock<Digest>,
}

/// A tool as the protocol describes it, and as it goes out.
struct Entry {
    listed: Listed,
    json: Bytes,
}

/// Keeps lists.
pub(super) struct Lists {
    kept: Arc<CountedCache<Key, Arc<Listing>>>,
    described: Mutex<Described>,
}

/// Tools as they are described, by their address.
#[derive(Default)]
struct Described {
    version: u64,
    tools: HashMap<usize, Slot>,
}

struct Slot {
    /// Held, so that its address stays its own.
    tool: Arc<Tool>,
    whole: Option<Arc<Entry>>,
    short: Option<Arc<Entry>>,
}

/// How much is said of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Whole,
    /// For the compact list: without the schema of the output.
    Short,
}

impl Default for Lists {
    fn default() -> Self {
        Self { kept: CountedCache::new(512), described: Mutex::default() }
    }
}

impl Listing {
    fn new(tools: Vec<Arc<Entry>>) -> Self {
        Self { tools, pages: OnceLock::new(), digest: OnceLock::new() }
    }

    /// The digest of the whole list.
    pub(super) fn digest(&self) -> Digest {
        let make = || {
            let each: Vec<u8> = self.tools.iter().flat_map(|tool| sha256(&tool.json)).collect();
            sha256(&each)
        };
        *self.digest.get_or_init(make)
    }

    /// The place of the first tool behind a name.
    fn behind(&self, name: Option<&str>) -> usize {
        name.map_or(0, |name| self.tools.partition_point(|tool| *tool.listed.name <= *name))
    }

    /// The tools of the page that begins here, and the name that the next page begins behind, where there is one.
    fn page(&self, first: usize, size: usize) -> (&[Arc<Entry>], Option<&str>) {
        let end = self.tools.len().min(first.saturating_add(size));
        let page = self.tools.get(first..end).unwrap_or_default();
        let next = page.last().filter(|_| end < self.tools.len());
        (page, next.map(|last| &*last.listed.name))
    }
}

impl Server {
    /// The list that a visit is shown.
    pub(super) fn listing(&self, visit: &Visit) -> Arc<Listing> {
        let snapshot = self.platform().registry.present();
        let caller = &visit.caller;
        // What a client mixes by itself is put together each time, from tools that are described already: nobody can crowd the
        // others' lists out by asking for ever new mixtures.
        let key = (visit.view.shown.is_common() || visit.view.shown == self.usual).then(|| Key {
            tools: snapshot.version_of(caller.tenant),
            known: caller.is_known(),
            grants: caller.grants,
            toolsets: caller.toolsets.clone(),
            read_only: caller.read_only,
            view: visit.view.clone(),
        });
        if let Some(listing) = key.as_ref().and_then(|key| self.lists.kept.get(key)) {
            return listing;
        }
        let mut shown: Vec<&Arc<Tool>> = snapshot.visible(caller).filter(|tool| visit.view.holds(tool)).collect();
        shown.sort_by(|one, other| one.name.cmp(&other.name));
        let style = if visit.view.shown.is_compact() { Style::Short } else { Style::Whole };
        let listing = Arc::new(Listing::new(self.lists.describe(&snapshot, &shown, style)));
        if let Some(key) = key {
            self.lists.kept.insert(key, listing.clone());
        }
        listing
    }

    /// One page of the list.
    pub(super) fn tools_page(
        &self,
        visit: &Visit,
        cursor: Option<&str>,
        era: Era,
    ) -> Result<ListToolsResult, ErrorData> {
        let listing = self.listing(visit);
        let after = self.open_cursor("tools", cursor)?;
        let (page, next) = listing.page(listing.behind(after.as_deref()), self.page);
        let mut result = ListToolsResult::with_all_items(page.iter().map(|tool| tool.listed.clone()).collect());
        result.next_cursor = next.map(|last| self.seal_cursor("tools", last));
        if era == Era::Modern {
            result = result.with_ttl_ms(self.ttl()).with_cache_scope(CacheScope::Private);
        }
        Ok(result)
    }

    /// The members `tools` and `nextCursor` of one page as they go out, without braces. Pages that begin where pages begin are
    /// kept.
    pub(super) fn page_bytes(&self, visit: &Visit, cursor: Option<&str>) -> Result<Bytes, ErrorData> {
        let listing = self.listing(visit);
        let after = self.open_cursor("tools", cursor)?;
        let first = listing.behind(after.as_deref());
        let written = |first: usize| {
            let (page, next) = listing.page(first, self.page);
            members(page, next.map(|last| self.seal_cursor("tools", last)))
        };
        let pages = listing.pages.get_or_init(|| {
            let count = listing.tools.len().div_ceil(self.page).max(1);
            (0..count).map(|page| written(page * self.page)).collect()
        });
        let kept = pages.get(first / self.page).filter(|_| first.is_multiple_of(self.page));
        Ok(kept.cloned().unwrap_or_else(|| written(first)))
    }
}

fn members(page: &[Arc<Entry>], next: Option<String>) -> Bytes {
    let mut bytes = Vec::with_capacity(page.iter().map(|tool| tool.json.len() + 1).sum::<usize>() + 128);
    bytes.extend_from_slice(b"\"tools\":[");
    for (place, tool) in page.iter().enumerate() {
        if place > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(&tool.json);
    }
    bytes.push(b']');
    if let Some(next) = next {
        bytes.extend_from_slice(b",\"nextCursor\":");
        bytes.extend_from_slice(Value::String(next).to_string().as_bytes());
    }
    bytes.into()
}

impl Lists {
    /// Tells the book of caches of the lists kept.
    pub(super) fn list_in(&self, book: &CacheBook) {
        book.list("tool_lists", "lists of tools as callers are shown them", &self.kept);
    }

    fn describe(&self, snapshot: &Snapshot, shown: &[&Arc<Tool>], style: Style) -> Vec<Arc<Entry>> {
        let mut described = self.described.lock().unwrap_or_else(PoisonError::into_inner);
        if described.version != snapshot.version() {
            described.version = snapshot.version();
            // What nobody else holds was withdrawn.
            described.tools.retain(|_, slot| Arc::strong_count(&slot.tool) > 1);
        }
        let of = |tool: &&Arc<Tool>| {
            let new = || Slot { tool: (*tool).clone(), whole: None, short: None };
            let slot = described.tools.entry(Arc::as_ptr(tool) as usize).or_insert_with(new);
            let entry = match style {
                Style::Whole => &mut slot.whole,
                Style::Short => &mut slot.short,
            };
            entry.get_or_insert_with(|| Arc::new(Entry::new(describe(tool, style)))).clone()
        };
        shown.iter().map(of).collect()
    }
}

impl Entry {
    fn new(listed: Listed) -> Self {
        // Values of this program always have a JSON form.
        let json = serde_json::to_vec(&listed).unwrap_or_default().into();
        Self { listed, json }
    }
}

/// A tool as the protocol describes it.
fn describe(tool: &Tool, style: Style) -> Listed {
    let mut listed =
        Listed::new_with_raw(tool.name.to_string(), Some(tool.description.clone().into()), tool.input().clone());
    listed.title = Some(tool.title.clone());
    listed.output_schema = output_schema(tool).map(|schema| match style {
        Style::Whole => schema,
        Style::Short => outline(),
    });
    listed.annotations = Some(annotations(tool));
    listed
}

fn annotations(tool: &Tool) -> ToolAnnotations {
    let reads = tool.effect.reads() && tool.forwards != Some(Forward::Any);
    let outside = tool.reaches || tool.forwards == Some(Forward::Any);
    // Not destructive means to the protocol: it only adds. What can run any tool can do whatever one of them does.
    let (destructive, idempotent) = match tool.effect {
        _ if reads => (None, None),
        _ if tool.forwards == Some(Forward::Any) => (Some(true), Some(false)),
        Effect::Create => (Some(false), Some(false)),
        Effect::Read | Effect::Change | Effect::Remove => (Some(true), Some(true)),
    };
    ToolAnnotations::from_raw(None, Some(reads), destructive, idempotent, Some(outside))
}

/// The schema of the structured content. The protocol wants an object, so anything else is wrapped into one.
fn output_schema(tool: &Tool) -> Option<Arc<JsonObject>> {
    match tool.form {
        Form::Bytes | Form::Content => None,
        Form::Value if is_object(tool.output()) => Some(tool.output().clone()),
        Form::Value => Some(wrap(WRAPPED, &Value::Object((**tool.output()).clone()))),
        Form::Stream => Some(wrap(GATHERED, &json!({ "type": "array", "items": &**tool.output() }))),
    }
}

pub(super) fn is_object(schema: &SharedSchema) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
}

/// All that the compact list says of an output: there is one, and it is structured. The rest is told by `tool_describe`.
fn outline() -> Arc<JsonObject> {
    Arc::new(Map::from_iter([("type".to_owned(), "object".into())]))
}

fn wrap(name: &str, schema: &Value) -> Arc<JsonObject> {
    let mut whole = Map::new();
    whole.insert("type".to_owned(), "object".into());
    whole.insert("properties".to_owned(), json!({ name: schema }));
    whole.insert("required".to_owned(), json!([name]));
    Arc::new(whole)
}
