//! A BERT: embeddings of tokens, layers of attention, one vector a text.

use super::matrix::{Linear, attend};

/// So many tokens go through the layers together.
pub(super) const TOGETHER: usize = 512;

/// How the vectors of tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    Mean,
    First,
    Greatest,
}

/// What a layer's inner numbers go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    Gelu,
    GeluByTanh,
    Relu,
}

/// Brings numbers to a common mean and spread.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) weights: Vec<f32>,
    pub(super) added: Vec<f32>,
    pub(super) least: f32,
}

/// One layer.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) attended: Linear,
    pub(super) attended_norm: Norm,
    pub(super) inner: Linear,
    pub(super) outer: Linear,
    pub(super) outer_norm: Norm,
}

/// A model.
#[derive(Debug)]
pub(super) struct Bert {
    pub(super) size: usize,
    pub(super) heads: usize,
    pub(super) words: Vec<f32>,
    /// Of each place, the first type of token included.
    pub(super) places: Vec<f32>,
    pub(super) norm: Norm,
    pub(super) layers: Vec<Layer>,
    pub(super) activation: Activation,
    pub(super) pooling: Pooling,
    pub(super) is_normalised: bool,
}

impl Norm {
    #[expect(clippy::cast_precision_loss, reason = "the size of a vector")]
    fn over(&self, rows: &mut [f32]) {
        let size = self.weights.len();
        for row in rows.chunks_exact_mut(size.max(1)) {
            let mean = row.iter().sum::<f32>() / size as f32;
            let spread = row.iter().map(|number| (number - mean) * (number - mean)).sum::<f32>() / size as f32;
            let scale = 1.0 / (spread + self.least).sqrt();
            for ((number, weight), added) in row.iter_mut().zip(&self.weights).zip(&self.added) {
                *number = (*number - mean) * scale * weight + added;
            }
        }
    }
}

impl Activation {
    fn over(self, numbers: &mut [f32]) {
        for number in numbers {
            *number = match self {
                Self::Gelu => 0.5 * *number * (1.0 + error_function(*number * std::f32::consts::FRAC_1_SQRT_2)),
                Self::GeluByTanh => {
                    let inner = (2.0 / std::f32::consts::PI).sqrt() * (*number + 0.044_715 * number.powi(3));
                    0.5 * *number * (1.0 + inner.tanh())
                }
                Self::Relu => number.max(0.0),
            };
        }
    }
}

/// By Abramowitz and Stegun, 7.1.26: right to some 1.5e-7.
fn error_function(number: f32) -> f32 {
    let of = number.abs();
    let step = 1.0 / (1.0 + 0.327_591_1 * of);
    let sum = step
        * (0.254_829_6 + step * (-0.284_496_72 + step * (1.421_413_8 + step * (-1.453_152_1 + step * 1.061_405_4))));
    (1.0 - sum * (-of * of).exp()).copysign(number)
}

impl Bert {
    /// The vectors of texts, given by their tokens: each known, none more than there are places for.
    pub(super) fn vectors(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let mut found = Vec::with_capacity(texts.len());
        let mut left = texts;
        while !left.is_empty() {
            let mut tokens = 0;
            let fits = left.iter().take_while(|text| {
                tokens += text.len();
                tokens <= TOGETHER
            });
            let (together, later) = left.split_at(fits.count().max(1));
            found.extend(self.together(together));
            left = later;
        }
        found
    }

    fn together(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let mut rows = self.embedded(texts);
        for layer in &self.layers {
            let (queries, keys, values) = (layer.query.of(&rows), layer.key.of(&rows), layer.value.of(&rows));
            let mut attended = vec![0.0; rows.len()];
            let mut from = 0;
            for text in texts {
                let until = from + text.len() * self.size;
                let of = [&queries[from..until], &keys[from..until], &values[from..until]];
                self.attended(of, &mut attended[from..until]);
                from = until;
            }
            add(&mut rows, &layer.attended.of(&attended));
            layer.attended_norm.over(&mut rows);
            let mut inner = layer.inner.of(&rows);
            self.activation.over(&mut inner);
            add(&mut rows, &layer.outer.of(&inner));
            layer.outer_norm.over(&mut rows);
        }
        let mut left = rows.as_slice();
        let vectors = texts.iter().map(|text| {
            let (rows, later) = left.split_at(text.len() * self.size);
            left = later;
            self.pooled(rows)
        });
        vectors.collect()
    }

    fn embedded(&self, texts: &[Vec<u32>]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(texts.iter().map(Vec::len).sum::<usize>() * self.size);
        for text in texts {
            for (token, place) in text.iter().zip(self.places.chunks_exact(self.size)) {
                let from = *token as usize * self.size;
                rows.extend(self.words[from..from + self.size].iter().zip(place).map(|(word, place)| word + place));
            }
        }
        self.norm.over(&mut rows);
        rows
    }

    /// What the tokens of one text take from each other, head by head.
    fn attended(&self, of: [&[f32]; 3], attended: &mut [f32]) {
        let size = self.size / self.heads;
        for head in 0..self.heads {
            let within = head * size..(head + 1) * size;
            let [queries, keys, values] = of.map(|rows| {
                rows.chunks_exact(self.size).flat_map(|row| &row[within.clone()]).copied().collect::<Vec<_>>()
            });
            let taken = attend(&queries, &keys, &values, size);
            for (row, taken) in attended.chunks_exact_mut(self.size).zip(taken.chunks_exact(size)) {
                row[within.clone()].copy_from_slice(taken);
            }
        }
    }

    fn pooled(&self, rows: &[f32]) -> Vec<f32> {
        let mut all = rows.chunks_exact(self.size);
        let mut vector = all.next().map(<[f32]>::to_vec).unwrap_or_default();
        match self.pooling {
            Pooling::First => {}
            // The length of a mean is of no matter where it is made one; where it is not, it is.
            Pooling::Mean => {
                all.for_each(|row| add(&mut vector, row));
                #[expect(clippy::cast_precision_loss, reason = "the tokens of a text")]
                scale(&mut vector, 1.0 / (rows.len() / self.size) as f32);
            }
            Pooling::Greatest => {
                for row in all {
                    for (number, other) in vector.iter_mut().zip(row) {
                        *number = number.max(*other);
                    }
                }
            }
        }
        if self.is_normalised {
            let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
            scale(&mut vector, 1.0 / length.max(1e-12));
        }
        vector
    }
}

fn add(numbers: &mut [f32], others: &[f32]) {
    for (number, other) in numbers.iter_mut().zip(others) {
        *number += other;
    }
}

fn scale(numbers: &mut [f32], by: f32) {
    for number in numbers {
        *number *= by;
    }
}

#[cfg(test)]
mod tests {
    use super::error_function;

    #[test]
    fn the_error_function_is_right() {
        for (number, expected) in [(0.0, 0.0), (0.5, 0.520_499_9), (1.0, 0.842_700_8), (-2.0, -0.995_322_3), (6.0, 1.0)]
        {
            assert!((error_function(number) - expected).abs() < 1e-6, "{number}");
        }
    }
}
