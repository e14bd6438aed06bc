//! `serve`: every door over HTTP, on one address.

use axum::Router;
use tokio_util::sync::CancellationToken;

use super::exit::Failure;
use super::house::{House, Plan};
use super::output;
use super::signals::Signals;
use crate::config::load::Loaded;
use crate::kernel::fault::Fault;
use crate::runtime::owner::lock::{OwnerLock, holder, owned};
use crate::surface::http::server::Listening;
use crate::surface::{mcp, rest, ws};

/// A process that only makes a call is waited for, this many times so long.
const BRIEF: (u32, std::time::Duration) = (100, std::time::Duration::from_millis(20));

pub(super) async fn run(loaded: Loaded) -> Result<(), Failure> {
    let plan = Plan::loud(loaded, "serve")?;
    let signals = Signals::listen();
    let lock = take(&plan).await?;
    // The address first: one that is taken must not cost the owner of the data folder a start.
    let listening = Listening::bind(&plan.loaded.config.server).await?;
    let house = plan.open(lock).await?;
    let cut = CancellationToken::new();
    let router = router(&house, &signals, &cut)?;
    announce(&house, &listening.url());
    let serving = listening.serve(router, plan.clock.clone(), signals.stop.clone());
    tokio::select! {
        _ = serving => {}
        () = signals.at_once.cancelled() => return Ok(()),
    }
    cut.cancel();
    house.close().await;
    Ok(())
}

/// All doors over HTTP.
fn router(house: &House, signals: &Signals, cut: &CancellationToken) -> Result<Router, Fault> {
    let gate = house.app.gate();
    let options = mcp::Options { stop: signals.stop.clone(), cut: cut.clone(), ..mcp::Options::default() };
    Ok(Router::new()
        .merge(rest::router(gate.clone()))
        .merge(mcp::http::router(gate.clone(), options)?)
        .merge(ws::router(gate.clone())))
}

/// The ownership of the data folder. A server serves what it owns: it does not go through another process.
async fn take(plan: &Plan) -> Result<OwnerLock, Fault> {
    let (times, wait) = BRIEF;
    for _ in 0..times {
        if let Some(lock) = OwnerLock::try_take(plan.data(), &plan.holder())? {
            return Ok(lock);
        }
        if holder(plan.data()).is_some_and(|holder| ["serve", "stdio"].contains(&holder.command.as_str())) {
            break;
        }
        tokio::time::sleep(wait).await;
    }
    Err(owned(plan.data(), "stop it first, or serve another folder with --data"))
}

fn announce(house: &House, url: &str) {
    let (version, data) = (env!("CARGO_PKG_VERSION"), house.app.data().display());
    let keys = match house.app.first_key() {
        Some(key) => format!(
            "The administrator's key, shown this once: {}\n\nConnect a client, for example:\n  \
             convoke connect claude-code --server {url} --key KEY\n  \
             curl -H 'Authorization: Bearer KEY' {url}/api/v1/users/me\n",
            key.reveal()
        ),
        None => "A key: convoke keys create NAME. A lost administrator key: convoke keys reset.\n".to_owned(),
    };
    let lines = format!(
        "Convoke {version} listens on {url}\n  Data    {data}\n  MCP     {url}/mcp\n  REST    {url}/api/v1, described at \
         {url}/docs\n\n{keys}"
    );
    output::text(&lines);
}
