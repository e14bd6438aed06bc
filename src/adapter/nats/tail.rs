//! The end of the stream in memory: what came last, of all tenants, without a gap. Most readers are at the end, and what they
//! want is here.

use std::collections::VecDeque;
use std::sync::Arc;

use super::subject;
use super::wire::Carried;
use crate::kernel::id::TenantId;
use crate::port::records::Filter;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// The end of a stream.
#[derive(Debug)]
pub(super) struct Tail {
    /// Which stream: one that was made anew has another.
    token: String,
    room: Room,
    /// Everything after this place, and up to the last, is here.
    floor: i64,
    floor_sequence: u64,
    carried: VecDeque<Arc<Carried>>,
    bytes: usize,
}

/// What a read found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) carried: Vec<Arc<Carried>>,
    /// Up to here everything of the tenant was looked at.
    pub(super) scanned: i64,
    /// Up to here everything was looked at that there is of anybody.
    pub(super) through: i64,
    pub(super) more: bool,
}

/// A message that does not come directly after the last one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap;

impl Tail {
    /// Begins after a message.
    pub(super) fn after(token: &str, sequence: u64, position: i64, room: Room) -> Self {
        let (floor, floor_sequence) = (position, sequence);
        Self { token: token.to_owned(), room, floor, floor_sequence, carried: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn floor(&self) -> i64 {
        self.floor
    }

    /// The number and the place of the last message.
    pub(super) fn last(&self) -> (u64, i64) {
        self.carried.back().map_or((self.floor_sequence, self.floor), |last| (last.sequence, last.position))
    }

    /// Takes the next message. One that is here already is passed: false.
    pub(super) fn push(&mut self, next: Arc<Carried>) -> Result<bool, Gap> {
        let (sequence, position) = self.last();
        if next.sequence <= sequence && next.position <= position {
            return Ok(false);
        }
        if next.sequence != sequence + 1 || next.after != position || next.position <= position {
            return Err(Gap);
        }
        self.bytes += next.weight();
        self.carried.push_back(next);
        while self.carried.len() > self.room.events || self.bytes > self.room.bytes {
            let Some(first) = self.carried.pop_front() else { break };
            self.bytes -= first.weight();
            (self.floor, self.floor_sequence) = (first.position, first.sequence);
        }
        Ok(true)
    }

    /// What of a tenant comes after a place; `None` where some of that is not here any more.
    pub(super) fn read(&self, tenant: TenantId, filter: &Filter, after: i64, limit: usize) -> Option<Found> {
        if after < self.floor {
            return None;
        }
        let first = self.carried.partition_point(|one| one.position <= after);
        let mut found = Found { carried: Vec::new(), scanned: after, through: after, more: false };
        for one in self.carried.range(first..) {
            if one.tenant == tenant {
                if found.carried.len() >= limit {
                    found.more = true;
                    return Some(found);
                }
                if subject::fits(filter, &one.topic) {
                    found.carried.push(one.clone());
                }
                found.scanned = one.position;
            }
            found.through = one.position;
        }
        // Whoever asks for so many and gets them asks again.
        found.more = found.carried.len() >= limit;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::kernel::time::Timestamp;
    use crate::port::records::Scalar;

    const ONE: TenantId = TenantId::from_uuid(Uuid::from_u128(1));
    const OTHER: TenantId = TenantId::from_uuid(Uuid::from_u128(2));

    fn carried(sequence: u64, after: i64, position: i64, tenant: TenantId, topic: &str) -> Arc<Carried> {
        let (topic, at) = (topic.to_owned(), Timestamp::from_millis(0));
        Arc::new(Carried { sequence, position, after, tenant, topic, at, body: Some("{}".into()) })
    }

    /// Places 10, 20, 30 …: one of two is the other tenant's.
    fn tail(count: u64, events: usize) -> Tail {
        let mut tail = Tail::after("t", 5, 0, Room { events, bytes: 1 << 20 });
        for number in 1..=count {
            let position = i64::try_from(number).unwrap() * 10;
            let tenant = if number % 2 == 1 { ONE } else { OTHER };
            let topic = if number % 4 == 1 { "a" } else { "b" };
            assert_eq!(tail.push(carried(5 + number, position - 10, position, tenant, topic)), Ok(true));
        }
        tail
    }

    fn places(found: &Found) -> Vec<i64> {
        found.carried.iter().map(|one| one.position).collect()
    }

    #[test]
    fn it_is_read_from_any_place_that_is_here() {
        let tail = tail(6, 100);
        let all = tail.read(ONE, &Filter::All, 0, 10).unwrap();
        assert_eq!((places(&all), all.scanned, all.through, all.more), (vec![10, 30, 50], 50, 60, false));
        let some = tail.read(ONE, &Filter::All, 0, 2).unwrap();
        assert_eq!((places(&some), some.scanned, some.more), (vec![10, 30], 30, true));
        let rest = tail.read(ONE, &Filter::All, some.scanned, 2).unwrap();
        assert_eq!((places(&rest), rest.scanned, rest.through), (vec![50], 50, 60));
        let narrow = tail.read(ONE, &Filter::is("stream", Scalar::Text("a".to_owned())), 0, 10).unwrap();
        assert_eq!((places(&narrow), narrow.scanned), (vec![10, 50], 50));
        let end = tail.read(OTHER, &Filter::All, 60, 10).unwrap();
        assert_eq!((places(&end), end.scanned, end.through), (vec![], 60, 60));
    }

    #[test]
    fn what_is_too_much_goes_and_is_not_pretended_to_be_here() {
        let tail = tail(6, 2);
        assert_eq!((tail.floor(), tail.last()), (40, (11, 60)));
        assert!(tail.read(ONE, &Filter::All, 39, 10).is_none());
        assert_eq!(places(&tail.read(ONE, &Filter::All, 40, 10).unwrap()), [50]);
    }

    #[test]
    fn a_gap_is_noticed_and_what_comes_twice_is_passed() {
        let mut tail = tail(3, 100);
        assert_eq!(tail.push(carried(8, 20, 30, ONE, "a")), Ok(false));
        assert_eq!(tail.push(carried(7, 10, 20, ONE, "a")), Ok(false));
        assert_eq!(tail.push(carried(10, 40, 50, ONE, "a")), Err(Gap), "a number is missing");
        assert_eq!(tail.push(carried(9, 35, 40, ONE, "a")), Err(Gap), "a place is missing");
        assert_eq!(tail.push(carried(8, 30, 40, ONE, "a")), Err(Gap), "another stream's");
        assert_eq!(tail.push(carried(9, 30, 40, ONE, "a")), Ok(true));
    }
}
