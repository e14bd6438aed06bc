//! Vectors that are made, each anew from its number, so that a million of them need no memory; and what is truly nearest.

use std::ops::Range;

/// How many numbers a vector has.
pub(crate) const SIZE: usize = 384;

const DIRECTIONS: usize = 48;
const CROWDS: usize = 2_000;

/// What the vectors are like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Like those of texts.
    LikeTexts,
    /// Without any structure.
    Uniform,
}

/// A collection.
pub(crate) struct Made {
    kind: Kind,
    points: usize,
    questions: usize,
    directions: Vec<f32>,
    crowds: Vec<f32>,
    common: Vec<f32>,
}

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Nearly normal: the sum of four uniform ones.
    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: f32 =
            (0..4).map(|part| f32::from(u16::try_from(bits >> (16 * part) & 0xFFFF).unwrap_or(0)) / 65_536.0).sum();
        (sum - 2.0) * 3f32.sqrt()
    }

    fn normals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.normal()).collect()
    }
}

fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|number| number * number).sum::<f32>().sqrt()
}

fn scale(vector: &mut [f32], by: f32) {
    for number in vector {
        *number *= by;
    }
}

impl Made {
    /// So many vectors and questions, always the same ones.
    pub(crate) fn new(kind: Kind, points: usize, questions: usize) -> Self {
        let mut chance = Chance(7);
        let mut directions = chance.normals(DIRECTIONS * SIZE);
        for (direction, at) in directions.chunks_exact_mut(SIZE).zip(1u16..) {
            let weight = f32::from(at).powf(-0.35);
            scale(direction, weight);
        }
        let crowds = chance.normals(CROWDS * DIRECTIONS);
        let mut common = chance.normals(SIZE);
        let of = length(&common);
        scale(&mut common, 1.0 / of);
        Self { kind, points, questions, directions, crowds, common }
    }

    /// One of them, of length one.
    pub(crate) fn vector(&self, at: usize) -> Vec<f32> {
        let mut chance = Chance((at as u64 + 1).wrapping_mul(0xD129_0D3A_8F7C_6A55));
        let mut vector = vec![0f32; SIZE];
        if self.kind == Kind::Uniform {
            vector = chance.normals(SIZE);
        } else {
            let crowd = usize::try_from(chance.next() % CROWDS as u64).unwrap_or(0) * DIRECTIONS;
            for (middle, direction) in
                self.crowds[crowd..crowd + DIRECTIONS].iter().zip(self.directions.chunks_exact(SIZE))
            {
                let by = middle + 0.6 * chance.normal();
                for (number, direction) in vector.iter_mut().zip(direction) {
                    *number += by * direction;
                }
            }
            let of = length(&vector);
            let noise = 0.35 * of / 384f32.sqrt();
            for (number, common) in vector.iter_mut().zip(&self.common) {
                *number += noise * chance.normal() + 0.5 * of * common;
            }
        }
        let of = length(&vector);
        scale(&mut vector, 1.0 / of);
        vector
    }

    /// What is asked: vectors of the same kind that are not in the collection.
    pub(crate) fn questions(&self) -> Vec<Vec<f32>> {
        (self.points..self.points + self.questions).map(|at| self.vector(at)).collect()
    }
}

/// The ten that are truly nearest to each question, of those that count.
pub(crate) fn truth(
    made: &Made,
    of: Range<usize>,
    questions: &[Vec<f32>],
    counts: impl Fn(usize) -> bool,
) -> Vec<Vec<usize>> {
    let mut best: Vec<Vec<(f32, usize)>> = vec![Vec::new(); questions.len()];
    for at in of.filter(|at| counts(*at)) {
        let vector = made.vector(at);
        for (question, best) in questions.iter().zip(&mut best) {
            let mut sums = [0f32; 16];
            for (one, other) in vector.as_chunks::<16>().0.iter().zip(question.as_chunks::<16>().0) {
                for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
                    *sum += one * other;
                }
            }
            let likeness: f32 = sums.iter().sum();
            if best.len() < 10 || best.last().is_some_and(|(least, _)| likeness > *least) {
                let place = best.partition_point(|(other, _)| *other >= likeness);
                best.insert(place, (likeness, at));
                best.truncate(10);
            }
        }
    }
    best.into_iter().map(|best| best.into_iter().map(|(_, at)| at).collect()).collect()
}
