//! Axes: where values lie, and how they are labelled.

use crate::plot::Scale;

/// The range of an axis, on which values are places from 0 to 1.
pub struct Span {
    scale: Scale,
    /// Lower end as it is laid out: a logarithm on a logarithmic scale.
    low: f64,
    high: f64,
}

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub place: f64,
    pub label: String,
}

impl Span {
    /// The range around `values`; those that the scale cannot show are passed over. `margin` is the part of the length that is left
    /// free at both ends; with `from_zero` a linear axis begins at 0 if no value is below.
    pub fn around(
        scale: Scale,
        values: impl Iterator<Item = f64>,
        margin: f64,
        from_zero: bool,
    ) -> Span {
        let laid = values
            .map(|value| lay(scale, value))
            .filter(|value| value.is_finite());
        let (mut low, mut high) = laid
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let zero = from_zero && scale == Scale::Linear && low >= 0.0;
        if zero {
            low = 0.0;
        }
        if !low.is_finite() {
            (low, high) = (0.0, 1.0);
        }
        if high - low <= 1e-12 * high.abs().max(1e-300) {
            let half = match (scale, low.abs()) {
                (Scale::Linear, size) if size > 0.0 => 0.1 * size,
                _ => 0.5,
            };
            (low, high) = (low - half, high + half);
        }
        let free = margin * (high - low);
        Span {
            scale,
            low: if zero { low } else { low - free },
            high: high + free,
        }
    }

    /// Place of `value` between 0 and 1 in the range; `None` if the scale cannot show it.
    pub fn place(&self, value: f64) -> Option<f64> {
        let place = (lay(self.scale, value) - self.low) / (self.high - self.low);
        place.is_finite().then_some(place)
    }

    /// About `wanted` labelled places, in ascending order.
    pub fn ticks(&self, wanted: usize) -> Vec<Tick> {
        let width = self.high - self.low;
        let marks: Vec<(f64, String)> = match self.scale {
            Scale::Linear => {
                let step = nice_step(width / wanted.max(1) as f64);
                let decimals = (-step.log10().floor()).max(0.0) as usize;
                multiples(step, self.low, self.high)
                    .map(|value| (value, decimal(value, decimals)))
                    .collect()
            }
            Scale::Power if width >= 2.0 => {
                let step = nice_step(width / wanted.max(1) as f64).max(1.0);
                multiples(step, self.low, self.high)
                    .map(|value| (value, power_of_ten(value as i64)))
                    .collect()
            }
            // Within a decade: round numbers, as on a linear axis.
            Scale::Log | Scale::Power if width < 0.9 => {
                let (low, high) = (10f64.powf(self.low), 10f64.powf(self.high));
                let step = nice_step((high - low) / wanted.max(1) as f64);
                let decimals = (-step.log10().floor()).max(0.0) as usize;
                let label = |value| match decimals {
                    0..=5 => decimal(value, decimals),
                    _ => short(value),
                };
                multiples(step, low, high)
                    .map(|value| (value.log10(), label(value)))
                    .collect()
            }
            Scale::Log | Scale::Power if width < 2.0 => {
                let from = self.low.floor() as i32;
                let decades = from..=self.high.ceil() as i32;
                let within = decades
                    .flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade)));
                within
                    .map(|value| (value.log10(), short(value)))
                    .filter(|(laid, _)| (self.low..=self.high).contains(laid))
                    .collect()
            }
            Scale::Log | Scale::Power => {
                let step = nice_step(width / wanted.max(1) as f64).max(1.0);
                multiples(step, self.low, self.high)
                    .map(|laid| (laid, short(10f64.powf(laid))))
                    .collect()
            }
        };
        marks
            .into_iter()
            .map(|(laid, label)| Tick {
                place: (laid - self.low) / width,
                label,
            })
            .collect()
    }
}

fn lay(scale: Scale, value: f64) -> f64 {
    match scale {
        Scale::Linear | Scale::Power => value,
        Scale::Log => value.log10(),
    }
}

/// The next of 1, 2, 5, 10, 20, … that is not below `least`.
fn nice_step(least: f64) -> f64 {
    let decade = 10f64.powf(least.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let factor = factors
        .into_iter()
        .find(|factor| factor * decade >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * decade
}

/// The multiples of `step` from `low` to `high`.
fn multiples(step: f64, low: f64, high: f64) -> impl Iterator<Item = f64> {
    let slack = 1e-9 * step;
    let first = ((low - slack) / step).ceil();
    let count = ((high + slack) / step - first).floor().max(-1.0) as i64 + 1;
    // Adding 0 makes −0 plain.
    (0..count).map(move |i| (first + i as f64) * step + 0.0)
}

/// Formats with `decimals` decimals and digits in groups of three: `12,500`.
fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    if value < 0.0 {
        out.push('−');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Label of a value on a logarithmic axis: 0.001 to 100,000 in full, others as powers of ten.
fn short(value: f64) -> String {
    let decade = value.log10().floor();
    if !(-4.0..6.0).contains(&decade) {
        let digit = (value / 10f64.powf(decade)).round();
        let power = power_of_ten(decade as i64);
        return if digit == 1.0 {
            power
        } else {
            format!("{digit}·{power}")
        };
    }
    decimal(value, (-decade).max(0.0) as usize)
}

/// Formats a power of ten with raised digits: `10⁻³` for −3.
pub fn power_of_ten(exponent: i64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = exponent.unsigned_abs().to_string();
    let raised = digits
        .bytes()
        .map(|digit| DIGITS[usize::from(digit - b'0')]);
    let sign = if exponent < 0 { "⁻" } else { "" };
    format!("10{sign}{}", raised.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, low: f64, high: f64, wanted: usize) -> Vec<String> {
        let span = Span::around(scale, [low, high].into_iter(), 0.0, false);
        span.ticks(wanted)
            .into_iter()
            .map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_axis() {
        assert_eq!(
            labels(Scale::Linear, 0.0, 1000.0, 5),
            ["0", "200", "400", "600", "800", "1,000"]
        );
        assert_eq!(labels(Scale::Linear, -0.12, 0.31, 4), ["0.0", "0.2"]);
        assert_eq!(
            labels(Scale::Log, 1.0, 1e4, 5),
            ["1", "10", "100", "1,000", "10,000"]
        );
        assert_eq!(labels(Scale::Log, 3.0, 60.0, 5), ["5", "10", "20", "50"]);
        assert_eq!(labels(Scale::Log, 50.6, 53.1, 4), ["51", "52", "53"]);
        // An axis of exponents has numbers within a decade as well.
        assert_eq!(labels(Scale::Power, -0.7, -0.1, 4), ["0.2", "0.4", "0.6"]);
        assert_eq!(
            labels(Scale::Power, -1.1, 0.2, 5),
            ["0.1", "0.2", "0.5", "1"]
        );
        assert_eq!(
            labels(Scale::Log, 1e-8, 1e-2, 3),
            ["10⁻⁸", "10⁻⁶", "0.0001", "0.01"]
        );
        assert_eq!(
            labels(Scale::Power, -24.0, 3.0, 4),
            ["10⁻²⁰", "10⁻¹⁰", "10⁰"]
        );
    }

    #[test]
    fn every_span_has_a_width_and_places_lie_in_it() {
        for scale in [Scale::Linear, Scale::Log, Scale::Power] {
            for values in [
                &[][..],
                &[0.0],
                &[3.0],
                &[3.0, 3.0],
                &[f64::NAN, 2.0],
                &[1e-300, 1e300],
            ] {
                let span = Span::around(scale, values.iter().copied(), 0.05, false);
                let places = values.iter().filter_map(|value| span.place(*value));
                for place in places {
                    assert!(
                        (0.0..=1.0).contains(&place),
                        "{scale:?} {values:?}: {place}"
                    );
                }
                assert!(span.ticks(5).len() < 30, "{scale:?} {values:?}");
            }
        }
        assert_eq!(
            Span::around(Scale::Log, [1.0, 10.0].into_iter(), 0.0, false).place(-1.0),
            None
        );
        let from_zero = Span::around(Scale::Linear, [5.0, 10.0].into_iter(), 0.0, true);
        assert_eq!(from_zero.place(5.0), Some(0.5));
    }
}
