//! What `elman inspect gradients` prints for people.

use crate::grid::Grid;
use crate::output::{Table, count, grouped, number};
use anyhow::Result;
use elman::measure::inspect::gradients::{LagNorm, LayerFlow};
use elman::measure::inspect::places::Place;
use elman::measure::inspect::{Contribution, Gradients};
use elman::net::flow::bound::Bound;
use elman::text::Layout;
use std::io::Write;

/// Writes what was found by the model `name` on the text `text`.
pub(super) fn write_text(
    out: &mut impl Write,
    name: &str,
    text: &str,
    found: &Gradients,
) -> Result<()> {
    let mut head = Table::default();
    head.row(
        "model",
        format!(
            "{name}: {}, {}, {} parameters",
            found.cell,
            count(found.layers.len(), "layer"),
            grouped(found.parameters as u64)
        ),
    );
    head.row(
        "text",
        format!("{text}: {} tokens", grouped(found.text_tokens as u64)),
    );
    head.row("sampled", sampled(found));
    writeln!(out, "{head}")?;
    for layer in &found.layers {
        write_layer(out, found, layer)?;
    }
    if found.layers.len() > 1 {
        let mut all = Table::default();
        horizon(&mut all, found, &found.contribution);
        writeln!(out, "\nall layers together\n{all}")?;
    }
    let mut end = Table::default();
    end.row("verdict", found.verdict.name());
    for remedy in &found.remedies {
        end.row("", remedy);
    }
    writeln!(out, "\n{end}")?;
    Ok(())
}

/// What was read, in a line.
fn sampled(found: &Gradients) -> String {
    let seed = found.seed;
    match (found.layout, &found.loss_after) {
        (Layout::Stream, _) => format!(
            "{} of {} after {} of context (seed {seed})",
            count(found.excerpts, "excerpt"),
            count(found.lags, "step"),
            count(found.context, "token"),
        ),
        (Layout::Sentences, after) => {
            let steps = found.places.iter().map(Place::steps);
            let (least, most) = (steps.clone().min(), steps.max());
            let until = after.as_ref().map_or_else(
                || "a token of it".to_owned(),
                |token| format!("a token of its answer after '{token}'"),
            );
            let steps = match (least, most) {
                (Some(least), Some(most)) if least < most => {
                    format!("{least} to {}", count(most, "step"))
                }
                _ => count(most.unwrap_or(0), "step"),
            };
            format!(
                "{}, each read from its beginning to {until}: {steps} (seed {seed})",
                count(found.excerpts, "line"),
            )
        }
    }
}

fn write_layer(out: &mut impl Write, found: &Gradients, layer: &LayerFlow) -> Result<()> {
    let state = match layer.bound {
        Bound::Lstm { .. } | Bound::Blocks { .. } => "∂(h,c)_t/∂(h,c)_k",
        Bound::Elman { .. } | Bound::Gru { .. } => "∂h_t/∂h_k",
    };
    writeln!(
        out,
        "\nlayer {}, {}: log10 of ‖{state}‖₂, and where ∂E_t/∂W comes from",
        layer.layer,
        count(layer.hidden, "unit")
    )?;
    write!(out, "{}", by_lag(found, layer))?;

    let mut table = Table::default();
    table.row("bound", bound(&layer.bound));
    table.row("step", step(found, layer));
    horizon(&mut table, found, &layer.contribution);
    let interrupted = layer.units.interrupted;
    let interrupted =
        interrupted.map(|part| format!(", {:.1} % interrupted within an excerpt", 100.0 * part));
    table.row(
        "units",
        format!(
            "{} of {} dead{}",
            layer.units.dead,
            layer.units.units,
            interrupted.unwrap_or_default()
        ),
    );
    for signal in &layer.units.signals {
        table.row(
            signal.name,
            format!(
                "mean {}, saturated low {:.1} %, high {:.1} %, stuck {}",
                number(signal.mean),
                100.0 * signal.low,
                100.0 * signal.high,
                signal.stuck
            ),
        );
    }
    writeln!(out, "{table}")?;
    Ok(())
}

/// The factor of a step, and in how many excerpts there is none.
fn step(found: &Gradients, layer: &LayerFlow) -> String {
    let (steps, verdict) = (count(found.lags, "step"), layer.verdict.name());
    let factor = number(layer.factor);
    match layer.nothing_left {
        0 => format!("a factor of {factor} on average over {steps}: {verdict}"),
        all if all == found.excerpts => {
            format!("nothing is left after {steps} in any excerpt: {verdict}")
        }
        some => format!(
            "nothing is left after {steps} in {some} of {}, and a factor of {factor} on average in the others: {verdict}",
            count(found.excerpts, "excerpt")
        ),
    }
}

/// Norms and shares of some lags. How many excerpts a lag has is shown where it is not all of them.
fn by_lag(found: &Gradients, layer: &LayerFlow) -> String {
    let some = |of: fn(&LagNorm) -> bool| layer.norms.iter().any(of);
    let columns = [
        (
            "excerpts",
            layer
                .norms
                .iter()
                .any(|norm| norm.excerpts < found.excerpts),
        ),
        ("norm 0", some(|norm| norm.zero > 0)),
    ];
    let mut header = vec![
        "lag", "mean", "least", "most", "steps", "bound", "share", "beyond",
    ];
    header.extend(
        columns
            .iter()
            .filter(|(_, shown)| *shown)
            .map(|(name, _)| name),
    );
    let mut grid = Grid::new(0, &header);
    for lag in shown(found.lags) {
        let share = layer.contribution.lags.get(lag);
        let percent =
            |x: Option<f64>| x.map_or("-".into(), |x| format!("{} %", rounded(100.0 * x)));
        let mut row = vec![lag.to_string()];
        let norm = lag.checked_sub(1).map(|i| layer.norms[i]);
        row.extend(match norm {
            None => vec!["0".to_owned(); 5],
            Some(n) => [
                n.mean_log10,
                n.least_log10,
                n.most_log10,
                n.steps_log10,
                n.bound_log10,
            ]
            .map(rounded)
            .to_vec(),
        });
        row.push(percent(share.map(|s| s.share)));
        row.push(percent(share.map(|s| s.beyond)));
        let counts = [
            norm.map_or(found.excerpts, |norm| norm.excerpts),
            norm.map_or(0, |norm| norm.zero),
        ];
        let counts = columns.iter().zip(counts).filter(|((_, shown), _)| *shown);
        row.extend(counts.map(|(_, count)| count.to_string()));
        grid.row(row);
    }
    grid.to_text()
}

/// From how far back the gradient comes, and what is not in it.
fn horizon(table: &mut Table, found: &Gradients, reach: &Contribution) {
    let horizons = [
        reach.horizon_90.zip(reach.horizon_90_most),
        reach.horizon_99.zip(reach.horizon_99_most),
    ];
    if let [Some((near, near_most)), Some((far, far_most))] = horizons {
        table.row(
            "horizon",
            format!(
                "90 % of ∂E_t/∂W from {} back (at most {near_most}), 99 % from {} ({far_most})",
                steps(near),
                steps(far),
            ),
        );
    }
    if reach.without_gradient > 0 {
        table.row(
            "excluded",
            format!(
                "{} of {} have no gradient, and are in no share and no horizon",
                reach.without_gradient,
                count(found.excerpts, "excerpt"),
            ),
        );
    }
    if found.layout == Layout::Stream && reach.to_the_beginning > 0 {
        table.row(
            "begins",
            format!(
                "in {} of {} the gradient reaches back to the beginning: with a larger --context it may reach further",
                reach.to_the_beginning,
                count(found.excerpts, "excerpt"),
            ),
        );
    }
    if let (Some(last), 1..) = (reach.lags.last(), found.missing) {
        table.row(
            "missing",
            format!(
                "what comes from more than {} back, {} of which only brought the state in; the term of lag {} is {} % of the whole",
                count(found.reach - 1, "step"),
                count(found.missing, "step"),
                last.lag,
                rounded(100.0 * last.size),
            ),
        );
    }
}

/// `1 step`, `6.5 steps`: a median need not be a whole number.
fn steps(number: f64) -> String {
    match number.fract() == 0.0 {
        true => count(number as usize, "step"),
        false => format!("{number:.1} steps"),
    }
}

/// To two digits, without a sign before 0; `-` for the logarithm of 0.
fn rounded(x: f64) -> String {
    if x == f64::NEG_INFINITY {
        return "-".to_owned();
    }
    let text = format!("{x:.2}");
    match text.as_str() {
        "-0.00" => "0.00".to_owned(),
        _ => text,
    }
}

/// Some lags, from 0 to `most`: close together at first.
fn shown(most: usize) -> Vec<usize> {
    let steps = [1, 2, 5].into_iter().cycle();
    let tens = (0..).flat_map(|power| [10_usize.pow(power); 3]);
    let lags = steps.zip(tens).map(|(step, ten)| step * ten);
    let mut lags: Vec<usize> = std::iter::once(0)
        .chain(lags.take_while(|lag| *lag < most))
        .collect();
    lags.push(most);
    lags
}

fn bound(bound: &Bound) -> String {
    match *bound {
        Bound::Elman { beta_w, beta_h } => format!(
            "(β_W β_h)^lag: β_W = ‖W_hh‖₂ = {}, β_h = max |φ′| = {}",
            number(beta_w),
            number(beta_h)
        ),
        Bound::Gru {
            beta_w,
            beta_s,
            beta_z,
        } => format!(
            "(β_z + β_S β_W)^lag: β_z = max z = {}, β_S = {}, β_W = ‖W_h‖₂ = {}",
            number(beta_z),
            number(beta_s),
            number(beta_w)
        ),
        Bound::Lstm {
            beta_c,
            beta_o,
            beta_s,
            beta_k,
            beta_f,
            beta_r,
        } => format!(
            "‖M^lag‖₂: β_f = max f = {}, β_S = {}, β_C = {}, β_κ = {}, β_O = {}, β_ρ = {}",
            number(beta_f),
            number(beta_s),
            number(beta_c),
            number(beta_k),
            number(beta_o),
            number(beta_r)
        ),
        Bound::Blocks { m: [h, c] } => format!(
            "‖M^lag‖₂: M = ({}, {}; {}, {})",
            number(h[0]),
            number(h[1]),
            number(c[0]),
            number(c[1])
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_lags_are_shown() {
        assert_eq!(shown(1), [0, 1]);
        assert_eq!(shown(100), [0, 1, 2, 5, 10, 20, 50, 100]);
        assert_eq!(shown(300), [0, 1, 2, 5, 10, 20, 50, 100, 200, 300]);
    }
}
