//! The events of a subscription that are read and not done: which may be started now, which wait for one of the same key,
//! which wait to be tried again. What lies in it is bounded, so a receiver that is slow holds up its own reading and nothing
//! else.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::Value;

use crate::capability::owned::Stored;
use crate::domain::events::model::letter::DeadLetter;
use crate::domain::events::model::progress::{Again, Progress};
use crate::kernel::time::Timestamp;

/// The most events read and not done.
pub(super) const MOST: usize = 512;

/// Names an item of a window.
pub(super) type ItemId = u64;

/// Where an item comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The log, at a position.
    Log(i64),
    /// A dead letter that is tried again.
    Letter(Box<Stored<DeadLetter>>),
}

/// An event to be delivered.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) source: Source,
    pub(super) position: i64,
    pub(super) topic: String,
    pub(super) event: Value,
    /// How often it failed.
    pub(super) failed: u32,
    key: String,
    due: Timestamp,
}

/// The window.
#[derive(Debug, Default)]
pub(super) struct Window {
    items: HashMap<ItemId, Item>,
    next: ItemId,
    queues: HashMap<String, VecDeque<ItemId>>,
    /// Heads of queues that may be started.
    ready: BTreeSet<ItemId>,
    /// Heads of queues that wait.
    waiting: BTreeSet<(Timestamp, ItemId)>,
    /// Positions that are read and not done.
    open: BTreeSet<i64>,
    /// Positions that are done beyond the first one that is not.
    done: BTreeSet<i64>,
    /// What failed in an earlier run.
    again: BTreeMap<i64, Again>,
    scanned: i64,
    flying: usize,
}

impl Window {
    /// Begins where a progress is.
    pub(super) fn of(progress: &Progress) -> Self {
        Self {
            done: progress.done.clone(),
            again: progress.again.iter().map(|again| (again.position, again.clone())).collect(),
            scanned: progress.position,
            ..Self::default()
        }
    }

    /// How many more events fit in.
    pub(super) fn room(&self) -> usize {
        MOST.saturating_sub(self.items.len())
    }

    /// Up to here everything was read.
    pub(super) fn scanned(&self) -> i64 {
        self.scanned
    }

    /// Notes that everything up to here was read.
    pub(super) fn scan(&mut self, position: i64) {
        self.scanned = self.scanned.max(position);
    }

    /// Takes in an event of the log.
    pub(super) fn add(&mut self, position: i64, topic: String, event: Value, key: String, now: Timestamp) {
        self.scan(position);
        if self.done.contains(&position) {
            return;
        }
        let again = self.again.remove(&position);
        let (failed, due) = again.map_or((0, now), |again| (again.attempts, again.due));
        self.open.insert(position);
        self.push(Item { source: Source::Log(position), position, topic, event, failed, key, due }, now);
    }

    /// Takes in a dead letter that is tried again. It keeps no order.
    pub(super) fn add_letter(&mut self, stored: Stored<DeadLetter>, now: Timestamp) {
        // No topic has such a character in it, nor has a key of an event that is empty but for it.
        let key = format!("\u{1}{}", stored.id);
        if self.queues.contains_key(&key) {
            return;
        }
        let letter = &stored.value;
        let (position, topic, event, failed) =
            (letter.position, letter.topic.clone(), letter.event.clone(), letter.attempts);
        let source = Source::Letter(Box::new(stored));
        self.push(Item { source, position, topic, event, failed, key, due: now }, now);
    }

    fn push(&mut self, item: Item, now: Timestamp) {
        let id = self.next;
        self.next += 1;
        let queue = self.queues.entry(item.key.clone()).or_default();
        queue.push_back(id);
        let is_head = queue.len() == 1;
        let due = item.due;
        self.items.insert(id, item);
        if is_head {
            self.line_up(id, due, now);
        }
    }

    fn line_up(&mut self, id: ItemId, due: Timestamp, now: Timestamp) {
        if due <= now {
            self.ready.insert(id);
        } else {
            self.waiting.insert((due, id));
        }
    }

    /// The next event to start, in the order in which they were read.
    pub(super) fn start(&mut self, now: Timestamp) -> Option<(ItemId, Item)> {
        while let Some((due, id)) = self.waiting.first().copied()
            && due <= now
        {
            self.waiting.pop_first();
            self.ready.insert(id);
        }
        let id = self.ready.pop_first()?;
        let item = self.items.get(&id)?.clone();
        self.flying += 1;
        Some((id, item))
    }

    /// An event that was started is done, delivered or not. Answers it.
    pub(super) fn finish(&mut self, id: ItemId, now: Timestamp) -> Option<Item> {
        let item = self.items.remove(&id)?;
        self.flying = self.flying.saturating_sub(1);
        if let Source::Log(position) = item.source {
            self.open.remove(&position);
            self.done.insert(position);
            let through = self.position();
            self.done = self.done.split_off(&through.saturating_add(1));
        }
        let mut next = None;
        if let Some(queue) = self.queues.get_mut(&item.key) {
            queue.pop_front();
            next = queue.front().copied();
            if queue.is_empty() {
                self.queues.remove(&item.key);
            }
        }
        if let Some((id, due)) = next.and_then(|id| Some((id, self.items.get(&id)?.due))) {
            self.line_up(id, due, now);
        }
        Some(item)
    }

    /// An event that was started is tried again later; those of the same key wait for it.
    pub(super) fn put_back(&mut self, id: ItemId, failed: u32, due: Timestamp) {
        self.flying = self.flying.saturating_sub(1);
        if let Some(item) = self.items.get_mut(&id) {
            (item.failed, item.due) = (failed, due);
            self.waiting.insert((due, id));
        }
    }

    /// How often an event failed.
    pub(super) fn failed(&self, id: ItemId) -> u32 {
        self.items.get(&id).map_or(0, |item| item.failed)
    }

    /// How many are under way.
    pub(super) fn flying(&self) -> usize {
        self.flying
    }

    /// Whether something is to be done or under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.items.is_empty()
    }

    /// Whether something can be started now.
    pub(super) fn is_ready(&self, now: Timestamp) -> bool {
        !self.ready.is_empty() || self.waiting.first().is_some_and(|(due, _)| *due <= now)
    }

    /// When the next one that waits may be started.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// Everything up to here is done.
    fn position(&self) -> i64 {
        self.open.first().map_or(self.scanned, |first| (first - 1).min(self.scanned))
    }

    /// Writes how far it is.
    pub(super) fn tell(&self, progress: &mut Progress) {
        progress.position = progress.position.max(self.position());
        progress.done = self.done.iter().copied().filter(|done| *done > progress.position).collect();
        let failed = self.items.values().filter_map(|item| match item.source {
            Source::Log(position) if item.failed > 0 => Some(Again { position, attempts: item.failed, due: item.due }),
            Source::Log(_) | Source::Letter(_) => None,
        });
        // What was not read again yet is kept as it was.
        progress.again = failed.chain(self.again.values().cloned()).collect();
        progress.again.sort_by_key(|again| again.position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const LATER: Timestamp = Timestamp::from_millis(2_000);

    fn window(events: &[(i64, &str)]) -> Window {
        let mut window = Window::default();
        for (position, key) in events {
            window.add(*position, "t".to_owned(), Value::Null, (*key).to_owned(), NOW);
        }
        window
    }

    fn told(window: &Window) -> (i64, Vec<i64>, Vec<(i64, u32)>) {
        let mut progress = Progress::default();
        window.tell(&mut progress);
        let again = progress.again.iter().map(|again| (again.position, again.attempts)).collect();
        (progress.position, progress.done.into_iter().collect(), again)
    }

    #[test]
    fn keys_keep_their_order_and_do_not_wait_for_each_other() {
        let mut window = window(&[(1, "a"), (2, "a"), (3, "b")]);
        let (first, item) = window.start(NOW).unwrap();
        assert_eq!(item.position, 1);
        let (third, item) = window.start(NOW).unwrap();
        assert_eq!(item.position, 3);
        assert!(window.start(NOW).is_none(), "2 waits for 1");
        window.finish(third, NOW);
        assert_eq!(told(&window), (0, vec![3], vec![]));
        window.put_back(first, 1, LATER);
        assert!(window.start(NOW).is_none());
        assert_eq!((told(&window), window.next_due()), ((0, vec![3], vec![(1, 1)]), Some(LATER)));
        let (first, item) = window.start(LATER).unwrap();
        assert_eq!((item.position, item.failed), (1, 1));
        window.finish(first, LATER);
        assert_eq!(told(&window), (1, vec![3], vec![]));
        let (second, _) = window.start(LATER).unwrap();
        window.finish(second, LATER);
        window.scan(9);
        assert_eq!((told(&window), window.is_busy(), window.flying()), ((9, vec![], vec![]), false, 0));
    }

    #[test]
    fn what_is_done_or_failed_in_an_earlier_run_is_known() {
        let again = vec![Again { position: 2, attempts: 3, due: LATER }];
        let progress = Progress { position: 1, done: BTreeSet::from([3]), again, ..Progress::default() };
        let mut window = Window::of(&progress);
        assert_eq!(window.scanned(), 1);
        for position in [2, 3, 4] {
            window.add(position, "t".to_owned(), Value::Null, position.to_string(), NOW);
        }
        let (_, item) = window.start(NOW).unwrap();
        assert_eq!(item.position, 4);
        assert!(window.start(NOW).is_none());
        assert_eq!(window.start(LATER).map(|(_, item)| (item.position, item.failed)), Some((2, 3)));
        assert_eq!(told(&window), (1, vec![3], vec![(2, 3)]));
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let events: Vec<(i64, &str)> = (1..).take(MOST).map(|at| (at, "a")).collect();
        assert_eq!(window(&events).room(), 0);
    }
}
