//! `service_deregister`: an outside service is not to be found any more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::model::instance::{Instance, NAME_PATTERN};
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Query, Scalar};

/// Removes a service.
pub(in crate::domain::system) struct ServiceDeregister;

/// More instances than this are not removed by one call.
const MOST: u32 = 500;

/// Which service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// The service's name.
    #[schemars(length(min = 1, max = 64), pattern(NAME_PATTERN))]
    name: String,
    /// Only this instance of it; all when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64), pattern(NAME_PATTERN))]
    instance_id: Option<String>,
}

/// What was removed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The service.
    name: String,
    /// The instances that were removed.
    removed: Vec<String>,
}

impl Capability for ServiceDeregister {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::remove(
        "service_deregister",
        Domain::System,
        Route::delete("/services/{name}"),
        Permit::on(Resource::Services, Action::Remove),
        "Takes an outside service, or one instance of it, out of the registry: it is not found any more and gateway routes do not \
         lead to it. One that only pauses reports 'draining' with service_heartbeat.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let mut filter = Filter::is("serviceName", Scalar::Text(input.name.clone()));
        if let Some(instance) = &input.instance_id {
            filter = filter.and(Filter::is("instanceId", Scalar::Text(instance.clone())));
        }
        let query = Query { filter, order: "instanceId", descending: false, after: None, limit: MOST };
        let found = cx.find::<Instance>(query).await?;
        if found.is_empty() {
            return Err(Fault::not_found("service", &input.name));
        }
        let mut removed = Vec::with_capacity(found.len());
        for one in found {
            let stored = cx.load::<Instance>(one.id, Action::Remove).await?;
            cx.remove(&stored)?;
            let event = serde_json::json!({ "serviceName": input.name, "instanceId": stored.value.instance_id });
            cx.emit("service.deregistered", stored.id, &event)?;
            removed.push(stored.value.instance_id);
        }
        Ok(Output { name: input.name, removed })
    }
}
