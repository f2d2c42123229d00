//! Softmax over rows of logits, and the cross-entropy of its predictions.
//!
//! For a row z with target y: p = e^(z − max z) / Σ e^(z − max z), the loss is −ln p_y in nats and
//! its gradient at z is p − onehot(y). With labels smoothed by ε (Szegedy et al. 2016, section 7) the
//! gradient is that towards (1 − ε) onehot(y) + ε/V, while the reported loss stays −ln p_y. Rows are
//! independent of each other, so a row gives the same bits alone and in company.
//!
//! The sum of a row has sixteen running sums in f32 over 1024 columns at a time, and f64 above
//! that; the logarithm and the loss are in f64. A row with NaN or ±∞ among its logits gets a loss
//! that is not finite, so that a broken network cannot look like a good one.

use crate::cpu::{Parts, SHARED_FROM};
use crate::rows::{read, write};
use crate::simd::{Op, Vector, WIDTH};
use crate::timer::Kernel;
use crate::vmath::{exp, ln};
use crate::{Cpu, Isa};

/// Columns of one partial sum.
const CHUNK: usize = 1024;
/// Vectors of running maxima.
const SIDE_BY_SIDE: usize = 4;

/// Computes cross-entropy and its gradient, row by row.
///
/// `logits` (R, V), `targets` (R), `weight` (R), `nats` (R). `nats[r]` becomes `−ln p[target]` and
/// the logits become their gradient, `(p − (1 − smoothing) onehot − smoothing/V) · weight[r]`. Where the
/// weight is 0 (padding) the row is neither read nor its target used: gradient and loss are zero.
///
/// `smoothing` lies in [0, 1).
pub fn cross_entropy(
    cpu: &Cpu,
    logits: &mut [f32],
    targets: &[u32],
    weight: &[f32],
    smoothing: f32,
    nats: &mut [f64],
) {
    let _time = cpu.time(Kernel::Softmax);
    let Some(cols) = columns(logits.len(), targets.len()) else {
        return;
    };
    assert_eq!(weight.len(), targets.len(), "one weight per row");
    assert_eq!(nats.len(), targets.len(), "one loss per row");
    assert!(
        (0.0..1.0).contains(&smoothing),
        "labels smoothed by {smoothing}"
    );
    let on_target = 1.0 - f64::from(smoothing);
    let on_all = f64::from(smoothing) / cols as f64;
    for (r, target) in targets.iter().enumerate() {
        assert!(
            weight[r] == 0.0 || (*target as usize) < cols,
            "target {target} of {cols}"
        );
    }
    let (logits, nats) = (Parts::new(logits), Parts::new(nats));
    cpu.parallel_from(SHARED_FROM, logits.len(), &|worker| {
        for r in worker.share(targets.len()) {
            // SAFETY: shares of rows are disjoint.
            let (row, nats) = unsafe {
                (
                    logits.part(r * cols..(r + 1) * cols),
                    &mut nats.part(r..r + 1)[0],
                )
            };
            if weight[r] == 0.0 {
                row.fill(0.0);
                *nats = 0.0;
                continue;
            }
            let target = targets[r] as usize;
            let logit = row[target];
            let sum = cpu.isa().run(Exponentials(row));
            *nats = sum.nats(logit);
            let weight = f64::from(weight[r]);
            let at_target = (f64::from(row[target]) / sum.sum - on_target - on_all) * weight;
            let factor = (weight / sum.sum) as f32;
            let shift = (on_all * weight) as f32;
            cpu.isa().run(Affine { factor, shift, row });
            row[target] = at_target as f32;
        }
    });
}

/// Computes the losses of [`cross_entropy`] without a gradient, to the same bits.
///
/// `logits` (R, V), `targets` (R), `nats` (R).
pub fn target_nats(cpu: &Cpu, logits: &[f32], targets: &[u32], nats: &mut [f64]) {
    let _time = cpu.time(Kernel::Softmax);
    let Some(cols) = columns(logits.len(), targets.len()) else {
        return;
    };
    assert_eq!(nats.len(), targets.len(), "one loss per row");
    let largest = targets.iter().max().map_or(0, |target| *target as usize);
    assert!(largest < cols, "target {largest} of {cols}");
    let nats = Parts::new(nats);
    cpu.parallel_from(SHARED_FROM, logits.len(), &|worker| {
        for r in worker.share(targets.len()) {
            let row = &logits[r * cols..(r + 1) * cols];
            let sum = cpu.isa().run(ExponentialSum(row));
            // SAFETY: shares of rows are disjoint.
            unsafe { nats.part(r..r + 1)[0] = sum.nats(row[targets[r] as usize]) };
        }
    });
}

/// Computes the largest of some `logits` (V) and −ln p of its token, ln Σ e^(z − max z). The other tokens lie further down by the
/// differences of their logits.
///
/// −ln p is not finite if a logit is NaN or +∞, or all are −∞.
pub fn normaliser(isa: Isa, logits: &[f32]) -> (f32, f64) {
    let sum = isa.run(ExponentialSum(logits));
    (sum.max, sum.nats(sum.max))
}

/// Log-softmax: every row becomes ln p = z − max z − ln Σ e^(z − max z), for rows of `cols` = V logits.
///
/// −∞ stays −∞ (probability zero) as long as the row has a finite number; a row with NaN or +∞, or
/// with nothing but −∞, becomes NaN.
pub fn log_softmax(cpu: &Cpu, cols: usize, logits: &mut [f32]) {
    let _time = cpu.time(Kernel::Softmax);
    if logits.is_empty() {
        return;
    }
    assert_eq!(logits.len() % cols, 0, "logits are not (R, V)");
    let rows = logits.len() / cols;
    let logits = Parts::new(logits);
    cpu.parallel_from(SHARED_FROM, logits.len(), &|worker| {
        for r in worker.share(rows) {
            // SAFETY: shares of rows are disjoint.
            let row = unsafe { logits.part(r * cols..(r + 1) * cols) };
            let RowSum { max, sum, .. } = cpu.isa().run(ExponentialSum(row));
            let log_sum = ln(sum) as f32;
            cpu.isa().run(Lower { max, log_sum, row });
        }
    });
}

/// Computes unnormalised probabilities: every row of `cols` = V logits becomes e^(z − max z), at most 1.
pub fn exponentials(cpu: &Cpu, cols: usize, logits: &mut [f32]) {
    let _time = cpu.time(Kernel::Softmax);
    if logits.is_empty() {
        return;
    }
    assert_eq!(logits.len() % cols, 0, "logits are not (R, V)");
    let rows = logits.len() / cols;
    let logits = Parts::new(logits);
    cpu.parallel_from(SHARED_FROM, logits.len(), &|worker| {
        for r in worker.share(rows) {
            // SAFETY: shares of rows are disjoint.
            let row = unsafe { logits.part(r * cols..(r + 1) * cols) };
            cpu.isa().run(Exponentials(row));
        }
    });
}

/// V, after a check of the sizes; `None` if there are no rows.
fn columns(logits: usize, rows: usize) -> Option<usize> {
    if rows == 0 {
        assert_eq!(logits, 0, "logits without targets");
        return None;
    }
    assert_eq!(logits % rows, 0, "logits are not (R, V)");
    Some(logits / rows)
}

struct RowSum {
    max: f32,
    /// Σ e^(z − max).
    sum: f64,
    /// 0, or NaN if a logit was not finite.
    check: f32,
}

impl RowSum {
    fn nats(&self, logit: f32) -> f64 {
        ln(self.sum) + (f64::from(self.max) - f64::from(logit)) + f64::from(self.check)
    }
}

struct ExponentialSum<'a>(&'a [f32]);

impl Op for ExponentialSum<'_> {
    type Output = RowSum;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> RowSum {
        // SAFETY: the slice is readable, and nothing is written.
        unsafe { exponential_sum::<V, false>(self.0.as_ptr().cast_mut(), self.0.len()) }
    }
}

/// Also leaves e^(z − max) in place of z.
struct Exponentials<'a>(&'a mut [f32]);

impl Op for Exponentials<'_> {
    type Output = RowSum;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> RowSum {
        // SAFETY: the slice is readable and writable.
        unsafe { exponential_sum::<V, true>(self.0.as_mut_ptr(), self.0.len()) }
    }
}

/// Reads `n` numbers at `z`, and replaces them only if `WRITE`.
///
/// # Safety
/// The instructions of `V` are there, and the numbers may be read, and written if `WRITE`.
#[inline(always)]
unsafe fn exponential_sum<V: Vector, const WRITE: bool>(z: *mut f32, n: usize) -> RowSum {
    let whole = n - n % WIDTH;
    let rest = n - whole;
    // SAFETY: the caller has n numbers behind z: `whole` of them in full vectors, then the rest.
    unsafe {
        let zero = V::splat(0.0);
        // Neither depends on an order, and several at a time keep the instructions busy.
        let mut maxima = [V::splat(f32::NEG_INFINITY); SIDE_BY_SIDE];
        let mut checks = [zero; SIDE_BY_SIDE];
        let most = whole - whole % (SIDE_BY_SIDE * WIDTH);
        for start in (0..most).step_by(SIDE_BY_SIDE * WIDTH) {
            for side in 0..SIDE_BY_SIDE {
                let z = V::load(z.add(start + side * WIDTH));
                // NaN does not enter the maximum, but is found by `check`: 0 · NaN and 0 · ∞ are NaN.
                maxima[side] = z.max(maxima[side]);
                checks[side] = z.mul_add(zero, checks[side]);
            }
        }
        let (mut max, mut check) = (maxima[0], checks[0]);
        for side in 1..SIDE_BY_SIDE {
            max = maxima[side].max(max);
            check = checks[side].add(check);
        }
        for i in (most..whole).step_by(WIDTH) {
            let z = V::load(z.add(i));
            max = z.max(max);
            check = z.mul_add(zero, check);
        }
        if rest > 0 {
            let z = V::load_first(z.add(whole), rest);
            let absent = beyond::<V>(rest);
            max = z.add(absent).max(max);
            check = z.mul_add(zero, check);
        }
        // + 0: of equal zeros an instruction set may pick either sign.
        let max = max.largest() + 0.0;
        let shift = V::splat(max);

        let mut sum = 0.0;
        for start in (0..whole).step_by(CHUNK) {
            let mut sums = zero;
            for i in (start..whole.min(start + CHUNK)).step_by(WIDTH) {
                let e = exp(V::load(z.add(i)).sub(shift));
                if WRITE {
                    e.store(z.add(i));
                }
                sums = sums.add(e);
            }
            sum += f64::from(sums.sum());
        }
        if rest > 0 {
            let z = z.add(whole);
            let absent = beyond::<V>(rest);
            let e = exp(V::load_first(z, rest).sub(shift).add(absent));
            if WRITE {
                e.store_first(z, rest);
            }
            sum += f64::from(e.sum());
        }
        RowSum {
            max,
            sum,
            check: check.sum(),
        }
    }
}

/// 0 in the first `n` numbers and −∞ in the others, which are beyond the end of a row.
///
/// # Safety
/// The instructions of `V` are there.
#[inline(always)]
unsafe fn beyond<V: Vector>(n: usize) -> V {
    let mut numbers = [f32::NEG_INFINITY; WIDTH];
    numbers[..n].fill(0.0);
    // SAFETY: the array has 16 numbers.
    unsafe { V::load(numbers.as_ptr()) }
}

/// x·factor − shift.
struct Affine<'a> {
    factor: f32,
    shift: f32,
    row: &'a mut [f32],
}

impl Op for Affine<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for x in self.row.chunks_mut(WIDTH) {
            // SAFETY: the chunk has `x.len()` ≤ 16 numbers.
            unsafe {
                let y = read::<V>(x.as_ptr(), x.len()).mul(V::splat(self.factor));
                let y = y.sub(V::splat(self.shift));
                write(y, x.as_mut_ptr(), x.len());
            }
        }
    }
}

struct Lower<'a> {
    max: f32,
    log_sum: f32,
    row: &'a mut [f32],
}

impl Op for Lower<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for x in self.row.chunks_mut(WIDTH) {
            // SAFETY: the chunk has `x.len()` ≤ 16 numbers.
            unsafe {
                let z = read::<V>(x.as_ptr(), x.len()).sub(V::splat(self.max));
                let y = z.sub(V::splat(self.log_sum));
                write(y, x.as_mut_ptr(), x.len());
            }
        }
    }
}

#[cfg(test)]
mod tests;
