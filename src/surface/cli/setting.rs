//! What a command stands on: the process's environment and folders, read once, and the configuration made of them.

use crate::capability::spec::Domain;
use crate::config::load::{self, Inputs, Loaded, Misfit};
use crate::config::origins::Source;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

use super::arguments::Options;

/// The flag that sets any key.
pub(super) const SET: &str = "--set";

/// What the configuration is made of.
pub(super) struct Setting {
    inputs: Inputs,
}

impl Setting {
    /// What this process was started with.
    pub(super) fn of_process(options: Options) -> Result<Self, Fault> {
        let working = std::env::current_dir().map_err(|error| {
            Fault::new(&codes::BAD_CONFIGURATION, format!("the working folder cannot be used: {error}"))
        })?;
        // A variable that is not Unicode is none of ours.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let Options { data, config, set, log_level } = options;
        let flags = set.into_iter().map(|(key, value)| (SET.to_owned(), key, value)).collect();
        let mut setting = Self { inputs: Inputs { working, data, file: config, environment, flags } };
        setting.flag("--log-level", "logging.level", log_level.as_deref());
        Ok(setting)
    }

    /// A flag that stands for a key.
    pub(super) fn flag(&mut self, flag: &str, key: &str, value: Option<&str>) {
        self.inputs.flags.extend(value.map(|value| (flag.to_owned(), key.to_owned(), value.to_owned())));
    }

    /// The configuration in force.
    pub(super) fn load(&self) -> Result<Loaded, Fault> {
        let loaded = load::load(&self.inputs)?;
        // Which toolsets there are is known here, not where the configuration is read.
        match unknown_toolsets(&loaded.config.mcp.toolsets) {
            None => Ok(loaded),
            Some(message) => {
                let key = "mcp.toolsets".to_owned();
                let source = loaded.origins.get(&key).cloned().unwrap_or(Source::Default);
                Err(load::fault(&[Misfit { key, source, message }]))
            }
        }
    }

    /// What it is made of.
    pub(super) fn inputs(&self) -> &Inputs {
        &self.inputs
    }
}

/// What is wrong with the names of toolsets.
pub(super) fn unknown_toolsets(names: &[String]) -> Option<String> {
    let known = |name: &str| ["compact", "all"].contains(&name) || Domain::parse(name).is_some();
    let unknown: Vec<&str> = names.iter().map(String::as_str).filter(|name| !known(name)).collect();
    let domains: Vec<&str> = Domain::ALL.iter().map(|domain| domain.name()).collect();
    (!unknown.is_empty())
        .then(|| format!("'{}' is no toolset: use compact, all, {}", unknown.join("', '"), domains.join(", ")))
}
