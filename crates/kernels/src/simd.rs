//! One vector type, sixteen `f32` wide, on every instruction set.
//!
//! Each algorithm of this crate is written once, generic over [`Vector`], and compiled once per
//! instruction set through [`Op`] and [`Isa::run`](crate::Isa::run). AVX-512 holds the sixteen
//! numbers in one register, AVX2 in two, the scalar path in an array. Every operation is an IEEE
//! operation with one rounding (`mul_add` is fused), so the three give the same bits.
//!
//! Sums over a vector use one fixed tree ([`Vector::sum`]); a kernel that reduces keeps sixteen
//! running sums, never a number of them that depends on the machine.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod scalar;

/// Numbers in a [`Vector`].
pub(crate) const LANES: usize = 16;

/// Sixteen `f32`.
///
/// # Safety
/// Every method requires a CPU with the instructions of the implementing type; [`Isa::run`](crate::Isa::run)
/// is the only place that picks one, from an [`Isa`](crate::Isa) that exists only where they were
/// detected. Methods that take a pointer require the stated number of readable (writable) `f32`
/// behind it, without any alignment.
pub(crate) trait Vector: Copy {
    /// Rows of A that one tile of the product holds, by the number of 16-column panels (1 to 4)
    /// it spans: as many accumulators as the registers take.
    const TILE_ROWS: [usize; 4];

    unsafe fn splat(x: f32) -> Self;
    /// Reads 16 numbers from `p`.
    unsafe fn load(p: *const f32) -> Self;
    /// Reads `n` ≤ 16 numbers from `p`; the rest are zero.
    unsafe fn load_first(p: *const f32, n: usize) -> Self;
    /// Writes 16 numbers to `p`.
    unsafe fn store(self, p: *mut f32);
    /// Writes the first `n` ≤ 16 numbers to `p`.
    unsafe fn store_first(self, p: *mut f32, n: usize);

    unsafe fn add(self, o: Self) -> Self;
    unsafe fn sub(self, o: Self) -> Self;
    unsafe fn mul(self, o: Self) -> Self;
    unsafe fn div(self, o: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    /// `self · a + b` with one rounding.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// `b − self · a` with one rounding.
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self;
    /// The larger of the two; where either is NaN, or both are zeros, `o`.
    unsafe fn max(self, o: Self) -> Self;
    /// The smaller of the two; where either is NaN, or both are zeros, `o`.
    unsafe fn min(self, o: Self) -> Self;
    unsafe fn abs(self) -> Self;
    /// `|self|` with the sign of `o`.
    unsafe fn copy_sign(self, o: Self) -> Self;
    /// To the nearest integer, ties to even.
    unsafe fn round(self) -> Self;
    /// Where `self < o` (false for NaN) `yes`, elsewhere `no`.
    unsafe fn select_lt(self, o: Self, yes: Self, no: Self) -> Self;
    /// 2ⁿ for an integral `self` = n in −126 ..= 127.
    unsafe fn exp2_int(self) -> Self;
    /// The sum in the one fixed tree: halves are added to halves (16 → 8 → 4 → 2 → 1).
    unsafe fn sum(self) -> f32;
    /// The largest number; unspecified if any is NaN.
    unsafe fn max_lane(self) -> f32;
}

/// A kernel, written once for every instruction set.
///
/// # Safety
/// `run` may only be called by [`Isa::run`](crate::Isa::run), with a `V` that this CPU has.
/// Mark `run` and everything it calls `#[inline(always)]`: only code that is inlined into
/// `Isa::run`'s entry for the instruction set is compiled for it.
pub(crate) trait Op {
    type Output;
    unsafe fn run<V: Vector>(self) -> Self::Output;
}
