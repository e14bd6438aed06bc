//! An instance of a service outside: where it listens, what it can do, and when it was last heard of.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::id_of;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::id::{Id, Service, ServiceId, TenantId};
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// What the names of services, instances and capabilities fit.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]*$";

/// So many times its own span an instance may be silent before it is forgotten.
const FORGET_AFTER: u32 = 20;
/// But never sooner than this.
const FORGET_AT_LEAST: Duration = Duration::from_hours(1);

/// The kind of instances.
pub(crate) static SERVICE_INSTANCE: Kind = Kind {
    fields: &[
        Field { name: "serviceName", of: FieldType::Text },
        Field { name: "instanceId", of: FieldType::Text },
        Field { name: "forgetAt", of: FieldType::Time },
    ],
    unique: &[Unique { name: "instance", fields: &["serviceName", "instanceId"], across: Across::Tenant }],
    ..Kind::new("service_instance")
};

/// How a service speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scheme {
    /// In clear text.
    #[default]
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What an instance says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Says {
    /// It works.
    #[default]
    Up,
    /// It finishes what it has and takes nothing new.
    Draining,
    /// It does not work.
    Down,
}

/// How an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InstanceHealth {
    /// It was heard of in time and says that it works.
    Healthy,
    /// It finishes what it has and takes nothing new.
    Draining,
    /// It says that it does not work.
    Down,
    /// It was not heard of for longer than it promised.
    Silent,
}

/// An instance of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "named as the wire names them")]
pub(crate) struct Instance {
    pub(crate) service_name: String,
    pub(crate) instance_id: String,
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) capabilities: Vec<String>,
    #[serde(default)]
    pub(crate) depends_on: Vec<String>,
    #[serde(default)]
    pub(crate) metadata: Map<String, Value>,
    /// So long it counts as well after it was heard of.
    pub(crate) ttl_seconds: u32,
    pub(crate) says: Says,
    /// When it was last heard of.
    pub(crate) heard_at: Timestamp,
    /// From when on it is forgotten.
    pub(crate) forget_at: Timestamp,
}

impl Document for Instance {
    const KIND: &'static Kind = &SERVICE_INSTANCE;
}

impl Owned for Instance {
    const RESOURCE: Resource = Resource::Services;
    const NOUN: &'static str = "service";
}

impl Instance {
    /// The id of an instance.
    pub(crate) fn id(tenant: TenantId, service: &str, instance: &str) -> ServiceId {
        let tenant = tenant.uuid();
        let parts = [b"service".as_slice(), tenant.as_bytes(), service.as_bytes(), instance.as_bytes()];
        Id::<Service>::from_uuid(id_of(&parts))
    }

    /// It was heard of.
    pub(crate) fn heard(&mut self, now: Timestamp, says: Says) {
        self.heard_at = now;
        self.says = says;
        let ttl = Duration::from_secs(u64::from(self.ttl_seconds));
        self.forget_at = now.plus((ttl * FORGET_AFTER).max(FORGET_AT_LEAST));
    }

    /// From when on it counts as silent, unless it is heard of before.
    pub(crate) fn due_at(&self) -> Timestamp {
        self.heard_at.plus(Duration::from_secs(u64::from(self.ttl_seconds)))
    }

    /// How it is.
    pub(crate) fn health(&self, now: Timestamp) -> InstanceHealth {
        match self.says {
            _ if now > self.due_at() => InstanceHealth::Silent,
            Says::Up => InstanceHealth::Healthy,
            Says::Draining => InstanceHealth::Draining,
            Says::Down => InstanceHealth::Down,
        }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        let host = if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        format!("{}://{host}:{}", self.scheme.name(), self.port)
    }
}

/// An instance as it is told.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InstanceView {
    /// The id under which it reports.
    pub(crate) service_id: ServiceId,
    /// Its own name among the instances of the service.
    pub(crate) instance_id: String,
    /// Where it listens.
    pub(crate) url: String,
    /// Its host.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// How it is.
    pub(crate) health: InstanceHealth,
    /// When it was last heard of.
    pub(crate) heard_at: Timestamp,
    /// From when on it counts as silent, unless it is heard of before.
    pub(crate) due_at: Timestamp,
    /// What else it told of itself.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) metadata: Map<String, Value>,
}

impl InstanceView {
    pub(crate) fn new(id: uuid::Uuid, instance: Instance, now: Timestamp) -> Self {
        Self {
            service_id: Id::from_uuid(id),
            url: instance.url(),
            health: instance.health(now),
            due_at: instance.due_at(),
            instance_id: instance.instance_id,
            host: instance.host,
            port: instance.port,
            version: instance.version,
            heard_at: instance.heard_at,
            metadata: instance.metadata,
        }
    }
}
