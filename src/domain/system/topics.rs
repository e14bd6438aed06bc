//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::schema::SharedSchema;
use crate::capability::topics::{Topic, object_of};

/// A backup is whole.
pub(super) const COMPLETED: &str = "backup.completed";
/// A backup could not be made.
pub(super) const FAILED: &str = "backup.failed";

const fn service(name: &'static str, about: &'static str, data: fn() -> SharedSchema) -> Topic {
    Topic { name, resource: Resource::Services, about, data }
}

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: COMPLETED,
        resource: Resource::System,
        about: "A backup was made, by itself or because somebody asked for it.",
        data: || {
            object_of(&[
                ("name", "string"),
                ("place", "string"),
                ("sizeBytes", "integer"),
                ("files", "integer"),
                ("removed", "integer"),
                ("scheduled", "boolean"),
            ])
        },
    },
    Topic {
        name: FAILED,
        resource: Resource::System,
        about: "A backup that is made by itself could not be made, or one on a store of several instances.",
        data: || object_of(&[("name", "string"), ("place", "string"), ("code", "string"), ("scheduled", "boolean")]),
    },
    Topic {
        name: "gateway_route.set",
        resource: Resource::Routes,
        about: "A route of the gateway was made or changed.",
        data: || object_of(&[("routeId", "string"), ("path", "string"), ("enabled", "boolean")]),
    },
    service("service.deregistered", "An instance of a service was removed.", instance),
    service("service.health_changed", "An instance of a service got better or worse.", || {
        object_of(&[("serviceName", "string"), ("instanceId", "string"), ("before", "string"), ("health", "string")])
    }),
    service("service.registered", "An instance of a service was registered.", instance),
];

fn instance() -> SharedSchema {
    object_of(&[("serviceName", "string"), ("instanceId", "string")])
}
