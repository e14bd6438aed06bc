//! Whatever bytes come in over stdio, every line that goes out is one JSON-RPC message, and the connection ends when its input
//! does. The handshake goes first, so that what follows is read by the door and not only by the parser.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use convoke::app::{App, Settings};
use convoke::capability::caller::{Credential, Door, Origin};
use convoke::config::load::defaults;
use convoke::kernel::clock::ManualClock;
use convoke::kernel::time::Timestamp;
use convoke::surface::mcp::{Options, stream};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

const HANDSHAKE: &[u8] = br#"{"jsonrpc":"2.0","id":"first","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"fuzz","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
"#;

/// The program on a folder of its own, with limits that no run meets and lines that are soon too long.
static PROGRAM: LazyLock<(Runtime, Arc<App>, tempfile::TempDir)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = defaults().expect("the defaults");
    config.limits.reads_per_minute = u32::MAX;
    config.limits.writes_per_minute = u32::MAX;
    config.server.body_limit_bytes = 4096;
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_763_640_000_000)));
    let app = runtime.block_on(App::open(Settings::new(config, folder.path().to_owned(), clock))).expect("the program");
    (runtime, app, folder)
});

fuzz_target!(|bytes: &[u8]| {
    let (runtime, app, _) = &*PROGRAM;
    let said = runtime.block_on(async {
        let input = std::io::Cursor::new([HANDSHAKE, bytes].concat());
        let (mut reader, output) = tokio::io::simplex(1 << 16);
        let origin = Origin { door: Door::Stdio, address: None };
        let serving = stream::serve(
            app.gate().clone(),
            Credential::LocalOwner,
            origin,
            input,
            output,
            Options::default(),
            CancellationToken::new(),
        );
        let mut said = Vec::new();
        let both = async { tokio::join!(serving, reader.read_to_end(&mut said)) };
        let (served, read) = tokio::time::timeout(Duration::from_secs(60), both).await.expect("the connection ends");
        served.expect("the toolsets are known");
        read.expect("a pipe in memory is read");
        said
    });
    let mut answered_first = false;
    for line in said.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line).expect("a line is JSON");
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        answered_first |= message["id"] == "first" && message.get("result").is_some();
    }
    assert!(answered_first, "the handshake is answered whatever follows");
});
