//! What the domain tells the world of. What only some may see is not told of: whoever reads events may not be one of them.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// Nodes and relations were made or changed.
pub(super) const UPSERTED: &str = "graph.node.upserted";
/// A document was taken in.
pub(super) const INGESTED: &str = "knowledge.ingested";
/// A node is gone.
pub(super) const DELETED: &str = "graph.node.deleted";
/// A relation is gone.
pub(super) const RELATION_DELETED: &str = "graph.relation.deleted";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: UPSERTED,
        resource: Resource::Graph,
        about: "One call made or changed nodes or relations that everybody of the tenant may see.",
        data: || object_of(&[("created", "array"), ("changed", "array"), ("relations", "integer")]),
    },
    Topic {
        name: INGESTED,
        resource: Resource::Graph,
        about: "A document that everybody of the tenant may see was taken into the graph: how many entities and relations it bears out, and how many \
                went because nothing says them any more.",
        data: || {
            object_of(&[
                ("documentId", "string"),
                ("entities", "integer"),
                ("relations", "integer"),
                ("removed", "integer"),
            ])
        },
    },
    Topic {
        name: DELETED,
        resource: Resource::Graph,
        about: "A node that everybody of the tenant could see was removed, with its relations.",
        data: || object_of(&[("nodeId", "string")]),
    },
    Topic {
        name: RELATION_DELETED,
        resource: Resource::Graph,
        about: "A relation that everybody of the tenant could see was removed.",
        data: || object_of(&[("relationId", "string"), ("from", "string"), ("to", "string")]),
    },
];
