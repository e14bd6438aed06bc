//! `check`: everything that an operator writes, read as a start would read it: the configuration with the files that it
//! names, the object stores, the cards of tools, the providers of models, prompts and personas with their checks.

use std::sync::Arc;

use serde_json::json;

use super::exit::{Exit, Failure};
use super::output;
use super::setting::Setting;
use crate::adapter::keys::ProcessEnvironment;
use crate::app::objects::Reach;
use crate::app::{App, cards, files, providers};
use crate::config::load::data_folder;
use crate::domain::MODULES;
use crate::kernel::clock::{Clock, SystemClock};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::overlay::Overlaid as _;
use crate::port::secrets::Environment;
use crate::runtime::folders;
use crate::surface::http::tls;

pub(super) async fn run(setting: Setting) -> Result<(), Failure> {
    let mut faults: Vec<String> = Vec::new();
    let mut read = 0_usize;
    let mut tell = |fault: &Fault| faults.extend(fault.say().lines().map(str::to_owned));
    match setting.load() {
        Ok(loaded) => {
            read += 1 + loaded.files.len();
            if let Err(fault) = tls::acceptor(&loaded.config.server).await {
                tell(&fault);
            }
            let (clock, environment): (Arc<dyn Clock>, Arc<dyn Environment>) =
                (Arc::new(SystemClock), Arc::new(ProcessEnvironment));
            let (config, data) = (&loaded.config, loaded.data.as_path());
            let reach = Reach { config, data, environment: &environment, clock: &clock, vault: None };
            if let Err(fault) = App::check_bus(reach).await {
                tell(&fault);
            }
            reach.faults().await.iter().for_each(&mut tell);
        }
        Err(fault) => tell(&fault),
    }
    let known: Vec<&str> = MODULES.iter().flat_map(|module| module.rows.iter()).map(|row| row.spec.name).collect();
    let built_in = cards::built_in()?;
    read += built_in.len();
    for name in &known {
        if !built_in.iter().any(|card| card.tool == *name) {
            faults.push(format!("the tool {name} has no card"));
        }
    }
    // Where the configuration cannot be used, the data folder is often known all the same.
    if let Ok(data) = data_folder(setting.inputs()) {
        let laid = cards::laid_over(&data, &known);
        read += laid.cards.len() + laid.broken.len();
        faults.extend(laid.broken.into_iter().map(|(file, why)| format!("{}: {why}", file.display())));
        let built_in = providers::built_in()?;
        let files = folders::read(&data, built_in.folder(), built_in.ending());
        read += built_in.current().providers().count() + files.len();
        faults.extend(built_in.take(&files).into_iter().map(|broken| format!("{}: {}", broken.place, broken.why)));
        let (count, wrong) = files::check(&data).await?;
        read += count;
        faults.extend(wrong);
    }
    output::json(&json!({ "read": read, "faults": faults }));
    if faults.is_empty() {
        return Ok(());
    }
    let fault = Fault::new(&codes::BAD_CONFIGURATION, faults.join("\n")).with_detail(json!({ "faults": faults }));
    Err(Failure { exit: Exit::Configuration, ..fault.into() })
}
