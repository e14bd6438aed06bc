//! What comes as files: prompts, personas and templates of processes, compiled in, with those of the data folder over them.

use std::path::Path;
use std::sync::Arc;

use super::built_in;
use crate::adapter::feel::FeelLanguage;
use crate::adapter::tokens::Tiktoken;
use crate::domain::personas::library::{Personas, unmet};
use crate::domain::processes::library::{self as processes, Templates};
use crate::domain::prompts::library::Library;
use crate::kernel::fault::Fault;
use crate::port::expressions::Expressions;
use crate::port::overlay::{Broken, Overlaid};
use crate::runtime::folders::read;

/// The files by what they are.
pub(crate) struct Files {
    pub(crate) prompts: Arc<Library>,
    pub(crate) personas: Arc<Personas>,
    pub(crate) templates: Arc<Templates>,
}

/// Those that come with the program.
pub(crate) fn built_in() -> Result<Files, Fault> {
    let (prompts, wrong) = Library::new(&built_in::files(&built_in::PROMPTS, "md"));
    none_of(&wrong)?;
    let (personas, wrong) = Personas::new(&built_in::files(&built_in::PERSONAS, "md"));
    none_of(&wrong)?;
    let (templates, wrong) = Templates::new(&built_in::files(&built_in::PROCESSES, "json"));
    none_of(&wrong)?;
    Ok(Files { prompts: Arc::new(prompts), personas: Arc::new(personas), templates: Arc::new(templates) })
}

fn none_of(wrong: &[Broken]) -> Result<(), Fault> {
    let all: Vec<String> = wrong.iter().map(|one| format!("{}: {}", one.place, one.why)).collect();
    if all.is_empty() { Ok(()) } else { Err(Fault::internal(all.join("; "))) }
}

/// Reads the files of a data folder as a start would read them, and holds them against their own checks. Answers how many there
/// are, and what is wrong.
pub(crate) async fn check(data: &Path) -> Result<(usize, Vec<String>), Fault> {
    let Files { prompts, personas, templates } = built_in()?;
    let mut faults = Vec::new();
    let folders: [&dyn Overlaid; 3] = [&*prompts, &*personas, &*templates];
    for one in folders {
        let laid = read(data, one.folder(), one.ending());
        faults.extend(one.take(&laid).into_iter().map(|one| format!("{}: {}", one.place, one.why)));
    }
    let (prompts, personas, templates) = (prompts.present(), personas.present(), templates.present());
    let place = |folder: &str, (id, why): (String, String)| format!("{folder}/{id}: {why}");
    faults.extend(prompts.unmet(&Tiktoken).await.into_iter().map(|one| place("prompts", one)));
    faults.extend(unmet(&personas, &Tiktoken).await.into_iter().map(|one| place("personas", one)));
    let language: Arc<dyn Expressions> = Arc::new(FeelLanguage::default());
    faults.extend(processes::unmet(&templates, &language).into_iter().map(|one| place("processes", one)));
    Ok((prompts.all().count() + personas.len() + templates.len(), faults))
}
