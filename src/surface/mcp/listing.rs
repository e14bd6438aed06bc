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

/// A list of tools by name.
pub(super) struct Listing {
    tools: Vec<Arc<Listed>>,
    bytes: OnceLock<Bytes>,
}

/// Keeps lists.
pub(super) struct Lists {
    kept: Arc<CountedCache<Key, Arc<Listing>>>,
    described: Mutex<Described>,
}

/// The tools of one version of the registry as the protocol describes them, by the address of the tool.
#[derive(Default)]
struct Described {
    version: u64,
    tools: HashMap<usize, Arc<Listed>>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { kept: CountedCache::new(512), described: Mutex::default() }
    }
}

impl Listing {
    /// The whole list as JSON.
    pub(super) fn bytes(&self) -> Bytes {
        let make =
            || serde_json::to_vec(&self.tools.iter().map(|tool| &**tool).collect::<Vec<_>>()).unwrap_or_default();
        self.bytes.get_or_init(|| make().into()).clone()
    }

    pub(super) fn len(&self) -> usize {
        self.tools.len()
    }
}

impl Server {
    /// The list that a visit is shown.
    pub(super) fn listing(&self, visit: &Visit) -> Arc<Listing> {
        let snapshot = self.platform().registry.present();
        let caller = &visit.caller;
        let key = Key {
            tools: snapshot.version_of(caller.tenant),
            known: caller.is_known(),
            grants: caller.grants,
            toolsets: caller.toolsets.clone(),
            read_only: caller.read_only,
            view: visit.view.clone(),
        };
        if let Some(listing) = self.lists.kept.get(&key) {
            return listing;
        }
        let mut shown: Vec<&Arc<Tool>> = snapshot.visible(caller).filter(|tool| visit.view.holds(tool)).collect();
        shown.sort_by(|one, other| one.name.cmp(&other.name));
        let tools = self.lists.describe(&snapshot, &shown);
        let listing = Arc::new(Listing { tools, bytes: OnceLock::new() });
        self.lists.kept.insert(key, listing.clone());
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
        let first = after.map_or(0, |name| listing.tools.partition_point(|tool| *tool.name <= *name));
        let page: Vec<Listed> = listing.tools.iter().skip(first).take(self.page).map(|tool| (**tool).clone()).collect();
        let more = first + page.len() < listing.tools.len();
        let next = page.last().filter(|_| more).map(|last| self.seal_cursor("tools", &last.name));
        let mut result = ListToolsResult::with_all_items(page);
        result.next_cursor = next;
        if era == Era::Modern {
            result = result.with_ttl_ms(self.ttl()).with_cache_scope(CacheScope::Private);
        }
        Ok(result)
    }
}

impl Lists {
    /// Tells the book of caches of the lists kept.
    pub(super) fn list_in(&self, book: &CacheBook) {
        book.list("tool_lists", "lists of tools as callers are shown them", &self.kept);
    }

    fn describe(&self, snapshot: &Snapshot, shown: &[&Arc<Tool>]) -> Vec<Arc<Listed>> {
        let mut described = self.described.lock().unwrap_or_else(PoisonError::into_inner);
        // An address names a tool as long as the version holds it.
        if described.version != snapshot.version() {
            *described = Described { version: snapshot.version(), tools: HashMap::new() };
        }
        let of = |tool: &&Arc<Tool>| {
            let slot = Arc::as_ptr(tool) as usize;
            described.tools.entry(slot).or_insert_with(|| Arc::new(describe(tool))).clone()
        };
        shown.iter().map(of).collect()
    }
}

/// A tool as the protocol describes it.
pub(super) fn describe(tool: &Tool) -> Listed {
    let mut listed =
        Listed::new_with_raw(tool.name.to_string(), Some(tool.description.clone().into()), tool.input.clone());
    listed.title = Some(tool.title.clone());
    listed.output_schema = output_schema(tool);
    listed.annotations = Some(annotations(tool));
    listed
}

fn annotations(tool: &Tool) -> ToolAnnotations {
    let reads = tool.effect.reads() && tool.forwards != Some(Forward::Any);
    let outside = tool.reaches || tool.forwards == Some(Forward::Any);
    let (destructive, idempotent) = match tool.effect {
        _ if reads => (None, None),
        Effect::Read => (Some(true), Some(false)),
        Effect::Create => (Some(false), Some(false)),
        Effect::Change => (Some(false), Some(true)),
        Effect::Remove => (Some(true), Some(true)),
    };
    ToolAnnotations::from_raw(None, Some(reads), destructive, idempotent, Some(outside))
}

/// The schema of the structured content. The protocol wants an object, so anything else is wrapped into one.
fn output_schema(tool: &Tool) -> Option<Arc<JsonObject>> {
    match tool.form {
        Form::Bytes | Form::Content => None,
        Form::Value if is_object(&tool.output) => Some(tool.output.clone()),
        Form::Value => Some(wrap(WRAPPED, &Value::Object((*tool.output).clone()))),
        Form::Stream => Some(wrap(GATHERED, &json!({ "type": "array", "items": &*tool.output }))),
    }
}

pub(super) fn is_object(schema: &SharedSchema) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
}

fn wrap(name: &str, schema: &Value) -> Arc<JsonObject> {
    let mut whole = Map::new();
    whole.insert("type".to_owned(), "object".into());
    whole.insert("properties".to_owned(), json!({ name: schema }));
    whole.insert("required".to_owned(), json!([name]));
    Arc::new(whole)
}
