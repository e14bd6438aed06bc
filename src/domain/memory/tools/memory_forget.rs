//! `memory_forget`: gone for good.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::owned::{Stored, visible_to};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::memory::engine::keeping::may_remove;
use crate::domain::memory::faults::FORGET_WHAT;
use crate::domain::memory::forgotten::forget;
use crate::domain::memory::model::memory::{Memory, MemoryKind, Scope, Trust, distinct};
use crate::domain::memory::places::parts;
use crate::domain::memory::topics::FORGOTTEN;
use crate::kernel::fault::Fault;
use crate::kernel::id::MemoryId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Place, Query, Scalar};

/// So many are looked at a time.
const PAGE: u32 = 500;
/// So many go in one call; the answer says when there are more.
const MOST: usize = 1000;
/// Stands for all that fit, in the place of an id.
const MATCHING: &str = "matching";
/// So many are named in the answer.
const NAMED: usize = 100;

/// Forgets memories.
pub(in crate::domain::memory) struct MemoryForget;

/// Which ones: the one of an id, or all that fit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Input {
    /// The memory's id, and what was believed before it goes, too; or `matching` for all that fit the filter of the other properties.
    #[schemars(length(min = 1, max = 40))]
    id: String,
    /// Where to look; everybody's, the caller's own, and their workspaces' when not given.
    #[serde(default)]
    scope: Option<Scope>,
    /// Which workspace, agent or session.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    scope_id: Option<String>,
    /// Only of these kinds.
    #[serde(default)]
    #[schemars(length(max = 6))]
    kinds: Vec<MemoryKind>,
    /// Only with all of these tags.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 50)))]
    tags: Vec<String>,
    /// Only what is about this.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    about: Option<String>,
    /// Only what has this source.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2000))]
    source_uri: Option<String>,
    /// Only what can be trusted so far, such as `untrusted`.
    #[serde(default)]
    #[schemars(length(max = 3))]
    trust: Vec<Trust>,
    /// Only what was recorded before this moment.
    #[serde(default)]
    before: Option<Timestamp>,
    /// Only tells what would be forgotten.
    #[serde(default)]
    dry_run: bool,
}

/// What is gone.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Output {
    /// How many were forgotten, or would be.
    forgotten: usize,
    /// The first 100 of them.
    memory_ids: Vec<MemoryId>,
    /// How many fit and are not the caller's to forget.
    not_yours: usize,
    /// Whether there are more: call again with the same filter.
    more: bool,
    /// Whether nothing was changed.
    dry_run: bool,
}

impl Capability for MemoryForget {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::remove(
        "memory_forget",
        Domain::Memory,
        Route::delete("/memory/{id}"),
        Permit::on(Resource::Memories, Action::Remove),
        "Forgets for good: one memory by its id with all that it said before, or with `matching` all that fit a filter (scope, kind, tags, subject, source, trust, \
         age). Nothing of it can be found or read again. Try a filter with `dryRun` first. To put one aside use memory_update.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let mut forgetting = Forgetting { cx, gone: Vec::new(), not_yours: 0, dry_run: input.dry_run };
        let more = if input.id == MATCHING {
            forgetting.all(input).await?
        } else {
            let id: MemoryId = input
                .id
                .parse()
                .map_err(|_| Fault::bad_input("/id", "is neither the id of a memory nor `matching`"))?;
            let stored = cx.load::<Memory>(id.uuid(), Action::Remove).await?;
            forgetting.line(stored).await?;
            false
        };
        let forgotten = forgetting.gone.len();
        if forgotten == 0 && forgetting.not_yours > 0 && !forgetting.dry_run {
            return Err(forbidden(Permit::on(Resource::Memories, Action::Manage)));
        }
        if forgotten > 0 && !forgetting.dry_run {
            let first = forgetting.gone.first().map(ToString::to_string).unwrap_or_default();
            cx.emit(FORGOTTEN, first, &json!({ "forgotten": forgotten }))?;
        }
        let mut memory_ids = forgetting.gone;
        memory_ids.truncate(NAMED);
        Ok(Output { forgotten, memory_ids, not_yours: forgetting.not_yours, more, dry_run: forgetting.dry_run })
    }
}

struct Forgetting<'a> {
    cx: &'a Cx,
    gone: Vec<MemoryId>,
    not_yours: usize,
    dry_run: bool,
}

impl Forgetting<'_> {
    async fn one(&mut self, stored: &Stored<Memory>) -> Result<(), Fault> {
        let id = MemoryId::from_uuid(stored.id);
        if self.gone.contains(&id) {
            return Ok(());
        }
        if !may_remove(self.cx, stored) {
            self.not_yours += 1;
            return Ok(());
        }
        if !self.dry_run {
            forget(self.cx, stored).await?;
        }
        self.gone.push(id);
        Ok(())
    }

    /// One, and what it said before: what it took the place of by being corrected or said anew.
    async fn line(&mut self, stored: Stored<Memory>) -> Result<(), Fault> {
        let mut before = stored.value.supersedes.clone();
        // One that was brought back can stand in a ring.
        let mut seen = HashSet::from([stored.id]);
        self.one(&stored).await?;
        while let Some(id) = before.pop()
            && self.gone.len() < MOST
        {
            if !seen.insert(id) {
                continue;
            }
            if let Some(old) = self.cx.get::<Memory>(id).await? {
                before.extend(&old.value.supersedes);
                self.one(&old).await?;
            }
        }
        Ok(())
    }

    /// All that fit; true when there are more.
    async fn all(&mut self, input: Input) -> Result<bool, Fault> {
        let cx = self.cx;
        let tags = distinct(input.tags);
        let parts = parts(cx, input.scope, input.scope_id.as_deref()).await?;
        let text = |text: &str| Scalar::Text(text.to_owned());
        let mut all = Vec::new();
        if !input.kinds.is_empty() {
            all.push(Filter::In("kind", input.kinds.iter().map(|kind| text(kind.name())).collect()));
        }
        if !input.trust.is_empty() {
            all.push(Filter::In("trust", input.trust.iter().map(|trust| text(trust.name())).collect()));
        }
        if let Some(about) = &input.about {
            all.push(Filter::is("about", Scalar::Text(about.trim().to_lowercase())));
        }
        if let Some(before) = input.before {
            all.push(Filter::Compare("recordedAt", Comparison::Less, Scalar::Time(before)));
        }
        if all.is_empty() && tags.is_empty() && input.source_uri.is_none() && input.scope.is_none() {
            return Err(Fault::new(&FORGET_WHAT, "`matching` has no filter"));
        }
        all.push(Filter::In("part", parts.into_iter().map(Scalar::Text).collect()));
        let filter = visible_to::<Memory>(cx.caller()).and(Filter::And(all));
        let fits = |memory: &Memory| {
            let from = |uri: &String| memory.source.iter().any(|source| source.uri.as_ref() == Some(uri));
            tags.iter().all(|tag| memory.tags.contains(tag)) && input.source_uri.as_ref().is_none_or(from)
        };
        let mut after: Option<Place> = None;
        loop {
            let query = Query { filter: filter.clone(), order: "id", descending: false, after, limit: PAGE };
            let page = cx.find::<Memory>(query).await?;
            after = page.last().map(|last| Place { key: Scalar::Id(last.id), id: last.id });
            let ends = page.len() < PAGE as usize;
            for stored in page.into_iter().filter(|stored| fits(&stored.value)) {
                if self.gone.len() == MOST {
                    return Ok(true);
                }
                self.one(&stored).await?;
            }
            if ends {
                return Ok(false);
            }
        }
    }
}
