//! What the tests of the kernels share: every machine to run on, and arbitrary numbers.

use elman_kernels::{Cpu, Isa};

/// Every instruction set of this CPU with one, two and three threads.
pub fn machines() -> Vec<Cpu> {
    let all = Isa::supported().into_iter();
    all.flat_map(|isa| [1, 2, 3].map(|threads| Cpu::new(isa, threads)))
        .collect()
}

pub fn describe(cpu: &Cpu) -> String {
    format!("{} with {} threads", cpu.isa().name(), cpu.threads())
}

/// `n` numbers in −1 ..= 1 that look random (splitmix64), the same for the same seed.
pub fn numbers(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// The chain of one element: `start + Σ_k a(k)·b(k)`, k ascending, one rounding per step.
pub fn chain(start: f32, depth: usize, a: impl Fn(usize) -> f32, b: impl Fn(usize) -> f32) -> f32 {
    (0..depth).fold(start, |sum, k| a(k).mul_add(b(k), sum))
}

/// Panics, naming the place, unless both have the same bits.
#[track_caller]
pub fn assert_bits(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!(
            g.to_bits() == e.to_bits(),
            "{what}: number {i} is {g}, not {e}"
        );
    }
}
