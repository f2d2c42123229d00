//! What the chapter would do about gradients that vanish or explode, and about units that are dead.

use super::gradients::Gradients;
use elman_net::dims::{Activation, Cell};
use elman_net::flow::bound::Bound;
use elman_net::flow::units::{Signal, Units};
use elman_net::flow::verdict::GradientVerdict;
use elman_text::Layout;

/// Share of dead units from which they are worth a note: one in this number.
const DEAD_PART: usize = 20;
/// σ′ is at most 1/4.
const SIGMOID_NORM: f64 = 4.0;
/// Mean activation from which a forget gate counts as open: σ of a bias of 3 is above it.
const OPEN: f64 = 0.95;

/// Suggestions on what to try next, in sentences; `trained` says that the weights are not the initial ones.
pub(super) fn remedies(found: &Gradients, cell: Cell, trained: bool) -> Vec<String> {
    let mut remedies = Vec::new();
    match found.verdict {
        GradientVerdict::Exploding => remedies.push(
            "clip the gradient (clip = 1), and start with smaller recurrent weights (init-recurrent = orthogonal, or a lower init-recurrent-scale)".to_owned(),
        ),
        GradientVerdict::Vanishing => vanishing(found, cell, &mut remedies),
        GradientVerdict::Stable => remedies.extend(stable(found)),
    }
    let units = found.layers.iter().map(|layer| &layer.units);
    remedies.extend(dead(units.collect(), cell, trained));
    remedies
}

fn vanishing(found: &Gradients, cell: Cell, remedies: &mut Vec<String>) {
    match (cell.activation(), cell) {
        (Some(Activation::Sigmoid), _) => {
            let norms = found.layers.iter().map(|layer| match layer.bound {
                Bound::Elman { beta_w, .. } => beta_w,
                _ => 0.0,
            });
            let norm = norms.fold(0.0, f64::max);
            remedies.push(match norm < SIGMOID_NORM {
                true => "σ′ is at most 1/4, so gradients must vanish while ‖W_hh‖ < 4: use activation = tanh or relu".to_owned(),
                false => format!(
                    "‖W_hh‖ = {norm:.3} would let gradients grow, but σ′ is small where units are saturated ({:.0} % of all values): start with smaller weights, or use activation = tanh or relu",
                    100.0 * saturated(found)
                ),
            });
        }
        (Some(activation), _) => {
            if activation != Activation::Relu {
                remedies.push("use ReLU with the identity as W_hh: activation = relu, init-recurrent = identity".to_owned());
            }
            remedies.push(
                "use gates, which choose their own factor for each step: cell = lstm or gru"
                    .to_owned(),
            );
        }
        (None, cell) if cell.gate("f").is_some() => {
            let gates = found.layers.iter().flat_map(|layer| &layer.units.signals);
            let closed = |signal: &Signal| signal.name == "f" && signal.mean < OPEN;
            if gates.into_iter().any(closed) {
                remedies.push(
                    "start with forget gates that are more open: forget-bias = 3 or more".to_owned(),
                );
            }
        }
        (None, _) => remedies.push(
            "use cell = lstm with a high forget-bias: its cell keeps its contents from the first step on".to_owned(),
        ),
    }
}

/// The part of all activations that is saturated, over the layers.
fn saturated(found: &Gradients) -> f64 {
    let signals = found.layers.iter().flat_map(|layer| &layer.units.signals);
    let shares: Vec<f64> = signals.map(|signal| signal.low + signal.high).collect();
    shares.iter().sum::<f64>() / shares.len() as f64
}

fn stable(found: &Gradients) -> Option<String> {
    let contribution = &found.contribution;
    // None if no excerpt has a gradient: what is dead is said below.
    let horizon = contribution.horizon_99?;
    let with_gradient = found.excerpts - contribution.without_gradient;
    Some(match found.layout {
        Layout::Sentences => {
            "no change needed: in layout sentences the gradient goes back to the beginning of each line".to_owned()
        }
        Layout::Stream if 2 * contribution.to_the_beginning >= with_gradient => {
            "no change needed: the gradient reaches as far back as the excerpts do: ask for a longer context".to_owned()
        }
        Layout::Stream => format!(
            "no change needed: windows (bptt) well above {} steps keep nearly all of the gradient",
            horizon.ceil() as usize + 1
        ),
    })
}

/// About dead units, if they are more than a few.
fn dead(layers: Vec<&Units>, cell: Cell, trained: bool) -> Option<String> {
    let (mut dead, mut all, mut stuck) = (0, 0, 0);
    for layer in layers {
        (dead, all) = (dead + layer.dead, all + layer.units);
        stuck += layer
            .signals
            .iter()
            .map(|signal| signal.stuck)
            .sum::<usize>();
    }
    if DEAD_PART * dead <= all {
        return None;
    }
    let slower = if trained {
        " or a lower learning rate"
    } else {
        ""
    };
    let advice = match cell.activation() {
        Some(Activation::Relu) => {
            format!("start with smaller weights{slower}, or use activation = tanh")
        }
        // Neither saturated nor moving: the weights hardly pass anything on.
        _ if stuck == 0 => {
            "they hardly react to the input; start with larger weights (init-range)".to_owned()
        }
        Some(_) => format!("they are saturated; start with smaller weights{slower}"),
        None => {
            format!(
                "they are saturated or behind a gate that never opens; start with smaller weights{slower}"
            )
        }
    };
    Some(format!("{dead} of {all} units are dead: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_about_dead_units_fits_the_cell_and_what_was_done() {
        let layer = |dead, stuck| Units {
            units: 20,
            dead,
            interrupted: None,
            signals: vec![Signal {
                name: "h",
                mean: 1.0,
                low: 0.0,
                high: 0.5,
                stuck,
            }],
        };
        let advice = |cell, stuck, trained| dead(vec![&layer(5, stuck)], cell, trained).unwrap();
        let tanh = advice(Cell::elman(Activation::Tanh), 5, true);
        assert!(tanh.starts_with("5 of 20 units are dead: they are saturated"));
        assert!(tanh.contains("a lower learning rate") && !tanh.contains("activation = tanh"));
        let untrained = advice(Cell::elman(Activation::Tanh), 5, false);
        assert!(!untrained.contains("learning rate"), "{untrained}");
        let relu = advice(Cell::elman(Activation::Relu), 5, false);
        assert!(relu.contains("activation = tanh"), "{relu}");
        assert!(advice(Cell::GRU, 0, false).contains("larger weights"));
        assert!(advice(Cell::LSTM, 5, false).contains("a gate that never opens"));
        assert_eq!(dead(vec![&layer(1, 1)], Cell::LSTM, false), None);
    }
}
