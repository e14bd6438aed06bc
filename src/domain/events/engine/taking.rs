//! Taking from a pull queue: what is acknowledged, what comes back, what is taken next. Decides over the progress of the
//! subscription and knows no store.

use std::collections::HashSet;

use uuid::Uuid;

use crate::domain::events::model::progress::{Again, Progress, Taken};
use crate::kernel::time::Timestamp;

/// Events beyond the first one that is not done, taken or not, up to so many: a queue that is taken from and never
/// acknowledged stands still.
pub const WINDOW: usize = 1000;

/// One round of taking.
pub struct Taking<'a> {
    progress: &'a mut Progress,
    now: Timestamp,
    until: Timestamp,
    attempts: u32,
    limit: usize,
    /// Keys of which something is under way that was taken before, or that waits: what comes later waits too.
    busy: HashSet<String>,
    /// How many of the events looked at are not done.
    open: usize,
    /// Whether every event looked at so far is done.
    unbroken: bool,
    /// What was taken in this round.
    pub taken: Vec<Taken>,
    /// What was taken too often: its attempts by position.
    pub dead: Vec<(i64, u32)>,
}

/// What to do with an event that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Taken,
    /// It is left where it is.
    Left,
    /// It was taken too often and is a dead letter now.
    Dead,
    /// Nothing more can be taken.
    Full,
}

impl<'a> Taking<'a> {
    /// Begins: what was taken and not acknowledged in time comes back. Answers the dead letters among it, which go back too.
    pub fn begin(
        progress: &'a mut Progress,
        now: Timestamp,
        until: Timestamp,
        attempts: u32,
        limit: usize,
    ) -> (Self, Vec<(Uuid, u32)>) {
        let (late, held): (Vec<Taken>, Vec<Taken>) = progress.taken.drain(..).partition(|taken| taken.until <= now);
        progress.taken = held;
        let mut letters = Vec::new();
        for taken in late {
            match taken.letter {
                Some(letter) => letters.push((letter, taken.attempts)),
                None => come_back(progress, &taken, now),
            }
        }
        let busy = progress.taken.iter().map(|taken| taken.key.clone()).collect();
        let taking = Self {
            progress,
            now,
            until,
            attempts,
            limit,
            busy,
            open: 0,
            unbroken: true,
            taken: Vec::new(),
            dead: Vec::new(),
        };
        (taking, letters)
    }

    /// Looks at the next event that the subscription wants, in the order of the log.
    pub fn look_at(&mut self, position: i64, key: &str) -> Verdict {
        if self.progress.done.contains(&position) {
            self.pass(position);
            return Verdict::Left;
        }
        if self.open >= WINDOW {
            return Verdict::Full;
        }
        let again = self.progress.again.iter().find(|again| again.position == position);
        let (failed, due) = again.map_or((0, self.now), |again| (again.attempts, again.due));
        let held = self.progress.taken.iter().any(|taken| taken.letter.is_none() && taken.position == position);
        if !held && failed >= self.attempts {
            self.progress.again.retain(|again| again.position != position);
            self.progress.done.insert(position);
            self.progress.failed += 1;
            self.dead.push((position, failed));
            self.pass(position);
            return Verdict::Dead;
        }
        self.open += 1;
        self.unbroken = false;
        if held || self.busy.contains(key) {
            return Verdict::Left;
        }
        if due > self.now {
            self.busy.insert(key.to_owned());
            return Verdict::Left;
        }
        if self.taken.len() >= self.limit {
            return Verdict::Full;
        }
        self.take(position, None, key, failed + 1);
        Verdict::Taken
    }

    /// Takes a dead letter that is tried again, if there is room.
    pub fn take_letter(&mut self, letter: Uuid, failed: u32) -> bool {
        let held = self.progress.taken.iter().any(|taken| taken.letter == Some(letter));
        if held || self.taken.len() >= self.limit {
            return false;
        }
        self.take(0, Some(letter), "", failed + 1);
        true
    }

    fn take(&mut self, position: i64, letter: Option<Uuid>, key: &str, attempts: u32) {
        self.progress.receipts += 1;
        let receipt = self.progress.receipts;
        let taken = Taken { position, letter, receipt, key: key.to_owned(), attempts, until: self.until };
        self.taken.push(taken);
    }

    /// Everything up to here is done, if everything before is.
    fn pass(&mut self, position: i64) {
        if self.unbroken {
            self.progress.position = position;
            self.progress.done.remove(&position);
        }
    }

    /// Ends: everything up to `scanned` was looked at.
    #[must_use]
    pub fn end(self, scanned: i64) -> (Vec<Taken>, Vec<(i64, u32)>) {
        if self.unbroken {
            self.progress.position = self.progress.position.max(scanned);
        }
        let position = self.progress.position;
        self.progress.done.retain(|done| *done > position);
        self.progress.again.retain(|again| again.position > position);
        self.progress.taken.extend(self.taken.iter().cloned());
        (self.taken, self.dead)
    }
}

/// What was taken counts as failed once and waits to be taken again.
fn come_back(progress: &mut Progress, taken: &Taken, due: Timestamp) {
    progress.again.retain(|again| again.position != taken.position);
    progress.again.push(Again { position: taken.position, attempts: taken.attempts, due });
}

/// Acknowledges by receipts: answers the dead letters that are done with, and the receipts that are not good any more.
pub fn acknowledge(progress: &mut Progress, receipts: &[u64], now: Timestamp) -> (usize, Vec<Uuid>, Vec<u64>) {
    let (mut count, mut letters, mut stale) = (0, Vec::new(), Vec::new());
    for receipt in receipts {
        let Some(place) = progress.taken.iter().position(|taken| taken.receipt == *receipt && taken.until > now) else {
            stale.push(*receipt);
            continue;
        };
        let taken = progress.taken.swap_remove(place);
        if let Some(letter) = taken.letter {
            letters.push(letter);
        } else {
            progress.again.retain(|again| again.position != taken.position);
            progress.done.insert(taken.position);
        }
        count += 1;
    }
    if count > 0 {
        progress.delivered += u64::try_from(count).unwrap_or(u64::MAX);
        progress.last_delivered_at = Some(now);
    }
    (count, letters, stale)
}

/// Gives back by receipts, to be taken again at once.
pub fn release(progress: &mut Progress, receipts: &[u64], now: Timestamp) -> Vec<u64> {
    let mut stale = Vec::new();
    for receipt in receipts {
        match progress.taken.iter_mut().find(|taken| taken.receipt == *receipt && taken.until > now) {
            // What ends now comes back with what was not acknowledged in time.
            Some(taken) => taken.until = now,
            None => stale.push(*receipt),
        }
    }
    stale
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const LATER: Timestamp = Timestamp::from_millis(1_030_000);

    /// A round over events of these positions and keys.
    fn round(progress: &mut Progress, now: Timestamp, limit: usize, events: &[(i64, &str)]) -> Vec<(i64, u64)> {
        let until = Timestamp::from_millis(now.as_millis() + 30_000);
        let position = progress.position;
        let (mut taking, letters) = Taking::begin(progress, now, until, 2, limit);
        assert!(letters.is_empty());
        let mut scanned = position;
        for (position, key) in events.iter().filter(|(at, _)| *at > position) {
            if taking.look_at(*position, key) == Verdict::Full {
                break;
            }
            scanned = *position;
        }
        let (taken, _) = taking.end(scanned);
        taken.into_iter().map(|taken| (taken.position, taken.receipt)).collect()
    }

    #[test]
    fn what_is_acknowledged_is_done_and_what_is_not_comes_back_in_order() {
        let mut progress = Progress::after(10);
        let events = [(11, "a"), (12, "b"), (13, "a"), (14, "c")];
        assert_eq!(round(&mut progress, NOW, 2, &events), [(11, 1), (12, 2)]);
        // 13 waits for 11, which has the same key.
        assert_eq!(round(&mut progress, NOW, 9, &events), [(14, 3)]);
        assert_eq!(acknowledge(&mut progress, &[2, 99], NOW), (1, Vec::new(), vec![99]));
        assert_eq!(progress.position, 10);
        assert_eq!(release(&mut progress, &[1], NOW), Vec::<u64>::new());
        assert_eq!(round(&mut progress, NOW, 9, &events), [(11, 4), (13, 5)]);
        assert_eq!(acknowledge(&mut progress, &[1], NOW).2, [1], "a receipt of an earlier taking");
        assert_eq!(acknowledge(&mut progress, &[4, 5], NOW).0, 2);
        // 14 was never acknowledged: after its time it is taken again.
        assert!(round(&mut progress, NOW, 9, &events).is_empty());
        assert_eq!((progress.position, progress.done.len()), (13, 0));
        assert_eq!(round(&mut progress, LATER, 9, &events), [(14, 6)]);
        assert_eq!(acknowledge(&mut progress, &[6], LATER).0, 1);
        assert!(round(&mut progress, LATER, 9, &events).is_empty());
        assert_eq!((progress.position, progress.again.len(), progress.taken.len()), (14, 0, 0));
    }

    #[test]
    fn what_is_taken_too_often_is_dead_and_lets_the_next_pass() {
        let mut progress = Progress::after(0);
        let events = [(1, "a"), (2, "a")];
        let mut now = NOW;
        for _ in 0..2 {
            assert_eq!(round(&mut progress, now, 1, &events)[0].0, 1);
            now = Timestamp::from_millis(now.as_millis() + 30_000);
        }
        assert_eq!(round(&mut progress, now, 9, &events)[0].0, 2);
        assert_eq!((progress.position, progress.failed), (1, 1));
    }

    #[test]
    fn a_queue_that_nobody_acknowledges_stands_still() {
        let mut progress = Progress::after(0);
        let events: Vec<(i64, String)> = (1..=1500).map(|at| (at, at.to_string())).collect();
        let events: Vec<(i64, &str)> = events.iter().map(|(at, key)| (*at, key.as_str())).collect();
        assert_eq!(round(&mut progress, NOW, 5000, &events).len(), WINDOW);
        assert!(round(&mut progress, NOW, 5000, &events).is_empty());
    }
}
