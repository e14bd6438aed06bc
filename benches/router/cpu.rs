//! CPU of a call that goes on to the vendor, against what does nothing but that, and against other gateways.

use std::time::Duration;

use super::asked::Asked;
use super::scene::Scene;
use super::table::{Table, Target};
use super::{CALLERS, ROUNDS};

const CALLS: usize = 6_000;

/// Another gateway.
struct Peer {
    name: &'static str,
    program: &'static str,
    /// What it calls the vendor's model.
    model: &'static str,
    /// Where its doors begin.
    below: &'static str,
    calls: usize,
    wanted: Option<f64>,
}

const PEERS: [Peer; 2] = [
    Peer {
        name: "tensorzero",
        program: "gateway.py",
        model: "tensorzero::model_name::bench",
        below: "/openai",
        calls: CALLS,
        wanted: Some(0.5),
    },
    // So slow that a few calls say enough.
    Peer { name: "litellm", program: "proxy.py", model: "bench", below: "", calls: 200, wanted: None },
];

/// Measures. They take turns, so that whatever else the machine does falls on all; the quietest round of each counts.
pub(crate) async fn measure(scene: &Scene, table: &mut Table) {
    let (ours, passed) = (scene.ours("bench/bench"), scene.passed());
    for asked in [&ours, &passed] {
        asked.run(1_000, CALLERS, Duration::ZERO).await;
    }
    let (mut mine, mut theirs) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        mine = mine.min(ours.cpu(&scene.convoke, CALLS, CALLERS).await);
        theirs = theirs.min(passed.cpu(&scene.pass, CALLS, CALLERS).await);
    }
    let ratio = mine / theirs;
    table.row(
        "a chat completion, CPU per call, with key, budget and metering",
        format!("{mine:.0} µs"),
        format!("{theirs:.0} µs (axum and reqwest, nothing else)"),
        format!("{ratio:.2}"),
        Target::of("≤ 1.6", ratio <= 1.6),
    );
    for peer in PEERS {
        against(scene, table, &ours, &peer).await;
    }
}

async fn against(scene: &Scene, table: &mut Table, ours: &Asked, peer: &Peer) {
    let what = format!("the same, against {}", peer.name);
    let none = String::new;
    let Some(server) = scene.python(peer.name, peer.program) else {
        let target = peer.wanted.map_or_else(Target::none, |most| Target::unmeasured(&format!("≤ {most}")));
        return table.row(&what, none(), none(), none(), target);
    };
    let asked = Asked::new(&format!("{}{}", server.url, peer.below), None, peer.model);
    asked.run(peer.calls / 10, CALLERS, Duration::ZERO).await;
    let (mut mine, mut theirs) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        mine = mine.min(ours.cpu(&scene.convoke, peer.calls, CALLERS).await);
        theirs = theirs.min(asked.cpu(&server, peer.calls, CALLERS).await);
    }
    let ratio = mine / theirs;
    let target = peer.wanted.map_or_else(Target::none, |most| Target::of(&format!("≤ {most}"), ratio <= most));
    table.row(
        &what,
        format!("{mine:.0} µs, {} MiB", scene.convoke.resident_kib() / 1024),
        format!("{theirs:.0} µs, {} MiB", server.resident_kib() / 1024),
        format!("{ratio:.2}"),
        target,
    );
}
