//! Units that have stopped to learn: saturated, or dead.
//!
//! *Saturated* at a step: the derivative of the activation there is below a twentieth of the largest that it has, which is
//! |h| > 0.975 for tanh and h below 0.0127 or above 0.9873 for σ, for relu h = 0. A unit that is so at 95 % of all steps is *stuck*.
//!
//! *Dead*: the largest and the smallest value of the unit's h, over all steps of all passages, differ by at most 10⁻⁴, so that it says
//! nothing. A relu unit that is never active is; so is a unit behind a gate that never opens.
//!
//! *Interrupted*: a relu unit that is inactive at some step of a passage, where its derivative is 0. With the identity as W_hh each
//! unit is a path of its own, and what comes back along it ends there.

use super::trace::{LayerTrace, LayerWeights};
use crate::dims::{Activation, Cell};
use serde::Serialize;

const SATURATED_BELOW: f64 = 0.05;
const STUCK_FROM: f64 = 0.95;
/// Largest less smallest value of h.
const DEAD_RANGE: f64 = 1e-4;

/// Statistics of a layer's units: dead, interrupted and saturated ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Units {
    /// Number of units of the layer.
    pub units: usize,
    /// Number of dead units: their h hardly varies over all steps.
    pub dead: usize,
    /// Share of units that are inactive at some step of a passage; `None` unless the activation is ReLU.
    pub interrupted: Option<f64>,
    /// Statistics of the layer's activations: h of an Elman layer, otherwise one entry for each gate.
    pub signals: Vec<Signal>,
}

/// Statistics of one kind of activation in a layer: the mean, and how often it is saturated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signal {
    /// Name of the gate, such as `i`; of an Elman layer, `h`.
    pub name: &'static str,
    /// Mean over all units and steps.
    pub mean: f64,
    /// Share of all units and steps that are saturated at the lower end.
    pub low: f64,
    /// Share of all units and steps that are saturated at the upper end.
    pub high: f64,
    /// Number of units that are saturated at 95 % of all steps or more.
    pub stuck: usize,
}

impl Units {
    /// Computes the statistics of one layer over all steps of some windows, each of batch size `batch_size`.
    pub fn of(weights: &LayerWeights, windows: &[&LayerTrace], batch_size: usize) -> Units {
        let (n, wide) = (weights.hidden, weights.gate_rows());
        // The state before a window is none of its steps.
        let h: Vec<&[f64]> = windows
            .iter()
            .map(|layer| &layer.h[batch_size * n..])
            .collect();
        let gates = weights.cell.gate_list().into_iter().enumerate();
        let signals = gates.map(|(at, gate)| match weights.cell.gate_is_output() {
            true => signal(gate.name, gate.activation, &h, n, n),
            false => {
                let values: Vec<&[f64]> =
                    windows.iter().map(|layer| &layer.gates[at * n..]).collect();
                signal(gate.name, gate.activation, &values, wide, n)
            }
        });
        let signals = signals.collect();
        let is_dead = |j: &usize| {
            let values = h.iter().flat_map(|h| h[*j..].iter().step_by(n));
            let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| {
                (a.min(*x), b.max(*x))
            });
            most - least <= DEAD_RANGE
        };
        Units {
            units: n,
            dead: (0..n).filter(is_dead).count(),
            interrupted: (weights.cell == Cell::elman(Activation::Relu))
                .then(|| interrupted(&h, batch_size * n)),
            signals,
        }
    }
}

/// The part of the `paths` of all windows, one for each sequence and unit, on which h (T, B, H) is 0 at some step.
fn interrupted(windows: &[&[f64]], paths: usize) -> f64 {
    let ends = |h: &[f64], path: usize| h[path..].iter().step_by(paths).any(|h| *h <= 0.0);
    let ended = |h: &&[f64]| (0..paths).filter(|path| ends(h, *path)).count();
    let ended: usize = windows.iter().map(ended).sum();
    ended as f64 / (paths * windows.len()) as f64
}

/// Summarises the first `units` of every `stride` values of some windows, from the first value on.
fn signal(
    name: &'static str,
    activation: Activation,
    windows: &[&[f64]],
    stride: usize,
    units: usize,
) -> Signal {
    // Saturated where a share of the largest derivative is not reached, at the side of `middle`.
    let (middle, share): (f64, fn(f64) -> f64) = match activation {
        Activation::Sigmoid => (0.5, |y| 4.0 * y * (1.0 - y)),
        Activation::Tanh => (0.0, |y| 1.0 - y * y),
        Activation::Relu => (f64::MIN_POSITIVE, |y| f64::from(y > 0.0)),
    };
    let (mut sum, mut low, mut high, mut stuck, mut count) = (0.0, 0, 0, 0, 0);
    for j in 0..units {
        let (mut own_low, mut own_high, mut own) = (0, 0, 0);
        for &y in windows
            .iter()
            .flat_map(|values| values[j..].iter().step_by(stride))
        {
            sum += y;
            own += 1;
            if share(y) < SATURATED_BELOW {
                own_low += usize::from(y < middle);
                own_high += usize::from(y >= middle);
            }
        }
        stuck += usize::from((own_low + own_high) as f64 >= STUCK_FROM * own as f64);
        (low, high, count) = (low + own_low, high + own_high, count + own);
    }
    let part = |n: usize| n as f64 / count as f64;
    Signal {
        name,
        mean: sum / count as f64,
        low: part(low),
        high: part(high),
        stuck,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saturated_stuck_and_dead_units() {
        let cell = Cell::elman(Activation::Relu);
        let weights = LayerWeights::new(cell, 2, vec![0.0; 4], vec![0.0; 4]);
        // Unit 0 is never active, unit 1 at two of four steps; the state before the window does not count.
        let layer = LayerTrace {
            h: vec![7.0, 7.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0],
            ..LayerTrace::default()
        };
        let units = Units::of(&weights, &[&layer], 1);
        let h = &units.signals[0];
        assert_eq!((units.dead, h.stuck, h.low, h.high), (1, 1, 0.75, 0.0));
        assert_eq!(units.interrupted, Some(1.0));
        // A second window in which both are always active: half of the four paths end.
        let active = LayerTrace {
            h: vec![1.0, 1.0, 1.0, 2.0],
            ..LayerTrace::default()
        };
        let both = Units::of(&weights, &[&layer, &active], 1);
        assert_eq!((both.dead, both.interrupted), (0, Some(0.5)));
        let tanh = signal("h", Activation::Tanh, &[&[0.98, -0.99], &[0.9, 0.0]], 1, 1);
        assert_eq!((tanh.low, tanh.high, tanh.stuck), (0.25, 0.25, 0));
        let gate = signal("f", Activation::Sigmoid, &[&[0.99, 0.5, 0.99, 0.5]], 2, 1);
        assert_eq!((gate.high, gate.stuck, gate.mean), (1.0, 1, 0.99));
    }
}
