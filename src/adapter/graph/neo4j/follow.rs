//! The projection follows the records. A mark in Neo4j says how far it has come in the notes of the store's commits; it moves in the transaction
//! that writes what the notes name, and only from where it stood, so that of several instances one at a time writes, and what it writes is no
//! older than what the mark says. Where the mark is of another store, another time or not there, everything is looked through and put right.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use neo4rs::{BoltMap, BoltType};
use uuid::Uuid;

use super::client::Client;
use super::fed::Note;
use super::held;
use super::statement::{Names, Statement, id, list};
use crate::kernel::id::TenantId;
use crate::port::graph::{CHANGES, GraphFault, NODE, RELATION};
use crate::port::logs::{Entry, LogQuery};
use crate::port::records::{Filter, Kind, Place, Query, Record, Scalar, Scope};
use crate::port::store::{Store, StoreFault};

/// Notes that are taken in at once, and records that are looked through at once.
const NOTES: u32 = 20;
const PAGE: u32 = 1_000;
/// How long one write may take.
const WRITE: Duration = Duration::from_secs(30);
const DEFINE: Duration = Duration::from_mins(1);
/// How often somebody else may have been quicker.
const TURNS: usize = 50;
/// Comes before every id, and behind every id.
const BEFORE: &str = "";
const BEHIND: &str = "g";

/// How far the projection has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// The position of the last note; -1 where nothing was filled in yet.
    pub(super) position: i64,
    /// The note's token; empty where there was no note any more.
    pub(super) token: String,
}

/// Who follows what.
pub(super) struct Follower<'f> {
    pub(super) client: &'f Client,
    pub(super) names: &'f Names,
    pub(super) store: &'f dyn Store,
}

/// What is to be written.
#[derive(Default)]
struct Work {
    nodes: Vec<BoltType>,
    relations: Vec<BoltType>,
    gone_nodes: Vec<BoltType>,
    gone_relations: Vec<BoltType>,
}

impl Work {
    fn is_empty(&self) -> bool {
        [&self.nodes, &self.relations, &self.gone_nodes, &self.gone_relations].iter().all(|list| list.is_empty())
    }

    fn put(&mut self, is_node: bool, record: &Record) {
        if is_node {
            self.nodes.push(held::node(record));
        } else {
            match held::relation(record) {
                Some(relation) => self.relations.push(relation),
                None => self.gone(false, record.tenant, &record.id.to_string()),
            }
        }
    }

    fn gone(&mut self, is_node: bool, tenant: TenantId, gone: &str) {
        let mut map = BoltMap::new();
        map.put("tenant".into(), id(tenant.uuid()));
        map.put("id".into(), gone.into());
        let list = if is_node { &mut self.gone_nodes } else { &mut self.gone_relations };
        list.push(BoltType::Map(map));
    }
}

/// Makes constraints, indexes and the mark where they are not there. Answers whose the space is.
pub(super) async fn define(client: &Client, names: &Names, owner: &str) -> Result<String, GraphFault> {
    let Names { node, link, mark } = names;
    for text in [
        format!("CREATE CONSTRAINT {node}_one IF NOT EXISTS FOR (n:{node}) REQUIRE (n.tenant, n.id) IS UNIQUE"),
        format!("CREATE CONSTRAINT {link}_one IF NOT EXISTS FOR ()-[r:{link}]-() REQUIRE (r.tenant, r.id) IS UNIQUE"),
        format!("CREATE CONSTRAINT {mark}_one IF NOT EXISTS FOR (m:{mark}) REQUIRE m.name IS UNIQUE"),
        format!("CREATE INDEX {node}_id IF NOT EXISTS FOR (n:{node}) ON (n.id)"),
        format!("CREATE INDEX {link}_id IF NOT EXISTS FOR ()-[r:{link}]-() ON (r.id)"),
        format!("CREATE INDEX {node}_type IF NOT EXISTS FOR (n:{node}) ON (n.tenant, n.type)"),
        format!("CREATE INDEX {node}_key IF NOT EXISTS FOR (n:{node}) ON (n.tenant, n.key)"),
        format!("CREATE INDEX {node}_name IF NOT EXISTS FOR (n:{node}) ON (n.tenant, n.nameKey)"),
        "CALL db.awaitIndexes(50)".to_owned(),
    ] {
        client.define(text, DEFINE).await?;
    }
    let text = format!(
        "MERGE (m:{mark} {{name: 'mark'}}) ON CREATE SET m.position = -1, m.token = '', m.owner = $owner \
         RETURN m.owner AS owner"
    );
    let rows = client.write(Statement::new(text).with("owner", owner), WRITE).await?;
    let owner = rows.first().and_then(|row| row.get::<String>("owner").ok());
    owner.ok_or_else(|| GraphFault::Store(StoreFault::Broken("Neo4j made no mark".to_owned())))
}

impl Follower<'_> {
    /// The mark; `None` where there is none.
    pub(super) async fn mark(&self) -> Result<Option<Mark>, GraphFault> {
        self.mark_within(WRITE).await
    }

    /// The same, in a time of the asker's.
    pub(super) async fn mark_within(&self, left: Duration) -> Result<Option<Mark>, GraphFault> {
        let text =
            format!("MATCH (m:{} {{name: 'mark'}}) RETURN m.position AS position, m.token AS token", self.names.mark);
        let rows = match self.client.ask(Statement::new(text), left).await {
            // So small a question is not slow: the server is.
            Err(GraphFault::TooLong) => {
                return Err(GraphFault::Store(StoreFault::Unavailable("Neo4j does not answer".to_owned())));
            }
            rows => rows?,
        };
        Ok(rows
            .first()
            .and_then(|row| Some(Mark { position: row.get("position").ok()?, token: row.get("token").ok()? })))
    }

    /// Takes in what the notes say behind a mark; `None` where the notes do not go on from there.
    pub(super) async fn take_since(&self, mut mark: Mark) -> Result<Option<Mark>, GraphFault> {
        let mut turns = 0;
        loop {
            // The note at the mark is read too: it must be the very one.
            let query = LogQuery {
                filter: Filter::All,
                beyond: Some((mark.position - 1).max(0)),
                descending: false,
                limit: NOTES + 1,
            };
            let mut entries = self.store.entries(Scope::Platform, &CHANGES, query).await?;
            if mark.position < 0 || !goes_on(&mark, &mut entries) {
                return Ok(None);
            }
            let Some(last) = entries.last() else { return Ok(Some(mark)) };
            let to = Mark { position: last.position, token: token(last)? };
            let work = self.work(&entries).await?;
            if self.move_on(&mark, &to, work).await? {
                mark = to;
                continue;
            }
            // Another instance was quicker.
            turns += 1;
            mark = match self.mark().await? {
                Some(mark) if turns < TURNS => mark,
                _ => return Ok(None),
            };
        }
    }

    /// How what the notes name stands in the records now.
    async fn work(&self, entries: &[Entry]) -> Result<Work, GraphFault> {
        let mut named: BTreeMap<(TenantId, bool), Vec<Uuid>> = BTreeMap::new();
        for entry in entries {
            let note = note(entry)?;
            named.entry((entry.tenant, true)).or_default().extend(note.nodes);
            named.entry((entry.tenant, false)).or_default().extend(note.relations);
        }
        let mut work = Work::default();
        for ((tenant, is_node), mut ids) in named {
            ids.sort_unstable();
            ids.dedup();
            for some in ids.chunks(250) {
                let limit = u32::try_from(some.len()).unwrap_or(u32::MAX);
                let filter = Filter::In("id", some.iter().copied().map(Scalar::Id).collect());
                let query = Query::newest(filter, limit);
                let found = self.store.find(Scope::Tenant(tenant), kind(is_node), query).await?;
                let found: HashMap<Uuid, Record> = found.into_iter().map(|record| (record.id, record)).collect();
                for one in some {
                    match found.get(one) {
                        Some(record) => work.put(is_node, record),
                        None => work.gone(is_node, tenant, &one.to_string()),
                    }
                }
            }
        }
        Ok(work)
    }

    /// Writes and moves the mark, or nothing where the mark stands elsewhere meanwhile.
    async fn move_on(&self, from: &Mark, to: &Mark, work: Work) -> Result<bool, GraphFault> {
        let Names { node, link, mark } = self.names;
        // The first SET takes the mark's lock: only then is it looked at.
        let text = format!(
            "MATCH (m:{mark} {{name: 'mark'}}) SET m.turn = coalesce(m.turn, 0) + 1 \
             WITH m WHERE m.position = $wasPosition AND m.token = $wasToken \
             CALL {{ WITH m UNWIND $nodes AS row MERGE (n:{node} {{tenant: row.tenant, id: row.id}}) SET n = row \
                 RETURN count(*) AS nodes }} \
             CALL {{ WITH m UNWIND $relations AS row MATCH (a)-[r:{link} {{tenant: row.tenant, id: row.id}}]->(b) \
                 WHERE a.id <> row.from OR b.id <> row.to DELETE r RETURN count(*) AS moved }} \
             CALL {{ WITH m UNWIND $relations AS row MERGE (a:{node} {{tenant: row.tenant, id: row.from}}) \
                 MERGE (b:{node} {{tenant: row.tenant, id: row.to}}) \
                 MERGE (a)-[r:{link} {{tenant: row.tenant, id: row.id}}]->(b) SET r = row RETURN count(*) AS relations }} \
             CALL {{ WITH m UNWIND $goneRelations AS row MATCH ()-[r:{link} {{tenant: row.tenant, id: row.id}}]->() \
                 DELETE r RETURN count(*) AS goneRelations }} \
             CALL {{ WITH m UNWIND $goneNodes AS row MATCH (n:{node} {{tenant: row.tenant, id: row.id}}) \
                 SET n = {{tenant: row.tenant, id: row.id}} \
                 WITH n WHERE NOT EXISTS {{ (n)--() }} DELETE n RETURN count(*) AS goneNodes }} \
             SET m.position = $position, m.token = $token RETURN m.position AS position"
        );
        let statement = Statement::new(text)
            .with("wasPosition", from.position)
            .with("wasToken", from.token.as_str())
            .with("position", to.position)
            .with("token", to.token.as_str())
            .with("nodes", list(work.nodes))
            .with("relations", list(work.relations))
            .with("goneNodes", list(work.gone_nodes))
            .with("goneRelations", list(work.gone_relations));
        Ok(!self.client.write(statement, WRITE).await?.is_empty())
    }

    /// Looks through all records and puts right what differs. Answers where the mark stands then; `None` where somebody else moves it all the
    /// time, or there is none.
    pub(super) async fn look_through(&self) -> Result<Option<Mark>, GraphFault> {
        let head = self.head().await?;
        let Some(began) = self.mark().await? else { return Ok(None) };
        for is_node in [true, false] {
            let mut after: Option<Uuid> = None;
            let mut turns = 0;
            loop {
                let Some(mark) = self.mark().await? else { return Ok(None) };
                let place = after.map(|id| Place { key: Scalar::Id(id), id });
                let query = Query { filter: Filter::All, order: "id", descending: false, after: place, limit: PAGE };
                let page = self.store.find(Scope::Platform, kind(is_node), query).await?;
                let whole = page.len() < PAGE as usize;
                let until = if whole { None } else { page.last().map(|record| record.id) };
                let work = self.differing(is_node, after, until, &page).await?;
                if !work.is_empty() && !self.move_on(&mark, &mark, work).await? {
                    turns += 1;
                    if turns > TURNS {
                        return Ok(None);
                    }
                    continue;
                }
                match until {
                    Some(_) => after = until,
                    None => break,
                }
            }
        }
        // What stood for the end of a relation and stands for nothing any more.
        let text = format!(
            "MATCH (n:{}) WHERE n.there IS NULL AND NOT EXISTS {{ (n)--() }} DELETE n RETURN count(*) AS gone",
            self.names.node
        );
        self.client.write(Statement::new(text), WRITE).await?;
        match self.mark().await? {
            Some(mark) if mark == began => Ok(self.move_on(&mark, &head, Work::default()).await?.then_some(head)),
            moved => Ok(moved),
        }
    }

    /// What of a stretch of ids is not held as the records have it.
    async fn differing(
        &self,
        is_node: bool,
        after: Option<Uuid>,
        until: Option<Uuid>,
        page: &[Record],
    ) -> Result<Work, GraphFault> {
        let Names { node, link, .. } = self.names;
        let (pattern, there) =
            if is_node { (format!("(n:{node})"), " AND n.there") } else { (format!("()-[n:{link}]->()"), "") };
        let text = format!(
            "MATCH {pattern} WHERE n.id > $after AND n.id <= $until{there} \
             RETURN n.tenant AS tenant, n.id AS id, n.revision AS revision"
        );
        let bound = |id: Option<Uuid>, none: &str| id.map_or_else(|| none.to_owned(), |id| id.to_string());
        let statement = Statement::new(text).with("after", bound(after, BEFORE)).with("until", bound(until, BEHIND));
        let mut held: HashMap<(String, String), i64> = HashMap::new();
        for row in self.client.ask(statement, WRITE).await? {
            let key = (row.get("tenant").unwrap_or_default(), row.get("id").unwrap_or_default());
            held.insert(key, row.get("revision").unwrap_or(-1));
        }
        let mut work = Work::default();
        for record in page {
            let key = (record.tenant.uuid().to_string(), record.id.to_string());
            if held.remove(&key) != Some(record.revision) {
                work.put(is_node, record);
            }
        }
        for (tenant, gone) in held.into_keys() {
            if let Ok(tenant) = Uuid::parse_str(&tenant) {
                work.gone(is_node, TenantId::from_uuid(tenant), &gone);
            }
        }
        Ok(work)
    }

    /// The last note.
    async fn head(&self) -> Result<Mark, GraphFault> {
        let last = self.store.last(&CHANGES).await?;
        let query = LogQuery { filter: Filter::All, beyond: Some((last - 1).max(0)), descending: false, limit: 1 };
        match self.store.entries(Scope::Platform, &CHANGES, query).await?.first() {
            Some(entry) if entry.position == last => Ok(Mark { position: last, token: token(entry)? }),
            // There is none, or it was trimmed away.
            _ => Ok(Mark { position: last, token: String::new() }),
        }
    }
}

const fn kind(is_node: bool) -> &'static Kind {
    if is_node { &NODE } else { &RELATION }
}

fn note(entry: &Entry) -> Result<Note, GraphFault> {
    serde_json::from_value(entry.body.clone())
        .map_err(|error| GraphFault::Store(StoreFault::Broken(format!("a note of the graph cannot be read: {error}"))))
}

fn token(entry: &Entry) -> Result<String, GraphFault> {
    Ok(note(entry)?.token.to_string())
}

/// Whether the entries begin with the note at the mark, which is taken away from them.
fn goes_on(mark: &Mark, entries: &mut Vec<Entry>) -> bool {
    if mark.token.is_empty() {
        return entries.first().is_none_or(|first| first.position > mark.position);
    }
    let is_it = entries
        .first()
        .is_some_and(|first| first.position == mark.position && token(first).is_ok_and(|token| token == mark.token));
    if is_it {
        entries.remove(0);
    }
    is_it
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kernel::time::Timestamp;

    #[test]
    fn notes_go_on_from_the_very_note_at_the_mark() {
        let entry = |position: i64| Entry {
            position,
            tenant: TenantId::from_uuid(Uuid::nil()),
            stream: String::new(),
            at: Timestamp::from_millis(0),
            body: json!({ "token": Uuid::from_u128(u128::from(position.unsigned_abs())) }),
        };
        let on = |position: i64, token: Option<u128>, entries: &[i64]| {
            let token = token.map_or_else(String::new, |token| Uuid::from_u128(token).to_string());
            let mut entries: Vec<Entry> = entries.iter().map(|position| entry(*position)).collect();
            let goes_on = goes_on(&Mark { position, token }, &mut entries);
            goes_on.then(|| entries.iter().map(|entry| entry.position).collect::<Vec<_>>())
        };
        assert_eq!(on(5, Some(5), &[5, 7]), Some(vec![7]));
        assert_eq!(on(5, Some(5), &[5]), Some(vec![]));
        assert_eq!(on(5, Some(4), &[5, 7]), None, "another note in its place");
        assert_eq!(on(5, Some(5), &[7]), None, "trimmed beyond it");
        assert_eq!(on(5, Some(5), &[]), None);
        // Of a note that was trimmed away nothing is known but that nothing may stand there.
        assert_eq!((on(5, None, &[7]), on(0, None, &[]), on(5, None, &[5])), (Some(vec![7]), Some(vec![]), None));
    }
}
