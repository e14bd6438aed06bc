//! One connection: its prepared statements, whose rows it may see, and requests that go out together. What is asked together
//! costs one way there and back.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::{MaybeDone, maybe_done};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio_postgres::{Client, Error, Row, RowStream, Statement};
use uuid::Uuid;

use super::cell::Cell;
use super::fault::{OrFault as _, store_fault};
use crate::kernel::id::new_uuid;
use crate::kernel::time::Timestamp;
use crate::port::records::Scope;
use crate::port::store::StoreFault;

/// Statements that a connection keeps prepared; lists make ever new ones, and beyond this many all are made anew.
const STATEMENTS: usize = 600;

/// How long a read within a tenant may take.
const READ: Duration = Duration::from_secs(10);
/// How long a read over all tenants may take.
const READ_ALL: Duration = Duration::from_secs(60);
/// How much longer than the server itself the client waits for its answer.
const GRACE: Duration = Duration::from_secs(5);

/// Sets whose rows are seen, and how long a statement may take, until it is set again.
const SIGHT: &str =
    "SELECT set_config('convoke.tenant', $1::text, false), set_config('statement_timeout', $2::text, false)";

/// The rows of all tenants.
const ALL: Uuid = Uuid::max();

/// A connection.
pub(super) struct Link {
    client: Client,
    statements: HashMap<String, Statement>,
    sight: Option<Uuid>,
    /// What it marks its next transaction with.
    mark: Mark,
    /// Something was begun on it that was not waited for.
    unsettled: bool,
}

/// By what a transaction is known afterwards: its connection, and its number on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    connection: Uuid,
    number: i64,
}

impl Mark {
    /// Sets it, within the transaction.
    pub(super) const SET: &str = "INSERT INTO marks (connection, mark) VALUES ($1, $2) \
         ON CONFLICT (connection) DO UPDATE SET mark = excluded.mark, at = excluded.at";

    /// The last one that was committed; waits for a transaction that is still under way.
    const LAST: &str = "INSERT INTO marks (connection, mark) VALUES ($1, 0) \
         ON CONFLICT (connection) DO UPDATE SET at = excluded.at RETURNING mark";

    /// The values for `SET`.
    pub(super) fn cells(self) -> Vec<Cell> {
        vec![Cell::Id(self.connection), Cell::Integer(self.number)]
    }

    /// Whether its transaction was committed, asked on another connection.
    pub(super) async fn is_committed(self, other: &mut Link) -> Result<bool, StoreFault> {
        let last = other.one::<i64>(Self::LAST, vec![Cell::Id(self.connection)]).await?;
        Ok(last == Some(self.number))
    }
}

/// One request of several that go out together.
pub(super) struct Ask {
    /// The prepared statement.
    pub(super) statement: Statement,
    /// Its values.
    pub(super) cells: Vec<Cell>,
}

/// Whose rows a scope sees.
fn sight_of(scope: Scope) -> Uuid {
    match scope {
        Scope::Tenant(tenant) => tenant.uuid(),
        Scope::Platform => ALL,
    }
}

impl Link {
    /// A connection just made.
    pub(super) fn new(client: Client) -> Self {
        let mark = Mark { connection: new_uuid(Timestamp::from_millis(0)), number: 0 };
        Self { client, statements: HashMap::new(), sight: None, mark, unsettled: false }
    }

    /// Whether it can be used again.
    pub(super) fn is_good(&self) -> bool {
        !self.unsettled && !self.client.is_closed()
    }

    /// A mark that no other transaction has.
    pub(super) fn next_mark(&mut self) -> Mark {
        self.mark.number += 1;
        self.mark
    }

    /// The connection itself.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The statement of a text.
    pub(super) async fn prepared(&mut self, text: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(text).await?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Forgets what was prepared: tables have changed.
    pub(super) fn forget(&mut self) {
        self.statements.clear();
    }

    /// Rows of a statement within a scope, after another statement that goes out with it.
    pub(super) async fn read_after(
        &mut self,
        scope: Scope,
        first: Option<&str>,
        text: &str,
        cells: Vec<Cell>,
    ) -> Result<Vec<Row>, Error> {
        let sight = sight_of(scope);
        let mut asks = Vec::with_capacity(3);
        if self.sight != Some(sight) {
            let span = if sight == ALL { READ_ALL } else { READ };
            let cells = vec![Cell::Text(sight.to_string()), Cell::Text(span.as_millis().to_string())];
            asks.push(Ask { statement: self.prepared(SIGHT).await?, cells });
        }
        if let Some(first) = first {
            asks.push(Ask { statement: self.prepared(first).await?, cells: Vec::new() });
        }
        asks.push(Ask { statement: self.prepared(text).await?, cells });
        self.sight = None;
        let mut answers = self.together(&asks).await;
        let rows = answers.pop().unwrap_or_else(|| Ok(Vec::new()));
        for answer in answers {
            answer?;
        }
        let rows = rows?;
        self.sight = Some(sight);
        Ok(rows)
    }

    /// Sends all requests at once and answers each with its rows. They are carried out in this order.
    pub(super) async fn together(&mut self, asks: &[Ask]) -> Vec<Result<Vec<Row>, Error>> {
        self.unsettled = true;
        let client = &self.client;
        let mut running: Vec<Pin<Box<MaybeDone<_>>>> = asks
            .iter()
            .map(|ask| {
                Box::pin(maybe_done(async move {
                    client.query_raw(&ask.statement, ask.cells.iter()).await?.try_collect::<Vec<Row>>().await
                }))
            })
            .collect();
        // Each is sent when it is looked at for the first time: in this order.
        std::future::poll_fn(|context| {
            let mut waits = false;
            for one in &mut running {
                waits |= one.as_mut().poll(context).is_pending();
            }
            if waits { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        let answers = running.iter_mut().filter_map(|one| one.as_mut().take_output()).collect();
        self.unsettled = false;
        answers
    }

    /// Runs plain statements.
    pub(super) async fn run(&mut self, text: &str) -> Result<(), StoreFault> {
        self.unsettled = true;
        let answer = self.client.batch_execute(text).await;
        self.unsettled = false;
        answer.or_fault()
    }

    /// Makes the rows of all tenants seen on this connection, without a bound of time: for what keeps the store.
    pub(super) async fn see_all(&mut self) -> Result<(), StoreFault> {
        self.sight = None;
        let text = format!("SET convoke.tenant = '{ALL}'; SET statement_timeout = 0");
        self.run(&text).await
    }

    /// Rows of a statement as they come.
    pub(super) async fn stream(&mut self, text: &str, cells: Vec<Cell>) -> Result<RowStream, StoreFault> {
        let statement = self.prepared(text).await.or_fault()?;
        self.client.query_raw(&statement, cells.iter()).await.or_fault()
    }

    /// Rows of a statement on a connection that sees what it must.
    pub(super) async fn rows(&mut self, text: &str, cells: Vec<Cell>) -> Result<Vec<Row>, StoreFault> {
        let mut stream = Box::pin(self.stream(text, cells).await?);
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await {
            rows.push(row.map_err(|error| store_fault(&error))?);
        }
        Ok(rows)
    }

    /// The one value of a statement's one row.
    pub(super) async fn one<T>(&mut self, text: &str, cells: Vec<Cell>) -> Result<Option<T>, StoreFault>
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        self.rows(text, cells).await?.first().map(|row| row.try_get(0)).transpose().or_fault()
    }
}

/// Waits for the server's answer no longer than it may take, and a little: a server that is paused does not answer at all.
pub(super) async fn answered<T>(scope: Scope, answer: impl Future<Output = T>) -> Result<T, StoreFault> {
    let span = if scope == Scope::Platform { READ_ALL } else { READ };
    tokio::time::timeout(span + GRACE, answer)
        .await
        .map_err(|_| StoreFault::Unavailable("PostgreSQL does not answer".to_owned()))
}
