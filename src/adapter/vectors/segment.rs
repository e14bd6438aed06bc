//! The points of one corner in memory, in blocks that a search holds on to while they are changed: what is changed meanwhile is
//! copied first.

use std::sync::Arc;

use uuid::Uuid;

use super::code::Code;
use super::kernels::{GROUP, words};

/// Points of a block.
pub(super) const BLOCK: usize = 1024;

/// Where the rest of a point's code lies on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// In which piece of the log.
    pub(super) piece: u32,
    /// From which byte on.
    pub(super) at: u32,
}

/// Some points.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// What they stand for.
    pub(super) ids: Vec<Uuid>,
    /// The upper halves of their codes, one after the other.
    pub(super) high: Vec<i8>,
    /// Their sketches, in groups, word by word.
    pub(super) sketches: Vec<u32>,
    /// What their codes are multiplied by.
    pub(super) scales: Vec<f32>,
    /// How long the vectors were.
    pub(super) lengths: Vec<f32>,
    /// Where the rest of their codes is.
    pub(super) places: Vec<Place>,
}

impl Block {
    fn with_room(size: usize) -> Self {
        Self {
            ids: Vec::with_capacity(BLOCK),
            high: Vec::with_capacity(BLOCK * size),
            sketches: Vec::with_capacity(BLOCK * words(size)),
            scales: Vec::with_capacity(BLOCK),
            lengths: Vec::with_capacity(BLOCK),
            places: Vec::with_capacity(BLOCK),
        }
    }

    /// The upper half of the code of a point.
    pub(super) fn high_of(&self, at: usize) -> &[i8] {
        let size = self.high.len() / self.ids.len().max(1);
        self.high.get(at * size..(at + 1) * size).unwrap_or_default()
    }

    /// Writes the sketch of a point over what is there.
    fn draw(&mut self, at: usize, sketch: &[u32]) {
        let from = at / GROUP * GROUP * sketch.len();
        let until = from + GROUP * sketch.len();
        if self.sketches.len() < until {
            self.sketches.resize(until, 0);
        }
        for (word, row) in sketch.iter().zip(self.sketches[from..until].chunks_exact_mut(GROUP)) {
            row[at % GROUP] = *word;
        }
    }

    fn sketch_of(&self, at: usize) -> Vec<u32> {
        let words = words(self.high_of(at).len());
        let from = at / GROUP * GROUP * words;
        (0..words).map(|word| self.sketches[from + word * GROUP + at % GROUP]).collect()
    }

    fn push(&mut self, id: Uuid, point: &Point<'_>) {
        let at = self.ids.len();
        self.ids.push(id);
        self.high.extend_from_slice(point.high);
        self.draw(at, point.sketch);
        self.scales.push(point.scale);
        self.lengths.push(point.length);
        self.places.push(point.place);
    }

    fn set(&mut self, at: usize, id: Uuid, point: &Point<'_>) {
        let size = point.high.len();
        self.ids[at] = id;
        self.high[at * size..(at + 1) * size].copy_from_slice(point.high);
        self.draw(at, point.sketch);
        self.scales[at] = point.scale;
        self.lengths[at] = point.length;
        self.places[at] = point.place;
    }

    fn pop(&mut self, size: usize) {
        self.ids.pop();
        let left = self.ids.len();
        self.high.truncate(left * size);
        self.sketches.truncate(left.div_ceil(GROUP) * GROUP * words(size));
        self.scales.truncate(left);
        self.lengths.truncate(left);
        self.places.truncate(left);
    }

    fn memory_bytes(&self) -> usize {
        self.high.capacity()
            + self.ids.capacity() * size_of::<Uuid>()
            + (self.sketches.capacity() + self.scales.capacity() + self.lengths.capacity()) * 4
            + self.places.capacity() * size_of::<Place>()
            + size_of::<Self>()
    }
}

/// A point, as it is put into a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point<'a> {
    pub(super) high: &'a [i8],
    pub(super) sketch: &'a [u32],
    pub(super) scale: f32,
    pub(super) length: f32,
    pub(super) place: Place,
}

impl<'a> Point<'a> {
    pub(super) fn new(code: &'a Code, place: Place) -> Self {
        Self { high: &code.high, sketch: &code.sketch, scale: code.scale, length: code.length, place }
    }
}

/// The points of one corner.
#[derive(Debug, Clone, Default)]
pub(super) struct Segment {
    blocks: Vec<Arc<Block>>,
    points: usize,
}

impl Segment {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.points
    }

    /// What a search holds on to.
    pub(super) fn blocks(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    /// The block of a slot, and where in it that is.
    pub(super) fn held(&self, slot: u32) -> Option<(Arc<Block>, usize)> {
        let block = self.blocks.get(slot as usize / BLOCK)?;
        Some((block.clone(), slot as usize % BLOCK))
    }

    /// Where the rest of the code of a point lies.
    pub(super) fn place(&self, slot: usize) -> Option<Place> {
        self.blocks.get(slot / BLOCK)?.places.get(slot % BLOCK).copied()
    }

    /// Says that the rest of a code lies elsewhere now.
    pub(super) fn move_to(&mut self, slot: usize, place: Place) {
        if let Some(block) = self.blocks.get_mut(slot / BLOCK)
            && let Some(kept) = Arc::make_mut(block).places.get_mut(slot % BLOCK)
        {
            *kept = place;
        }
    }

    /// Adds a point and answers its slot.
    pub(super) fn push(&mut self, id: Uuid, point: &Point<'_>) -> usize {
        let slot = self.points;
        if slot == self.blocks.len() * BLOCK {
            // A small corner takes what it needs; one that filled a block will likely fill the next.
            let block = if slot == 0 { Block::default() } else { Block::with_room(point.high.len()) };
            self.blocks.push(Arc::new(block));
        }
        if let Some(block) = self.blocks.last_mut() {
            Arc::make_mut(block).push(id, point);
            self.points += 1;
        }
        slot
    }

    /// Writes a point over the one of a slot.
    pub(super) fn set(&mut self, slot: usize, id: Uuid, point: &Point<'_>) {
        if slot < self.points {
            Arc::make_mut(&mut self.blocks[slot / BLOCK]).set(slot % BLOCK, id, point);
        }
    }

    /// Takes a point out; the last one takes its slot. Answers which one that was, where it was another.
    pub(super) fn remove(&mut self, slot: usize) -> Option<Uuid> {
        if slot >= self.points {
            return None;
        }
        let last = self.points - 1;
        let (block, at) = (&self.blocks[last / BLOCK], last % BLOCK);
        let (high, sketch) = (block.high_of(at).to_vec(), block.sketch_of(at));
        let (scale, length, place, id) = (block.scales[at], block.lengths[at], block.places[at], block.ids[at]);
        let moved = (slot != last).then_some(id);
        if moved.is_some() {
            self.set(slot, id, &Point { high: &high, sketch: &sketch, scale, length, place });
        }
        if let Some(block) = self.blocks.last_mut() {
            Arc::make_mut(block).pop(high.len());
        }
        self.points = last;
        if last.is_multiple_of(BLOCK) {
            self.blocks.pop();
        }
        moved
    }

    /// Bytes in memory.
    pub(super) fn memory_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.memory_bytes()).sum::<usize>() + self.blocks.capacity() * 8
    }
}
