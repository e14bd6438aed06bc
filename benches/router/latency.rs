//! What a call and the first words of a stream take longer than without anybody between.

use std::time::Duration;

use super::asked::at;
use super::scene::Scene;
use super::table::{Table, Target};
use super::{CALLERS, ROUNDS};

/// Long enough that nobody waits for a processor.
const PAUSE: Duration = Duration::from_millis(60);

/// Measures.
pub(crate) async fn measure(scene: &Scene, table: &mut Table) {
    let (ours, direct) = (scene.ours("bench/bench"), scene.direct());
    let (mut median, mut late) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let alone = direct.run(3_000, CALLERS, PAUSE).await;
        let through = ours.run(3_000, CALLERS, PAUSE).await;
        median = median.min(at(&through, 0.5) - at(&alone, 0.5));
        late = late.min(at(&through, 0.99) - at(&alone, 0.99));
    }
    table.row(
        "what a call takes longer, 32 connections, median",
        format!("{median:.2} ms"),
        "asked without anybody between".to_owned(),
        String::new(),
        Target::of("≤ 0.3 ms", median <= 0.3),
    );
    table.row(
        "the same, 99th of 100",
        format!("{late:.2} ms"),
        String::new(),
        String::new(),
        Target::of("< 1 ms", late < 1.0),
    );
    let mut firsts = [Vec::new(), Vec::new()];
    for _ in 0..300 {
        for (asked, times) in [&direct, &ours].into_iter().zip(&mut firsts) {
            times.push(asked.stream(0).await.first);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    for times in &mut firsts {
        times.sort();
    }
    let added = at(&firsts[1], 0.5) - at(&firsts[0], 0.5);
    table.row(
        "what the first words of a stream take longer",
        format!("{added:.2} ms"),
        format!("{:.2} ms", at(&firsts[0], 0.5)),
        String::new(),
        Target::of("< 0.3 ms", added < 0.3),
    );
    // Small pieces some milliseconds apart: with Nagle's algorithm on either side one waits for an acknowledgement, 40 ms long.
    let mut gaps = Vec::new();
    let mut least = [Duration::MAX; 2];
    for _ in 0..20 {
        for (asked, least) in [&direct, &ours].into_iter().zip(&mut least) {
            *least = (*least).min(asked.stream(5).await.whole);
        }
        gaps.push(ours.stream(5).await.longest_gap);
    }
    gaps.sort();
    let gap = at(&gaps, 0.5);
    table.row(
        "a stream of 20 pieces 5 ms apart: the longest gap",
        format!("{gap:.1} ms"),
        format!("{:+.1} ms as a whole", (least[1].as_secs_f64() - least[0].as_secs_f64()) * 1e3),
        String::new(),
        Target::of("< 20 ms: no delayed acknowledgement", gap < 20.0),
    );
}
