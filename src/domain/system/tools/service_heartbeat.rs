//! `service_heartbeat`: an instance of an outside service says that it is there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::model::instance::{Instance, InstanceHealth, Says};
use crate::kernel::fault::Fault;
use crate::kernel::id::ServiceId;
use crate::kernel::time::Timestamp;

/// Keeps an instance alive.
pub(in crate::domain::system) struct ServiceHeartbeat;

/// Which instance, and how it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// The instance's id, as `service_register` told it.
    service_id: ServiceId,
    /// How it is; `up` when not given. One that is draining or down gets no new requests and is still listed.
    #[serde(default)]
    status: Says,
}

/// How it is known now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The instance's id.
    service_id: ServiceId,
    /// How it is.
    health: InstanceHealth,
    /// From when on it counts as silent, unless it reports before.
    due_at: Timestamp,
}

impl Capability for ServiceHeartbeat {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "service_heartbeat",
        Domain::System,
        Route::post("/health/{serviceId}"),
        Permit::on(Resource::Services, Action::Change),
        "Reports that an instance registered with service_register is there and how it is: up, draining or down. Without it the \
         instance counts as silent after its span, and is forgotten later.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Instance>(input.service_id.uuid(), Action::Change).await?;
        let before = stored.value.health(cx.now());
        let mut instance = stored.value.clone();
        instance.heard(cx.now(), input.status);
        cx.change(&stored, &instance)?;
        let health = instance.health(cx.now());
        if health != before {
            let event = serde_json::json!({
                "serviceName": instance.service_name, "instanceId": instance.instance_id, "before": before, "health": health,
            });
            cx.emit("service.health_changed", input.service_id, &event)?;
        }
        Ok(Output { service_id: input.service_id, health, due_at: instance.due_at() })
    }
}
