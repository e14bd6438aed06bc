//! Speaking with Neo4j over Bolt: a bounded pool, one statement a transaction with a time limit that the server keeps too, transient errors
//! tried again.

use std::time::Duration;

use neo4rs::{ConfigBuilder, DetachedRowStream, Error, Graph, Neo4jErrorKind, Query, Row};
use tokio::time::{Instant, sleep, timeout_at};

use super::statement::Statement;
use crate::kernel::secret::Secret;
use crate::port::graph::GraphFault;
use crate::port::store::StoreFault;

/// Rows that the server is asked for at once.
const FETCH: usize = 500;
/// How often a transient error is met before it is told, and the first wait; each further one is twice as long.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// A connection that answers nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// Where the server is, and who the program is there.
#[derive(Debug, Clone)]
pub struct Address {
    /// `bolt+s://HOST:PORT`, or `bolt://HOST:PORT` without TLS.
    pub url: String,
    /// The database; the server's own where it is empty.
    pub database: String,
    /// The user; nobody where it is empty.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// Certificates of the authority that the server's is verified against; those that the system trusts where there is none.
    pub authority: Option<std::path::PathBuf>,
    /// The most connections.
    pub connections: usize,
}

/// A server.
pub(super) struct Client {
    graph: Graph,
    place: String,
}

/// Rows of an answer, read as they are wanted.
pub(super) struct Rows {
    stream: DetachedRowStream,
    end: Instant,
}

impl Rows {
    /// The next row; `None` behind the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, GraphFault> {
        let next = timeout_at(self.end, self.stream.next()).await;
        next.map_err(|_| GraphFault::TooLong)?.map_err(|error| fault(&error))
    }
}

impl Client {
    /// A server; it is spoken to with the first statement.
    pub(super) fn new(address: &Address) -> Result<Self, GraphFault> {
        let mut config = ConfigBuilder::default()
            .uri(&address.url)
            .user(&address.user)
            .password(address.password.reveal())
            .fetch_size(FETCH)
            .max_connections(address.connections)
            .connection_timeout(SILENCE);
        if !address.database.is_empty() {
            config = config.db(address.database.as_str());
        }
        if let Some(authority) = &address.authority {
            config = config.with_client_certificate(authority);
        }
        let graph = config.build().and_then(Graph::connect).map_err(|error| fault(&error))?;
        Ok(Self { graph, place: address.url.clone() })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Asks. The server refuses whatever would write.
    pub(super) async fn read(&self, statement: Statement, left: Duration) -> Result<Rows, GraphFault> {
        let end = Instant::now() + left;
        let stream = timeout_at(end, self.graph.execute_read(query(statement, left))).await;
        let stream = stream.map_err(|_| GraphFault::TooLong)?.map_err(|error| fault(&error))?;
        Ok(Rows { stream, end })
    }

    /// Asks for everything at once: for what tells few rows.
    pub(super) async fn ask(&self, statement: Statement, left: Duration) -> Result<Vec<Row>, GraphFault> {
        let mut rows = self.read(statement, left).await?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().await? {
            all.push(row);
        }
        Ok(all)
    }

    /// Writes, all of it or nothing, and answers the rows. What is transient is tried again: a statement says the same when it is said twice.
    pub(super) async fn write(&self, statement: Statement, left: Duration) -> Result<Vec<Row>, GraphFault> {
        let end = Instant::now() + left;
        let mut wait = FIRST_WAIT;
        for turn in 1.. {
            let error = match timeout_at(end, self.write_once(statement.clone(), left)).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(error)) => error,
                Err(_) => break,
            };
            if turn >= TRIES || !is_transient(&error) {
                return Err(fault(&error));
            }
            sleep(wait).await;
            wait *= 2;
        }
        Err(GraphFault::TooLong)
    }

    async fn write_once(&self, statement: Statement, left: Duration) -> Result<Vec<Row>, Error> {
        let mut stream = self.graph.execute(query(statement, left)).await?;
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await? {
            rows.push(row);
        }
        Ok(rows)
    }

    /// Makes constraints and indexes.
    pub(super) async fn define(&self, text: String, left: Duration) -> Result<(), GraphFault> {
        // No time limit of the server's: what was begun is done.
        let done = tokio::time::timeout(left, self.graph.run(Query::new(text))).await;
        done.map_err(|_| GraphFault::TooLong)?.map_err(|error| fault(&error))
    }
}

fn query(statement: Statement, left: Duration) -> Query {
    let left = i64::try_from(left.as_millis()).unwrap_or(i64::MAX).max(1);
    Query::new(statement.text).with_params(statement.parameters).extra("tx_timeout", left)
}

fn is_transient(error: &Error) -> bool {
    matches!(error, Error::Neo4j(error) if error.kind() == Neo4jErrorKind::Transient && !error.code().contains("OutOfMemory"))
}

/// An error as the port tells it. What a server says stands in the log, never before a caller.
fn fault(error: &Error) -> GraphFault {
    match error {
        Error::Neo4j(told) if told.code().contains("TransactionTimedOut") => GraphFault::TooLong,
        Error::Neo4j(told) if told.code().contains("OutOfMemory") => GraphFault::TooMuchMemory,
        Error::Neo4j(told) => GraphFault::Store(StoreFault::Broken(format!("Neo4j: {}", told.code()))),
        other => GraphFault::Store(StoreFault::Unavailable(format!("Neo4j: {other}"))),
    }
}
