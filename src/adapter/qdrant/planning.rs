//! Changes as few requests: what comes to the same is written once, in an order that leads to the same.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::wire::key;
use crate::kernel::id::TenantId;
use crate::port::vectors::{Change, Corner, Space};

/// A point as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) corner: Corner,
    pub(super) id: Uuid,
    pub(super) vector: Vec<f32>,
}

impl Point {
    /// The id that it has in its collection.
    pub(super) fn key(&self) -> Uuid {
        key(self.corner.tenant, &self.corner.of, self.id)
    }
}

/// What is done at once.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// These go in every space, then those are put.
    Points {
        removed: HashSet<Uuid>,
        put: Vec<(Space, Vec<Point>)>,
    },
    NoTenant(TenantId),
    NoSpace(Space),
}

#[derive(Default)]
struct Gathered {
    removed: HashSet<Uuid>,
    put: HashMap<Space, HashMap<Uuid, Point>>,
    /// The spaces in the order in which they came.
    spaces: Vec<Space>,
}

impl Gathered {
    fn take(&mut self, parts: &mut Vec<Part>) {
        let Self { removed, mut put, spaces } = std::mem::take(self);
        let put: Vec<(Space, Vec<Point>)> = spaces
            .into_iter()
            .filter_map(|space| {
                let mut points: Vec<Point> = put.remove(&space)?.into_values().collect();
                points.sort_by_key(Point::key);
                Some((space, points)).filter(|(_, points)| !points.is_empty())
            })
            .collect();
        if !removed.is_empty() || !put.is_empty() {
            parts.push(Part::Points { removed, put });
        }
    }
}

/// The parts of changes, in order.
pub(super) fn plan(changes: Vec<Change>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut gathered = Gathered::default();
    for change in changes {
        match change {
            Change::Put { space, corner, id, vector } => {
                if !gathered.put.contains_key(&space) {
                    gathered.spaces.push(space.clone());
                }
                let point = Point { corner, id, vector };
                gathered.put.entry(space).or_default().insert(point.key(), point);
            }
            Change::Remove { tenant, of, id } => {
                let gone = key(tenant, &Arc::clone(&of), id);
                for points in gathered.put.values_mut() {
                    points.remove(&gone);
                }
                gathered.removed.insert(gone);
            }
            Change::RemoveTenant(tenant) => {
                gathered.take(&mut parts);
                parts.push(Part::NoTenant(tenant));
            }
            Change::RemoveSpace(space) => {
                gathered.take(&mut parts);
                parts.push(Part::NoSpace(space));
            }
        }
    }
    gathered.take(&mut parts);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::Id;

    fn space(name: &str) -> Space {
        Space { embedder: name.into(), size: 1 }
    }

    fn tenant() -> TenantId {
        Id::from_uuid(Uuid::from_u128(9))
    }

    fn put(name: &str, id: u128, number: f32) -> Change {
        let corner = Corner { tenant: tenant(), of: "memory".into(), part: "tenant".into() };
        Change::Put { space: space(name), corner, id: Uuid::from_u128(id), vector: vec![number] }
    }

    fn remove(id: u128) -> Change {
        Change::Remove { tenant: tenant(), of: "memory".into(), id: Uuid::from_u128(id) }
    }

    /// Each part in short: how many go, and the ids and numbers that are put.
    fn told(changes: Vec<Change>) -> Vec<String> {
        let parts = plan(changes).into_iter().map(|part| match part {
            Part::Points { removed, put } => {
                let put = put.into_iter().map(|(space, points)| {
                    let mut points: Vec<(u128, f32)> =
                        points.iter().map(|point| (point.id.as_u128(), point.vector[0])).collect();
                    points.sort_by_key(|one| one.0);
                    format!(" {}{points:?}", space.embedder)
                });
                format!("-{}{}", removed.len(), put.collect::<String>())
            }
            Part::NoTenant(_) => "no tenant".to_owned(),
            Part::NoSpace(space) => format!("no {}", space.embedder),
        });
        parts.collect()
    }

    #[test]
    fn what_comes_to_the_same_is_written_once() {
        assert_eq!(told(Vec::new()), Vec::<String>::new());
        let changes =
            vec![put("a", 1, 1.0), remove(2), put("a", 2, 2.0), put("b", 1, 3.0), put("a", 1, 4.0), remove(3)];
        assert_eq!(told(changes), ["-2 a[(1, 4.0), (2, 2.0)] b[(1, 3.0)]"]);
        assert_eq!(told(vec![put("a", 1, 1.0), put("b", 1, 1.0), remove(1)]), ["-1"]);
        let changes =
            vec![put("a", 1, 1.0), Change::RemoveTenant(tenant()), put("a", 2, 1.0), Change::RemoveSpace(space("a"))];
        assert_eq!(told(changes), ["-0 a[(1, 1.0)]", "no tenant", "-0 a[(2, 1.0)]", "no a"]);
    }
}
