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
    assert_eq!((refused.code(), refused.problem()["code"].as_str()), (1, Some("file_unusable")));
    assert_eq!(text(&file), "{ // a comment\n}");
    let printed: Value = serde_json::from_str(&refused.out()).unwrap();
    assert_eq!(printed["mcpServers"]["convoke"]["args"][0], "stdio", "what must be added is printed");

    let codex = place.path("codex.toml");
    std::fs::write(&codex, "# mine\nmodel = \"x\"\n").unwrap();
    let write = ["connect", "codex", "--write", "--file", "codex.toml"];
    assert_eq!(place.run(&write).code(), 0);
    let merged = text(&codex);
    assert!(merged.starts_with("# mine\nmodel = \"x\"\n\n[mcp_servers.convoke]\n"), "{merged}");
    assert_eq!(place.run(&write).json()["backup"], Value::Null);
    assert_eq!(place.run(&[&write[..], &["--read-only"]].concat()).code(), 2);
}

#[test]
fn what_this_command_was_told_holds_for_the_program_that_the_client_starts() {
    let place = Place::new();
    let arguments = |asked: &[&str], data: Option<&str>| -> Vec<String> {
        let mut command = place.command(&[&["connect", "generic"], asked].concat());
        command.env_remove("CONVOKE_DATA").envs(data.map(|data| ("CONVOKE_DATA", data)));
        let output = command.output().unwrap();
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        serde_json::from_value(printed["mcpServers"]["convoke"]["args"].clone()).unwrap()
    };
    assert_eq!(arguments(&[], None), ["stdio"]);
    let beside = place.path("beside");
    assert_eq!(arguments(&[], Some("beside")), ["stdio", "--data", beside.to_str().unwrap()]);
    assert_eq!(arguments(&["--set", "store.data=beside"], None)[1..3], ["--data", beside.to_str().unwrap()]);
    std::fs::write(place.path("convoke.toml"), "[store]\ndata = \"beside\"\n").unwrap();
    assert_eq!(arguments(&[], None), ["stdio", "--data", beside.to_str().unwrap()]);
    std::fs::remove_file(place.path("convoke.toml")).unwrap();

    let given = ["--set", "limits.call_seconds=7", "--log-level", "debug", "--set", "backup.folder=copies"];
    let copies = format!("backup.folder={}", place.path("copies").display());
    let mut got = arguments(&given, None);
    assert_eq!(got.remove(0), "stdio");
    let mut pairs: Vec<(&str, &str)> = got.chunks(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    pairs.sort_unstable();
    assert_eq!(pairs, [("--log-level", "debug"), ("--set", &copies), ("--set", "limits.call_seconds=7")]);
    // What would stop the program is told now.
    assert_eq!(place.run(&["connect", "generic", "--set", "limits.call_seconds=soon"]).code(), 4);
}

#[test]
fn a_link_stays_a_link_and_a_file_keeps_its_mode() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let place = Place::new();
    let mode = |file: &std::path::Path| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
    for folder in ["home/.cursor", "dotfiles"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    let (link, target) = (place.path("home/.cursor/mcp.json"), place.path("dotfiles/mcp.json"));
    let names =
        || -> Vec<_> { std::fs::read_dir(place.path("dotfiles")).unwrap().map(|one| one.unwrap().path()).collect() };
    symlink(&target, &link).unwrap();
    let write = ["connect", "cursor", "--write", "--server", "https://convoke.example.org", "--key", "cvk_secret"];
    // A link to what is not there yet, then to what is.
    place.run(&write).json();
    assert_eq!((mode(&target), names()), (0o600, vec![target.clone()]));
    std::fs::write(&target, "{ \"big\": 12345678901234567890123 }\n").unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640)).unwrap();
    place.run(&write).json();
    assert!(link.is_symlink());
    assert_eq!((mode(&target), names()), (0o640, vec![target.clone()]));
    let merged = text(&target);
    assert!(merged.starts_with("{ \"big\": 12345678901234567890123, \"mcpServers\": {"), "{merged}");
}
