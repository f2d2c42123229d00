//! ‖∂s_t/∂s_k‖₂ = ‖J_t J_{t−1} ⋯ J_{k+1}‖₂: the largest share of a change of the state at step k that remains at t.
//!
//! From products with a vector alone (`jacobian`, `lanczos`), renormalised at every step by a power of two, so that nothing is
//! lost however small or large the product becomes. Chains of all sequences and lags go through W_h together.

use super::jacobian::{Jacobians, Vectors, Work};
use super::lanczos::{Maps, norms_log10};
use super::trace::LayerWeights;
use crate::dims::Cell;
use elman_kernels::rng::{Site, Stream, key};
use elman_kernels::{Cpu, product_f64};

/// Chains that are iterated together; bounds the memory.
const CHAINS: usize = 1024;

/// Product of Jacobians ∂s_t/∂s_k in one sequence, with t = `end` (1 to T) and k = `end` − `lag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Index of the sequence in the batch.
    pub sequence: usize,
    /// Last step t of the product, from 1 to T.
    pub end: usize,
    /// Number of Jacobians in the product, at least 1.
    pub lag: usize,
}

/// log10 of the spectral norm of each chain; −∞ where the product is zero.
pub fn chain_norms(cpu: &Cpu, jacobians: &Jacobians, chains: &[Chain]) -> Vec<f64> {
    // Longest first, so that the chains at work are always the first ones.
    let mut order: Vec<usize> = (0..chains.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(chains[*i].lag));
    let mut norms = vec![0.0; chains.len()];
    for part in order.chunks(CHAINS) {
        let mut maps = Chains {
            cpu,
            jacobians,
            chains: part.iter().map(|i| chains[*i]).collect(),
            work: Work::default(),
            at: Vec::new(),
        };
        let found = norms_log10(&mut maps, part.len(), start());
        part.iter()
            .zip(found)
            .for_each(|(i, norm)| norms[*i] = norm);
    }
    norms
}

/// Spectral norm ‖W‖₂ of the matrix `w` with rows of `width` numbers.
pub fn matrix_norm(cpu: &Cpu, w: &[f64], width: usize) -> f64 {
    let mut map = Matrix {
        cpu,
        w,
        transposed: super::trace::transposed(w, width),
        width,
    };
    libm::pow(10.0, norms_log10(&mut map, 1, start())[0])
}

fn start() -> Stream {
    Stream::new(key(0, Site::Passages, 1))
}

struct Chains<'a> {
    cpu: &'a Cpu,
    jacobians: &'a Jacobians<'a>,
    chains: Vec<Chain>,
    work: Work,
    /// Step and sequence of each row.
    at: Vec<usize>,
}

impl Chains<'_> {
    fn weights(&self) -> &LayerWeights {
        self.jacobians.weights
    }

    fn longest(&self, which: &[usize]) -> usize {
        which.first().map_or(0, |first| self.chains[*first].lag)
    }

    /// Finds the rows whose chain has the step at `back` steps before its end.
    fn rows_at(&mut self, which: &[usize], back: usize) {
        let batch_size = self.jacobians.batch_size;
        let at_work = which.iter().map(|i| self.chains[*i]);
        let at_work = at_work.take_while(|chain| chain.lag > back);
        self.at.clear();
        self.at
            .extend(at_work.map(|chain| (chain.end - 1 - back) * batch_size + chain.sequence));
    }

    /// Rows (h, c) as vectors h and vectors c.
    fn split(&self, rows: &[f64]) -> Vectors {
        let (n, state) = (self.weights().hidden, self.weights().state());
        let mut vectors = Vectors {
            h: Vec::with_capacity(rows.len()),
            c: Vec::new(),
        };
        for row in rows.chunks_exact(state) {
            vectors.h.extend_from_slice(&row[..n]);
            vectors.c.extend_from_slice(&row[n..]);
        }
        vectors
    }

    fn joined(&self, vectors: Vectors) -> Vec<f64> {
        if self.weights().cell != Cell::LSTM {
            return vectors.h;
        }
        let n = self.weights().hidden;
        let rows = vectors.h.chunks_exact(n).zip(vectors.c.chunks_exact(n));
        rows.flat_map(|(h, c)| h.iter().chain(c)).copied().collect()
    }

    /// Brings the largest number of each row at work between ½ and 1.
    fn rescale(&self, vectors: &mut Vectors, exponents: &mut [i32]) {
        let n = self.weights().hidden;
        for (row, exponent) in (0..self.at.len()).zip(exponents) {
            let part = row * n..(row + 1) * n;
            let h = &mut vectors.h[part.clone()];
            let c = vectors.c.get_mut(part).unwrap_or_default();
            let largest = h
                .iter()
                .chain(&*c)
                .fold(0.0, |most: f64, x| most.max(x.abs()));
            let (_, power) = libm::frexp(largest);
            let scale = libm::ldexp(1.0, -power);
            h.iter_mut().chain(c).for_each(|x| *x *= scale);
            *exponent += power;
        }
    }
}

impl Maps for Chains<'_> {
    fn widths(&self) -> (usize, usize) {
        (self.weights().state(), self.weights().state())
    }

    fn jvp(&mut self, which: &[usize], rows: Vec<f64>, exponents: &mut [i32]) -> Vec<f64> {
        let mut vectors = self.split(&rows);
        for back in (0..self.longest(which)).rev() {
            self.rows_at(which, back);
            self.jacobians
                .jvp(self.cpu, &self.at, &mut vectors, &mut self.work);
            self.rescale(&mut vectors, exponents);
        }
        self.joined(vectors)
    }

    fn vjp(&mut self, which: &[usize], rows: Vec<f64>, exponents: &mut [i32]) -> Vec<f64> {
        let mut vectors = self.split(&rows);
        for back in 0..self.longest(which) {
            self.rows_at(which, back);
            self.jacobians
                .vjp(self.cpu, &self.at, &mut vectors, &mut self.work);
            self.rescale(&mut vectors, exponents);
        }
        self.joined(vectors)
    }
}

struct Matrix<'a> {
    cpu: &'a Cpu,
    w: &'a [f64],
    transposed: Vec<f64>,
    width: usize,
}

impl Maps for Matrix<'_> {
    fn widths(&self) -> (usize, usize) {
        (self.w.len() / self.width, self.width)
    }

    fn jvp(&mut self, which: &[usize], rows: Vec<f64>, _: &mut [i32]) -> Vec<f64> {
        let mut out = vec![0.0; which.len() * self.widths().0];
        product_f64(self.cpu, &rows, &self.transposed, self.width, &mut out);
        out
    }

    fn vjp(&mut self, which: &[usize], rows: Vec<f64>, _: &mut [i32]) -> Vec<f64> {
        let mut out = vec![0.0; which.len() * self.width];
        product_f64(self.cpu, &rows, self.w, self.widths().0, &mut out);
        out
    }
}
