//! The instances of the installation: each says every few seconds in the store that it is there and how it is doing, so that any of
//! them can tell of all. One that has been silent, and by the store's own word does not have it open, is gone; whoever finds that
//! removes what it said.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::process;
use crate::capability::cx::store_fault;
use crate::capability::gate::meter::Reading;
use crate::capability::platform::Platform;
use crate::capability::tool::Tool;
use crate::domain::system::model::fleet::{Beat, Calls, Figures, Process, id_of_instance, nobody};
use crate::domain::system::model::instance::InstanceHealth;
use crate::kernel::fault::Fault;
use crate::kernel::reading;
use crate::port::records::{Document, Filter, Query, Record, Scope, Visibility};
use crate::port::store::{Batch, Expect, Put, Step};

/// So often an instance says that it is there.
pub const BEAT_EVERY: Duration = Duration::from_secs(2);
/// More instances are not told of.
const MOST: u32 = 1000;

/// The number of an instance whose store nobody shares.
const ALONE: i32 = 0;

/// The number of this instance.
pub(crate) fn own_number(platform: &Platform) -> i32 {
    platform.store.instance().unwrap_or(ALONE)
}

/// This instance, now.
pub(crate) fn own(platform: &Platform, figures: &Figures) -> Beat {
    let used = process::read();
    let capabilities: BTreeSet<&str> =
        platform.registry.present().built().iter().map(|tool| tool.domain.name()).collect();
    Beat {
        instance: own_number(platform),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        process_id: std::process::id(),
        started_at: platform.started_at,
        heard_at: platform.clock.now(),
        capabilities: capabilities.into_iter().map(str::to_owned).collect(),
        process: Process {
            memory_bytes: used.memory_bytes,
            cpu_seconds: used.cpu_seconds,
            threads: used.threads,
            open_files: used.open_files,
        },
        calls: Calls::of(figures.tools.iter().map(|(_, reading)| reading)),
    }
}

/// The counts of this instance's tools, now.
pub(crate) fn own_figures(platform: &Platform) -> Figures {
    let called = |tool: &Arc<Tool>| {
        let reading = tool.meter.read();
        (reading.calls() > 0).then(|| (tool.name.to_string(), reading))
    };
    let snapshot = platform.registry.present();
    Figures { instance: own_number(platform), tools: snapshot.all().filter_map(called).collect() }
}

/// The other instances, by their numbers.
pub(crate) async fn others(platform: &Platform) -> Result<Vec<Beat>, Fault> {
    if platform.store.instance().is_none() {
        return Ok(Vec::new());
    }
    let mut beats: Vec<Beat> = all(platform).await?;
    beats.retain(|beat| beat.instance != own_number(platform));
    beats.sort_by_key(|beat| beat.instance);
    Ok(beats)
}

/// The counts of the tools of other instances: of all, or of one.
pub(crate) async fn figures_of_others(platform: &Platform, only: Option<i32>) -> Result<Vec<Figures>, Fault> {
    if platform.store.instance().is_none() {
        return Ok(Vec::new());
    }
    let Some(only) = only else {
        let mut figures: Vec<Figures> = all(platform).await?;
        figures.retain(|one| one.instance != own_number(platform));
        return Ok(figures);
    };
    let found = platform.store.get(Scope::Tenant(nobody()), Figures::KIND, id_of_instance(only)).await;
    let read = |record: Record| reading::read(record.body).map_err(Fault::internal);
    found.map_err(store_fault)?.map(read).transpose().map(|one| one.into_iter().collect())
}

/// Counts of one tool over several instances.
pub(crate) fn together(all: Vec<Figures>) -> BTreeMap<String, Reading> {
    let mut sums: BTreeMap<String, Reading> = BTreeMap::new();
    for (tool, reading) in all.into_iter().flat_map(|figures| figures.tools) {
        match sums.entry(tool) {
            Entry::Vacant(vacant) => drop(vacant.insert(reading)),
            Entry::Occupied(mut sum) => sum.get_mut().add(&reading),
        }
    }
    sums
}

async fn all<T: Document>(platform: &Platform) -> Result<Vec<T>, Fault> {
    let query = Query { filter: Filter::All, order: "id", descending: false, after: None, limit: MOST };
    let found = platform.store.find(Scope::Tenant(nobody()), T::KIND, query).await.map_err(store_fault)?;
    found.into_iter().map(|record| reading::read(record.body).map_err(Fault::internal)).collect()
}

/// Says again and again that this instance is there.
#[derive(Default)]
pub struct Beating {
    /// The calls that were told last.
    told: Option<u64>,
    /// Instances that were silent and gone when it was looked last.
    suspects: BTreeSet<i32>,
}

impl Beating {
    /// Says it once. What its tools counted is written where there is something new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn beat(&mut self, platform: &Platform) -> Result<(), Fault> {
        let figures = own_figures(platform);
        let beat = own(platform, &figures);
        let mut steps = vec![put(beat.instance, &beat)?];
        if self.told != Some(beat.calls.all) {
            steps.push(put(beat.instance, &figures)?);
        }
        let batch = Batch { tenant: nobody(), at: platform.clock.now(), steps };
        platform.store.commit(vec![batch]).await.map_err(store_fault)?;
        self.told = Some(beat.calls.all);
        Ok(())
    }

    /// Instances that are gone: silent, and twice in a row found not to have the store open. Once is not enough, since a restart of
    /// the database parts all of them from it for a moment.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn gone(&mut self, platform: &Platform) -> Result<Vec<i32>, Fault> {
        let now = platform.clock.now();
        let mut away = BTreeSet::new();
        for beat in others(platform).await? {
            if beat.health(now) == InstanceHealth::Silent
                && !platform.store.is_open_by(beat.instance).await.map_err(store_fault)?
            {
                away.insert(beat.instance);
            }
        }
        let gone = away.intersection(&self.suspects).copied().collect();
        self.suspects = away;
        Ok(gone)
    }
}

/// Removes what an instance said: it is gone, or goes.
///
/// # Errors
/// When the store fails.
pub async fn forget(platform: &Platform, instance: i32) -> Result<(), Fault> {
    let remove = |kind| Step::Remove { kind, id: id_of_instance(instance), expect: Expect::Anything };
    let steps = vec![remove(Beat::KIND), remove(Figures::KIND)];
    let batch = Batch { tenant: nobody(), at: platform.clock.now(), steps };
    platform.store.commit(vec![batch]).await.map(drop).map_err(store_fault)
}

fn put<T: Document>(instance: i32, document: &T) -> Result<Step, Fault> {
    Ok(Step::Put(Put {
        kind: T::KIND,
        id: id_of_instance(instance),
        expect: Expect::Anything,
        owner: None,
        workspace: None,
        visibility: Visibility::Private,
        body: serde_json::to_value(document).map_err(Fault::internal)?,
    }))
}
