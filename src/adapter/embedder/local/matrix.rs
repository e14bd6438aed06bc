//! Products of matrices, as fast as one core does them in safe Rust: weights lie in panels of sixteen columns, rows of the other side are
//! taken six at a time.

use std::sync::LazyLock;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x16};

/// Columns of a panel.
const WIDE: usize = 16;

/// Rows that are worked on together.
const HIGH: usize = 6;

pub(super) static LEVEL: LazyLock<Level> = LazyLock::new(Level::new);

/// A layer that multiplies by its weights and adds to it.
#[derive(Debug)]
pub(super) struct Linear {
    panels: Vec<f32>,
    added: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    /// Of weights, a row for each output, and what is added to each output.
    pub(super) fn new(weights: &[f32], added: &[f32], inputs: usize) -> Self {
        let outputs = added.len();
        let wide = outputs.next_multiple_of(WIDE);
        let mut panels = vec![0.0; wide * inputs];
        for (output, row) in weights.chunks_exact(inputs.max(1)).enumerate().take(outputs) {
            let panel = &mut panels[output / WIDE * WIDE * inputs..];
            for (input, weight) in row.iter().enumerate() {
                panel[input * WIDE + output % WIDE] = *weight;
            }
        }
        let mut added = added.to_vec();
        added.resize(wide, 0.0);
        Self { panels, added, inputs, outputs }
    }

    /// The outputs of rows of inputs, row by row.
    pub(super) fn of(&self, rows: &[f32]) -> Vec<f32> {
        let count = rows.len() / self.inputs.max(1);
        let mut all = vec![0.0; count * self.outputs];
        let packed = self.packed(rows, count);
        for (number, panel) in self.panels.chunks_exact(WIDE * self.inputs.max(1)).enumerate() {
            let from = number * WIDE;
            let columns = WIDE.min(self.outputs - from);
            for (block, inputs) in packed.chunks_exact(HIGH * self.inputs.max(1)).enumerate() {
                let product =
                    dispatch!(*LEVEL, simd => block_here(simd, panel, inputs, &self.added[from..from + WIDE]));
                for (at, sums) in product.iter().enumerate().take(count - (block * HIGH).min(count)) {
                    let to = (block * HIGH + at) * self.outputs + from;
                    all[to..to + columns].copy_from_slice(&sums[..columns]);
                }
            }
        }
        all
    }

    /// Rows in blocks, of which the inputs of the same number lie side by side.
    fn packed(&self, rows: &[f32], count: usize) -> Vec<f32> {
        let mut packed = vec![0.0; count.next_multiple_of(HIGH) * self.inputs];
        for (row, inputs) in rows.chunks_exact(self.inputs.max(1)).enumerate() {
            let block = &mut packed[row / HIGH * HIGH * self.inputs..];
            for (at, input) in inputs.iter().enumerate() {
                block[at * HIGH + row % HIGH] = *input;
            }
        }
        packed
    }
}

#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor at hand")]
#[inline(always)]
fn block_here<S: Simd>(simd: S, panel: &[f32], inputs: &[f32], added: &[f32]) -> [[f32; WIDE]; HIGH] {
    let mut sums = [f32x16::from_slice(simd, added); HIGH];
    for (weights, inputs) in panel.as_chunks::<WIDE>().0.iter().zip(inputs.as_chunks::<HIGH>().0) {
        let weights = f32x16::from_slice(simd, weights);
        for (sum, input) in sums.iter_mut().zip(inputs) {
            *sum = weights.mul_add(f32x16::splat(simd, *input), *sum);
        }
    }
    let mut product = [[0.0; WIDE]; HIGH];
    for (to, sum) in product.iter_mut().zip(sums) {
        sum.store_slice(to);
    }
    product
}

/// What each of a text's tokens takes from the others, for one head: the sums of `values`, weighed by how well `keys` fit `queries`. All
/// three have a row of `size` for each token.
pub(super) fn attend(queries: &[f32], keys: &[f32], values: &[f32], size: usize) -> Vec<f32> {
    let count = queries.len() / size.max(1);
    let mut turned = vec![0.0; keys.len()];
    for (token, key) in keys.chunks_exact(size.max(1)).enumerate() {
        for (at, number) in key.iter().enumerate() {
            turned[at * count + token] = *number;
        }
    }
    let mut taken = vec![0.0; values.len()];
    dispatch!(*LEVEL, _ => attend_here(queries, &turned, values, size, &mut taken));
    taken
}

#[expect(clippy::inline_always, reason = "only what is inlined is compiled for the processor at hand")]
#[inline(always)]
fn attend_here(queries: &[f32], turned: &[f32], values: &[f32], size: usize, taken: &mut [f32]) {
    let count = queries.len() / size.max(1);
    let mut weights = vec![0f32; count];
    // Heads have some dozens of numbers.
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let scale = 1.0 / (size as f32).sqrt();
    for (query, taken) in queries.chunks_exact(size).zip(taken.chunks_exact_mut(size)) {
        weights.fill(0.0);
        for (number, keys) in query.iter().zip(turned.chunks_exact(count)) {
            for (weight, key) in weights.iter_mut().zip(keys) {
                *weight += number * scale * key;
            }
        }
        let greatest = weights.iter().fold(f32::NEG_INFINITY, |greatest, weight| greatest.max(*weight));
        let mut sum = 0.0;
        for weight in &mut weights {
            *weight = (*weight - greatest).exp();
            sum += *weight;
        }
        for (weight, value) in weights.iter().zip(values.chunks_exact(size)) {
            for (number, value) in taken.iter_mut().zip(value) {
                *number += weight / sum * value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_multiplies_and_adds() {
        for (inputs, outputs, count) in [(1, 1, 1), (5, 3, 2), (7, 16, 6), (9, 33, 13), (4, 20, 0)] {
            let wave = |count: usize, by: f32| -> Vec<f32> {
                (0..u16::try_from(count).unwrap()).map(|at| (f32::from(at) * by).sin()).collect()
            };
            let (weights, added, rows) = (wave(inputs * outputs, 0.3), wave(outputs, 0.7), wave(count * inputs, 0.9));
            let found = Linear::new(&weights, &added, inputs).of(&rows);
            let mut expected = Vec::new();
            for row in rows.chunks_exact(inputs) {
                for (weights, added) in weights.chunks_exact(inputs).zip(&added) {
                    expected.push(row.iter().zip(weights).map(|(a, b)| a * b).sum::<f32>() + added);
                }
            }
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{inputs} {outputs} {count}");
        }
    }

    #[test]
    fn attention_weighs_values() {
        // The first token fits itself, the second one both alike.
        let taken = attend(&[40.0, 0.0, 0.0, 0.0], &[1.0, 0.0, 0.0, 1.0], &[1.0, 2.0, 3.0, 4.0], 2);
        for (found, expected) in taken.iter().zip([1.0, 2.0, 2.0, 3.0]) {
            assert!((found - expected).abs() < 1e-5, "{taken:?}");
        }
    }
}
