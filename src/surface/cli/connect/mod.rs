//! `connect`: the configuration by which an MCP client finds this program, printed or written into the client's own file.

pub(super) mod clients;
mod text;
mod write;

use serde_json::{Map, Value, json};

use super::arguments::Connect;
use super::exit::Failure;
use super::output;
use super::remote::address;
use super::setting::{SET, Setting, unknown_toolsets};
use crate::config::place;
use crate::kernel::fault::Fault;
use clients::{Form, Reach};
use write::Unwritten;

pub(super) fn run(setting: &Setting, asked: &Connect) -> Result<(), Failure> {
    if let Some(say) = asked.toolsets.as_deref().and_then(unknown_toolsets) {
        return Err(Failure::usage(format!("--toolsets: {say}")));
    }
    let form = asked.client.form();
    let entry = form.entry(&reach(setting, asked)?).map_err(Failure::usage)?;
    let file = match &asked.file {
        Some(file) => Some(setting.inputs().absolute(file)),
        None => asked.client.file(&setting.inputs().environment),
    };
    let print = || output::text(&printed(&form, &asked.name, &entry));
    if !asked.write {
        print();
        if let (Some(file), true) = (file, output::is_watched()) {
            output::note(&format!("This belongs into {}; --write merges it.", file.display()));
        }
        return Ok(());
    }
    let file =
        file.ok_or_else(|| Failure::usage("name the file with --file: this client's own place is not known here"))?;
    let written = write::merge(&file, &form, &asked.name, &entry).map_err(|why| match why {
        Unwritten::File(error) => Failure::file(&file, error),
        Unwritten::Taken(why) => Failure::usage(format!("{}: {why}", file.display())),
        Unwritten::Form(why) => {
            print();
            Failure::file(&file, format!("{why}: nothing was written, what it needs is printed: add it by hand"))
        }
    })?;
    output::json(&json!({ "file": written.file, "backup": written.backup, "name": asked.name }));
    Ok(())
}

/// How the client reaches the installation: by starting this program, or over HTTP.
fn reach(setting: &Setting, asked: &Connect) -> Result<Reach, Failure> {
    if let Some(server) = &asked.server.server {
        let server = address(server)?;
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
    // A configuration that stops the program is told now, not by a client that cannot start it.
    let loaded = setting.load()?;
    // What this command was told must hold for the program that the client starts, whatever folder it starts it in and
    // whatever environment it has.
    if place::user_data(&inputs.environment).as_ref() != Some(&loaded.data) {
        arguments.extend(["--data".to_owned(), loaded.data.display().to_string()]);
    }
    if let Some(file) = &inputs.file {
        arguments.extend(["--config".to_owned(), inputs.absolute(file).display().to_string()]);
    }
    for (flag, key, value) in &inputs.flags {
        arguments.push(flag.clone());
        arguments.push(if flag == SET { format!("{key}={}", inputs.anywhere(key, value)) } else { value.clone() });
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
