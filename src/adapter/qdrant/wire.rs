//! What is sent and what comes back: names of collections, points with their payload, filters.

use std::cmp::Reverse;

use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vector_output::Vector;
use qdrant_client::qdrant::{
    Condition, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, Distance, FieldType, Filter,
    HnswConfigDiffBuilder, KeywordIndexParamsBuilder, PayloadIncludeSelector, PointId, PointStruct, PointsIdsList,
    RetrievedPoint, ScoredPoint, SetPayloadPointsBuilder, Value, VectorParamsBuilder,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::planning::Point;
use super::state::Payload;
use crate::kernel::id::TenantId;
use crate::port::vectors::{Corner, Near, Space};

/// The fields by which points are chosen. By the first, the tenant, points are kept together.
pub(super) const INDEXED: [&str; 3] = ["tenant", "of", "part"];

/// So many links of a point are kept for each value of an indexed field; none for all points together, which nobody searches.
const LINKS: u64 = 16;

/// What the names of a generation's collections begin with.
pub(super) fn generation(prefix: &str, generation: u64) -> String {
    format!("{prefix}_g{generation}_")
}

/// The name of a space's collection.
pub(super) fn collection(prefix: &str, number: u64, space: &Space) -> String {
    let mut short = [0; 8];
    short.copy_from_slice(&Sha256::digest(space.embedder.as_bytes())[..8]);
    format!("{}{:016x}_{}", generation(prefix, number), u64::from_be_bytes(short), space.size)
}

/// The name of the collection with what is kept of the whole.
pub(super) fn state(prefix: &str) -> String {
    format!("{prefix}_state")
}

/// Whether a collection is one of ours.
pub(super) fn is_ours(prefix: &str, name: &str) -> bool {
    let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    rest.is_some_and(|rest| {
        let number = rest.strip_prefix('g').and_then(|rest| rest.split_once('_')).map(|(number, _)| number);
        rest == "state" || number.is_some_and(|number| number.parse::<u64>().is_ok())
    })
}

/// A collection as it is made.
pub(super) fn collection_of(name: &str, size: usize) -> CreateCollectionBuilder {
    CreateCollectionBuilder::new(name)
        .vectors_config(VectorParamsBuilder::new(size as u64, Distance::Cosine))
        .hnsw_config(HnswConfigDiffBuilder::default().m(0).payload_m(LINKS))
}

/// An index over a field.
pub(super) fn index_of(collection: &str, field: &str) -> CreateFieldIndexCollectionBuilder {
    let parameters = KeywordIndexParamsBuilder::default().is_tenant(field == INDEXED[0]);
    CreateFieldIndexCollectionBuilder::new(collection, field, FieldType::Keyword)
        .field_index_params(parameters.build())
        .wait(true)
}

/// The id of a point in its collection: of a tenant, a kind and an id there is one.
pub(super) fn key(tenant: TenantId, of: &str, id: Uuid) -> Uuid {
    let mut digest = Sha256::new();
    digest.update(tenant.uuid().as_bytes());
    digest.update(id.as_bytes());
    digest.update(of.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

/// A vector of the length one in the same direction, and its own length. What has no direction stays.
#[expect(clippy::cast_possible_truncation, reason = "kept as the server keeps them")]
pub(super) fn unit(vector: &[f32]) -> (Vec<f32>, f64) {
    let length = vector.iter().map(|number| f64::from(*number) * f64::from(*number)).sum::<f64>().sqrt();
    if length == 0.0 {
        return (vector.to_vec(), length);
    }
    (vector.iter().map(|number| (f64::from(*number) / length) as f32).collect(), length)
}

/// A point as it is written.
pub(super) fn point(point: &Point) -> PointStruct {
    let Point { corner, id, vector } = point;
    let (vector, length) = unit(vector);
    let payload = Payload::from([
        ("tenant".to_owned(), Value::from(corner.tenant.uuid().to_string())),
        ("of".to_owned(), Value::from(corner.of.to_string())),
        ("part".to_owned(), Value::from(corner.part.to_string())),
        ("id".to_owned(), Value::from(id.to_string())),
        ("length".to_owned(), Value::from(length)),
    ]);
    PointStruct::new(point.key().to_string(), vector, payload)
}

fn matches(field: &str, value: &str) -> Condition {
    Condition::matches(field, value.to_owned())
}

/// The points that lie in corners of one tenant and kind, and are among those named.
pub(super) fn filter(corners: &[Corner], among: Option<&[Uuid]>) -> Filter {
    let mut all = Vec::new();
    if let Some(first) = corners.first() {
        all.push(matches("tenant", &first.tenant.uuid().to_string()));
        all.push(matches("of", &first.of));
        let parts: Vec<String> = corners.iter().map(|corner| corner.part.to_string()).collect();
        all.push(Condition::matches("part", parts));
    }
    if let Some(among) = among {
        all.push(Condition::has_id(ids(among)));
    }
    Filter::must(all)
}

/// The points of a tenant.
pub(super) fn of_tenant(tenant: TenantId) -> Filter {
    Filter::must([matches("tenant", &tenant.uuid().to_string())])
}

/// Ids as they are sent.
pub(super) fn ids(keys: &[Uuid]) -> Vec<PointId> {
    keys.iter().map(|key| PointId::from(key.to_string())).collect()
}

/// Points by their ids.
pub(super) fn points(keys: &[Uuid]) -> PointsIdsList {
    PointsIdsList { ids: ids(keys) }
}

/// The point with what is kept of the whole.
pub(super) fn state_point() -> Vec<PointId> {
    vec![PointId { point_id_options: Some(PointIdOptions::Num(1)) }]
}

/// That point, with nothing in it.
pub(super) fn empty_state() -> PointStruct {
    PointStruct::new(1, vec![1.0], Payload::new())
}

/// Sets fields of that point, and leaves the others.
pub(super) fn set(collection: &str, payload: Payload) -> SetPayloadPointsBuilder {
    SetPayloadPointsBuilder::new(collection, payload).points_selector(PointsIdsList { ids: state_point() }).wait(true)
}

/// Only these fields of a payload.
pub(super) fn only(fields: &[&str]) -> PayloadIncludeSelector {
    PayloadIncludeSelector { fields: fields.iter().map(|field| (*field).to_owned()).collect() }
}

fn id_in(payload: &Payload) -> Option<Uuid> {
    payload.get("id")?.as_str()?.parse().ok()
}

/// A point that was found.
pub(super) fn near(point: &ScoredPoint) -> Option<Near> {
    Some(Near { id: id_in(&point.payload)?, likeness: point.score })
}

/// By what found points are ordered: how near, in steps within which they are equal, and their ids.
#[expect(clippy::cast_possible_truncation, reason = "a cosine")]
pub(super) fn rank(near: &Near) -> (Reverse<i64>, Uuid) {
    (Reverse((f64::from(near.likeness) * 1e6).round() as i64), near.id)
}

/// The vector of a point as it was put, where it lies in a corner.
#[expect(clippy::cast_possible_truncation, reason = "kept as the server keeps them")]
pub(super) fn held(point: &RetrievedPoint, corner: &Corner) -> Option<(Uuid, Vec<f32>)> {
    if point.payload.get("part")?.as_str()?.as_str() != &*corner.part {
        return None;
    }
    let length = point.payload.get("length")?.as_double()?;
    let Vector::Dense(vector) = point.vectors.as_ref()?.get_vector()? else { return None };
    let vector = vector.data.into_iter().map(|number| (f64::from(number) * length) as f32).collect();
    Some((id_in(&point.payload)?, vector))
}
