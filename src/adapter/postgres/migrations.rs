//! Numbered migrations: what is not made from declarations. Each runs once, forward, in the transaction of an opening.

use super::cell::Cell;
use super::fault::OrFault as _;
use super::link::Link;
use crate::kernel::time::Timestamp;
use crate::port::store::{Migration, StoreFault};

/// Every migration, by number from 1 without a gap. One that was released is never changed.
const ALL: &[(&str, &str)] = &[
    ("ground", include_str!("../../../migrations/postgres/0001_ground.sql")),
    ("marks", include_str!("../../../migrations/postgres/0002_marks.sql")),
    ("turns", include_str!("../../../migrations/postgres/0003_turns.sql")),
];

/// The number of the last migration that this program knows.
pub(super) fn newest() -> u32 {
    u32::try_from(ALL.len()).unwrap_or(u32::MAX)
}

/// The number of the last migration that a database has seen.
pub(super) async fn present(link: &mut Link) -> Result<u32, StoreFault> {
    let there = link.one::<bool>("SELECT to_regclass('convoke.migrations') IS NOT NULL", Vec::new()).await?;
    if there != Some(true) {
        return Ok(0);
    }
    let number = link.one::<i32>("SELECT coalesce(max(number), 0) FROM convoke.migrations", Vec::new()).await?;
    Ok(number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0))
}

/// Runs what is pending.
pub(super) async fn run(link: &mut Link, now: Timestamp) -> Result<(), StoreFault> {
    let seen = present(link).await?;
    for (number, (name, text)) in numbered().filter(|(number, _)| *number > seen) {
        link.run(text).await?;
        let cells =
            vec![Cell::Integer(i64::from(number)), Cell::Text((*name).to_owned()), Cell::Integer(now.as_millis())];
        link.rows("INSERT INTO migrations (number, name, applied_at) VALUES ($1, $2, $3)", cells).await?;
    }
    Ok(())
}

/// All migrations with the times of those that were run.
pub(super) async fn list(link: &mut Link) -> Result<Vec<Migration>, StoreFault> {
    let rows = if present(link).await? == 0 {
        Vec::new()
    } else {
        link.rows("SELECT number, applied_at FROM convoke.migrations", Vec::new()).await?
    };
    let mut applied: Vec<(u32, i64)> = Vec::with_capacity(rows.len());
    for row in rows {
        let number: i32 = row.try_get(0).or_fault()?;
        applied.push((number.unsigned_abs(), row.try_get(1).or_fault()?));
    }
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
