//! `serve`: every door over HTTP, on one address.

use axum::Router;
use tokio_util::sync::CancellationToken;

use super::exit::Failure;
use super::house::{House, Plan};
use super::output;
use super::signals::Signals;
use crate::config::load::Loaded;
use crate::kernel::fault::Fault;
use crate::runtime::owner::take::take;
use crate::surface::http::server::Listening;
use crate::surface::{anthropic, gateway, mcp, openai, pages, rest, ws};

pub(super) async fn run(loaded: Loaded) -> Result<(), Failure> {
    let plan = Plan::loud(loaded, "serve")?;
    let signals = Signals::listen();
    tokio::select! {
        ended = serve(&plan, &signals) => ended,
        () = signals.at_once.cancelled() => Ok(()),
    }
}

async fn serve(plan: &Plan, signals: &Signals) -> Result<(), Failure> {
    let holder = plan.holder();
    // An address that is taken must not cost the present owner the data folder.
    let taking = take(plan.data(), &holder, Listening::bind(&plan.loaded.config.server));
    let (lock, listening) = tokio::select! {
        taken = taking => taken?,
        () = signals.stop.cancelled() => return Ok(()),
    };
    let house = plan.open(lock).await?;
    let cut = CancellationToken::new();
    let router = router(&house, signals, &cut)?;
    announce(&house, &listening.url());
    let serving = listening.serve(router, plan.clock.clone(), signals.stop.clone());
    let served = async {
        let _ = serving.await;
        cut.cancel();
    };
    house.keep(served, &signals.stop).await;
    Ok(())
}

/// All doors over HTTP.
fn router(house: &House, signals: &Signals, cut: &CancellationToken) -> Result<Router, Fault> {
    let gate = house.app.gate();
    let options = mcp::Options { stop: signals.stop.clone(), cut: cut.clone(), ..mcp::Options::default() };
    Ok(Router::new()
        .merge(pages::router(gate.clone()))
        .merge(rest::router(gate.clone()))
        .merge(mcp::http::router(gate.clone(), options)?)
        .merge(ws::router(gate.clone()))
        .merge(gateway::router(gate.clone()))
        .merge(openai::router(gate.clone()))
        .merge(anthropic::router(gate.clone())))
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
