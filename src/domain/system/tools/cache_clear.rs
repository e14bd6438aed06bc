//! `system_cache_clear`: emptying caches.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::caches::{Listed, NamedCache as _};
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::operator;
use crate::kernel::fault::{Fault, Violation};

/// Empties caches.
pub(in crate::domain::system) struct CacheClear;

/// Which caches.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// The names of the caches, as `system_cache_stats` lists them; all of them when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 64)))]
    names: Option<Vec<String>>,
}

/// What went.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The caches that were emptied.
    cleared: Vec<Cleared>,
    /// Entries that went, over all of them.
    freed: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Cleared {
    /// The cache.
    name: &'static str,
    /// Entries that went.
    freed: u64,
}

impl Capability for CacheClear {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "system_cache_clear",
        Domain::System,
        Route::post("/system/cache/clear"),
        Permit::on(Resource::System, Action::Change),
        "Empties the named caches, or all of them, and tells how many entries went. Answers stay right without it: it costs \
         only time. For figures use system_cache_stats.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        let chosen = choose(cx.platform().caches.all(), input.names.as_deref())?;
        let cleared: Vec<Cleared> =
            chosen.iter().map(|listed| Cleared { name: listed.name, freed: listed.clear() }).collect();
        Ok(Output { freed: cleared.iter().map(|one| one.freed).sum(), cleared })
    }
}

/// The caches of these names, each once. Nothing is emptied when one of the names is wrong.
fn choose(all: Vec<Listed>, names: Option<&[String]>) -> Result<Vec<Listed>, Fault> {
    let Some(names) = names else { return Ok(all) };
    let known: Vec<&str> = all.iter().map(|listed| listed.name).collect();
    let wrong: Vec<Violation> = names
        .iter()
        .enumerate()
        .filter(|(_, name)| !known.contains(&name.as_str()))
        .map(|(place, name)| Violation {
            pointer: format!("/names/{place}"),
            message: format!("there is no cache '{name}'; there are {}", known.join(", ")),
        })
        .collect();
    if !wrong.is_empty() {
        return Err(Fault::violations(wrong));
    }
    Ok(all.into_iter().filter(|listed| names.iter().any(|name| name == listed.name)).collect())
}
