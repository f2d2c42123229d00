//! [`Vector`] in one 512-bit register (AVX-512 F, DQ, BW), with or without instructions for bf16 and bytes.

use super::{RawOp, Vector, WIDTH, avx2, emulate};
use std::arch::x86_64::*;
use std::mem::transmute;

/// Sixteen `f32` in a register; with `BF16` also the instructions VNNI and BF16.
#[derive(Clone, Copy)]
pub(crate) struct Avx512<const BF16: bool>(__m512);

#[inline(always)]
fn first(n: usize) -> __mmask16 {
    debug_assert!(n <= 16);
    ((1u32 << n) - 1) as __mmask16
}

/// Both halves of each word of 32 bf16, from all lower and then all upper halves.
///
/// # Safety
/// The CPU has the instructions BW and BF16.
#[inline(always)]
unsafe fn interleave(x: __m512bh) -> __m512 {
    const ORDER: [u16; 32] = {
        let mut order = [0; 32];
        let mut i = 0;
        while i < 32 {
            order[i] = (i / 2 + i % 2 * 16) as u16;
            i += 1;
        }
        order
    };
    // SAFETY: the caller has BW and BF16; the types are registers of the same size.
    unsafe {
        let order = _mm512_loadu_si512(ORDER.as_ptr().cast());
        _mm512_castsi512_ps(_mm512_permutexvar_epi16(
            order,
            transmute::<__m512bh, __m512i>(x),
        ))
    }
}

/// The even and the odd 128-bit parts of `a` and then of `b`.
///
/// # Safety
/// The CPU has AVX-512 F.
#[inline(always)]
unsafe fn alternate_parts(a: __m512, b: __m512) -> (__m512, __m512) {
    // SAFETY: the caller has AVX-512 F.
    unsafe {
        (
            _mm512_shuffle_f32x4::<0x88>(a, b),
            _mm512_shuffle_f32x4::<0xDD>(a, b),
        )
    }
}

/// # Safety
/// As for [`Vector::call`].
#[inline(never)]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,avx512bf16,avx2,fma")]
unsafe fn with_bf16<O: RawOp>(op: O) -> O::Output {
    // SAFETY: the instructions of this type are enabled for this function, so its caller has them. The rest is
    // passed on.
    unsafe { op.run_raw::<Avx512<true>>() }
}

/// # Safety
/// As for [`Vector::call`].
#[inline(never)]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx2,fma")]
unsafe fn without_bf16<O: RawOp>(op: O) -> O::Output {
    // SAFETY: as in `with_bf16`.
    unsafe { op.run_raw::<Avx512<false>>() }
}

// SAFETY (every `unsafe` below): the trait's contract: the CPU has AVX-512 F, DQ and BW (VNNI and BF16
// too if `BF16`), and pointers have the numbers behind them that the method names.
#[allow(
    clippy::undocumented_unsafe_blocks,
    clippy::missing_safety_doc,
    reason = "the contract of the trait, as said above"
)]
impl<const BF16: bool> Vector for Avx512<BF16> {
    const TILE_ROWS: [usize; 4] = [12, 12, 8, 6];
    const ROW_STEPS: [usize; 2] = [2, 4];
    const FULL_TILES: bool = false;
    const TURN: usize = 4;
    const STREAMS: usize = 8;
    const BYTE_TILE_ROWS: [usize; 4] = if BF16 { [12, 12, 8, 6] } else { [6, 6, 4, 2] };
    const BYTE_PARTS: usize = if BF16 { 1 } else { 2 };

    #[inline(always)]
    unsafe fn call<O: RawOp>(op: O) -> O::Output {
        unsafe {
            match BF16 {
                true => with_bf16(op),
                false => without_bf16(op),
            }
        }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(x) })
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(p) })
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self {
        Self(unsafe { _mm512_maskz_loadu_ps(first(n), p) })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { _mm512_storeu_ps(p, self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize) {
        unsafe { _mm512_mask_storeu_ps(p, first(n), self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, o: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, o.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, o: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, o.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, o: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, o.0) })
    }
    #[inline(always)]
    unsafe fn div(self, o: Self) -> Self {
        Self(unsafe { _mm512_div_ps(self.0, o.0) })
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(unsafe { _mm512_sqrt_ps(self.0) })
    }
    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, a.0, b.0) })
    }
    #[inline(always)]
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_fnmadd_ps(self.0, a.0, b.0) })
    }
    #[inline(always)]
    unsafe fn max(self, o: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, o.0) })
    }
    #[inline(always)]
    unsafe fn min(self, o: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, o.0) })
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        Self(unsafe { _mm512_abs_ps(self.0) })
    }
    #[inline(always)]
    unsafe fn copy_sign(self, o: Self) -> Self {
        unsafe {
            let sign = _mm512_set1_ps(-0.0);
            Self(_mm512_or_ps(
                _mm512_andnot_ps(sign, self.0),
                _mm512_and_ps(sign, o.0),
            ))
        }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        Self(unsafe {
            _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)
        })
    }
    #[inline(always)]
    unsafe fn select_lt(self, o: Self, yes: Self, no: Self) -> Self {
        unsafe {
            let less = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, o.0);
            Self(_mm512_mask_blend_ps(less, no.0, yes.0))
        }
    }
    #[inline(always)]
    unsafe fn exp2_int(self) -> Self {
        unsafe {
            let biased = _mm512_add_epi32(_mm512_cvtps_epi32(self.0), _mm512_set1_epi32(127));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(biased)))
        }
    }
    #[inline(always)]
    unsafe fn scale_exp2(self, n: Self) -> Self {
        Self(unsafe { _mm512_scalef_ps(self.0, n.0) })
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe {
            let eight = _mm256_add_ps(
                _mm512_castps512_ps256(self.0),
                _mm512_extractf32x8_ps::<1>(self.0),
            );
            avx2::sum8(eight)
        }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        unsafe {
            let eight = _mm256_max_ps(
                _mm512_castps512_ps256(self.0),
                _mm512_extractf32x8_ps::<1>(self.0),
            );
            avx2::max8(eight)
        }
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
        Self(unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(self.0))) })
    }
    #[inline(always)]
    unsafe fn odd(self) -> Self {
        unsafe {
            let upper = _mm512_set1_epi32(0xFFFF_0000_u32 as i32);
            let bits = _mm512_castps_si512(self.0);
            Self(_mm512_castsi512_ps(_mm512_and_si512(bits, upper)))
        }
    }
    #[inline(always)]
    unsafe fn pairs(self, odd: Self) -> Self {
        unsafe {
            match BF16 {
                true => Self(interleave(_mm512_cvtne2ps_pbh(odd.0, self.0))),
                false => emulate::pairs(self, odd),
            }
        }
    }
    #[inline(always)]
    unsafe fn neighbours(self, high: Self) -> Self {
        unsafe {
            match BF16 {
                true => Self(transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(
                    high.0, self.0,
                ))),
                false => emulate::neighbours(self, high),
            }
        }
    }
    #[inline(always)]
    unsafe fn dot_pairs(self, b: Self, sum: Self) -> Self {
        let words = |x: Self| unsafe { transmute::<__m512, __m512bh>(x.0) };
        unsafe {
            match BF16 {
                true => Self(_mm512_dpbf16_ps(sum.0, words(self), words(b))),
                false => emulate::dot_pairs(self, b, sum),
            }
        }
    }
    #[inline(always)]
    unsafe fn bytes(neighbours: [Self; 4]) -> Self {
        unsafe {
            let low = |x: Self| _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x.0));
            let [a, b, c, d] = neighbours.map(low);
            let x = _mm512_inserti32x4::<1>(_mm512_castsi128_si512(a), b);
            let x = _mm512_inserti32x4::<3>(_mm512_inserti32x4::<2>(x, c), d);
            Self(_mm512_castsi512_ps(x))
        }
    }
    #[inline(always)]
    unsafe fn unsigned_parts(self) -> [Self; 2] {
        if BF16 {
            return [self, self];
        }
        unsafe {
            let x = _mm512_castps_si512(self.0);
            let even = _mm512_and_si512(x, _mm512_set1_epi16(0xFF));
            [even, _mm512_srli_epi16::<8>(x)].map(|x| Self(_mm512_castsi512_ps(x)))
        }
    }
    #[inline(always)]
    unsafe fn signed_parts(self) -> [Self; 2] {
        if BF16 {
            return [self, self];
        }
        unsafe {
            let x = _mm512_castps_si512(self.0);
            let even = _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(x));
            [even, _mm512_srai_epi16::<8>(x)].map(|x| Self(_mm512_castsi512_ps(x)))
        }
    }
    #[inline(always)]
    unsafe fn dot_bytes(a: [Self; 2], b: [Self; 2], sum: Self) -> Self {
        unsafe {
            let bits = |x: Self| _mm512_castps_si512(x.0);
            let sum = match BF16 {
                true => _mm512_dpbusd_epi32(bits(sum), bits(a[0]), bits(b[0])),
                false => {
                    let even = _mm512_madd_epi16(bits(a[0]), bits(b[0]));
                    let odd = _mm512_madd_epi16(bits(a[1]), bits(b[1]));
                    _mm512_add_epi32(_mm512_add_epi32(bits(sum), even), odd)
                }
            };
            Self(_mm512_castsi512_ps(sum))
        }
    }
    #[inline(always)]
    unsafe fn integers_to_f32(self) -> Self {
        Self(unsafe { _mm512_cvtepi32_ps(_mm512_castps_si512(self.0)) })
    }
    #[inline(always)]
    unsafe fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH] {
        unsafe {
            let pd = |x: __m512| _mm512_castps_pd(x);
            let mut x = rows.map(|row| row.0);
            // Four by four inside the 128-bit parts …
            for i in (0..WIDTH).step_by(4) {
                let low = [
                    _mm512_unpacklo_ps(x[i], x[i + 1]),
                    _mm512_unpacklo_ps(x[i + 2], x[i + 3]),
                ];
                let high = [
                    _mm512_unpackhi_ps(x[i], x[i + 1]),
                    _mm512_unpackhi_ps(x[i + 2], x[i + 3]),
                ];
                x[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(pd(low[0]), pd(low[1])));
                x[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(pd(low[0]), pd(low[1])));
                x[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(pd(high[0]), pd(high[1])));
                x[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(pd(high[0]), pd(high[1])));
            }
            // … and then the sixteen parts: x[4i + j] holds columns j, j + 4, j + 8, j + 12.
            let mut out = x;
            for j in 0..4 {
                let (a02, a13) = alternate_parts(x[j], x[4 + j]);
                let (b02, b13) = alternate_parts(x[8 + j], x[12 + j]);
                (out[j], out[j + 8]) = alternate_parts(a02, b02);
                (out[j + 4], out[j + 12]) = alternate_parts(a13, b13);
            }
            out.map(Self)
        }
    }
}
