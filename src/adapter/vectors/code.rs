//! What is kept of a vector: its direction in 16 bits a number, of which the upper half lies in memory and the lower one on the
//! disk; its length; and a sketch of one bit a number of the vector turned.

use super::kernels::{BITS, Planes, exactly, turn, whole, words};

/// The greatest number of a code: its upper half still fits a byte.
const GREATEST: f32 = 127.0 * 256.0;

/// How finely a query is seen where a code's upper halves alone are.
const QUERY: f32 = 2047.0;

/// What all vectors of a size are turned by.
#[derive(Debug)]
pub(super) struct Turning {
    signs: Vec<f32>,
}

impl Turning {
    /// The one of a size: always the same, since sketches on the disk were made by it.
    pub(super) fn new(size: usize) -> Self {
        let mut state = 0x5EED_0F7A_11BA_5E00_u64;
        let signs = (0..4 * size).map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            if (mixed ^ (mixed >> 31)) & 1 == 0 { 1.0 } else { -1.0 }
        });
        Self { signs: signs.collect() }
    }

    fn turned(&self, mut vector: Vec<f32>) -> Vec<f32> {
        turn(&mut vector, &self.signs);
        vector
    }
}

/// What is kept of a vector.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Code {
    /// The upper halves of its numbers.
    pub(super) high: Vec<i8>,
    /// The lower halves, as bytes of a file.
    pub(super) low: Vec<u8>,
    /// What its numbers are multiplied by for a vector of length one.
    pub(super) scale: f32,
    /// How long the vector was.
    pub(super) length: f32,
    /// The signs of the vector turned.
    pub(super) sketch: Vec<u32>,
}

#[expect(clippy::cast_possible_truncation, reason = "what is too long becomes infinite, and is refused for it")]
fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|number| f64::from(*number) * f64::from(*number)).sum::<f64>().sqrt() as f32
}

/// The code of a vector that fits.
pub(super) fn code(vector: &[f32], turning: &Turning) -> Code {
    let length = length(vector);
    let greatest = greatest(vector);
    let (mut high, mut low) = (Vec::with_capacity(vector.len()), Vec::with_capacity(vector.len()));
    let mut square = 0f64;
    for number in vector {
        let whole = in_steps(*number, greatest, GREATEST);
        let upper = (whole + 128) >> 8;
        high.push(narrow(upper));
        low.push(narrow(whole - upper * 256).cast_unsigned());
        square += f64::from(whole) * f64::from(whole);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a factor, as exact as an f32 is")]
    let scale = if square > 0.0 { (1.0 / square.sqrt()) as f32 } else { 0.0 };
    // As great as it can be before it is turned: tiny vectors would vanish.
    let turned = turning.turned(vector.iter().map(|number| number / greatest.max(f32::MIN_POSITIVE)).collect());
    let mut sketch = vec![0; words(vector.len())];
    for (at, number) in turned.iter().enumerate() {
        if *number > 0.0 {
            sketch[at / BITS] |= 1 << (at % BITS);
        }
    }
    Code { high, low, scale, length, sketch }
}

fn greatest(vector: &[f32]) -> f32 {
    vector.iter().fold(0f32, |greatest, number| greatest.max(number.abs()))
}

#[expect(clippy::cast_possible_truncation, reason = "within the range that it is scaled to")]
fn in_steps(number: f32, greatest: f32, range: f32) -> i32 {
    if greatest > 0.0 { (number / greatest * range).round() as i32 } else { 0 }
}

#[expect(clippy::cast_possible_truncation, reason = "half of a code, which fits by how codes are made")]
fn narrow(half: i32) -> i8 {
    half.clamp(-128, 127) as i8
}

/// The vector of a code, or nearly so.
pub(super) fn vector(high: &[i8], low: &[u8], scale: f32, length: f32) -> Vec<f32> {
    high.iter().zip(low).map(|(high, low)| whole(*high, *low) * scale * length).collect()
}

/// What is looked for, in the forms that the steps of a search need.
#[derive(Debug)]
pub(super) struct Query {
    /// Of length one.
    exact: Vec<f32>,
    /// In steps.
    pub(super) rough: Vec<i16>,
    /// How much a step of a product with upper halves is.
    step: f32,
    /// Turned, as sketches are counted against it.
    pub(super) planes: Vec<Planes>,
}

impl Query {
    /// Of a vector that fits.
    pub(super) fn new(vector: &[f32], turning: &Turning) -> Self {
        let length = length(vector);
        let exact: Vec<f32> =
            if length > 0.0 { vector.iter().map(|number| number / length).collect() } else { vec![0.0; vector.len()] };
        let greatest = greatest(&exact);
        #[expect(clippy::cast_precision_loss, reason = "a bound, not an amount")]
        let range = QUERY.min(i32::MAX as f32 / (128.0 * vector.len() as f32));
        #[expect(clippy::cast_possible_truncation, reason = "the range fits")]
        let rough = exact.iter().map(|number| in_steps(*number, greatest, range) as i16).collect();
        let turned = turning.turned(exact.clone());
        let finest = self::greatest(&turned) / 7.49;
        let mut planes = vec![Planes::default(); words(vector.len())];
        for (at, number) in turned.iter().enumerate() {
            let digits = in_steps(*number, finest, 1.0).clamp(-8, 7).cast_unsigned();
            for (digit, plane) in planes[at / BITS].iter_mut().enumerate() {
                *plane |= ((digits >> digit) & 1) << (at % BITS);
            }
        }
        Self { exact, rough, step: greatest / range * 256.0, planes }
    }

    /// The likeness that a product with upper halves stands for.
    #[expect(clippy::cast_precision_loss, reason = "what is nearly so is rescored")]
    pub(super) fn roughly(&self, product: i32, scale: f32) -> f32 {
        product as f32 * self.step * scale
    }

    /// The likeness to a code in full.
    pub(super) fn likeness(&self, high: &[i8], low: &[u8], scale: f32) -> f32 {
        (exactly(high, low, &self.exact) * scale).clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(size: usize) -> crate::port::vectors::Space {
        crate::port::vectors::Space { embedder: "any".into(), size }
    }

    fn wave(size: usize, by: f32) -> Vec<f32> {
        (0..size).map(|at| (f32::from(u16::try_from(at).unwrap()) * by).sin()).collect()
    }

    fn cosine(one: &[f32], other: &[f32]) -> f32 {
        one.iter().zip(other).map(|(a, b)| a * b).sum::<f32>() / (length(one) * length(other))
    }

    #[test]
    fn a_code_says_what_the_vector_was() {
        for size in [1, 3, 31, 32, 100, 384] {
            let turning = Turning::new(size);
            let one = wave(size, 0.7).iter().map(|number| number * 3.0 + 0.5).collect::<Vec<_>>();
            let kept = code(&one, &turning);
            let back = vector(&kept.high, &kept.low, kept.scale, kept.length);
            for (number, back) in one.iter().zip(&back) {
                assert!((number - back).abs() < 2e-3, "{size}: {number} {back}");
            }
            let query = Query::new(&one, &turning);
            assert!((query.likeness(&kept.high, &kept.low, kept.scale) - 1.0).abs() < 1e-5, "{size}");
        }
    }

    #[test]
    fn turning_keeps_angles_and_lengths() {
        for size in [1, 2, 3, 48, 384, 1000] {
            let turning = Turning::new(size);
            let (one, other) = (wave(size, 0.3), wave(size, 0.31).iter().map(|x| x + 0.1).collect::<Vec<_>>());
            let (one_turned, other_turned) = (turning.turned(one.clone()), turning.turned(other.clone()));
            assert!((length(&one) - length(&one_turned)).abs() < 1e-3);
            if size > 1 {
                assert!((cosine(&one, &other) - cosine(&one_turned, &other_turned)).abs() < 1e-4, "{size}");
            }
        }
    }

    #[test]
    fn what_has_no_direction_is_like_nothing() {
        let turning = Turning::new(4);
        let nothing = code(&[0.0; 4], &turning);
        let query = Query::new(&[1.0, 0.0, 0.0, 0.0], &turning);
        assert!(query.likeness(&nothing.high, &nothing.low, nothing.scale).abs() < f32::EPSILON);
        assert_eq!(vector(&nothing.high, &nothing.low, nothing.scale, nothing.length), [0.0; 4]);
        let no_query = Query::new(&[0.0; 4], &turning);
        assert!(no_query.likeness(&[1; 4], &[1; 4], 0.1).abs() < f32::EPSILON);
    }

    #[test]
    fn tiny_and_great_vectors_have_codes() {
        let turning = Turning::new(3);
        for by in [1e-38, 1e-20, 1.0, 1e20, 1e38] {
            let one = [0.5 * by, -by, 0.25 * by];
            assert_eq!(space(3).misfit(&one), None, "{by}");
            let kept = code(&one, &turning);
            let likeness = Query::new(&[0.5, -1.0, 0.25], &turning).likeness(&kept.high, &kept.low, kept.scale);
            assert!((likeness - 1.0).abs() < 1e-5, "{by}: {likeness}");
        }
        assert!(space(3).misfit(&[f32::NAN, 0.0, 0.0]).is_some());
        assert!(space(3).misfit(&[f32::INFINITY, 0.0, 0.0]).is_some());
        assert!(space(3).misfit(&[f32::MAX; 3]).is_some());
        assert!(space(3).misfit(&[1.0; 2]).is_some());
        assert!(space(0).misfit(&[]).is_some());
    }
}
