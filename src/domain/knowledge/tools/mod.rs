//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    knowledge_ingest: KnowledgeIngest,
    knowledge_query: KnowledgeQuery,
    graph_upsert: GraphUpsert,
    graph_get: GraphGet,
    graph_neighbors: GraphNeighbors,
    graph_path: GraphPath,
    graph_query: GraphQuery,
    graph_search: GraphSearch,
    graph_delete: GraphDelete,
}
