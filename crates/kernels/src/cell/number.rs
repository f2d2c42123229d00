//! What the equations of a cell compute with: sixteen units at once in f32, or one number in f64.
//!
//! Training and inference run the equations on [`Units`]; the analysis of gradients runs the same
//! equations on f64.

use crate::simd::Vector;
use crate::vmath;
use std::ops::{Add, Mul, Sub};

/// Number type of a cell's equations: sixteen units in f32, or one in f64.
pub trait Number: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// The constant `x`.
    fn constant(x: f32) -> Self;
    /// self · a + b with one rounding.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// b − self · a with one rounding.
    fn neg_mul_add(self, a: Self, b: Self) -> Self;
    /// The logistic function, 1 / (1 + e⁻ˣ).
    fn sigmoid(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// max(x, 0); NaN stays NaN.
    fn relu(self) -> Self;
    /// `x` where self > 0, elsewhere 0.
    fn where_positive(self, x: Self) -> Self;
}

/// Sixteen hidden units side by side, in the vector type of an instruction set.
#[derive(Clone, Copy)]
pub(crate) struct Units<V>(V);

impl<V: Vector> Units<V> {
    /// Wraps a vector.
    ///
    /// # Safety
    /// The CPU has the instructions of `V`: the caller is a kernel that runs on them. The other
    /// operations are safe because the type is private to this crate, whose kernels make its first
    /// values here and hand them to the equations of a cell.
    #[inline(always)]
    pub(crate) unsafe fn new(vector: V) -> Units<V> {
        Units(vector)
    }

    /// The vector.
    #[inline(always)]
    pub(crate) fn vector(self) -> V {
        self.0
    }
}

impl<V: Vector> Add for Units<V> {
    type Output = Self;
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        // SAFETY: a value proves that the CPU has the instructions, see `Units::new`.
        Units(unsafe { self.0.add(o.0) })
    }
}

impl<V: Vector> Sub for Units<V> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, o: Self) -> Self {
        // SAFETY: as in `add`.
        Units(unsafe { self.0.sub(o.0) })
    }
}

impl<V: Vector> Mul for Units<V> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        // SAFETY: as in `add`.
        Units(unsafe { self.0.mul(o.0) })
    }
}

impl<V: Vector> Number for Units<V> {
    #[inline(always)]
    fn constant(x: f32) -> Self {
        // SAFETY: only the equations of a cell call it, which a kernel on these instructions runs.
        Units(unsafe { V::splat(x) })
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        // SAFETY: as in `add`.
        Units(unsafe { self.0.mul_add(a.0, b.0) })
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Self, b: Self) -> Self {
        // SAFETY: as in `add`.
        Units(unsafe { self.0.neg_mul_add(a.0, b.0) })
    }

    #[inline(always)]
    fn sigmoid(self) -> Self {
        // SAFETY: as in `add`.
        Units(unsafe { vmath::sigmoid(self.0) })
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        // SAFETY: as in `add`.
        Units(unsafe { vmath::tanh(self.0) })
    }

    #[inline(always)]
    fn relu(self) -> Self {
        // In this order NaN stays NaN.
        // SAFETY: as in `add`.
        Units(unsafe { V::splat(0.0).max(self.0) })
    }

    #[inline(always)]
    fn where_positive(self, x: Self) -> Self {
        // SAFETY: as in `add`.
        Units(unsafe {
            let zero = V::splat(0.0);
            zero.select_lt(self.0, x.0, zero)
        })
    }
}

impl Number for f64 {
    fn constant(x: f32) -> f64 {
        f64::from(x)
    }

    fn mul_add(self, a: f64, b: f64) -> f64 {
        f64::mul_add(self, a, b)
    }

    fn neg_mul_add(self, a: f64, b: f64) -> f64 {
        f64::mul_add(-self, a, b)
    }

    fn sigmoid(self) -> f64 {
        1.0 / (1.0 + libm::exp(-self))
    }

    fn tanh(self) -> f64 {
        libm::tanh(self)
    }

    fn relu(self) -> f64 {
        if self < 0.0 { 0.0 } else { self }
    }

    fn where_positive(self, x: f64) -> f64 {
        if self > 0.0 { x } else { 0.0 }
    }
}
