//! Numbered migrations: what is not made from declarations. Each runs once, forward, in the transaction of an opening.

use rusqlite::{Connection, params};

use super::fault::OrFault as _;
use crate::kernel::time::Timestamp;
use crate::port::store::{Migration, StoreFault};

/// Every migration, by number from 1 without a gap. One that was released is never changed.
const ALL: &[(&str, &str)] = &[
    ("ground", include_str!("../../../migrations/sqlite/0001_ground.sql")),
    ("turns", include_str!("../../../migrations/sqlite/0002_turns.sql")),
];

/// The number of the last migration that this program knows.
pub(super) fn newest() -> u32 {
    u32::try_from(ALL.len()).unwrap_or(u32::MAX)
}

/// The number of the last migration that a database has seen.
pub(super) fn present(connection: &Connection) -> Result<u32, StoreFault> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).or_fault()
}

/// Runs what is pending.
pub(super) fn run(connection: &Connection, now: Timestamp) -> Result<(), StoreFault> {
    let seen = present(connection)?;
    for (number, (name, text)) in numbered().filter(|(number, _)| *number > seen) {
        connection.execute_batch(text).or_fault()?;
        connection
            .execute(
                "INSERT INTO migrations (number, name, applied_at) VALUES (?1, ?2, ?3)",
                params![number, name, now.as_millis()],
            )
            .or_fault()?;
        connection.pragma_update(None, "user_version", number).or_fault()?;
    }
    Ok(())
}

/// All migrations with the times of those that were run.
pub(super) fn list(connection: &Connection) -> Result<Vec<Migration>, StoreFault> {
    let mut statement = connection.prepare_cached("SELECT number, applied_at FROM migrations").or_fault()?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?))).or_fault()?;
    let applied = rows.collect::<rusqlite::Result<Vec<_>>>().or_fault()?;
    Ok(numbered()
        .map(|(number, (name, _))| Migration {
            number,
            name: (*name).to_owned(),
            applied_at: applied.iter().find(|(one, _)| *one == number).map(|(_, at)| Timestamp::from_millis(*at)),
        })
        .collect())
}

fn numbered() -> impl Iterator<Item = (u32, &'static (&'static str, &'static str))> {
    (1..).zip(ALL)
}
