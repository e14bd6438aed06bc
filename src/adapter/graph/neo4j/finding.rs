//! Neo4j as the finder: relations at nodes, and what fits a clause, row by row as it is wanted.

use std::time::Duration;

use async_trait::async_trait;
use neo4rs::Row;
use uuid::Uuid;

use super::super::finding::{Ask, Finder, Fit, Found};
use super::client::{Client, Rows};
use super::statement::{Names, fits, links};
use crate::port::graph::{Direction, GraphFault, Link, View};
use crate::port::store::StoreFault;

/// Nodes whose relations are asked for at once.
const NODES_AT_ONCE: usize = 2_000;

/// Asks a server.
pub(super) struct Neo4jFinder<'c> {
    pub(super) client: &'c Client,
    pub(super) names: &'c Names,
}

struct Answer {
    rows: Rows,
}

#[async_trait]
impl Finder for Neo4jFinder<'_> {
    async fn links(
        &self,
        view: &View,
        nodes: &[Uuid],
        direction: Direction,
        types: &[String],
        most: usize,
        left: Duration,
    ) -> Result<Vec<Link>, GraphFault> {
        let mut found: Vec<Link> = Vec::new();
        for some in nodes.chunks(NODES_AT_ONCE) {
            let most = most.saturating_sub(found.len());
            let statement = links(self.names, view, some, direction, types, most);
            let mut rows = self.client.read(statement, left).await?;
            while let Some(row) = rows.next().await? {
                found.push(link(row.get("link").map_err(|_| unread())?)?);
            }
        }
        found.sort_unstable_by_key(|link| link.id);
        found.dedup_by_key(|link| link.id);
        Ok(found)
    }

    async fn fits(&self, view: &View, ask: Ask<'_>, left: Duration) -> Result<Box<dyn Found>, GraphFault> {
        let rows = self.client.read(fits(self.names, view, &ask), left).await?;
        Ok(Box::new(Answer { rows }))
    }
}

#[async_trait]
impl Found for Answer {
    async fn next(&mut self, most: usize) -> Result<Vec<Fit>, GraphFault> {
        let mut found = Vec::new();
        while found.len() < most {
            let Some(row) = self.rows.next().await? else { break };
            found.push(fit(&row)?);
        }
        Ok(found)
    }
}

fn fit(row: &Row) -> Result<Fit, GraphFault> {
    let origin: i64 = row.get("at").map_err(|_| unread())?;
    let nodes: Vec<String> = row.get("nodes").map_err(|_| unread())?;
    let links: Vec<Vec<String>> = row.get("links").map_err(|_| unread())?;
    let ways: Vec<Vec<Vec<String>>> = row.get("ways").map_err(|_| unread())?;
    Ok(Fit {
        origin: usize::try_from(origin).map_err(|_| unread())?,
        nodes: nodes.iter().map(|id| Uuid::parse_str(id)).collect::<Result<_, _>>().map_err(|_| unread())?,
        links: links.into_iter().map(link).collect::<Result<_, _>>()?,
        ways: ways.into_iter().map(|way| way.into_iter().map(link).collect()).collect::<Result<_, _>>()?,
    })
}

fn link(told: Vec<String>) -> Result<Link, GraphFault> {
    let [id, from, to, of] = <[String; 4]>::try_from(told).map_err(|_| unread())?;
    let uuid = |text: &str| Uuid::parse_str(text).map_err(|_| unread());
    Ok(Link { id: uuid(&id)?, from: uuid(&from)?, to: uuid(&to)?, of })
}

fn unread() -> GraphFault {
    GraphFault::Store(StoreFault::Broken("Neo4j told a row that cannot be read".to_owned()))
}
