//! A thousand streams at once: what each takes of memory, whether one waits for the others, and whether those who do not read hold
//! up those who do.

use std::time::Duration;

use serde_json::json;

use super::asked::at;
use super::scene::Scene;
use super::table::{Table, Target};

const STREAMS: usize = 1_000;
/// Of these nothing is read until all others have ended.
const UNREAD: usize = 100;
/// Milliseconds between two pieces: a stream takes about seven seconds.
const PAUSE: u64 = 300;

/// Measures.
pub(crate) async fn measure(scene: &Scene, table: &mut Table) {
    let ours = scene.ours("bench/bench");
    // What the program needs for connections at all is there before.
    ours.run(2_000, 256, Duration::ZERO).await;
    let before = scene.convoke.resident_kib();
    let mut unread = Vec::new();
    for _ in 0..UNREAD {
        let body = ours.body(&json!({ "stream": true, "seed": PAUSE }));
        unread.push(tokio::spawn({
            let ours = ours.clone();
            async move { ours.send(body).await }
        }));
    }
    let running: Vec<_> = (UNREAD..STREAMS)
        .map(|_| {
            let ours = ours.clone();
            tokio::spawn(async move { ours.stream(PAUSE).await.whole })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let among = scene.convoke.resident_kib();
    let mut times = Vec::new();
    for stream in running {
        times.push(stream.await.unwrap());
    }
    times.sort();
    for one in unread {
        let text = one.await.unwrap().text().await.unwrap();
        assert!(text.contains("word19") && text.contains("[DONE]"), "one that is read late is whole, too: {text}");
    }
    #[expect(clippy::cast_precision_loss, reason = "small figures")]
    let each = among.saturating_sub(before) as f64 / STREAMS as f64;
    table.row(
        "1,000 streams at once, memory of each",
        format!("{each:.0} KiB"),
        String::new(),
        String::new(),
        Target::of("< 64 KiB", each < 64.0),
    );
    let (middle, last) = (at(&times, 0.5), at(&times, 1.0));
    table.row(
        "the same, the median's end and the last one's; 100 are not read meanwhile",
        format!("{middle:.0} ms, {last:.0} ms"),
        String::new(),
        format!("{:.2}", last / middle),
        Target::of("≤ 1.5: none starves", last <= 1.5 * middle),
    );
}
