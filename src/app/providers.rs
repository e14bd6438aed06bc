//! The providers of models: compiled in from `providers/`, and over them those in the folder `providers` of the data folder.

use super::built_in;
use crate::domain::models::catalogue::{FileFault, Providers};
use crate::kernel::fault::Fault;

/// Those that come with the program.
pub(crate) fn built_in() -> Result<Providers, Fault> {
    let told = |faults: Vec<FileFault>| {
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Fault::internal(told.join("\n"))
    };
    Providers::new(&built_in::files(&built_in::PROVIDERS, "toml")).map_err(told)
}
