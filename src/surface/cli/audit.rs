//! `audit`: the log as a file, and the verification of such a file with nothing but a public key and a checkpoint.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{Audit, AuditWhat, Server};
use super::exit::Failure;
use super::output;
use super::setting::Setting;
use super::target::Target;
use crate::capability::page::LARGEST_PAGE;
use crate::domain::audit::engine::export::Title;
use crate::domain::audit::engine::note::Verifier;
use crate::domain::audit::engine::offline::Offline;
use crate::kernel::codes::CodeRow;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;

/// The log, or the file, is not what was written. Only the command line ends by it.
static NOT_INTACT: CodeRow = CodeRow::of_caller(
    "audit_log_not_intact",
    422,
    "The export does not fit its checkpoint. The detail names the first line and entry that does not, where it can be named.",
);

/// How a file of an anchor begins each line.
const LINE: &str = "{\"note\":";

/// `export`: asks the installation page by page.
async fn export(
    setting: Setting,
    output: Option<&Path>,
    checkpoint: Option<&Path>,
    server: &Server,
) -> Result<(), Failure> {
    let split = checkpoint.map(|file| read_note(file).and_then(|note| size_of(file, &note))).transpose()?;
    let target = Target::of(&setting, server, "audit")?;
    let mut writer: Box<dyn std::io::Write + Send> = match output {
        Some(file) => Box::new(BufWriter::new(File::create(file).map_err(|error| Failure::file(file, error))?)),
        None => Box::new(Vec::new()),
    };
    let place = output.unwrap_or_else(|| Path::new("standard output"));
    let mut token = Value::Null;
    let mut entries = 0_u64;
    loop {
        let mut input = json!({ "limit": LARGEST_PAGE });
        if let Some(split) = split {
            input["split"] = split.into();
        }
        let is_first = token.is_null();
        if !is_first {
            input["pageToken"] = token;
        }
        let mut page = target.value("audit_export", input).await?;
        let mut lines = Vec::new();
        if is_first {
            lines.push(title(&page)?);
        }
        if let Value::Array(items) = page["items"].take() {
            entries += u64::try_from(items.iter().filter(|item| item["kind"] == "entry").count()).unwrap_or(0);
            lines.extend(items.iter().map(Value::to_string));
        }
        for line in lines {
            match output {
                Some(_) => writeln!(writer, "{line}").map_err(|error| Failure::file(place, error))?,
                None => output::text(&format!("{line}\n")),
            }
        }
        token = page["nextPageToken"].take();
        if token.is_null() {
            writer.flush().map_err(|error| Failure::file(place, error))?;
            if let Some(file) = output {
                output::json(&json!({ "file": file.display().to_string(), "entries": entries, "size": page["size"] }));
            }
            return Ok(());
        }
    }
}

fn title(page: &Value) -> Result<String, Failure> {
    let text = |name: &str| page[name].as_str().unwrap_or_default().to_owned();
    let title = Title {
        convoke_audit_export: 1,
        tenant_id: text("tenantId").parse::<TenantId>().map_err(Fault::internal)?,
        size: page["size"].as_u64().unwrap_or(0),
        checkpoint: text("checkpoint"),
        public_key: text("publicKey"),
    };
    serde_json::to_string(&title).map_err(|error| Fault::internal(error).into())
}

/// `verify`: reads the file and asks nobody.
pub(super) fn verify(export: &Path, public_key: &str, checkpoint: &Path) -> Result<(), Failure> {
    let key = if Path::new(public_key).is_file() {
        std::fs::read_to_string(public_key).map_err(|error| Failure::file(Path::new(public_key), error))?
    } else {
        public_key.to_owned()
    };
    let verifier = Verifier::parse(&key).ok_or_else(|| {
        Failure::usage("--pubkey is neither a public key of the form NAME+ID+KEY nor a file with one")
    })?;
    let note = read_note(checkpoint)?;
    let intact = |say: String| Failure::from(Fault::new(&NOT_INTACT, say));
    let mut offline = Offline::new(&verifier, &note).map_err(intact)?;
    let file = File::open(export).map_err(|error| Failure::file(export, error))?;
    for line in BufReader::new(file).lines() {
        offline.line(&line.map_err(|error| Failure::file(export, error))?);
    }
    let found = offline.end();
    let told = serde_json::to_value(&found).map_err(Fault::internal)?;
    output::json(&told);
    let Some(broken) = found.first_broken else { return Ok(()) };
    let place = match (broken.number, broken.line) {
        (Some(number), Some(line)) => format!("entry {number}, line {line}: "),
        (None, Some(line)) => format!("line {line}: "),
        (_, None) => String::new(),
    };
    Err(Fault::new(&NOT_INTACT, format!("{place}{}", broken.why)).with_detail(told).into())
}

/// A checkpoint in a file: a signed note, or the last line of what an anchor keeps.
fn read_note(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, error))?;
    let Some(last) = text.lines().rev().find(|line| line.starts_with(LINE)) else { return Ok(text) };
    let line: Value = serde_json::from_str(last).map_err(|error| Failure::file(file, error))?;
    Ok(line["note"].as_str().unwrap_or_default().to_owned())
}

fn size_of(file: &Path, note: &str) -> Result<u64, Failure> {
    let size = note.lines().nth(1).and_then(|size| size.parse().ok());
    size.ok_or_else(|| Failure::file(file, "it is not a checkpoint"))
}

/// Runs a command of `audit`.
pub(super) async fn run(setting: Setting, asked: Audit) -> Result<(), Failure> {
    match asked.what {
        AuditWhat::Export { output, checkpoint, server } => {
            Box::pin(export(setting, output.as_deref(), checkpoint.as_deref(), &server)).await
        }
        AuditWhat::Verify { export, pubkey, checkpoint } => verify(&export, &pubkey, &checkpoint),
    }
}
