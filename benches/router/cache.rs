//! An answer from the cache against a bare handler with the same body.

use serde_json::json;

use super::scene::Scene;
use super::table::{Table, Target};
use super::{CALLERS, ROUNDS};

const CALLS: usize = 6_000;

/// Measures.
pub(crate) async fn measure(scene: &Scene, table: &mut Table) {
    let route = json!({ "candidates": [{ "model": "bench/bench" }], "cacheSeconds": 3600 });
    scene.set("models/routes/kept", &route).await;
    let (ours, direct) = (scene.ours("kept"), scene.direct());
    ours.run(200, 1, std::time::Duration::ZERO).await;
    let (mut mine, mut theirs) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let asked = scene.vendor.cpu();
        mine = mine.min(ours.cpu(&scene.convoke, CALLS, CALLERS).await);
        assert!(scene.vendor.cpu().saturating_sub(asked).as_millis() < 50, "the vendor was asked");
        theirs = theirs.min(direct.cpu(&scene.vendor, CALLS, CALLERS).await);
    }
    let ratio = mine / theirs;
    table.row(
        "an answer from the cache, CPU per call",
        format!("{mine:.0} µs"),
        format!("{theirs:.0} µs (a bare axum handler)"),
        format!("{ratio:.2}"),
        Target::of("≤ 3", ratio <= 3.0),
    );
}
