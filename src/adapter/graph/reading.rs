//! Reading nodes and relations for a walk: many at once, only what the view has, within the limits.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::finding::Finder;
use crate::kernel::time::Timestamp;
use crate::port::graph::{Direction, GraphFault, Limits, Link, NODE, RELATION, View};
use crate::port::records::{Comparison, Filter, Record, Scalar, Scope, Visibility};
use crate::port::store::Store;

/// Ids of one read. Lists are filled up to one of these lengths, so that there are few statements to prepare.
const LENGTHS: &[usize] = &[1, 4, 16, 64, 256];

/// So much more than the limit says may be looked at where it is not seen by the reader: what is hidden must not take from what is not.
const UNSEEN: usize = 1_000;
/// Bytes of a relation as it is read, roughly.
const LINK_BYTES: usize = 256;

const LINK: &[&str] = &["id", "from", "to", "type", "owner", "workspace", "visibility", "validFrom", "validTo"];
const LIGHT: &[&str] = &["id", "type", "key", "owner", "workspace", "visibility", "validFrom", "validTo"];

/// A node without its document.
#[derive(Debug, Clone)]
pub(super) struct Light {
    pub(super) id: Uuid,
    pub(super) of: String,
    pub(super) key: Option<String>,
}

/// One question's reads.
pub(super) struct Reading<'a> {
    store: &'a dyn Store,
    /// Who finds relations and what fits patterns; the store itself where there is nobody else.
    finder: Option<&'a dyn Finder>,
    view: &'a View,
    pub(super) limits: Limits,
    /// What was looked at, also what leads to nodes that the view does not have: against a limit of its own that is wider.
    looked_at: usize,
    /// What was looked at of what the view has, against the limit. This alone may be told: the other number would tell of what is hidden.
    pub(super) told: usize,
    began: Instant,
    looked: Instant,
}

impl<'a> Reading<'a> {
    pub(super) fn new(store: &'a dyn Store, view: &'a View, limits: Limits) -> Self {
        let now = Instant::now();
        Self { store, finder: None, view, limits, looked_at: 0, told: 0, began: now, looked: now }
    }

    /// The same, with another who finds relations and what fits patterns.
    pub(super) fn with(store: &'a dyn Store, finder: &'a dyn Finder, view: &'a View, limits: Limits) -> Self {
        Self { finder: Some(finder), ..Self::new(store, view, limits) }
    }

    pub(super) const fn finder(&self) -> Option<&'a dyn Finder> {
        self.finder
    }

    pub(super) const fn view(&self) -> &'a View {
        self.view
    }

    /// How much time is left.
    pub(super) fn left(&self) -> Result<Duration, GraphFault> {
        self.limits.time.checked_sub(self.began.elapsed()).filter(|left| !left.is_zero()).ok_or(GraphFault::TooLong)
    }

    /// Counts what was looked at, whether the view has it or not.
    pub(super) fn count(&mut self, steps: usize) -> Result<(), GraphFault> {
        self.looked_at = self.looked_at.saturating_add(steps);
        if self.looked_at > self.widest() {
            return Err(GraphFault::TooManySteps);
        }
        // The clock is asked seldom where much is looked at in memory.
        if self.looked_at.is_multiple_of(256) || steps > 64 { self.in_time() } else { Ok(()) }
    }

    /// Counts what was looked at and is such that the view has it.
    pub(super) fn tell(&mut self, steps: usize) -> Result<(), GraphFault> {
        self.told = self.told.saturating_add(steps);
        if self.told > self.limits.steps { Err(GraphFault::TooManySteps) } else { Ok(()) }
    }

    /// Counts what was looked at for the first time and is such that the view has it.
    pub(super) fn count_told(&mut self, steps: usize) -> Result<(), GraphFault> {
        self.tell(steps)?;
        self.count(steps)
    }

    /// How much may be looked at in all.
    const fn widest(&self) -> usize {
        self.limits.steps.saturating_mul(2).saturating_add(UNSEEN)
    }

    /// Begins with the whole budget again; the time goes on.
    pub(super) const fn renew(&mut self) {
        (self.looked_at, self.told) = (0, 0);
    }

    /// Whether there is time left.
    pub(super) fn in_time(&self) -> Result<(), GraphFault> {
        if self.began.elapsed() > self.limits.time { Err(GraphFault::TooLong) } else { Ok(()) }
    }

    /// Lets others run now and then.
    async fn breathe(&mut self) -> Result<(), GraphFault> {
        self.in_time()?;
        if self.looked.elapsed().as_millis() > 5 {
            tokio::task::yield_now().await;
            self.looked = Instant::now();
        }
        Ok(())
    }

    fn scope(&self) -> Scope {
        Scope::Tenant(self.view.tenant)
    }

    /// The most rows of one read, and what it is if there are more: they are held at once before anything is known of them.
    fn most_rows(&self) -> (u32, GraphFault) {
        let left = self.widest().saturating_sub(self.looked_at).saturating_add(1);
        let room = (self.limits.memory / LINK_BYTES).max(1);
        let fault = if room < left { GraphFault::TooMuchMemory } else { GraphFault::TooManySteps };
        (u32::try_from(left.min(room)).unwrap_or(u32::MAX), fault)
    }

    /// The relations at these nodes, each once. Types are looked at here: asked of the store they would lead it away from the ends.
    pub(super) async fn links(
        &mut self,
        nodes: &[Uuid],
        direction: Direction,
        types: &[String],
    ) -> Result<Vec<Link>, GraphFault> {
        if let Some(finder) = self.finder {
            let left = self.left()?;
            let (most, fault) = self.most_rows();
            let found = finder.links(self.view, nodes, direction, types, most as usize, left).await?;
            if found.len() >= most as usize {
                return Err(fault);
            }
            self.count(found.len())?;
            return Ok(found);
        }
        let ends: &[&'static str] = match direction {
            Direction::Out => &["from"],
            Direction::In => &["to"],
            Direction::Both => &["from", "to"],
        };
        let mut found = Vec::new();
        for end in ends {
            for some in chunks(nodes) {
                self.breathe().await?;
                let filter = Filter::In(end, some);
                let (most, fault) = self.most_rows();
                let rows = self.store.columns(self.scope(), &RELATION, LINK, filter, most).await?;
                if rows.len() >= most as usize {
                    return Err(fault);
                }
                let before = found.len();
                found.extend(rows.into_iter().filter_map(|row| self.link(row, types)));
                self.count(found.len() - before)?;
            }
        }
        if ends.len() > 1 {
            let mut seen = HashSet::with_capacity(found.len());
            found.retain(|link: &Link| seen.insert(link.id));
        }
        Ok(found)
    }

    /// The ends of every relation of these types that the view has.
    pub(super) async fn every_link(&mut self, types: &[String]) -> Result<Vec<(Uuid, Uuid)>, GraphFault> {
        self.breathe().await?;
        let of = |name: &String| Scalar::Text(name.clone());
        let filter = match types {
            [] => Filter::All,
            [one] => Filter::is("type", of(one)),
            many => Filter::In("type", many.iter().map(of).collect()),
        };
        let (most, fault) = self.most_rows();
        let filter = filter.and(self.view.visible.clone());
        let rows = self.store.columns(self.scope(), &RELATION, LINK, filter, most).await?;
        if rows.len() >= most as usize {
            return Err(fault);
        }
        let found: Vec<(Uuid, Uuid)> =
            rows.into_iter().filter_map(|row| self.link(row, types)).map(|link| (link.from, link.to)).collect();
        self.count(found.len())?;
        Ok(found)
    }

    fn link(&self, row: Vec<Scalar>, types: &[String]) -> Option<Link> {
        let [id, from, to, of, owner, workspace, visibility, valid_from, valid_to] =
            <[Scalar; 9]>::try_from(row).ok()?;
        let (Scalar::Id(id), Scalar::Id(from), Scalar::Id(to), Scalar::Text(of)) = (id, from, to, of) else {
            return None;
        };
        let fits = types.is_empty() || types.contains(&of);
        let there = fits && self.valid(&valid_from, &valid_to) && self.sees(&owner, &workspace, &visibility);
        there.then_some(Link { id, from, to, of })
    }

    /// Those of these nodes that the view has.
    pub(super) async fn nodes(&mut self, ids: &[Uuid]) -> Result<Vec<Light>, GraphFault> {
        let mut found = Vec::with_capacity(ids.len());
        for some in chunks(ids) {
            self.breathe().await?;
            let most = u32::try_from(some.len()).unwrap_or(u32::MAX);
            let rows = self.store.columns(self.scope(), &NODE, LIGHT, Filter::In("id", some), most).await?;
            let before = found.len();
            found.extend(rows.into_iter().filter_map(|row| self.light(row)));
            self.count_told(found.len() - before)?;
        }
        Ok(found)
    }

    fn light(&self, row: Vec<Scalar>) -> Option<Light> {
        let [id, of, key, owner, workspace, visibility, valid_from, valid_to] = <[Scalar; 8]>::try_from(row).ok()?;
        let (Scalar::Id(id), Scalar::Text(of)) = (id, of) else { return None };
        let key = if let Scalar::Text(key) = key { Some(key) } else { None };
        let there = self.valid(&valid_from, &valid_to) && self.sees(&owner, &workspace, &visibility);
        there.then_some(Light { id, of, key })
    }

    /// The documents of these nodes or relations that the view has.
    pub(super) async fn documents(&mut self, nodes: bool, ids: &[Uuid]) -> Result<Vec<Record>, GraphFault> {
        let kind = if nodes { &NODE } else { &RELATION };
        let mut found = Vec::with_capacity(ids.len());
        for some in chunks(ids) {
            self.breathe().await?;
            let limit = u32::try_from(some.len()).unwrap_or(u32::MAX);
            let query = crate::port::records::Query::newest(Filter::In("id", some), limit);
            let records = self.store.find(self.scope(), kind, query).await?;
            let before = found.len();
            found.extend(records.into_iter().filter(|record| self.has(record)));
            self.count_told(found.len() - before)?;
        }
        Ok(found)
    }

    /// One page of the nodes that fit and that the view has, after an id.
    pub(super) async fn scan(
        &mut self,
        filter: Filter,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Record>, GraphFault> {
        self.breathe().await?;
        let filter = filter.and(self.view.visible.clone());
        let after = after.map(|id| crate::port::records::Place { key: Scalar::Id(id), id });
        let query = crate::port::records::Query { filter, order: "id", descending: false, after, limit };
        let found = self.store.find(self.scope(), &NODE, query).await?;
        self.count_told(found.len())?;
        Ok(found)
    }

    /// Whether the view has a record.
    pub(super) fn has(&self, record: &Record) -> bool {
        let moment = |name: &str| {
            let text = record.body.get(name).and_then(serde_json::Value::as_str);
            text.and_then(|text| text.parse::<Timestamp>().ok()).map_or(Scalar::Null, Scalar::Time)
        };
        let id = |id: Option<Uuid>| id.map_or(Scalar::Null, Scalar::Id);
        let visibility = match record.visibility {
            Visibility::Private => "private",
            Visibility::Workspace => "workspace",
            Visibility::Tenant => "tenant",
        };
        self.valid(&moment("validFrom"), &moment("validTo"))
            && self.sees(&id(record.owner), &id(record.workspace), &Scalar::Text(visibility.to_owned()))
    }

    fn valid(&self, from: &Scalar, to: &Scalar) -> bool {
        let Some(at) = self.view.at else { return true };
        let begun = if let Scalar::Time(from) = from { *from <= at } else { true };
        let over = if let Scalar::Time(to) = to { *to <= at } else { false };
        begun && !over
    }

    fn sees(&self, owner: &Scalar, workspace: &Scalar, visibility: &Scalar) -> bool {
        fits(&self.view.visible, &|name| match name {
            "owner" => Some(owner),
            "workspace" => Some(workspace),
            "visibility" => Some(visibility),
            _ => None,
        })
    }
}

/// A filter over the envelope. What it says otherwise fits nothing: rather too little is seen than too much.
fn fits<'a>(filter: &Filter, of: &dyn Fn(&str) -> Option<&'a Scalar>) -> bool {
    match filter {
        Filter::All => true,
        Filter::And(all) => all.iter().all(|one| fits(one, of)),
        Filter::Or(any) => any.iter().any(|one| fits(one, of)),
        Filter::Compare(name, Comparison::Equal, value) => {
            *value != Scalar::Null && of(name).is_some_and(|held| held == value)
        }
        Filter::In(name, values) => of(name).is_some_and(|held| *held != Scalar::Null && values.contains(held)),
        Filter::Not(_) | Filter::IsNull(_) | Filter::StartsWith(..) | Filter::Matches(_) | Filter::Compare(..) => false,
    }
}

/// Ids in lists of few lengths: the last one is said again until one is full.
fn chunks(ids: &[Uuid]) -> impl Iterator<Item = Vec<Scalar>> {
    let longest = LENGTHS.last().copied().unwrap_or(1);
    ids.chunks(longest).map(move |some| {
        let length = LENGTHS.iter().copied().find(|length| *length >= some.len()).unwrap_or(longest);
        let last = some.last().copied().into_iter();
        some.iter().copied().chain(last.cycle()).take(length).map(Scalar::Id).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_few_lengths_and_every_id() {
        for count in [0_usize, 1, 2, 5, 64, 65, 256, 257, 600] {
            let ids: Vec<Uuid> = (0..count).map(|at| Uuid::from_u128(at as u128)).collect();
            let lists: Vec<_> = chunks(&ids).collect();
            assert!(lists.iter().all(|list| LENGTHS.contains(&list.len())), "{count}");
            let all: HashSet<String> = lists.iter().flatten().map(|id| format!("{id:?}")).collect();
            assert_eq!(all.len(), count);
        }
    }

    #[test]
    fn a_filter_that_is_not_understood_shows_nothing() {
        let owner = Scalar::Id(Uuid::from_u128(1));
        let of = |name: &str| (name == "owner").then_some(&owner);
        assert!(fits(&Filter::is("owner", owner.clone()), &of) && fits(&Filter::All, &of));
        for filter in [
            Filter::is("owner", Scalar::Null),
            Filter::Not(Box::new(Filter::is("owner", Scalar::Id(Uuid::nil())))),
            Filter::IsNull("workspace"),
            Filter::is("other", owner.clone()),
        ] {
            assert!(!fits(&filter, &of), "{filter:?}");
        }
    }
}
