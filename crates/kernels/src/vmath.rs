//! exp, tanh and the logistic function on vectors; ln on one number.
//!
//! exp: x = n·ln 2 + r with integral n, |r| ≤ ½ ln 2, and eˣ = 2ⁿ·(1 + (eʳ − 1)), where
//! eʳ − 1 ≈ r + r²·P(r). P is the polynomial of degree 5 with the least largest |r·(error of P)|,
//! the error relative to eʳ − 1, on |r| ≤ 1.0001·½ ln 2 (Remez exchange in 60 digits, coefficients
//! then rounded to f32): 2.4·10⁻¹⁰ before rounding, against a unit of 6·10⁻⁸. tanh uses eʳ − 1
//! itself, so nothing cancels near zero.
//!
//! Largest errors against f64, over the whole range, in units in the last place of the result:
//! exp 1, tanh 3, the logistic function 3; ln (f64) 1. Every step is one IEEE operation, so the
//! bits are the same on every machine; libm is not used.

use crate::isa::Isa;
use crate::rows::{read, write};
use crate::simd::{Op, Vector, WIDTH};

/// eˣ. Above 88.72 infinity; below −87.3 gradual underflow, still rounded to within 1 ULP of the
/// subnormal result, and zero from −104 on. NaN stays NaN.
///
/// # Safety
/// As for every method of [`Vector`].
#[inline(always)]
pub(crate) unsafe fn exp<V: Vector>(x: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        // The constant is on the left so that NaN passes (see `Vector::max`).
        let x = V::splat(-104.0).max(V::splat(89.0).min(x));
        let (n, expm1) = reduced_expm1(x);
        // n lies in −150 ..= 128.
        expm1.add(V::splat(1.0)).scale_exp2(n)
    }
}

/// tanh x. Odd to the bit, ±1 for large |x|, x itself for tiny x. NaN stays NaN.
///
/// # Safety
/// As for every method of [`Vector`].
#[inline(always)]
pub(crate) unsafe fn tanh<V: Vector>(x: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        // tanh |x| = −q / (q + 2) with q = e^(−2|x|) − 1; from |x| = 9.1 on it rounds to 1.
        let magnitude = V::splat(12.0).min(x.abs());
        let (n, expm1) = reduced_expm1(magnitude.mul(V::splat(-2.0)));
        let scale = n.exp2_int();
        let q = scale.mul_add(expm1, scale.sub(V::splat(1.0)));
        q.div(q.add(V::splat(2.0))).copy_sign(x)
    }
}

/// The logistic function σ(x) = 1 / (1 + e⁻ˣ), accurate down to subnormal results; 0 from −104 on.
/// NaN stays NaN.
///
/// # Safety
/// As for every method of [`Vector`].
#[inline(always)]
pub(crate) unsafe fn sigmoid<V: Vector>(x: V) -> V {
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        // With e = e^(−|x|) ≤ 1 nothing overflows: σ = 1 / (1 + e), and e / (1 + e) for x < 0.
        let zero = V::splat(0.0);
        let one = V::splat(1.0);
        let e = exp(zero.sub(x.abs()));
        x.select_lt(zero, e, one).div(e.add(one))
    }
}

/// n and eʳ − 1 for x = n·ln 2 + r; |x| ≤ 104 or NaN.
///
/// # Safety
/// The instructions of `V` are there.
#[inline(always)]
unsafe fn reduced_expm1<V: Vector>(x: V) -> (V, V) {
    const P: [f32; 6] = [
        0.5,
        0.166_666_67,
        0.041_666_355,
        0.008_333_273,
        0.001_394_097,
        0.000_199_141_42,
    ];
    // ln 2 as a sum of two f32; the first step of the reduction is exact.
    const LN2_HIGH: f32 = std::f32::consts::LN_2;
    const LN2_LOW: f32 = -1.904_654_2e-9;
    // SAFETY: the caller has the instructions of `V`.
    unsafe {
        let n = x.mul(V::splat(std::f32::consts::LOG2_E)).round();
        let r = n.neg_mul_add(V::splat(LN2_HIGH), x);
        let r = n.neg_mul_add(V::splat(LN2_LOW), r);
        let mut p = V::splat(P[5]);
        for c in [P[4], P[3], P[2], P[1], P[0]] {
            p = p.mul_add(r, V::splat(c));
        }
        (n, r.mul(r).mul_add(p, r))
    }
}

/// Natural logarithm within 1 ULP: −∞ at zero, NaN below it.
///
/// x = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2, s = f/(2 + f), ln(1 + f) = 2s + s³·G(s²): the scheme of
/// fdlibm (`e_log.c`), with our own minimax polynomial G of degree 6 for (2 artanh s − 2s)/s³
/// (error of s²·G below 4·10⁻¹⁸, the coefficients rounded to f64).
pub fn ln(x: f64) -> f64 {
    const G: [f64; 7] = [
        0.6666666666666734,
        0.39999999999414315,
        0.28571428742475385,
        0.2222219856344926,
        0.18183564867956134,
        0.15314035814292226,
        0.14796105556250244,
    ];
    // The upper half has 21 bits, so its product with k is exact.
    const LN2_HIGH: f64 = 0.6931467056274414;
    const LN2_LOW: f64 = 4.7493250390316726e-7;

    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x <= 0.0 {
        return if x == 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::NAN
        };
    }
    let subnormal = x < f64::MIN_POSITIVE;
    let x = if subnormal {
        x * 18014398509481984.0
    } else {
        x
    }; // 2⁵⁴
    let bits = x.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let above_sqrt2 = fraction >= std::f64::consts::SQRT_2.to_bits() & ((1 << 52) - 1);
    let exponent = (bits >> 52) as i64 - 1023 + i64::from(above_sqrt2) - 54 * i64::from(subnormal);
    let mantissa = f64::from_bits(fraction | (1023 - u64::from(above_sqrt2)) << 52);

    let k = exponent as f64;
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let g = G.into_iter().rev().fold(0.0, |g, c| g * z + c);
    // 2s = f − s·f = f − (f²/2 − s·f²/2): the large terms come last, so only they round.
    let half_square = 0.5 * f * f;
    k * LN2_HIGH - ((half_square - (s * (half_square + z * g) + k * LN2_LOW)) - f)
}

/// Replaces every element x by eˣ; error at most 1 ULP (see the head of this file).
pub fn exp_in_place(isa: Isa, x: &mut [f32]) {
    isa.run(InPlace(Function::Exp, x));
}

/// Replaces every element x by tanh x; error at most 3 ULP.
pub fn tanh_in_place(isa: Isa, x: &mut [f32]) {
    isa.run(InPlace(Function::Tanh, x));
}

/// Replaces every element x by 1 / (1 + e⁻ˣ), the logistic function; error at most 3 ULP.
pub fn sigmoid_in_place(isa: Isa, x: &mut [f32]) {
    isa.run(InPlace(Function::Sigmoid, x));
}

enum Function {
    Exp,
    Tanh,
    Sigmoid,
}

struct InPlace<'a>(Function, &'a mut [f32]);

impl Op for InPlace<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for chunk in self.1.chunks_mut(WIDTH) {
            // SAFETY: the chunk has `chunk.len()` ≤ 16 numbers; `Isa::run` vouches for `V`.
            unsafe {
                let x = read::<V>(chunk.as_ptr(), chunk.len());
                let y = match self.0 {
                    Function::Exp => exp(x),
                    Function::Tanh => tanh(x),
                    Function::Sigmoid => sigmoid(x),
                };
                write(y, chunk.as_mut_ptr(), chunk.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type InPlaceFn = fn(Isa, &mut [f32]);
    /// Name, function, its oracle in f64, bound in ULP.
    type Case = (&'static str, InPlaceFn, fn(f64) -> f64, f64);
    const FUNCTIONS: [Case; 3] = [
        ("exp", exp_in_place, f64::exp, 1.0),
        ("tanh", tanh_in_place, f64::tanh, 3.0),
        (
            "sigmoid",
            sigmoid_in_place,
            |x| 1.0 / (1.0 + (-x).exp()),
            3.0,
        ),
    ];

    /// |y − exact| in units of the last place of f32 at `exact`.
    fn ulps(y: f32, exact: f64) -> f64 {
        let nearest = exact as f32;
        if y == nearest || (y.is_nan() && nearest.is_nan()) {
            return 0.0;
        }
        if !y.is_finite() || !nearest.is_finite() {
            return f64::INFINITY;
        }
        let exponent = ((exact.abs().to_bits() >> 52) as i32 - 1023).max(-126);
        (f64::from(y) - exact).abs() / 2f64.powi(exponent - 23)
    }

    /// Every `stride`-th bit pattern of f32, infinities and NaNs included.
    fn patterns(stride: usize) -> Vec<f32> {
        (0..=u32::MAX).step_by(stride).map(f32::from_bits).collect()
    }

    #[test]
    fn errors_stay_below_the_stated_bounds_everywhere() {
        let isa = Isa::detect();
        let xs = patterns(397);
        for (name, in_place, exact, bound) in FUNCTIONS {
            let mut ys = xs.clone();
            in_place(isa, &mut ys);
            let worst = std::iter::zip(&xs, &ys)
                .map(|(x, y)| (ulps(*y, exact(f64::from(*x))), *x))
                .fold((0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a });
            println!("{name}: {:.3} ULP at {:e}", worst.0, worst.1);
            assert!(worst.0 <= bound, "{name}: {} ULP at {:e}", worst.0, worst.1);
        }
    }

    #[test]
    fn errors_stay_below_the_stated_bounds_where_gates_work() {
        let isa = Isa::detect();
        let xs: Vec<f32> = (0..1_200_001)
            .map(|i| (i - 600_000) as f32 * 2e-4)
            .collect();
        for (name, in_place, exact, bound) in FUNCTIONS {
            let mut ys = xs.clone();
            in_place(isa, &mut ys);
            for (x, y) in std::iter::zip(&xs, &ys) {
                let error = ulps(*y, exact(f64::from(*x)));
                assert!(error <= bound, "{name}({x:e}) = {y:e}: {error} ULP");
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let mut xs = patterns(3989);
        xs.extend((-2000..2000).map(|i| i as f32 * 0.0531));
        for (name, in_place, _, _) in FUNCTIONS {
            let mut first = xs.clone();
            in_place(Isa::detect(), &mut first);
            for isa in Isa::supported() {
                let mut ys = xs.clone();
                in_place(isa, &mut ys);
                for ((x, y), first) in xs.iter().zip(&ys).zip(&first) {
                    let same = y.to_bits() == first.to_bits() || y.is_nan() && first.is_nan();
                    assert!(
                        same,
                        "{name}({x:e}) on {}: {y:e}, not {first:e}",
                        isa.name()
                    );
                }
            }
        }
    }

    #[test]
    fn limits_are_exact() {
        let inf = f32::INFINITY;
        for isa in Isa::supported() {
            for (in_place, cases) in [
                (
                    exp_in_place as InPlaceFn,
                    vec![
                        (0.0, 1.0),
                        (-0.0, 1.0),
                        (inf, inf),
                        (-inf, 0.0),
                        (88.8, inf),
                        (-104.0, 0.0),
                        (-3e38, 0.0),
                        (-103.0, f32::from_bits(1)),
                    ],
                ),
                (
                    tanh_in_place,
                    vec![
                        (inf, 1.0),
                        (-inf, -1.0),
                        (9.2, 1.0),
                        (-1e-30, -1e-30),
                        (f32::from_bits(1), f32::from_bits(1)),
                    ],
                ),
                (
                    sigmoid_in_place,
                    vec![
                        (0.0, 0.5),
                        (inf, 1.0),
                        (-inf, 0.0),
                        (-3e38, 0.0),
                        (3e38, 1.0),
                    ],
                ),
            ] {
                for (x, y) in cases {
                    let mut one = [x, f32::NAN];
                    in_place(isa, &mut one);
                    assert_eq!(one[0], y, "at {x:e} on {}", isa.name());
                    assert!(one[1].is_nan());
                }
            }
            let mut zero = [-0.0];
            tanh_in_place(isa, &mut zero);
            assert_eq!(zero[0].to_bits(), (-0.0f32).to_bits());
        }
    }

    #[test]
    fn tanh_is_odd_to_the_bit() {
        let isa = Isa::detect();
        let mut plus: Vec<f32> = (0..10_000).map(|i| i as f32 * 1.37e-3).collect();
        let mut minus: Vec<f32> = plus.iter().map(|x| -x).collect();
        tanh_in_place(isa, &mut plus);
        tanh_in_place(isa, &mut minus);
        assert!(
            plus.iter()
                .zip(&minus)
                .all(|(p, m)| p.to_bits() == (-m).to_bits())
        );
    }

    #[test]
    fn any_length_is_taken() {
        for n in [0, 1, 7, 15, 16, 17, 33, 100] {
            for isa in Isa::supported() {
                let mut all: Vec<f32> = (0..n + 1).map(|i| i as f32 * 0.1 - 3.0).collect();
                let single = all.iter().map(|x| {
                    let mut one = [*x];
                    tanh_in_place(isa, &mut one);
                    one[0]
                });
                let expected: Vec<f32> = single.take(n).chain([all[n]]).collect();
                tanh_in_place(isa, &mut all[..n]);
                assert_eq!(all, expected);
            }
        }
    }

    #[test]
    fn ln_is_accurate_and_total() {
        let mut state = 1u64;
        for _ in 0..1_000_000 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let wide = f64::from_bits(state >> 1);
            let near_one = 1.0 + ((state >> 11) as f64 * 2f64.powi(-53) - 0.5);
            for x in [wide, near_one] {
                let (y, exact) = (ln(x), x.ln());
                if x.is_nan() {
                    assert!(y.is_nan());
                } else {
                    // The power of two at or below it, times 2⁻⁵².
                    let power = f64::from_bits(exact.to_bits() & 0x7FF0_0000_0000_0000);
                    let ulp = power * f64::EPSILON;
                    assert!((y - exact).abs() <= ulp, "ln {x:e} = {y:e}, not {exact:e}");
                }
            }
        }
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(0.0), f64::NEG_INFINITY);
        assert_eq!(ln(f64::INFINITY), f64::INFINITY);
        assert_eq!(ln(5e-324), 5e-324f64.ln());
        assert!(ln(-1.0).is_nan() && ln(f64::NAN).is_nan());
    }
}
