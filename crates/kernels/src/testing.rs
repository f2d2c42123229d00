//! Helpers that the tests of several modules share.

use crate::philox::philox;
use crate::{Cpu, Isa};

/// Lengths around the width of a vector.
pub(crate) const SIZES: [usize; 8] = [0, 1, 7, 15, 16, 17, 33, 100];

/// Every instruction set of this CPU, with one, two and three threads.
pub(crate) fn machines() -> Vec<Cpu> {
    let all = Isa::supported().into_iter();
    all.flat_map(|isa| (1..=3).map(move |threads| Cpu::new(isa, threads)))
        .collect()
}

/// `n` reproducible numbers, evenly spread over [−2, 2).
pub(crate) fn numbers(n: usize, seed: u32) -> Vec<f32> {
    (0..n)
        .map(|i| philox([i as u32, 0, 0, 0], [seed, 0])[0] as i32 as f32 / (1u32 << 30) as f32)
        .collect()
}

/// Bit patterns, so that a comparison tells −0 from 0 and one NaN equals another.
pub(crate) fn bits(x: &[f32]) -> Vec<u32> {
    x.iter()
        .map(|x| if x.is_nan() { f32::NAN } else { *x }.to_bits())
        .collect()
}
