//! Rate limits over several instances: each tells the others a few times a second which calls it counted, and counts theirs as
//! its own. A caller who goes from one to another has one allowance, not one of each.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::DashMap;

use super::Gate;
use super::limit::{Buckets, Limiter, Who};
use crate::kernel::id::Id;
use crate::port::store::LONGEST_WORD;

/// The most calls of one caller that are counted at a time: more than any allowance has left.
const MOST: u32 = 1_000_000;

/// Which allowance a call is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Bucket {
    Reads,
    Writes,
    Refused,
}

impl Bucket {
    const ALL: [(Self, &str); 3] = [(Self::Reads, "r"), (Self::Writes, "w"), (Self::Refused, "x")];
}

/// Calls that were counted here and not told yet.
#[derive(Debug, Default)]
pub(super) struct Shared {
    on: AtomicBool,
    counts: DashMap<(Bucket, Who), u32>,
}

impl Shared {
    /// Keeps one more call, where somebody is to be told.
    pub(super) fn add(&self, bucket: Bucket, who: Who) {
        if self.on.load(Ordering::Relaxed) {
            *self.counts.entry((bucket, who)).or_default() += 1;
        }
    }
}

impl Limiter {
    pub(super) fn buckets(&self, bucket: Bucket) -> &Buckets {
        match bucket {
            Bucket::Reads => &self.reads,
            Bucket::Writes => &self.writes,
            Bucket::Refused => &self.refused,
        }
    }

    /// What was counted since it was last asked, each text no longer than a word may be. Keeps counts from the first time on.
    pub(super) fn counted(&self) -> Vec<String> {
        self.shared.on.store(true, Ordering::Relaxed);
        let keys: Vec<(Bucket, Who)> = self.shared.counts.iter().map(|entry| *entry.key()).collect();
        let mut texts: Vec<String> = Vec::new();
        for key in keys {
            let Some(((bucket, who), count)) = self.shared.counts.remove(&key) else { continue };
            let mut line = String::new();
            let _ = write!(line, "{} {} {count};", letter(bucket), written(&who));
            match texts.last_mut() {
                Some(text) if text.len() + line.len() <= LONGEST_WORD => text.push_str(&line),
                _ => texts.push(line),
            }
        }
        texts
    }

    /// Takes what another instance counted from the allowances here. What cannot be read is left out.
    pub(super) fn count_others(&self, text: &str) {
        for line in text.split(';') {
            let mut parts = line.split(' ');
            let (Some(letter), Some(who), Some(count)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let bucket = Bucket::ALL.iter().find(|(_, one)| *one == letter).map(|(bucket, _)| *bucket);
            let (Some(bucket), Some(who), Ok(count)) = (bucket, read(who), count.parse::<u32>()) else { continue };
            let buckets = self.buckets(bucket);
            // Once nothing is left, nothing more can be taken.
            for _ in 0..count.min(MOST) {
                if buckets.check_key(&who).is_err() {
                    break;
                }
            }
        }
    }
}

impl Gate {
    /// Calls that were counted here since it was last asked, to be told to other instances.
    #[must_use]
    pub fn counted(&self) -> Vec<String> {
        self.limiter.counted()
    }

    /// Counts calls that another instance has counted.
    pub fn count_others(&self, counted: &str) {
        self.limiter.count_others(counted);
    }
}

fn letter(bucket: Bucket) -> &'static str {
    Bucket::ALL.iter().find(|(one, _)| *one == bucket).map_or("x", |(_, letter)| letter)
}

fn written(who: &Who) -> String {
    match who {
        Who::Owner(user) => format!("o{}", user.uuid().simple()),
        Who::Key(key) => format!("k{}", key.uuid().simple()),
        Who::Address(Some(address)) => format!("a{address}"),
        Who::Address(None) => "a".to_owned(),
    }
}

fn read(text: &str) -> Option<Who> {
    let (kind, rest) = text.split_at_checked(1)?;
    match (kind, rest) {
        ("o", id) => uuid::Uuid::parse_str(id).ok().map(|id| Who::Owner(Id::from_uuid(id))),
        ("k", id) => uuid::Uuid::parse_str(id).ok().map(|id| Who::Key(Id::from_uuid(id))),
        ("a", "") => Some(Who::Address(None)),
        ("a", address) => address.parse::<IpAddr>().ok().map(|address| Who::Address(Some(address))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_calls_is_told_and_understood() {
        let id = uuid::Uuid::from_u128(7);
        let addresses = ["10.0.0.1", "2001:db8::1"].map(|address| Who::Address(address.parse().ok()));
        for who in addresses.into_iter().chain([
            Who::Address(None),
            Who::Owner(Id::from_uuid(id)),
            Who::Key(Id::from_uuid(id)),
        ]) {
            assert_eq!(read(&written(&who)), Some(who));
        }
        assert_eq!((read(""), read("k7"), read("anywhere"), read("é")), (None, None, None, None));
    }
}
