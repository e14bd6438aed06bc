//! What Neo4j holds of a node or relation: what it is found and judged by, and no more. Texts of documents are read from the records.

use neo4rs::{BoltMap, BoltType};
use serde_json::Value;

use super::statement::{id, plain};
use crate::kernel::time::Timestamp;
use crate::port::records::{Record, Visibility};

/// Longer texts are not held: they are never asked for by their whole.
pub(super) const LONGEST_TEXT: usize = 256;

/// What a property is called where it is held: apart from what every node has.
pub(super) fn property_name(name: &str) -> String {
    format!("p.{name}")
}

/// A node as it is held.
pub(super) fn node(record: &Record) -> BoltType {
    let mut held = envelope(record);
    held.put("there".into(), true.into());
    texts(record, &["type", "key", "nameKey"], &mut held);
    properties(record, &mut held);
    BoltType::Map(held)
}

/// A relation as it is held; `None` where it has no ends.
pub(super) fn relation(record: &Record) -> Option<BoltType> {
    let mut held = envelope(record);
    for end in ["from", "to"] {
        let uuid = record.body.get(end)?.as_str()?.parse().ok()?;
        held.put(end.into(), id(uuid));
    }
    texts(record, &["type"], &mut held);
    properties(record, &mut held);
    Some(BoltType::Map(held))
}

fn envelope(record: &Record) -> BoltMap {
    let mut held = BoltMap::new();
    held.put("tenant".into(), id(record.tenant.uuid()));
    held.put("id".into(), id(record.id));
    held.put("revision".into(), record.revision.into());
    let visibility = match record.visibility {
        Visibility::Private => "private",
        Visibility::Workspace => "workspace",
        Visibility::Tenant => "tenant",
    };
    held.put("visibility".into(), visibility.into());
    for (name, value) in [("owner", record.owner), ("workspace", record.workspace)] {
        if let Some(value) = value {
            held.put(name.into(), id(value));
        }
    }
    for name in ["validFrom", "validTo"] {
        let text = record.body.get(name).and_then(Value::as_str);
        if let Some(moment) = text.and_then(|text| text.parse::<Timestamp>().ok()) {
            held.put(name.into(), moment.as_millis().into());
        }
    }
    held
}

fn texts(record: &Record, names: &[&str], held: &mut BoltMap) {
    for name in names {
        if let Some(text) = record.body.get(name).and_then(Value::as_str) {
            held.put((*name).into(), text.into());
        }
    }
}

fn properties(record: &Record, held: &mut BoltMap) {
    for (name, value) in record.body.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(value) = plain(value) {
            held.put(property_name(name).as_str().into(), value);
        }
    }
}
