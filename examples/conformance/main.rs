//! The program with the fixtures that the MCP conformance suite calls: tools, resources and prompts that do nothing useful and
//! show every part of the protocol. `conformance serve --listen 127.0.0.1:0` prints its address and the administrator's key.

#![expect(clippy::unused_async, reason = "fixtures have one form, whether they wait or not")]

mod asking;
mod lasting;
mod plain;
mod prompts;
mod resources;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use convoke::app::{App, Settings};
use convoke::capability::platform::Services;
use convoke::capability::row::Row;
use convoke::config::Config;
use convoke::kernel::clock::SystemClock;
use convoke::surface::http::server::Listening;
use convoke::surface::{mcp, rest};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Rung when the list of prompts is said to have changed.
pub(crate) struct Bell(pub(crate) watch::Sender<u64>);

/// A row of a fixture: its name is its route, it reads, and it answers with blocks.
macro_rules! fixture {
    ($name:literal, $description:literal, $input:expr, $run:expr) => {
        convoke::capability::row::Row {
            spec: convoke::capability::spec::Spec::read(
                $name,
                convoke::capability::spec::Domain::System,
                convoke::capability::spec::Route::post(concat!("/fixtures/", $name)),
                convoke::capability::permit::Permit::Own,
                $description,
            ),
            form: convoke::capability::outcome::Form::Content,
            input: $input,
            output: || std::sync::Arc::default(),
            run: |cx, input| {
                Box::pin(async move {
                    let content: convoke::capability::content::Content = $run(cx, input).await?;
                    let value = serde_json::to_value(content).map_err(convoke::kernel::fault::Fault::internal)?;
                    Ok(convoke::capability::outcome::Outcome::Value(value))
                })
            },
        }
    };
}
pub(crate) use fixture;

/// A schema written down.
pub(crate) fn schema(value: &serde_json::Value) -> convoke::capability::schema::SharedSchema {
    Arc::new(value.as_object().cloned().unwrap_or_default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut listen = "127.0.0.1:0".to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "serve" => {}
            "--listen" => listen = arguments.next().ok_or("--listen needs an address")?,
            other => return Err(format!("unknown argument '{other}'").into()),
        }
    }
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("info,rmcp=error").init();
    serve(listen).await
}

async fn serve(listen: String) -> Result<(), Box<dyn std::error::Error>> {
    let mut config: Config = toml::from_str(include_str!("../../config/convoke.toml"))?;
    config.server.listen = listen;
    // The fixtures' own domain: with everything else the list passes 64 KiB, on which the suite's HTTP client gives up when
    // the connection is closed behind the answer.
    config.mcp.toolsets = vec!["system".to_owned()];
    let data = std::env::var_os("CONVOKE_DATA").map_or_else(|| PathBuf::from("target/conformance"), PathBuf::from);
    let bell = Arc::new(Bell(watch::Sender::new(0)));
    let mut settings = Settings::new(config, data, Arc::new(SystemClock));
    settings.rows = rows();
    settings.services = Services::default().with(bell.clone());
    let app = App::open(settings).await?;
    app.gate().take_up().await?;

    let shutdown = CancellationToken::new();
    let options = mcp::Options {
        resources: vec![Arc::new(resources::Fixtures)],
        prompts: vec![Arc::new(prompts::Fixtures(bell))],
        // The suite reads the first page only.
        page: 1000,
        stop: shutdown.clone(),
        ..mcp::Options::default()
    };
    let router = mcp::http::router(app.gate().clone(), options)?.merge(rest::router(app.gate().clone()));
    let server = Listening::bind(&app.platform().config.server).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", server.url())?;
    if let Some(key) = app.first_key() {
        writeln!(out, "{}", key.reveal())?;
    }
    out.flush()?;

    let stop = shutdown.clone();
    drop(tokio::spawn(async move {
        ended().await;
        stop.cancel();
    }));
    server.serve(router, app.platform().clock.clone(), shutdown).await;
    app.close(Duration::from_secs(5)).await;
    Ok(())
}

fn rows() -> Vec<Row> {
    plain::rows().into_iter().chain(asking::rows()).chain(lasting::rows()).collect()
}

/// Waits until the program is told to end.
async fn ended() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
