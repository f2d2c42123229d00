//! One vector type, sixteen `f32` wide, on every instruction set.
//!
//! Each algorithm of this crate is written once, generic over [`Vector`], and compiled once per
//! instruction set through [`Op`] and [`Isa::run`](crate::Isa::run), or [`RawOp`] and
//! [`Isa::run_raw`](crate::Isa::run_raw) where it holds raw pointers. AVX-512 holds the sixteen
//! numbers in one register, AVX2 in two, the scalar path in an array. Every operation is an IEEE
//! operation with one rounding (`mul_add` is fused) or exact integer arithmetic, so all give the same
//! bits. The one exception is [`Vector::dot_pairs`], the product of bf16.
//!
//! Sums over a vector use one fixed tree ([`Vector::sum`]); a kernel that reduces keeps sixteen
//! running sums, never a number of them that depends on the machine.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
mod emulate;
pub(crate) mod scalar;

/// Numbers in a [`Vector`].
pub(crate) const WIDTH: usize = 16;

/// Sixteen `f32`.
///
/// # Safety
/// Every method requires a CPU with the instructions of the implementing type; [`Isa::run_raw`](crate::Isa::run_raw)
/// is the only place that picks one, from an [`Isa`](crate::Isa) that exists only where they were
/// detected. Methods that take a pointer require the stated number of readable (writable) `f32`
/// behind it, without any alignment.
#[allow(
    clippy::missing_safety_doc,
    reason = "the contract of all methods is above"
)]
pub(crate) trait Vector: Copy {
    /// Rows of A that one tile of the product holds, by the number of 16-column panels (1 to 4)
    /// it spans: as many accumulators as the registers take.
    const TILE_ROWS: [usize; 4];
    /// Tiles of at least two rows have a multiple of this number: where rows of A are contiguous, and in gradients
    /// of weights. A row that is missing is computed in vain, and every number of rows is code to be compiled.
    const ROW_STEPS: [usize; 2];
    /// Whether tiles should have all the rows that fit. Sums that are fewer than twice what the multipliers work on at
    /// once leave them idle now and then: five rows of AVX2 reach 92 % of the peak, four 85 %.
    const FULL_TILES: bool;
    /// Words of k in one turn of a tile's loop. What a turn counts and asks for takes the places of multiplications,
    /// and a long loop does not fit the cache of decoded instructions.
    const TURN: usize;
    /// [`Vector::TILE_ROWS`] of products of bytes.
    const BYTE_TILE_ROWS: [usize; 4] = Self::TILE_ROWS;
    /// Vectors that words of four bytes are taken apart into before they are multiplied, 1 or 2.
    const BYTE_PARTS: usize = 1;
    /// Panels that a tile of a single row spans, 4 or 8.
    const STREAMS: usize;

    /// Runs `op` as a function of its own, compiled for these instructions. The contract of `op` holds.
    unsafe fn call<O: RawOp>(op: O) -> O::Output;

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
    /// `self`·2ⁿ, rounded once, for an integral `n` in −150 ..= 128 and 2⁻¹ ≤ |`self`| ≤ 2, or NaN.
    #[inline(always)]
    unsafe fn scale_exp2(self, n: Self) -> Self {
        // Beyond the exponents of f32: two factors, of which the first scales exactly and only the
        // second rounds or overflows.
        // SAFETY: the caller has the instructions.
        unsafe {
            let half = n.mul(Self::splat(0.5)).round();
            self.mul(half.exp2_int()).mul(n.sub(half).exp2_int())
        }
    }
    /// The sum in the one fixed tree: halves are added to halves (16 → 8 → 4 → 2 → 1).
    unsafe fn sum(self) -> f32;
    /// The largest number; unspecified if any is NaN.
    unsafe fn largest(self) -> f32;

    /// Asks for the cache line at `p` to be brought into the second-level cache. Any address will do.
    unsafe fn prefetch(p: *const f32);
    /// The same into the first-level cache, to be written to.
    unsafe fn prefetch_write(p: *const f32);

    /// Sixteen words of two bf16 each, `self` rounded in the lower halves and `odd` in the upper.
    #[inline(always)]
    unsafe fn pairs(self, odd: Self) -> Self {
        // SAFETY: passed on.
        unsafe { emulate::pairs(self, odd) }
    }
    /// [`Vector::pairs`] of the even and the odd numbers of 32 neighbours, `self` and then `high`.
    #[inline(always)]
    unsafe fn neighbours(self, high: Self) -> Self {
        // SAFETY: passed on.
        unsafe { emulate::neighbours(self, high) }
    }
    /// The lower bf16 of each word.
    unsafe fn even(self) -> Self;
    /// The upper bf16 of each word.
    unsafe fn odd(self) -> Self;
    /// `sum + self·b` over both bf16 of each word. Which of the two comes first, and where it is
    /// rounded in between, is the instruction set's.
    #[inline(always)]
    unsafe fn dot_pairs(self, b: Self, sum: Self) -> Self {
        // SAFETY: passed on.
        unsafe { emulate::dot_pairs(self, b, sum) }
    }

    /// Sixteen words of four bytes: the low byte of 64 neighbours, which are integers.
    #[inline(always)]
    unsafe fn bytes(neighbours: [Self; 4]) -> Self {
        // SAFETY: the arrays have the numbers, and the caller has the instructions.
        unsafe {
            let mut bytes = [0_u8; 4 * WIDTH];
            for (x, bytes) in neighbours.into_iter().zip(bytes.chunks_exact_mut(WIDTH)) {
                let mut numbers = [0.0; WIDTH];
                x.store(numbers.as_mut_ptr());
                for (byte, x) in bytes.iter_mut().zip(numbers) {
                    *byte = x as i32 as u8;
                }
            }
            Self::load(bytes.as_ptr().cast())
        }
    }
    /// Words of four bytes from 0 to 255, made ready for [`Vector::dot_bytes`]: the first [`Vector::BYTE_PARTS`] vectors
    /// count.
    #[inline(always)]
    unsafe fn unsigned_parts(self) -> [Self; 2] {
        [self, self]
    }
    /// Words of four bytes from −128 to 127, made ready for [`Vector::dot_bytes`].
    #[inline(always)]
    unsafe fn signed_parts(self) -> [Self; 2] {
        [self, self]
    }
    /// `sum + a·b` over the four bytes of each word, as integers: those of `a` have no sign, those of `b` have one, and
    /// sums of 32 bits wrap around. Both are parts of words.
    #[inline(always)]
    unsafe fn dot_bytes([a, _]: [Self; 2], [b, _]: [Self; 2], sum: Self) -> Self {
        // SAFETY: the arrays have sixteen numbers, and the caller has the instructions.
        unsafe {
            let (mut x, mut y, mut sums) = ([0.0_f32; WIDTH], [0.0_f32; WIDTH], [0.0_f32; WIDTH]);
            a.store(x.as_mut_ptr());
            b.store(y.as_mut_ptr());
            sum.store(sums.as_mut_ptr());
            for i in 0..WIDTH {
                let (x, y) = (x[i].to_bits().to_le_bytes(), y[i].to_bits().to_le_bytes());
                let dot: i32 = (0..4)
                    .map(|byte| i32::from(x[byte]) * i32::from(y[byte] as i8))
                    .sum();
                sums[i] = f32::from_bits(sums[i].to_bits().wrapping_add(dot as u32));
            }
            Self::load(sums.as_ptr())
        }
    }
    /// The nearest number to each word taken as an integer of 32 bits, ties to even.
    unsafe fn integers_to_f32(self) -> Self;

    /// Rows become columns.
    #[inline(always)]
    unsafe fn transpose(rows: [Self; WIDTH]) -> [Self; WIDTH] {
        let mut turned = [[0.0; WIDTH]; WIDTH];
        // SAFETY: every row of the array has sixteen numbers.
        unsafe {
            for (i, row) in rows.into_iter().enumerate() {
                let mut numbers = [0.0; WIDTH];
                row.store(numbers.as_mut_ptr());
                for (j, x) in numbers.into_iter().enumerate() {
                    turned[j][i] = x;
                }
            }
            turned.map(|row| Self::load(row.as_ptr()))
        }
    }
}

/// Kernel over slices, written once for every instruction set, which safe code may build and run.
///
/// Mark `run` and everything it calls `#[inline(always)]`: only code that is inlined into
/// the `call` of the instruction set is compiled for it.
pub(crate) trait Op {
    type Output;
    /// Computes it. Only [`Vector::call`] does, of a `V` that this CPU has.
    ///
    /// # Safety
    /// The CPU has the instructions of `V`. An implementation may ask nothing else: it holds slices and
    /// asserts the lengths that it trusts.
    unsafe fn run<V: Vector>(self) -> Self::Output;
}

/// Kernel over raw pointers, which the unsafe [`Isa::run_raw`](crate::Isa::run_raw) runs. Every [`Op`] is one that
/// asks nothing of its caller.
///
/// What is said of [`Op`] about inlining holds here too.
pub(crate) trait RawOp {
    type Output;
    /// # Safety
    /// The CPU has the instructions of `V`, and the section `# Safety` of the implementing type holds.
    unsafe fn run_raw<V: Vector>(self) -> Self::Output;
}

impl<O: Op> RawOp for O {
    type Output = O::Output;

    #[inline(always)]
    unsafe fn run_raw<V: Vector>(self) -> O::Output {
        // SAFETY: the caller has the instructions of `V`.
        unsafe { self.run::<V>() }
    }
}
