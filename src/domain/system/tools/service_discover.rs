//! `service_discover`: the healthy instances of a service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::model::instance::{Instance, InstanceHealth, InstanceView, NAME_PATTERN};
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Query, Scalar};

/// Finds instances.
pub(in crate::domain::system) struct ServiceDiscover;

/// More instances of a service are not looked at.
const MOST: u32 = 1000;

/// Which service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// The service's name.
    #[schemars(length(min = 1, max = 64), pattern(NAME_PATTERN))]
    name: String,
    /// Only instances of this version.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// Only instances that can do this.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    capability: Option<String>,
}

/// The instances that take requests.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The service.
    name: String,
    /// The healthy instances that fit, those heard of last first.
    items: Vec<InstanceView>,
    /// How many instances are registered, healthy or not.
    registered: usize,
}

impl Capability for ServiceDiscover {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "service_discover",
        Domain::System,
        Route::get("/services/{name}"),
        Permit::on(Resource::Services, Action::Read),
        "Where to reach an outside service: the healthy instances registered under its name, with URL and version. For all \
         services, healthy or not, use system_services.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let filter = Filter::is("serviceName", Scalar::Text(input.name.clone()));
        let query = Query { filter, order: "instanceId", descending: false, after: None, limit: MOST };
        let found = cx.find::<Instance>(query).await?;
        if found.is_empty() {
            return Err(Fault::not_found("service", &input.name));
        }
        let (registered, now) = (found.len(), cx.now());
        let mut items: Vec<InstanceView> = found
            .into_iter()
            .filter(|one| {
                let instance = &one.value;
                instance.health(now) == InstanceHealth::Healthy
                    && input.version.as_ref().is_none_or(|version| instance.version.as_ref() == Some(version))
                    && input.capability.as_ref().is_none_or(|wanted| instance.capabilities.contains(wanted))
            })
            .map(|one| InstanceView::new(one.id, one.value, now))
            .collect();
        items.sort_by(|one, other| {
            other.heard_at.cmp(&one.heard_at).then_with(|| one.instance_id.cmp(&other.instance_id))
        });
        Ok(Output { name: input.name, items, registered })
    }
}
