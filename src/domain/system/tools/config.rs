//! `system_config`: the configuration in force.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::platform::ConfigOrigins;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::operator;
use crate::kernel::fault::Fault;
use crate::kernel::redact::{MASK, is_secret_name, redact};

/// Tells the configuration in force.
pub(in crate::domain::system) struct Config;

/// Which settings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// Only settings whose key begins with this: a section such as `server`, or a key such as `server.listen`.
    #[serde(default)]
    #[schemars(length(max = 100))]
    key: Option<String>,
}

/// The settings in force.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// Every setting, by key.
    settings: Vec<Setting>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Setting {
    /// Its key: section and name.
    key: String,
    /// Its value; secrets are masked.
    value: Value,
    /// Where the value comes from: default, a file, an environment variable, a flag.
    origin: String,
}

impl Capability for Config {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "system_config",
        Domain::System,
        Route::get("/system/config"),
        Permit::on(Resource::System, Action::Read),
        "The server's settings in force, each with where its value comes from; secrets are masked.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        // A start that was given no origins runs on the defaults.
        let origins = cx.service::<ConfigOrigins>().unwrap_or_default();
        let mut settings = Vec::new();
        let config = serde_json::to_value(&*cx.platform().config).map_err(Fault::internal)?;
        collect("", config, &origins, &mut settings);
        if let Some(start) = &input.key {
            settings.retain(|setting| setting.key.starts_with(start.as_str()));
        }
        Ok(Output { settings })
    }
}

fn collect(key: &str, value: Value, origins: &ConfigOrigins, settings: &mut Vec<Setting>) {
    match value {
        Value::Object(section) => {
            for (name, below) in section {
                let key = if key.is_empty() { name } else { format!("{key}.{name}") };
                collect(&key, below, origins, settings);
            }
        }
        value => settings.push(Setting {
            origin: origins.of(key).to_owned(),
            value: if is_secret_name(key) { MASK.into() } else { masked(value) },
            key: key.to_owned(),
        }),
    }
}

/// Masks secrets within a value, such as the password in an address.
fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redact(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(masked).collect()),
        other => other,
    }
}
