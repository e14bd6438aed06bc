//! `system_config`: the configuration in force.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::platform::Setting;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::operator;
use crate::kernel::fault::Fault;

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
        let mut settings = cx.platform().settings();
        if let Some(start) = &input.key {
            settings.retain(|setting| setting.key.starts_with(start.as_str()));
        }
        Ok(Output { settings })
    }
}
