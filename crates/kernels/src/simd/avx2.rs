//! [`Vector`] in two 256-bit registers (AVX2 and FMA), with or without the instruction for bytes (AVX-VNNI).
//!
//! Without it bytes are multiplied as integers of 16 bits, whose sums of two products fit 32 bits; the older instruction
//! that multiplies bytes adds in 16 bits, where sums saturate. The even and the odd bytes of each word are two vectors
//! then, taken apart once: those of A when it is copied, those of B once for all rows of a tile.

use super::{RawOp, Vector};
use std::arch::x86_64::*;

/// Sixteen `f32` in two registers: numbers 0–7 and 8–15; with `VNNI` also the instruction for bytes.
///
/// [`Isa`](crate::Isa) runs products of bytes with it and everything else without it, which is the same code.
#[derive(Clone, Copy)]
pub(crate) struct Avx2<const VNNI: bool>(__m256, __m256);

/// The tree of [`Vector::sum`] from eight numbers on.
///
/// # Safety
/// The CPU has AVX.
#[inline(always)]
pub(super) unsafe fn sum8(x: __m256) -> f32 {
    // SAFETY: AVX and SSE are there by this function's contract.
    unsafe {
        let four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
}

/// The largest of eight numbers.
///
/// # Safety
/// The CPU has AVX.
#[inline(always)]
pub(super) unsafe fn max8(x: __m256) -> f32 {
    // SAFETY: AVX and SSE are there by this function's contract.
    unsafe {
        let four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
        let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
}

/// The low bytes of 32 neighbours, which are integers from −128 to 255.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn bytes32(neighbours: [__m256; 4]) -> __m256 {
    // SAFETY: AVX2 is there by this function's contract.
    unsafe {
        let [a, b, c, d] = neighbours.map(|x| _mm256_cvtps_epi32(x));
        let low = |x| _mm256_and_si256(x, _mm256_set1_epi16(0xFF));
        let halves = [_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)].map(low);
        // Each half of a register was packed on its own.
        let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        let packed = _mm256_packus_epi16(halves[0], halves[1]);
        _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(packed, order))
    }
}

/// The even and the odd bytes of eight words, from 0 to 255, as integers of 16 bits.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn unsigned8(x: __m256) -> [__m256; 2] {
    // SAFETY: AVX2 is there by this function's contract.
    unsafe {
        let x = _mm256_castps_si256(x);
        let even = _mm256_and_si256(x, _mm256_set1_epi16(0xFF));
        [even, _mm256_srli_epi16::<8>(x)].map(|x| _mm256_castsi256_ps(x))
    }
}

/// The even and the odd bytes of eight words, from −128 to 127, as integers of 16 bits.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn signed8(x: __m256) -> [__m256; 2] {
    // SAFETY: AVX2 is there by this function's contract.
    unsafe {
        let x = _mm256_castps_si256(x);
        let even = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(x));
        [even, _mm256_srai_epi16::<8>(x)].map(|x| _mm256_castsi256_ps(x))
    }
}

/// [`Vector::dot_bytes`] of the parts of eight words.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn dot8(a: [__m256; 2], b: [__m256; 2], sum: __m256) -> __m256 {
    // SAFETY: AVX2 is there by this function's contract.
    unsafe {
        let bits = |x| _mm256_castps_si256(x);
        let even = _mm256_madd_epi16(bits(a[0]), bits(b[0]));
        let odd = _mm256_madd_epi16(bits(a[1]), bits(b[1]));
        let sum = _mm256_add_epi32(bits(sum), even);
        _mm256_castsi256_ps(_mm256_add_epi32(sum, odd))
    }
}

/// # Safety
/// As for [`Vector::call`].
#[inline(never)]
#[target_feature(enable = "avx2,fma,avxvnni")]
unsafe fn with_vnni<O: RawOp>(op: O) -> O::Output {
    // SAFETY: the instructions of this type are enabled for this function, so its caller has them. The rest is
    // passed on.
    unsafe { op.run_raw::<Avx2<true>>() }
}

/// # Safety
/// As for [`Vector::call`].
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
unsafe fn without_vnni<O: RawOp>(op: O) -> O::Output {
    // SAFETY: as in `with_vnni`.
    unsafe { op.run_raw::<Avx2<false>>() }
}

/// A mask register whose first `n` of eight entries are set; `n` above 8 counts as 8.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn first(n: usize) -> __m256i {
    // SAFETY: AVX2 is there by the trait's contract.
    unsafe {
        let index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(n.min(8) as i32), index)
    }
}

/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn power_of_two(n: __m256) -> __m256 {
    // SAFETY: AVX2 is there by the trait's contract.
    unsafe {
        let biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
        _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
    }
}

// SAFETY (every `unsafe` below): the trait's contract: the CPU has AVX2 and FMA (AVX-VNNI too if `VNNI`), and
// pointers have the numbers behind them that the method names.
#[allow(
    clippy::undocumented_unsafe_blocks,
    clippy::missing_safety_doc,
    reason = "the contract of the trait, as said above"
)]
impl<const VNNI: bool> Vector for Avx2<VNNI> {
    const TILE_ROWS: [usize; 4] = [6, 3, 2, 1];
    const ROW_STEPS: [usize; 2] = [1, 3];
    const FULL_TILES: bool = true;
    const TURN: usize = 8;
    const STREAMS: usize = 4;
    const BYTE_TILE_ROWS: [usize; 4] = if VNNI { [6, 3, 2, 1] } else { [4, 2, 1, 1] };
    const BYTE_PARTS: usize = if VNNI { 1 } else { 2 };

    #[inline(always)]
    unsafe fn call<O: RawOp>(op: O) -> O::Output {
        unsafe {
            match VNNI {
                true => with_vnni(op),
                false => without_vnni(op),
            }
        }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { Self(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        unsafe { Self(_mm256_loadu_ps(p), _mm256_loadu_ps(p.add(8))) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self {
        debug_assert!(n <= 16);
        unsafe {
            let high = n.saturating_sub(8);
            Self(
                _mm256_maskload_ps(p, first(n)),
                _mm256_maskload_ps(p.wrapping_add(8), first(high)),
            )
        }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe {
            _mm256_storeu_ps(p, self.0);
            _mm256_storeu_ps(p.add(8), self.1);
        }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize) {
        debug_assert!(n <= 16);
        unsafe {
            _mm256_maskstore_ps(p, first(n), self.0);
            _mm256_maskstore_ps(p.wrapping_add(8), first(n.saturating_sub(8)), self.1);
        }
    }
    #[inline(always)]
    unsafe fn add(self, o: Self) -> Self {
        unsafe { Self(_mm256_add_ps(self.0, o.0), _mm256_add_ps(self.1, o.1)) }
    }
    #[inline(always)]
    unsafe fn sub(self, o: Self) -> Self {
        unsafe { Self(_mm256_sub_ps(self.0, o.0), _mm256_sub_ps(self.1, o.1)) }
    }
    #[inline(always)]
    unsafe fn mul(self, o: Self) -> Self {
        unsafe { Self(_mm256_mul_ps(self.0, o.0), _mm256_mul_ps(self.1, o.1)) }
    }
    #[inline(always)]
    unsafe fn div(self, o: Self) -> Self {
        unsafe { Self(_mm256_div_ps(self.0, o.0), _mm256_div_ps(self.1, o.1)) }
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        unsafe { Self(_mm256_sqrt_ps(self.0), _mm256_sqrt_ps(self.1)) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe {
            Self(
                _mm256_fmadd_ps(self.0, a.0, b.0),
                _mm256_fmadd_ps(self.1, a.1, b.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
        unsafe {
            Self(
                _mm256_fnmadd_ps(self.0, a.0, b.0),
                _mm256_fnmadd_ps(self.1, a.1, b.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn max(self, o: Self) -> Self {
        unsafe { Self(_mm256_max_ps(self.0, o.0), _mm256_max_ps(self.1, o.1)) }
    }
    #[inline(always)]
    unsafe fn min(self, o: Self) -> Self {
        unsafe { Self(_mm256_min_ps(self.0, o.0), _mm256_min_ps(self.1, o.1)) }
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            Self(
                _mm256_andnot_ps(sign, self.0),
                _mm256_andnot_ps(sign, self.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn copy_sign(self, o: Self) -> Self {
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            let magnitude = self.abs();
            Self(
                _mm256_or_ps(magnitude.0, _mm256_and_ps(sign, o.0)),
                _mm256_or_ps(magnitude.1, _mm256_and_ps(sign, o.1)),
            )
        }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        unsafe {
            Self(
                _mm256_round_ps::<NEAREST>(self.0),
                _mm256_round_ps::<NEAREST>(self.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn select_lt(self, o: Self, yes: Self, no: Self) -> Self {
        unsafe {
            let low = _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, o.0);
            let high = _mm256_cmp_ps::<_CMP_LT_OQ>(self.1, o.1);
            Self(
                _mm256_blendv_ps(no.0, yes.0, low),
                _mm256_blendv_ps(no.1, yes.1, high),
            )
        }
    }
    #[inline(always)]
    unsafe fn exp2_int(self) -> Self {
        unsafe { Self(power_of_two(self.0), power_of_two(self.1)) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { sum8(_mm256_add_ps(self.0, self.1)) }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        unsafe { max8(_mm256_max_ps(self.0, self.1)) }
    }
    #[inline(always)]
    unsafe fn prefetch(p: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn prefetch_write(p: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn even(self) -> Self {
        let shift =
            |x| unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_castps_si256(x))) };
        Self(shift(self.0), shift(self.1))
    }
    #[inline(always)]
    unsafe fn odd(self) -> Self {
        unsafe {
            let upper = _mm256_castsi256_ps(_mm256_set1_epi32(0xFFFF_0000_u32 as i32));
            Self(_mm256_and_ps(self.0, upper), _mm256_and_ps(self.1, upper))
        }
    }
    #[inline(always)]
    unsafe fn bytes(neighbours: [Self; 4]) -> Self {
        let [a, b, c, d] = neighbours;
        unsafe { Self(bytes32([a.0, a.1, b.0, b.1]), bytes32([c.0, c.1, d.0, d.1])) }
    }
    #[inline(always)]
    unsafe fn unsigned_parts(self) -> [Self; 2] {
        if VNNI {
            return [self, self];
        }
        let [low, high] = [self.0, self.1].map(|x| unsafe { unsigned8(x) });
        [Self(low[0], high[0]), Self(low[1], high[1])]
    }
    #[inline(always)]
    unsafe fn signed_parts(self) -> [Self; 2] {
        if VNNI {
            return [self, self];
        }
        let [low, high] = [self.0, self.1].map(|x| unsafe { signed8(x) });
        [Self(low[0], high[0]), Self(low[1], high[1])]
    }
    #[inline(always)]
    unsafe fn dot_bytes(a: [Self; 2], b: [Self; 2], sum: Self) -> Self {
        unsafe {
            if VNNI {
                let dot = |sum, a, b| {
                    let [sum, a, b] = [sum, a, b].map(|x| _mm256_castps_si256(x));
                    _mm256_castsi256_ps(_mm256_dpbusd_avx_epi32(sum, a, b))
                };
                return Self(dot(sum.0, a[0].0, b[0].0), dot(sum.1, a[0].1, b[0].1));
            }
            Self(
                dot8(a.map(|x| x.0), b.map(|x| x.0), sum.0),
                dot8(a.map(|x| x.1), b.map(|x| x.1), sum.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn integers_to_f32(self) -> Self {
        let numbers = |x| unsafe { _mm256_cvtepi32_ps(_mm256_castps_si256(x)) };
        Self(numbers(self.0), numbers(self.1))
    }
}
