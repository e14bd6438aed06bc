//! How backups are made.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vault::{Place, place_of};

/// How backups are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The folder for backups; empty for `backups` in the data folder.
    pub folder: String,
    /// The object store that backups go to, as `s3://BUCKET/PREFIX`; empty for the folder.
    pub place: String,
    /// When backups are made by themselves: `every 6h`, `every 30m`, or a time of the day (UTC) as `03:30`; empty for never.
    pub schedule: String,
    /// How many are kept; older ones go. 0 keeps all.
    pub keep: usize,
    /// For how many days each is kept; the newest whole one stays however old it is. 0 is no bound.
    pub keep_days: u64,
    /// Where the key is that backups are encrypted under: `vault` for the vault's master key, `file:PATH`, `env:VARIABLE` or
    /// `command:PROGRAM ARGUMENTS`; empty for backups that are not encrypted.
    pub encrypt: String,
}

/// When backups are made by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// So long after the last one.
    Every(Duration),
    /// At so many minutes after midnight, UTC.
    Daily(u64),
}

/// Which key backups are encrypted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptedBy<'a> {
    /// None.
    Nothing,
    /// The vault's master key.
    Vault,
    /// A key of its own.
    Own(Place<'a>),
}

/// Minutes of a day.
const DAY: u64 = 24 * 60;

impl Schedule {
    /// Reads one; `None` when it cannot be read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(span) = text.strip_prefix("every ") {
            let span = span.trim();
            let digits = span.find(|letter: char| !letter.is_ascii_digit())?;
            let (number, unit) = span.split_at(digits);
            let minutes = match unit {
                "m" => 1,
                "h" => 60,
                "d" => DAY,
                _ => return None,
            };
            let minutes = number.parse::<u64>().ok()?.checked_mul(minutes)?;
            return (5..=366 * DAY).contains(&minutes).then(|| Self::Every(Duration::from_secs(minutes * 60)));
        }
        let (hours, minutes) = text.split_once(':')?;
        let number = |text: &str, below: u64| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u64>().ok()).flatten().filter(|number| *number < below)
        };
        Some(Self::Daily(number(hours, 24)? * 60 + number(minutes, 60)?))
    }
}

impl Backup {
    /// The schedule; nothing where there is none, or it cannot be read.
    #[must_use]
    pub fn schedule(&self) -> Option<Schedule> {
        Schedule::parse(&self.schedule)
    }

    /// The key; `None` when what is named cannot be read.
    #[must_use]
    pub fn encrypted_by(&self) -> Option<EncryptedBy<'_>> {
        match self.encrypt.as_str() {
            "" => Some(EncryptedBy::Nothing),
            "vault" => Some(EncryptedBy::Vault),
            other => place_of(other).map(EncryptedBy::Own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_a_span_or_a_time_of_the_day() {
        let minutes = |minutes: u64| Some(Schedule::Every(Duration::from_secs(minutes * 60)));
        assert_eq!(Schedule::parse("every 30m"), minutes(30));
        assert_eq!(Schedule::parse("every 6h"), minutes(360));
        assert_eq!(Schedule::parse("every 7d"), minutes(7 * DAY));
        assert_eq!(Schedule::parse("03:30"), Some(Schedule::Daily(210)));
        assert_eq!(Schedule::parse("00:00"), Some(Schedule::Daily(0)));
        for text in [
            "",
            "every",
            "every ",
            "every h",
            "every 1m",
            "every 6x",
            "every -6h",
            "every 99999999999999999999d",
            "3:30",
            "24:00",
            "12:60",
            "12",
            "noon",
            "+1:30",
            "03:30:00",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }
}
