//! `service_register`: an outside service makes itself known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::gateway::Gateway;
use crate::domain::system::faults::ADDRESS_FORBIDDEN;
use crate::domain::system::model::instance::{Instance, NAME_PATTERN, Says, Scheme};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::ServiceId;
use crate::kernel::time::Timestamp;
use crate::port::outside::OutFault;
use crate::port::records::Visibility;

/// Registers an instance of a service.
pub(in crate::domain::system) struct ServiceRegister;

/// No more of what an instance tells of itself is kept.
const MOST_METADATA: usize = 8 << 10;
/// How often an instance reports within its span.
const BEATS: u32 = 3;

/// An instance of a service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// The service, such as `invoicing`.
    #[schemars(length(min = 1, max = 64), pattern(NAME_PATTERN))]
    service_name: String,
    /// This instance among those of the service; the host and port when not given. Registered again it is replaced.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64), pattern(NAME_PATTERN))]
    instance_id: Option<String>,
    /// The host name or address that it listens on. One that is not public must lie in a network that the operator allows.
    #[schemars(length(min = 1, max = 253))]
    host: String,
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    port: u16,
    /// How it speaks; `http` when not given.
    #[serde(default)]
    scheme: Scheme,
    /// Its version.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// What it can do, in names that those who look for it know.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 64), pattern(NAME_PATTERN)))]
    capabilities: Vec<String>,
    /// The services that it needs.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 64), pattern(NAME_PATTERN)))]
    depends_on: Vec<String>,
    /// Whatever else is worth knowing, such as region and capacity; at most 8 KiB.
    #[serde(default)]
    metadata: Map<String, Value>,
    /// For how long it counts as healthy after it was heard of, in seconds; 30 when not given.
    #[serde(default)]
    #[schemars(range(min = 5, max = 3600))]
    ttl_seconds: Option<u32>,
}

/// How the instance is known now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The id under which it reports with `service_heartbeat`.
    service_id: ServiceId,
    /// The service.
    service_name: String,
    /// The instance.
    instance_id: String,
    /// Where it is sought.
    url: String,
    /// From when on it counts as silent, unless it reports before.
    due_at: Timestamp,
    /// How often it had best report, in seconds.
    heartbeat_seconds: u32,
}

impl Capability for ServiceRegister {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "service_register",
        Domain::System,
        Route::post("/services/register"),
        Permit::on(Resource::Services, Action::Change),
        "Registers an instance of an outside service with host, port and what it can do, so that gateway routes and \
         service_discover find it. It stays healthy as long as it reports with service_heartbeat.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        may_lie_there(cx, &input.host)?;
        let size = serde_json::to_string(&input.metadata).map_err(Fault::internal)?.len();
        if size > MOST_METADATA {
            return Err(Fault::bad_input("/metadata", format!("must be at most {MOST_METADATA} bytes, not {size}")));
        }
        let instance_id = input.instance_id.unwrap_or_else(|| named_by_place(&input.host, input.port));
        let id = Instance::id(cx.tenant(), &input.service_name, &instance_id);
        let mut instance = Instance {
            service_name: input.service_name,
            instance_id,
            scheme: input.scheme,
            host: input.host,
            port: input.port,
            version: input.version,
            capabilities: input.capabilities,
            depends_on: input.depends_on,
            metadata: input.metadata,
            ttl_seconds: input.ttl_seconds.unwrap_or(30),
            says: Says::Up,
            heard_at: cx.now(),
            forget_at: cx.now(),
        };
        instance.heard(cx.now(), Says::Up);
        match cx.load::<Instance>(id.uuid(), Action::Change).await {
            Ok(stored) => cx.change(&stored, &instance)?,
            Err(fault) if fault.is(&codes::NOT_FOUND) => {
                let owner = Some(cx.caller().user.uuid());
                cx.create(id.uuid(), Belongs { owner, workspace: None, visibility: Visibility::Tenant }, &instance)?;
            }
            Err(fault) => return Err(fault),
        }
        let event = serde_json::json!({ "serviceName": instance.service_name, "instanceId": instance.instance_id });
        cx.emit("service.registered", id, &event)?;
        Ok(Output {
            service_id: id,
            url: instance.url(),
            due_at: instance.due_at(),
            heartbeat_seconds: (instance.ttl_seconds / BEATS).max(1),
            service_name: instance.service_name,
            instance_id: instance.instance_id,
        })
    }
}

/// An address is judged at once, so that whoever registers learns it; a name whenever it is resolved.
fn may_lie_there(cx: &Cx, host: &str) -> Result<(), Fault> {
    cx.service::<Gateway>()?.outside().may_name(host).map_err(|fault| match fault {
        OutFault::Forbidden(why) => Fault::new(&ADDRESS_FORBIDDEN, why),
        OutFault::NotReached(_) | OutFault::TimedOut | OutFault::Broken(_) => {
            Fault::bad_input("/host", "must be a host name or an address, without scheme, port and path")
        }
    })
}

/// A name for an instance that gave none.
fn named_by_place(host: &str, port: u16) -> String {
    let letters = host.chars().map(|one| if one.is_ascii_alphanumeric() || one == '.' { one } else { '-' });
    let host: String = letters.skip_while(|one| !one.is_ascii_alphanumeric()).take(58).collect();
    format!("{host}-{port}")
}
