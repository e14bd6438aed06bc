//! What the knowledge graph is asked of: the records, or a Neo4j that follows them.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::objects::Reach;
use crate::adapter::graph::StoreGraph;
use crate::adapter::graph::neo4j::{Address, FedStore, Neo4jGraph, Settings};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::seal::Seal;
use crate::kernel::secret::Secret;
use crate::port::graph::Graph;
use crate::port::store::Store;
use crate::runtime::supervise::Supervisor;

/// The name of the other backend.
const NEO4J: &str = "neo4j";
/// Of the five seconds that a question has, Neo4j gets so much to say that it is there.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How often it is looked whether Neo4j has everything, and how long after it failed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(3);

/// The graph, and what comes with it.
pub(super) struct Opened {
    /// The store that everything is written to from now on.
    pub(super) store: Arc<dyn Store>,
    /// Who answers.
    pub(super) graph: Arc<dyn Graph>,
    /// Who follows the store.
    pub(super) follower: Option<Arc<Neo4jGraph>>,
}

/// The graph of a configuration. A Neo4j must be there.
pub(super) async fn open(reach: Reach<'_>, store: Arc<dyn Store>, seal: &Seal) -> Result<Opened, Fault> {
    let Reach { config, data, .. } = reach;
    if config.graph.backend != NEO4J {
        return Ok(Opened { graph: Arc::new(StoreGraph::new(store.clone())), store, follower: None });
    }
    let graph = &config.graph;
    let password = reach.credential("graph.password_from", graph.password_in()).await?;
    let address = Address {
        url: graph.url.clone(),
        database: graph.database.clone(),
        user: graph.user.clone(),
        password: password.unwrap_or_else(|| Secret::new(String::new())),
        authority: (!graph.tls_ca.is_empty()).then(|| data.join(&graph.tls_ca)),
        connections: graph.connections,
    };
    let settings =
        Settings { address, space: graph.space.clone(), installation: installation(seal), patience: PATIENCE };
    let fed = Arc::new(FedStore::new(store));
    let opened = Neo4jGraph::open(settings, fed.clone(), fed.restored()).await;
    let follower = Arc::new(opened.map_err(|fault| unusable(&fault.to_string()))?);
    Ok(Opened { store: fed, graph: follower.clone(), follower: Some(follower) })
}

/// Keeps Neo4j following.
pub(super) fn keep(follower: &Arc<Neo4jGraph>, supervisor: &Supervisor) {
    let follower = follower.clone();
    supervisor.keep("graph", move |stop| {
        let follower = follower.clone();
        async move {
            loop {
                let followed = tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    followed = follower.follow() => followed,
                };
                let wait = if followed.is_ok() { LOOK_EVERY } else { AGAIN };
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    });
}

/// What tells one installation from another. It says nothing of the key that it is made from.
fn installation(seal: &Seal) -> String {
    let mut half = [0; 16];
    half.copy_from_slice(&seal.derive("graph in Neo4j", b"installation")[..16]);
    Uuid::from_bytes(half).to_string()
}

fn unusable(why: &str) -> Fault {
    Fault::new(&codes::BAD_CONFIGURATION, format!("graph.backend = 'neo4j' cannot be used: {why}"))
}
