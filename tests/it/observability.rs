//! The dashboard and the alert rules speak of figures that there are.

use std::collections::BTreeSet;
use std::path::Path;

use convoke::surface::rest::metrics::render;
use regex::Regex;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::tools::text;

/// The names of the figures that `/metrics` tells, those of histograms by their parts.
async fn figures() -> BTreeSet<String> {
    let app = TestApp::start().await;
    app.call(&app.admin, "user_me", json!({})).await.unwrap();
    let lines = render(app.app.gate()).await;
    let names = lines.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next());
    names.map(str::to_owned).collect()
}

fn named(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\b(?:convoke|process)_[a-z_]+").unwrap();
    name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_name_only_figures_that_there_are() {
    let figures = figures().await;
    let dashboard: Value = serde_json::from_str(&text(Path::new("config/grafana/convoke.json"))).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()).map(|target| &target["expr"]);
    let queries = queries.map(|query| query.as_str().unwrap()).collect::<Vec<_>>().join("\n");
    let alerts = text(Path::new("config/prometheus/convoke.yml"));
    let rules: String = alerts.lines().filter(|line| line.trim().starts_with("expr:")).collect();
    for (what, text) in [("dashboard", queries), ("alerts", rules)] {
        let named = named(&text);
        let strange: Vec<_> = named.difference(&figures).collect();
        assert!(strange.is_empty() && named.len() > 4, "{what}: {strange:?} of {named:?}");
    }
}
