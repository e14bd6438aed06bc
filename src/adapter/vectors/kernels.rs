//! The loops that every search runs millions of times. They are plain Rust, compiled once for each kind of processor; which one
//! runs is found out at the start.

use std::sync::LazyLock;

use fearless_simd::{Level, dispatch};

/// Points whose sketches lie interleaved, so that they are counted side by side.
pub(super) const GROUP: usize = 32;

/// Bits of a word of a sketch.
pub(super) const BITS: usize = 32;

/// The digits of a number of a query, as sketches see it: four bits, the last with a sign.
pub(super) type Planes = [u32; 4];

static LEVEL: LazyLock<Level> = LazyLock::new(Level::new);

/// Numbers that are added up side by side.
const LANES: usize = 16;

/// Words of the sketch of a vector of a size.
pub(super) const fn words(size: usize) -> usize {
    size.div_ceil(BITS)
}

/// The likeness of a query to each of the groups' points, in steps that depend on the query alone. The sketches of a group lie word
/// by word, the words of its points side by side.
pub(super) fn sketched(sketches: &[u32], query: &[Planes], found: &mut Vec<i32>) {
    dispatch!(*LEVEL, _ => sketched_here(sketches, query, found));
}

#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor at hand")]
#[inline(always)]
fn sketched_here(sketches: &[u32], query: &[Planes], found: &mut Vec<i32>) {
    for group in sketches.chunks_exact(query.len() * GROUP) {
        let mut sums = [0u32; GROUP];
        for (row, digits) in group.as_chunks::<GROUP>().0.iter().zip(query) {
            for (sum, word) in sums.iter_mut().zip(row) {
                let count = |digit: u32| (word & digit).count_ones();
                let positive = count(digits[0]) + (count(digits[1]) << 1) + (count(digits[2]) << 2);
                *sum = sum.wrapping_add(positive).wrapping_sub(count(digits[3]) << 3);
            }
        }
        found.extend(sums.map(u32::cast_signed));
    }
}

/// The products of a query with codes that lie one after the other.
pub(super) fn products(codes: &[i8], query: &[i16], found: &mut Vec<i32>) {
    dispatch!(*LEVEL, _ => found.extend(codes.chunks_exact(query.len()).map(|code| product_here(code, query))));
}

/// The products of a query with those of the codes that are named.
pub(super) fn products_of(codes: &[i8], query: &[i16], named: &[u32], found: &mut Vec<i32>) {
    let size = query.len();
    dispatch!(*LEVEL, _ => found.extend(named.iter().map(|at| {
        let at = *at as usize * size;
        codes.get(at..at + size).map_or(i32::MIN, |code| product_here(code, query))
    })));
}

#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor at hand")]
#[inline(always)]
fn product_here(code: &[i8], query: &[i16]) -> i32 {
    code.iter().zip(query).map(|(code, query)| i32::from(*code) * i32::from(*query)).sum()
}

/// The product of a query with a code in full.
pub(super) fn exactly(high: &[i8], low: &[u8], query: &[f32]) -> f32 {
    dispatch!(*LEVEL, _ => exactly_here(high, low, query))
}

#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor at hand")]
#[inline(always)]
fn exactly_here(high: &[i8], low: &[u8], query: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let (highs, high_rest) = high.as_chunks::<LANES>();
    let (lows, low_rest) = low.as_chunks::<LANES>();
    let (queries, query_rest) = query.as_chunks::<LANES>();
    for ((high, low), query) in highs.iter().zip(lows).zip(queries) {
        for (at, sum) in sums.iter_mut().enumerate() {
            *sum += whole(high[at], low[at]) * query[at];
        }
    }
    let rest = high_rest.iter().zip(low_rest).zip(query_rest);
    sums.iter().sum::<f32>() + rest.map(|((high, low), query)| whole(*high, *low) * query).sum::<f32>()
}

/// The number of two halves.
pub(super) fn whole(high: i8, low: u8) -> f32 {
    f32::from(i16::from(high) * 256 + i16::from(low.cast_signed()))
}

/// Turns a vector by an angle that is the same for all of its size, so that each of its numbers says something of each of those
/// that it had. `signs` has four for each number.
pub(super) fn turn(vector: &mut [f32], signs: &[f32]) {
    dispatch!(*LEVEL, _ => turn_here(vector, signs));
}

#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor at hand")]
#[inline(always)]
fn turn_here(vector: &mut [f32], signs: &[f32]) {
    let size = vector.len();
    if size == 0 {
        return;
    }
    let part = 1 << size.ilog2();
    for (round, signs) in signs.chunks_exact(size).enumerate() {
        for (number, sign) in vector.iter_mut().zip(signs) {
            *number *= sign;
        }
        let from = if round % 2 == 0 { 0 } else { size - part };
        mix_here(&mut vector[from..from + part]);
    }
}

/// The transform of Walsh and Hadamard of a length that is a power of two, scaled so that lengths stay.
#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor at hand")]
#[inline(always)]
fn mix_here(part: &mut [f32]) {
    let mut half = 1;
    while half < part.len() {
        for pair in part.chunks_exact_mut(2 * half) {
            let (ones, others) = pair.split_at_mut(half);
            for (one, other) in ones.iter_mut().zip(others) {
                (*one, *other) = (*one + *other, *one - *other);
            }
        }
        half *= 2;
    }
    // The length is a power of two no greater than a vector's size.
    #[expect(clippy::cast_precision_loss, reason = "powers of two are exact")]
    let scale = 1.0 / (part.len() as f32).sqrt();
    for number in part {
        *number *= scale;
    }
}
