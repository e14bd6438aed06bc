//! The graph over the records themselves: a walk reads the relations at a frontier by their indexed ends, many nodes at a time and without
//! the documents. Nothing is kept between two questions, so that nothing can be stale, on whichever instance it is asked.

mod around;
mod between;
mod collect;
mod finding;
mod matching;
mod measuring;
pub mod neo4j;
mod nodes;
mod query;
mod reading;
mod scan;
mod value;

use std::sync::Arc;

use async_trait::async_trait;

use crate::port::graph::{Around, Between, Graph, GraphFault, Limits, Neighbours, Paths, Table, View};
use crate::port::graph_measures::{Measure, Measures, Measuring};
use crate::port::graph_query::GraphQuery;
use crate::port::store::Store;

/// The graph over a store.
pub struct StoreGraph {
    store: Arc<dyn Store>,
}

impl StoreGraph {
    /// The graph of what the store holds.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Graph for StoreGraph {
    async fn around(&self, view: &View, around: Around, limits: Limits) -> Result<Neighbours, GraphFault> {
        around::walk(&mut reading::Reading::new(&*self.store, view, limits), &around).await
    }

    async fn between(&self, view: &View, between: Between, limits: Limits) -> Result<Paths, GraphFault> {
        between::find(&mut reading::Reading::new(&*self.store, view, limits), &between).await
    }

    async fn run(&self, view: &View, query: &GraphQuery, limits: Limits) -> Result<Table, GraphFault> {
        query::run(reading::Reading::new(&*self.store, view, limits), query).await
    }

    fn place(&self) -> String {
        "over the records".to_owned()
    }
}

#[async_trait]
impl Measuring for StoreGraph {
    async fn measure(&self, view: &View, measure: &Measure, limits: Limits) -> Result<Measures, GraphFault> {
        measuring::measure(&mut reading::Reading::new(&*self.store, view, limits), measure).await
    }
}
