//! The providers of models: compiled in from `providers/`, and over them those in the folder `providers` of the data folder.

use include_dir::{Dir, include_dir};

use crate::capability::overlay::SourceFile;
use crate::domain::models::catalogue::{FileFault, Providers};
use crate::kernel::fault::Fault;

static PROVIDERS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/providers");

/// Those that come with the program.
pub(crate) fn built_in() -> Result<Providers, Fault> {
    let told = |faults: Vec<FileFault>| {
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Fault::internal(told.join("\n"))
    };
    Providers::new(&files()).map_err(told)
}

/// The files that come with the program.
pub(crate) fn files() -> Vec<SourceFile> {
    let of_provider = PROVIDERS.files().filter(|file| file.path().extension().is_some_and(|ending| ending == "toml"));
    let read = |file: &include_dir::File<'_>| SourceFile {
        path: format!("providers/{}", file.path().display()),
        text: file.contents_utf8().map(str::to_owned).ok_or_else(|| "is no UTF-8".to_owned()),
    };
    of_provider.map(read).collect()
}
