//! `system_cache_stats`: the caches and how well they do.

use schemars::JsonSchema;
use serde::Serialize;

use super::Nothing;
use crate::capability::Capability;
use crate::capability::caches::NamedCache as _;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::operator;
use crate::kernel::fault::Fault;

/// Tells the figures of the caches.
pub(in crate::domain::system) struct CacheStats;

/// The caches.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// Every cache, by name.
    caches: Vec<Cache>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Cache {
    /// Its name: what `system_cache_clear` takes.
    name: &'static str,
    /// What it holds.
    about: &'static str,
    /// Entries in it.
    entries: u64,
    /// The most entries that it keeps.
    most: u64,
    /// Lookups that it answered.
    hits: u64,
    /// Lookups that it could not answer.
    misses: u64,
    /// The share of lookups that it answered, from 0 to 1; left out before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    hit_rate: Option<f64>,
}

impl Capability for CacheStats {
    type Input = Nothing;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "system_cache_stats",
        Domain::System,
        Route::get("/system/cache"),
        Permit::on(Resource::System, Action::Read),
        "The server's caches with entries, hits and misses. To empty one use system_cache_clear.",
    );

    async fn run(cx: &Cx, _: Nothing) -> Result<Output, Fault> {
        operator::check(cx).await?;
        let caches = cx.platform().caches.all().into_iter().map(|listed| {
            let reading = listed.reading();
            Cache {
                name: listed.name,
                about: listed.about,
                entries: reading.entries,
                most: reading.most,
                hits: reading.hits,
                misses: reading.misses,
                hit_rate: hit_rate(reading.hits, reading.misses),
            }
        });
        Ok(Output { caches: caches.collect() })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits than a float has")]
fn hit_rate(hits: u64, misses: u64) -> Option<f64> {
    let all = hits.saturating_add(misses);
    (all > 0).then(|| hits as f64 / all as f64)
}
