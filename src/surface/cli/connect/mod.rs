//! `connect`: the configuration by which an MCP client finds this program, printed or written into the client's own file.

pub(super) mod clients;
mod write;

use serde_json::{Map, Value, json};

use super::arguments::Connect;
use super::exit::Failure;
use super::output;
use super::setting::Setting;
use crate::kernel::fault::Fault;
use clients::{Form, Reach};

pub(super) fn run(setting: &Setting, asked: &Connect) -> Result<(), Failure> {
    let form = asked.client.form();
    let entry = form.entry(&reach(setting, asked)?).map_err(Failure::usage)?;
    let file = match &asked.file {
        Some(file) => Some(setting.inputs().working.join(file)),
        None => asked.client.file(&setting.inputs().environment),
    };
    if !asked.write {
        output::text(&printed(&form, &asked.name, &entry));
        if let (Some(file), true) = (file, output::is_watched()) {
            output::note(&format!("This belongs into {}; --write merges it.", file.display()));
        }
        return Ok(());
    }
    let file =
        file.ok_or_else(|| Failure::usage("name the file with --file: this client's own place is not known here"))?;
    let written = write::merge(&file, &form, &asked.name, &entry)?;
    output::json(&json!({ "file": written.file, "backup": written.backup, "name": asked.name }));
    Ok(())
}

/// How the client reaches the installation: by starting this program, or over HTTP.
fn reach(setting: &Setting, asked: &Connect) -> Result<Reach, Failure> {
    if let Some(server) = &asked.server.server {
        let server = server.trim_end_matches('/');
        let path = match &asked.toolsets {
            None => "/mcp".to_owned(),
            Some(names) if names.iter().any(|name| name == "all") => "/mcp/all".to_owned(),
            Some(names) => format!("/mcp/x/{}", names.join(",")),
        };
        return Ok(Reach::Http {
            url: format!("{server}{path}"),
            key: asked.server.key.clone(),
            read_only: asked.read_only,
        });
    }
    let program = std::env::current_exe().map_err(Fault::internal)?;
    let mut arguments = vec!["stdio".to_owned()];
    let inputs = setting.inputs();
    // What this command was told must hold for the program that the client starts, whatever folder it starts it in.
    for (flag, path) in [("--data", &inputs.data), ("--config", &inputs.file)] {
        if let Some(path) = path {
            arguments.extend([flag.to_owned(), inputs.working.join(path).display().to_string()]);
        }
    }
    if let Some(names) = &asked.toolsets {
        arguments.extend(["--toolsets".to_owned(), names.join(",")]);
    }
    if asked.read_only {
        arguments.push("--read-only".to_owned());
    }
    Ok(Reach::Start { program: program.display().to_string(), arguments })
}

/// The whole of a file that holds only this entry.
fn printed(form: &Form, name: &str, entry: &Map<String, Value>) -> String {
    match form {
        Form::Json { section, .. } => {
            let whole = json!({ *section: { name: entry } });
            format!("{}\n", serde_json::to_string_pretty(&whole).unwrap_or_default())
        }
        Form::Toml { section, .. } => clients::toml_section(section, name, entry),
    }
}
