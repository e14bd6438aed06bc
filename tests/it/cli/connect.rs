//! `connect`: what is printed parses in the client's form, what is written keeps the rest of the file.

use serde_json::Value;

use crate::support::program::{Place, program, text};

const JSON: [(&str, &str); 9] = [
    ("claude-desktop", "mcpServers"),
    ("claude-code", "mcpServers"),
    ("cursor", "mcpServers"),
    ("vscode", "servers"),
    ("copilot-cli", "mcpServers"),
    ("zed", "context_servers"),
    ("windsurf", "mcpServers"),
    ("gemini-cli", "mcpServers"),
    ("generic", "mcpServers"),
];

#[test]
fn every_client_gets_its_own_form() {
    let place = Place::new();
    let data = place.data();
    let flags = ["--toolsets", "identity,system", "--read-only", "--data", data.to_str().unwrap()];
    for (client, section) in JSON {
        let ran = place.run(&[&["connect", client][..], &flags].concat());
        let entry = &ran.json()[section]["convoke"];
        assert_eq!(entry["command"], program().to_str().unwrap(), "{client}");
        let wanted = ["stdio", "--data", data.to_str().unwrap(), "--toolsets", "identity,system", "--read-only"];
        assert_eq!(entry["args"], serde_json::json!(wanted), "{client}");
    }
    let codex: toml::Table = place.run(&[&["connect", "codex"][..], &flags].concat()).out().parse().unwrap();
    assert_eq!(codex["mcp_servers"]["convoke"]["args"][0].as_str(), Some("stdio"));

    let remote = ["--server", "https://convoke.example.org/", "--key", "cvk_secret", "--toolsets", "all"];
    for (client, section) in JSON.into_iter().skip(1) {
        let entry = place.run(&[&["connect", client][..], &remote].concat()).json()[section]["convoke"].clone();
        assert!(entry.to_string().contains("\"https://convoke.example.org/mcp/all\""), "{client}: {entry}");
        assert_eq!(entry["headers"]["Authorization"], "Bearer cvk_secret", "{client}");
    }
    let codex = place.run(&[&["connect", "codex"][..], &remote].concat()).out();
    assert!(codex.parse::<toml::Table>().is_ok() && !codex.contains("cvk_secret"), "{codex}");
    assert_eq!(place.run(&[&["connect", "claude-desktop"][..], &remote].concat()).code(), 2);
}

#[test]
fn writing_keeps_what_is_there_and_a_backup() {
    let place = Place::new();
    let file = place.path("home/.cursor/mcp.json");
    let first = place.run(&["connect", "cursor", "--write"]).json();
    assert_eq!(first["file"], file.to_str().unwrap());
    assert_eq!(first["backup"], Value::Null);
    let before = "{\n  \"mcpServers\": { \"other\": { \"command\": \"x\" } },\n  \"theme\": \"dark\"\n}\n";
    std::fs::write(&file, before).unwrap();
    let second = place.run(&["connect", "cursor", "--write"]).json();
    assert_eq!(text(second["backup"].as_str().unwrap().as_ref()), before);
    let merged: Value = serde_json::from_str(&text(&file)).unwrap();
    assert_eq!(merged["theme"], "dark");
    assert_eq!(merged["mcpServers"]["other"]["command"], "x");
    assert_eq!(merged["mcpServers"]["convoke"]["args"][0], "stdio");
    // Nothing new, nothing written.
    assert_eq!(place.run(&["connect", "cursor", "--write"]).json()["backup"], Value::Null);

    std::fs::write(&file, "{ // a comment\n}").unwrap();
    let refused = place.run(&["connect", "cursor", "--write"]);
    assert_eq!(refused.code(), 2);
    assert_eq!(text(&file), "{ // a comment\n}");

    let codex = place.path("codex.toml");
    std::fs::write(&codex, "# mine\nmodel = \"x\"\n").unwrap();
    let write = ["connect", "codex", "--write", "--file", "codex.toml"];
    assert_eq!(place.run(&write).code(), 0);
    let merged = text(&codex);
    assert!(merged.starts_with("# mine\nmodel = \"x\"\n\n[mcp_servers.convoke]\n"), "{merged}");
    assert_eq!(place.run(&write).json()["backup"], Value::Null);
    assert_eq!(place.run(&[&write[..], &["--read-only"]].concat()).code(), 2);
}
