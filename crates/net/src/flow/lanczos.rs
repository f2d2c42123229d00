//! The spectral norm ‖A‖₂, the largest singular value, of many linear maps at once, from A·v and Aᵀ·u alone.
//!
//! Power iteration on A Aᵀ, but the answer is the best in the whole space that its vectors span, not the last of them:
//!
//! ```text
//! α_1 v_1 = Aᵀ u_1        β_i u_{i+1} = A v_i − α_i u_i        α_{i+1} v_{i+1} = Aᵀ u_{i+1} − β_i v_i
//! ‖A‖² ≥ λ_max(BᵀB),      BᵀB tridiagonal: α_i² + β_i² on the diagonal, α_{i+1} β_i beside it
//! ```
//! (Golub and Kahan 1965). The estimate grows with i and is never above the norm, but for rounding; power iteration from the
//! same start is never nearer. Numbers far beyond f64 (a product of a hundred steps may be 10⁻²⁴, of a thousand 10⁻²⁴⁰) are
//! carried as powers of two beside the vectors, which rounds nothing.

use elman_kernels::rng::Stream;

/// Steps of the iteration; in practice five to fifty.
const MOST_STEPS: usize = 300;
/// Done when two steps in a row change the norm by less than this part.
const TOLERANCE: f64 = 1e-8;
/// A new direction this small beside the norm is rounding: the space is complete.
const NOTHING: f64 = 1e-13;

/// Linear maps known only through their products, each from vectors of `right` to vectors of `left` numbers.
pub trait Maps {
    /// (left, right)
    fn widths(&self) -> (usize, usize);

    /// Row r of `vectors` (R, right) becomes A v with the map `which[r]`, (R, left), up to the power of two that is added to its exponent.
    fn jvp(&mut self, which: &[usize], vectors: Vec<f64>, exponents: &mut [i32]) -> Vec<f64>;

    /// Row r of `vectors` (R, left) becomes Aᵀ u, (R, right), likewise.
    fn vjp(&mut self, which: &[usize], vectors: Vec<f64>, exponents: &mut [i32]) -> Vec<f64>;
}

/// One map whose norm is being found.
struct Search {
    /// Its place in `which`.
    map: usize,
    u: Vec<f64>,
    v: Vec<f64>,
    /// α_1 …, β_1 …, in units of 2^exponent.
    alphas: Vec<f64>,
    betas: Vec<f64>,
    exponent: i32,
    norm: f64,
    /// Steps in a row that have changed nothing.
    still: usize,
}

/// Estimates log10 ‖A‖₂ of each of the maps `0..count`; −∞ for a map that is zero.
///
/// `start` draws the first vector, the same one for all maps.
pub fn norms_log10(maps: &mut dyn Maps, count: usize, mut start: Stream) -> Vec<f64> {
    let mut first: Vec<f64> = (0..maps.widths().0).map(|_| start.normal()).collect();
    let length = norm(&first);
    first.iter_mut().for_each(|x| *x /= length);

    let mut results = vec![f64::NEG_INFINITY; count];
    let search = |map| Search {
        map,
        u: first.clone(),
        v: vec![0.0; maps.widths().1],
        alphas: Vec::new(),
        betas: Vec::new(),
        exponent: 0,
        norm: 0.0,
        still: 0,
    };
    let mut searches: Vec<Search> = (0..count).map(search).collect();
    for step in 0..MOST_STEPS {
        let (products, exponents) = apply(maps, &searches, true);
        let width = maps.widths().1;
        for ((s, row), e) in searches
            .iter_mut()
            .zip(products.chunks_exact(width))
            .zip(&exponents)
        {
            if step == 0 {
                let largest = row.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
                s.exponent = *e + libm::frexp(largest).1;
            }
            s.take_right(row, *e);
        }
        searches.retain(|s| !s.finished(&mut results));
        if searches.is_empty() {
            break;
        }
        let (products, exponents) = apply(maps, &searches, false);
        let width = maps.widths().0;
        for ((s, row), e) in searches
            .iter_mut()
            .zip(products.chunks_exact(width))
            .zip(&exponents)
        {
            s.take_left(row, *e);
        }
        searches.retain(|s| !s.finished(&mut results));
    }
    for s in &searches {
        results[s.map] = s.log10();
    }
    results
}

/// Aᵀ u or A v of all searches.
fn apply(maps: &mut dyn Maps, searches: &[Search], vjp: bool) -> (Vec<f64>, Vec<i32>) {
    let which: Vec<usize> = searches.iter().map(|s| s.map).collect();
    let mut exponents = vec![0; which.len()];
    let vectors = searches.iter().flat_map(|s| if vjp { &s.u } else { &s.v });
    let vectors = vectors.copied().collect();
    let moved = match vjp {
        true => maps.vjp(&which, vectors, &mut exponents),
        false => maps.jvp(&which, vectors, &mut exponents),
    };
    (moved, exponents)
}

impl Search {
    /// α v = Aᵀ u − β v
    fn take_right(&mut self, row: &[f64], exponent: i32) {
        let scale = libm::ldexp(1.0, exponent - self.exponent);
        let beta = self.betas.last().copied().unwrap_or(0.0);
        for (v, x) in self.v.iter_mut().zip(row) {
            *v = x * scale - beta * *v;
        }
        let alpha = norm(&self.v);
        self.v.iter_mut().for_each(|v| *v /= alpha);
        self.alphas.push(alpha);
    }

    /// β u = A v − α u
    fn take_left(&mut self, row: &[f64], exponent: i32) {
        let scale = libm::ldexp(1.0, exponent - self.exponent);
        let alpha = self.alphas[self.alphas.len() - 1];
        for (u, x) in self.u.iter_mut().zip(row) {
            *u = x * scale - alpha * *u;
        }
        let beta = norm(&self.u);
        self.u.iter_mut().for_each(|u| *u /= beta);
        self.betas.push(beta);
        let norm = largest_singular(&self.alphas, &self.betas, self.norm);
        self.still = match norm - self.norm <= TOLERANCE * norm {
            true => self.still + 1,
            false => 0,
        };
        self.norm = norm;
    }

    /// Whether the norm is known; then it is written down.
    fn finished(&self, results: &mut [f64]) -> bool {
        let newest = match self.alphas.len() > self.betas.len() {
            true => self.alphas.last(),
            false => self.betas.last(),
        };
        let complete = newest.is_none_or(|x| *x <= NOTHING * self.norm);
        let done = complete || self.still >= 2;
        if done {
            results[self.map] = self.log10();
        }
        done
    }

    fn log10(&self) -> f64 {
        f64::from(self.exponent) * std::f64::consts::LOG10_2 + libm::log10(self.norm)
    }
}

/// The largest singular value of the bidiagonal matrix, at least `least`, by bisection of the largest eigenvalue of BᵀB.
fn largest_singular(alphas: &[f64], betas: &[f64], least: f64) -> f64 {
    let diagonal = |i: usize| alphas[i] * alphas[i] + betas[i] * betas[i];
    let beside = |i: usize| alphas[i + 1] * betas[i];
    let n = alphas.len();
    let row = |i: usize| {
        let before = if i > 0 { beside(i - 1) } else { 0.0 };
        let after = if i + 1 < n { beside(i) } else { 0.0 };
        before + diagonal(i) + after
    };
    // Gershgorin's discs end here.
    let mut high = (0..n).map(row).fold(0.0, f64::max);
    let mut low = (0..n).map(diagonal).fold(least * least, f64::max);
    // x is above all eigenvalues if every pivot of the tridiagonal matrix less x is negative.
    let above = |x: f64| {
        let mut pivot = diagonal(0) - x;
        for i in 1..n {
            if pivot >= 0.0 {
                return false;
            }
            pivot = diagonal(i) - x - beside(i - 1) * beside(i - 1) / pivot;
        }
        pivot < 0.0
    };
    while high - low > 1e-15 * high {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if above(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    low.sqrt()
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_kernels::rng::{Site, key};

    #[test]
    fn bidiagonal_matrices_have_known_norms() {
        assert!((largest_singular(&[3.0], &[4.0], 0.0) - 5.0).abs() < 1e-14);
        // (1, 0; 1, 1; 0, 1) has BᵀB = (2, 1; 1, 2).
        let norm = largest_singular(&[1.0, 1.0], &[1.0, 1.0], 0.0);
        assert!((norm - 3.0_f64.sqrt()).abs() < 1e-14);
        assert_eq!(largest_singular(&[0.0], &[0.0], 0.0), 0.0);
    }

    /// Diagonal matrices, times powers of two that f64 does not have.
    struct Diagonals<'a>(&'a [Vec<f64>]);

    impl Maps for Diagonals<'_> {
        fn widths(&self) -> (usize, usize) {
            (4, 4)
        }
        fn jvp(&mut self, which: &[usize], mut x: Vec<f64>, exponents: &mut [i32]) -> Vec<f64> {
            for ((row, map), exponent) in x.chunks_mut(4).zip(which).zip(exponents) {
                row.iter_mut().zip(&self.0[*map]).for_each(|(x, d)| *x *= d);
                *exponent -= 5_000;
            }
            x
        }
        fn vjp(&mut self, which: &[usize], x: Vec<f64>, exponents: &mut [i32]) -> Vec<f64> {
            self.jvp(which, x, exponents)
        }
    }

    #[test]
    fn degenerate_tiny_and_zero_maps() {
        let maps = [
            vec![1.0; 4],
            vec![2.0, 2.0 - 1e-6, 1.0, 0.0],
            vec![0.0; 4],
            vec![0.0, 0.0, 1e-200, 3e-200],
        ];
        let start = Stream::new(key(1, Site::Passages, 1));
        let found = norms_log10(&mut Diagonals(&maps), maps.len(), start);
        let far = 5_000.0 * std::f64::consts::LOG10_2;
        for (found, norm) in found.iter().zip([1.0_f64, 2.0, 0.0, 3e-200]) {
            match norm {
                0.0 => assert_eq!(*found, f64::NEG_INFINITY),
                norm => assert!((found + far - norm.log10()).abs() < 1e-9, "{found}"),
            }
        }
    }
}
