//! Gaussian noise on the gradient (Neelakantan et al. 2015).
//!
//! Standard normals come in pairs by the transform of Box and Muller (1958) from Philox words: with
//! u, v uniform on 24 bits, u in (0, 1] and v in [0, 1), ε = √(−2 ln u)·(cos 2πv, sin 2πv). So |ε|
//! is at most 5.77. Element i of the arena gets number i mod 16 of the sixteen that
//! [`normals`] draws for i / 16, whatever tensor, thread or vector it is in.
//!
//! ln: u = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2, s = f/(2 + f), ln(1 + f) = 2·artanh s, of whose series
//! five terms are taken. Sine and cosine: with 2πv = (q + x)·π/2 for the nearest integer q, the
//! polynomials of Cephes (`sinf.c`) in x·π/2. Both are within 2·10⁻⁷; every step is one IEEE
//! operation, so the bits are the same on every machine.

use crate::philox::philox;
use crate::simd::{Vector, WIDTH};

/// Gaussian noise on the gradient of one tensor in one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Random key of this update.
    pub key: [u32; 2],
    /// Standard deviation of the noise.
    pub sigma: f32,
    /// Index of the tensor's first element in the arena, a multiple of sixteen.
    pub first: usize,
}

impl Noise {
    /// Adds the noise of the sixteen elements from `at` on, a multiple of sixteen, of the tensor.
    ///
    /// # Safety
    /// As for the methods of [`Vector`].
    #[inline(always)]
    pub(super) unsafe fn add_to<V: Vector>(&self, gradient: V, at: usize) -> V {
        let normals = normals(((self.first + at) / WIDTH) as u64, self.key);
        // SAFETY: the array has sixteen numbers, and the caller has the instructions of `V`.
        unsafe { V::load(normals.as_ptr()).mul_add(V::splat(self.sigma), gradient) }
    }
}

/// Sixteen standard normals, the `block`-th under `key`: cosines of the eight pairs, then sines.
#[inline(always)]
fn normals(block: u64, key: [u32; 2]) -> [f32; WIDTH] {
    // Plain loops over arrays, of which the compiler makes vectors.
    let mut words = [[0; 4]; 4];
    for (i, words) in words.iter_mut().enumerate() {
        *words = philox([block as u32, (block >> 32) as u32, i as u32, 0], key);
    }
    let words = words.as_flattened();
    let mut out = [0.0; WIDTH];
    for i in 0..WIDTH / 2 {
        let radius = (-2.0 * ln((words[i] >> 8) + 1)).sqrt();
        let (sin, cos) = sin_cos(words[WIDTH / 2 + i] >> 8);
        out[i] = radius * cos;
        out[WIDTH / 2 + i] = radius * sin;
    }
    out
}

/// ln (u / 2²⁴) for u in 1 ..= 2²⁴.
#[inline(always)]
fn ln(u: u32) -> f32 {
    const SQRT_2_FRACTION: u32 = std::f32::consts::SQRT_2.to_bits() & 0x007F_FFFF;
    const LN2_HIGH: f32 = 0.693_359_4; // 9 bits, so that its product with k is exact
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let bits = (u as f32).to_bits();
    let fraction = bits & 0x007F_FFFF;
    let above = u32::from(fraction >= SQRT_2_FRACTION);
    let k = ((bits >> 23) + above) as f32 - (127 + 24) as f32;
    let f = f32::from_bits(fraction | (127 - above) << 23) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut series = 2.0 / 9.0;
    for c in [2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0] {
        series = z.mul_add(series, c);
    }
    k.mul_add(LN2_HIGH, k.mul_add(LN2_LOW, s * series))
}

/// Sine and cosine of 2π·v / 2²⁴ for v below 2²⁴.
#[inline(always)]
fn sin_cos(v: u32) -> (f32, f32) {
    let quarter = (v + (1 << 21)) >> 22; // 0 ..= 4, to the nearest
    let rest = v as i32 - (quarter << 22) as i32;
    let x = rest as f32 * (std::f32::consts::FRAC_PI_2 / (1 << 22) as f32);
    let z = x * x;
    let sin = z.mul_add(-1.951_529_6e-4, 8.332_161e-3);
    let sin = z.mul_add(sin, -1.666_665_5e-1);
    let sin = (x * z).mul_add(sin, x);
    let cos = z.mul_add(2.443_315_7e-5, -1.388_731_6e-3);
    let cos = z.mul_add(cos, 4.166_664_6e-2);
    let cos = (z * z).mul_add(cos, z.mul_add(-0.5, 1.0));
    match quarter % 4 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The number of the element at a place of the arena.
    pub(in crate::update) fn normal_at(place: usize, key: [u32; 2]) -> f32 {
        normals((place / WIDTH) as u64, key)[place % WIDTH]
    }

    #[test]
    fn the_functions_are_those_of_f64() {
        for u in (1..1 << 24).step_by(97).chain([2, 1 << 24]) {
            let exact = (f64::from(u) / f64::from(1 << 24)).ln();
            let error = (f64::from(ln(u)) - exact).abs();
            assert!(error <= 2e-7 * exact.abs().max(1e-7), "ln {u}: {error:e}");
        }
        for v in (0..1 << 24).step_by(97) {
            let angle = std::f64::consts::TAU * f64::from(v) / f64::from(1 << 24);
            let (sin, cos) = sin_cos(v);
            assert!((f64::from(sin) - angle.sin()).abs() <= 2e-7, "sin {v}");
            assert!((f64::from(cos) - angle.cos()).abs() <= 2e-7, "cos {v}");
        }
    }

    /// Moments up to the fourth, the tails, and that neighbours have nothing to do with each other.
    #[test]
    fn the_numbers_are_standard_normal() {
        let blocks = 1 << 16;
        let numbers: Vec<f64> = (0..blocks)
            .flat_map(|block| normals(block, [5, 6]))
            .map(f64::from)
            .collect();
        let mean = |f: &dyn Fn(f64) -> f64| {
            numbers.iter().map(|x| f(*x)).sum::<f64>() / numbers.len() as f64
        };
        assert!(mean(&|x| x).abs() < 0.004);
        assert!((mean(&|x| x * x) - 1.0).abs() < 0.006);
        assert!(mean(&|x| x * x * x).abs() < 0.016);
        assert!((mean(&|x| x.powi(4)) - 3.0).abs() < 0.04);
        for (bound, share) in [(1.0, 0.317_31), (2.0, 0.045_5), (3.0, 0.002_7)] {
            let beyond = mean(&|x| f64::from(u8::from(x.abs() > bound)));
            assert!((beyond - share).abs() < 0.002, "{beyond} beyond {bound}");
        }
        for apart in [1, 8, 16] {
            let pairs = numbers.iter().zip(&numbers[apart..]);
            let product: f64 = pairs.map(|(a, b)| a * b).sum();
            assert!((product / numbers.len() as f64).abs() < 0.004, "{apart}");
        }
        assert!(normals(0, [5, 6]) != normals(0, [5, 7]));
    }
}
