//! What the chapter would do about gradients that vanish or explode, and about units that are dead.

use crate::dims::{Activation, Cell};
use crate::flow::units::Units;
use crate::flow::verdict::Verdict;

/// One dead unit in so many is worth a remark.
const DEAD_PART: usize = 20;

/// What to try next, in sentences.
pub(super) fn remedies(
    verdict: Verdict,
    cell: Cell,
    units: &[Units],
    horizon: usize,
    lags: usize,
) -> Vec<String> {
    let mut remedies = Vec::new();
    match (verdict, cell) {
        (Verdict::Exploding, _) => remedies.push(
            "clip the gradient (--clip 1), and begin with smaller recurrent weights (--init-recurrent orthogonal, or a lower --init-recurrent-scale)".to_owned(),
        ),
        (Verdict::Vanishing, Cell::Elman(Activation::Sigmoid)) => remedies.push(
            "σ′ is at most 1/4, so gradients are bound to vanish while ‖W_hh‖ < 4: take --activation tanh or relu".to_owned(),
        ),
        (Verdict::Vanishing, Cell::Elman(activation)) => {
            if activation != Activation::Relu {
                remedies.push("use ReLU with the identity as W_hh: --activation relu --init-recurrent identity".to_owned());
            }
            remedies.push("take gates, which choose their factor of a step: --cell lstm or --cell gru".to_owned());
        }
        (Verdict::Vanishing, Cell::Lstm) => remedies.push(
            "begin with forget gates that are more open: --forget-bias 2 or more".to_owned(),
        ),
        (Verdict::Vanishing, Cell::Gru) => remedies.push(
            "take --cell lstm with a high --forget-bias, whose cell keeps what it has from the first step".to_owned(),
        ),
        // The last lag that is seen is the one before `lags`.
        (Verdict::Healthy, _) if 20 * (horizon + 1) >= 19 * lags => remedies.push(format!(
            "nothing to mend; the gradient reaches further back than {lags} steps: look at more with --lags"
        )),
        (Verdict::Healthy, _) => remedies.push(format!(
            "nothing to mend; windows (--bptt) well above {} steps keep nearly all of the gradient",
            horizon + 1
        )),
    }
    let (dead, all) = units.iter().fold((0, 0), |(dead, all), layer| {
        (dead + layer.dead, all + layer.units)
    });
    if DEAD_PART * dead > all {
        remedies.push(format!(
            "{dead} of {all} units are dead: begin with smaller weights or a lower --lr, or take --activation tanh"
        ));
    }
    remedies
}
