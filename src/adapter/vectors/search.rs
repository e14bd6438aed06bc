//! A search: rough steps find the few that an exact one then orders. Few points are compared by the upper halves of their codes
//! straight away; of many, sketches first say which those few are.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::sync::Arc;

use uuid::Uuid;

use super::code::{Query, vector};
use super::kernels::{BITS, products, products_of, sketched};
use super::log::read_rest;
use super::room::Room;
use super::segment::{BLOCK, Block, Segment};
use crate::port::vectors::{Near, Search};

/// So many points are compared without sketches.
const FEW: usize = 12_000;

/// Of many points, the sketches choose so many, and this part of all.
const CHOSEN: usize = 4_000;
const PART: usize = 200;

/// Points of a block.
#[expect(clippy::cast_possible_truncation, reason = "a small number")]
const LANES: u32 = BLOCK as u32;

/// Sketches that are equally like are taken together, up to so many times what is wanted.
const CROWD: usize = 4;

/// The files with the rest of the codes, by the pieces of the log that they belong to.
pub(super) type Rests = HashMap<u32, Arc<File>>;

/// A point that may be one of the nearest: the segment, the slot, and how like it is as far as is known.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    segment: u32,
    slot: u32,
    likeness: f32,
}

/// What a search looks through, held as it was when it began.
pub(super) struct Scene {
    segments: Vec<Vec<Arc<Block>>>,
    points: usize,
    /// The slots that alone count, in ascending order, for each segment; `None` where all do.
    named: Option<Vec<Vec<u32>>>,
    rests: Arc<Rests>,
}

impl Scene {
    /// What a search looks through in its room.
    pub(super) fn new(room: &Room, search: &Search, rests: Arc<Rests>) -> Self {
        let numbers: BTreeSet<u32> = search.corners.iter().filter_map(|corner| room.part(&corner.part)).collect();
        let places: HashMap<u32, usize> = numbers.iter().copied().zip(0..).collect();
        let chosen = || numbers.iter().filter_map(|number| room.segment(*number));
        let named = search.among.as_ref().map(|among| {
            let mut named = vec![Vec::new(); numbers.len()];
            for spot in among.iter().filter_map(|id| room.spot(*id)) {
                if let Some(place) = places.get(&spot.segment) {
                    named[*place].push(spot.slot);
                }
            }
            for slots in &mut named {
                slots.sort_unstable();
            }
            named
        });
        Self {
            segments: chosen().map(|segment| segment.blocks().to_vec()).collect(),
            points: chosen().map(Segment::len).sum(),
            named,
            rests,
        }
    }

    /// The nearest points, the nearest first.
    pub(super) fn nearest(&self, query: &Query, limit: usize) -> Vec<Near> {
        if limit == 0 {
            return Vec::new();
        }
        let named = self.named.as_ref().map(|named| named.iter().map(Vec::len).sum::<usize>());
        let mut candidates = match named {
            Some(count) if count <= FEW => self.roughly(query, self.named.as_deref().unwrap_or_default()),
            None if self.points <= FEW => self.all_roughly(query),
            _ => self.sketched(query, (CHOSEN + named.unwrap_or(self.points) / PART).max(limit.saturating_mul(8))),
        };
        // What upper halves leave open is settled among twice as many as are wanted.
        self.keep(&mut candidates, limit.saturating_mul(2).saturating_add(20));
        let mut found: Vec<Near> = candidates.iter().filter_map(|one| self.exactly(query, one)).collect();
        found
            .sort_unstable_by(|one, other| other.likeness.total_cmp(&one.likeness).then_with(|| one.id.cmp(&other.id)));
        found.truncate(limit);
        found
    }

    /// The named points of each segment, by the upper halves of their codes.
    fn roughly(&self, query: &Query, named: &[Vec<u32>]) -> Vec<Candidate> {
        let mut found = Vec::with_capacity(named.iter().map(Vec::len).sum());
        let (mut scores, mut lanes) = (Vec::new(), Vec::new());
        for ((blocks, slots), segment) in self.segments.iter().zip(named).zip(0..) {
            for slots in slots.chunk_by(|one, other| *one as usize / BLOCK == *other as usize / BLOCK) {
                let Some(number) = slots.first().map(|slot| *slot as usize / BLOCK) else { continue };
                let block = &blocks[number];
                lanes.clear();
                lanes.extend(slots.iter().map(|slot| slot % LANES));
                scores.clear();
                products_of(&block.high, &query.rough, &lanes, &mut scores);
                found.extend(scores.iter().zip(&lanes).zip(slots).map(|((product, lane), slot)| Candidate {
                    segment,
                    slot: *slot,
                    likeness: query.roughly(*product, block.scales[*lane as usize]),
                }));
            }
        }
        found
    }

    /// All points, by the upper halves of their codes.
    fn all_roughly(&self, query: &Query) -> Vec<Candidate> {
        let mut found = Vec::with_capacity(self.points);
        let mut scores = Vec::with_capacity(BLOCK);
        for (blocks, segment) in self.segments.iter().zip(0..) {
            let mut slots = 0..;
            for block in blocks {
                scores.clear();
                products(&block.high, &query.rough, &mut scores);
                let scored = scores.iter().zip(&block.scales).zip(&mut slots);
                found.extend(scored.map(|((product, scale), slot)| Candidate {
                    segment,
                    slot,
                    likeness: query.roughly(*product, *scale),
                }));
            }
        }
        found
    }

    /// About so many points as are wanted, chosen by their sketches and then compared by the upper halves of their codes.
    fn sketched(&self, query: &Query, wanted: usize) -> Vec<Candidate> {
        let mut counts = Counts::of(query);
        let mut per_segment: Vec<Vec<i32>> = Vec::with_capacity(self.segments.len());
        for (at, blocks) in self.segments.iter().enumerate() {
            let named = self.named.as_ref().map(|named| &named[at]);
            let mut scores = Vec::with_capacity(blocks.len() * BLOCK);
            for block in blocks {
                let before = scores.len();
                sketched(&block.sketches, &query.planes, &mut scores);
                scores.truncate(before + block.ids.len());
                if named.is_none() {
                    counts.add(&scores[before..]);
                }
            }
            if let Some(named) = named {
                scores = only(&scores, named);
                counts.add(&scores);
            }
            per_segment.push(scores);
        }
        let least = counts.threshold(wanted);
        // Fewer than are wanted lie above the threshold; of those on it there may be very many.
        let mut crowd = wanted.saturating_mul(CROWD);
        let mut passes = |score: i32| {
            let is_in = score > least || (score == least && crowd > 0);
            crowd -= usize::from(score == least && is_in);
            is_in
        };
        let mut named = Vec::with_capacity(per_segment.len());
        for scores in &per_segment {
            let passing = (0..).zip(scores).filter(|(_, score)| passes(**score)).map(|(slot, _)| slot);
            named.push(passing.collect::<Vec<u32>>());
        }
        self.roughly(query, &named)
    }

    /// Keeps so many of the most alike.
    fn keep(&self, candidates: &mut Vec<Candidate>, count: usize) {
        if count < candidates.len() {
            candidates.select_nth_unstable_by(count, |one, other| {
                other.likeness.total_cmp(&one.likeness).then_with(|| self.id(one).cmp(&self.id(other)))
            });
            candidates.truncate(count);
        }
    }

    fn block(&self, candidate: &Candidate) -> Option<(&Block, usize)> {
        let block = self.segments.get(candidate.segment as usize)?.get(candidate.slot as usize / BLOCK)?;
        Some((block, candidate.slot as usize % BLOCK))
    }

    fn id(&self, candidate: &Candidate) -> Uuid {
        self.block(candidate).and_then(|(block, at)| block.ids.get(at).copied()).unwrap_or_default()
    }

    /// How like a candidate is in full. Where the rest of its code cannot be read, what is known without has to do.
    fn exactly(&self, query: &Query, candidate: &Candidate) -> Option<Near> {
        let (block, at) = self.block(candidate)?;
        let likeness = match rest_of(block, at, &self.rests) {
            Some(low) => query.likeness(block.high_of(at), &low, block.scales[at]),
            None => candidate.likeness.clamp(-1.0, 1.0),
        };
        Some(Near { id: block.ids[at], likeness })
    }
}

/// The lower halves of a code.
fn rest_of(block: &Block, at: usize, rests: &Rests) -> Option<Vec<u8>> {
    let place = block.places.get(at)?;
    let mut low = vec![0; block.high_of(at).len()];
    read_rest(rests.get(&place.piece)?, place.at, &mut low).ok()?;
    Some(low)
}

/// A vector as it was put, or nearly so.
pub(super) fn vector_at(block: &Block, at: usize, rests: &Rests) -> Vec<f32> {
    let high = block.high_of(at);
    let low = rest_of(block, at, rests).unwrap_or_else(|| vec![0; high.len()]);
    vector(high, &low, block.scales[at], block.lengths[at])
}

/// The scores of the named slots, and of the others ones that nothing reaches.
fn only(scores: &[i32], named: &[u32]) -> Vec<i32> {
    let mut left = vec![i32::MIN; scores.len()];
    for slot in named {
        left[*slot as usize] = scores[*slot as usize];
    }
    left
}

/// How often each score comes.
struct Counts {
    least: i32,
    counts: Vec<u32>,
}

impl Counts {
    /// Of the scores that a query can have: a digit of it is at most eight.
    fn of(query: &Query) -> Self {
        let most = i32::try_from(8 * BITS * query.planes.len()).unwrap_or(i32::MAX / 2);
        Self { least: -most, counts: vec![0; 2 * most.unsigned_abs() as usize + 1] }
    }

    fn add(&mut self, scores: &[i32]) {
        for score in scores {
            // What does not count has a score that is not among them.
            if let Some(count) = self.counts.get_mut(score.wrapping_sub(self.least).cast_unsigned() as usize) {
                *count += 1;
            }
        }
    }

    /// The score that about so many reach.
    fn threshold(&self, wanted: usize) -> i32 {
        let mut reached = 0;
        let above = self.counts.iter().rev().take_while(|count| {
            reached += **count as usize;
            reached < wanted
        });
        let above = i32::try_from(above.count()).unwrap_or(i32::MAX);
        self.least.saturating_neg().saturating_sub(above).max(self.least)
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn a_threshold_lets_so_many_pass() {
        let mut counts = Counts { least: -10, counts: vec![0; 21] };
        counts.add(&[5, 1, 3, i32::MIN]);
        counts.add(&[4, -2, 3]);
        for (wanted, least) in [(1, 5), (2, 4), (3, 3), (4, 3), (5, 1), (6, -2), (7, -10), (100, -10)] {
            assert_eq!(counts.threshold(wanted), least, "{wanted}");
        }
    }
}
