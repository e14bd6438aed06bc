//! What the tests stand on: the program on a fresh folder, with people in it.

pub(crate) mod app;
pub(crate) mod bolt;
pub(crate) mod breaking;
pub(crate) mod buckets;
pub(crate) mod examples;
pub(crate) mod guests;
pub(crate) mod ledger;
pub(crate) mod nats;
pub(crate) mod neo4j;
pub(crate) mod program;
pub(crate) mod scene;
pub(crate) mod scripted;
pub(crate) mod servers;
pub(crate) mod vendor;
pub(crate) mod wire;
