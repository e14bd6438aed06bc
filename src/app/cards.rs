//! The cards of the tools, compiled in from `tools/`.

use include_dir::{Dir, include_dir};

use crate::capability::tool::Card;
use crate::kernel::fault::Fault;

static TOOLS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tools");

/// Every card.
pub(crate) fn built_in() -> Result<Vec<Card>, Fault> {
    let folders = TOOLS.dirs().flat_map(Dir::files);
    folders
        .filter(|file| file.path().extension().is_some_and(|ending| ending == "toml"))
        .map(|file| {
            let text = file.contents_utf8().unwrap_or_default();
            toml::from_str(text).map_err(|error| Fault::internal(format!("{}: {error}", file.path().display())))
        })
        .collect()
}
