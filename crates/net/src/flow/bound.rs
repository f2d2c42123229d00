//! Upper bounds of ‖∂s_t/∂s_k‖₂ from a few numbers: the chapter's for the Elman cell, and its like for gated cells.
//!
//! ```text
//! Elman   (β_h β_W)^(t−k)              β_W = ‖W_hh‖₂,  β_h = max |φ′|                (the chapter; Pascanu et al. 2013)
//! GRU     (β_z + β_S β_W)^(t−k)        β_z = max z,  β_S = max √(κ_r² + κ_z² + κ_n²),  β_W = ‖(W_hr; W_hz; W_hn)‖₂
//! LSTM    ‖M^(t−k)‖₂                   M = ( β_ρ β_S β_C + β_κ β_O    β_ρ β_f )        of (‖δh‖, ‖δc‖)
//!                                          ( β_S β_C                  β_f     )
//!         β_f = max f,  β_ρ = max o(1−u²),  β_S = max √(κ_i² + κ_f² + κ_g²),  β_κ = max |κ_o|,
//!         β_C = ‖(W_hi; W_hf; W_hg)‖₂,  β_O = ‖W_ho‖₂
//! others  as the GRU, β_z = max |λ|, if the state is h alone; with h and c ‖M^(t−k)‖₂ with
//!         M_ij = max |λ_ij|, and β_S β_W more where j is h
//! ```
//! Maxima are over all units, steps and sequences of the given windows. docs/MATH.md, section 16, derives them from the steps in `jacobian`.

use super::jacobian::{Jacobians, Slopes};
use super::norms::matrix_norm;
use super::trace::LayerWeights;
use crate::dims::Cell;
use elman_kernels::Cpu;
use serde::Serialize;

/// Coefficients of the bound on a layer's Jacobian products, named as at the head of this module.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Bound {
    /// Bound (β_h β_W)^(t−k) of the Elman cell (Pascanu et al. 2013).
    Elman {
        /// β_W = ‖W_hh‖₂.
        beta_w: f64,
        /// β_h, the largest |φ′| of all units and steps.
        beta_h: f64,
    },
    /// Bound (β_z + β_S β_W)^(t−k) of the GRU; also of other cells whose state is h alone.
    Gru {
        /// β_W, the spectral norm of the recurrent weights of all gates, stacked.
        beta_w: f64,
        /// β_S, the largest Euclidean norm of a unit's gate sensitivities κ.
        beta_s: f64,
        /// β_z, the largest update gate z; for other cells the largest |λ|.
        beta_z: f64,
    },
    /// Bound ‖M^(t−k)‖₂ of the LSTM, on the pair (‖δh‖, ‖δc‖).
    Lstm {
        /// β_C = ‖(W_hi; W_hf; W_hg)‖₂.
        beta_c: f64,
        /// β_O = ‖W_ho‖₂.
        beta_o: f64,
        /// β_S, the largest √(κ_i² + κ_f² + κ_g²) of a unit.
        beta_s: f64,
        /// β_κ, the largest |κ_o|.
        beta_k: f64,
        /// β_f, the largest forget gate.
        beta_f: f64,
        /// β_ρ, the largest o(1 − tanh²(c)).
        beta_r: f64,
    },
    /// Bound ‖M^(t−k)‖₂ of any other cell with a memory cell.
    Blocks {
        /// M, whose rows and columns are h and c.
        m: [[f64; 2]; 2],
    },
}

/// Parts of a state.
const H: usize = 0;
const C: usize = 1;

impl Bound {
    /// Computes the bound from the weights of `layer` and its linearised steps in all windows of `met`.
    pub fn of(cpu: &Cpu, layer: &LayerWeights, met: &[Jacobians]) -> Bound {
        let (w, n) = (&layer.w_h, layer.hidden);
        let norm = |w: &[f64]| matrix_norm(cpu, w, n);
        let largest = Largest::of(met);
        if layer.cell.gate_is_output() {
            return Bound::Elman {
                beta_w: norm(w),
                beta_h: largest.gain[H],
            };
        }
        if !layer.cell.has_memory_cell() {
            return Bound::Gru {
                beta_w: norm(w),
                beta_s: largest.spread[H],
                beta_z: largest.direct[H][H],
            };
        }
        if layer.cell == Cell::LSTM {
            let (c, o) = w.split_at(3 * n * n);
            return Bound::Lstm {
                beta_c: norm(c),
                beta_o: norm(o),
                beta_s: largest.spread[C],
                beta_k: largest.last_gain[H],
                beta_f: largest.direct[C][C],
                beta_r: met.iter().map(lstm_slope).fold(0.0, f64::max),
            };
        }
        let block = |part: usize| {
            let [h, c] = largest.direct[part];
            [h + largest.spread[part] * norm(w), c]
        };
        Bound::Blocks {
            m: [block(H), block(C)],
        }
    }

    /// log10 of the bound at the lags 1, 2, …, `lags`.
    pub fn curve_log10(&self, lags: usize) -> Vec<f64> {
        let power = |base: f64| {
            let step = libm::log10(base);
            (1..=lags).map(|lag| lag as f64 * step).collect()
        };
        match *self {
            Bound::Elman { beta_w, beta_h } => power(beta_w * beta_h),
            Bound::Gru {
                beta_w,
                beta_s,
                beta_z,
            } => power(beta_z + beta_s * beta_w),
            Bound::Lstm {
                beta_c,
                beta_o,
                beta_s,
                beta_k,
                beta_f,
                beta_r,
            } => {
                let through_cell = beta_s * beta_c;
                let h = beta_r * through_cell + beta_k * beta_o;
                powers_log10([[h, beta_r * beta_f], [through_cell, beta_f]], lags)
            }
            Bound::Blocks { m } => powers_log10(m, lags),
        }
    }
}

/// The largest slopes over all units, steps and sequences, of each part of the state.
#[derive(Default)]
struct Largest {
    /// max |κ| over all gates, and over the last one.
    gain: [f64; 2],
    last_gain: [f64; 2],
    /// max √(Σ κ²), the sum being over the gates of a unit.
    spread: [f64; 2],
    /// max |λ| for each part of the state before the step.
    direct: [[f64; 2]; 2],
}

impl Largest {
    fn of(met: &[Jacobians]) -> Largest {
        let mut largest = Largest::default();
        let mut slopes = Slopes::default();
        for jacobians in met {
            for at in 0..jacobians.steps * jacobians.batch_size {
                for part in jacobians.parts() {
                    jacobians.slopes(at, part, &mut slopes);
                    largest.take(part, &slopes, jacobians.weights.hidden);
                }
            }
        }
        largest
    }

    fn take(&mut self, part: usize, slopes: &Slopes, n: usize) {
        let most =
            |before: f64, values: &[f64]| values.iter().fold(before, |most, x| most.max(x.abs()));
        let gain = &slopes.gain;
        self.gain[part] = most(self.gain[part], gain);
        self.last_gain[part] = most(self.last_gain[part], &gain[gain.len() - n..]);
        for j in 0..n {
            let squares: f64 = gain[j..].iter().step_by(n).map(|x| x * x).sum();
            self.spread[part] = self.spread[part].max(squares.sqrt());
        }
        for (largest, direct) in self.direct[part].iter_mut().zip(&slopes.direct) {
            *largest = most(*largest, direct);
        }
    }
}

/// β_ρ = max o(1 − u²) of an LSTM.
fn lstm_slope(met: &Jacobians) -> f64 {
    let n = met.weights.hidden;
    let after = met.trace.c[met.batch_size * n..].chunks_exact(n);
    let rows = met.trace.gates.chunks_exact(4 * n).zip(after);
    let slopes = rows.flat_map(|(gates, c)| {
        let units = gates[3 * n..].iter().zip(c);
        units.map(|(o, c)| o * (1.0 - libm::tanh(*c) * libm::tanh(*c)))
    });
    slopes.fold(0.0, f64::max)
}

type Two = [[f64; 2]; 2];

/// log10 ‖m^lag‖₂ for the lags 1 to `lags`, renormalised at each.
fn powers_log10(m: Two, lags: usize) -> Vec<f64> {
    let (mut power, mut log10) = ([[1.0, 0.0], [0.0, 1.0]], 0.0);
    let next = |_| {
        power = times(&power, &m);
        let norm = norm_of_two(&power);
        if norm > 0.0 {
            power = power.map(|row| row.map(|x| x / norm));
        }
        log10 += libm::log10(norm);
        log10
    };
    (0..lags).map(next).collect()
}

fn times(a: &Two, b: &Two) -> Two {
    let cell = |i: usize, j: usize| a[i][0] * b[0][j] + a[i][1] * b[1][j];
    [[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]]
}

/// The larger root of σ⁴ − (sum of squares) σ² + det² = 0.
fn norm_of_two(m: &Two) -> f64 {
    let squares: f64 = m.iter().flatten().map(|x| x * x).sum();
    let det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    let rest = (squares * squares - 4.0 * det * det).max(0.0).sqrt();
    (0.5 * (squares + rest)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_known_matrices() {
        let elman = Bound::Elman {
            beta_w: 2.0,
            beta_h: 0.25,
        };
        let curve = elman.curve_log10(100);
        assert!((curve[99] - 100.0 * 0.5_f64.log10()).abs() < 1e-12);
        // (1 1; 0 1)^n = (1 n; 0 1), whose norm is n for large n, and n + 1/n as a better guess.
        let shear = powers_log10([[1.0, 1.0], [0.0, 1.0]], 100);
        assert!((10_f64.powf(shear[99]) - 100.01).abs() < 1e-4);
        assert!((norm_of_two(&[[3.0, 0.0], [4.0, 0.0]]) - 5.0).abs() < 1e-14);
    }
}
