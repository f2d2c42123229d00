//! Numbers as people read them.

use crate::scale::power_of_ten;

/// Formats a whole number with commas: `1,234,567`.
pub fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats bytes in binary units: `12.3 MiB`.
pub fn bytes(count: u64) -> String {
    let mut scaled = count as f64;
    let mut unit = "bytes";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if scaled < 1000.0 {
            break;
        }
        (scaled, unit) = (scaled / 1024.0, larger);
    }
    match unit {
        "bytes" => format!("{count} bytes"),
        _ if scaled < 10.0 => format!("{scaled:.2} {unit}"),
        _ if scaled < 100.0 => format!("{scaled:.1} {unit}"),
        _ => format!("{scaled:.0} {unit}"),
    }
}

/// Formats seconds as `12 s`, `3 min 05 s` or `2 h 04 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown".into();
    }
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..10 => format!("{:.1} s", seconds.max(0.0)),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Formats seconds as `1:05` or `2:03:04`.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..3600 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!(
            "{}:{:02}:{:02}",
            whole / 3600,
            whole % 3600 / 60,
            whole % 60
        ),
    }
}

/// Formats a rate in three or four characters: `950`, `9.5k`, `95k`.
pub fn thousands(rate: f64) -> String {
    match rate {
        1e6.. => format!("{:.1}M", rate / 1e6),
        1e4.. => format!("{:.0}k", rate / 1e3),
        1e3.. => format!("{:.1}k", rate / 1e3),
        _ => format!("{rate:.0}"),
    }
}

/// Formats a number with about four significant digits, and with an exponent only if it is very small or very large.
pub fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        // What is null in a file may have been infinite, too.
        _ if value.is_nan() => "not finite".into(),
        _ if value.is_infinite() => value.to_string(),
        0.0 => "0".into(),
        1000.0.. if size < 1e15 => grouped(size.round() as u64),
        0.001..1000.0 => {
            let decimals = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
            let text = format!("{value:.decimals$}");
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').into(),
                false => text,
            }
        }
        _ => {
            let text = format!("{value:.2e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            format!(
                "{}e{exponent}",
                mantissa.trim_end_matches('0').trim_end_matches('.')
            )
        }
    }
}

/// Formats a loss in nats with four decimals.
pub fn loss(nats: f64) -> String {
    match nats.is_finite() {
        true => format!("{nats:.4}"),
        false => number(nats),
    }
}

/// Formats a share as a percentage: `12.34 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// Formats a number of things: `1 layer`, `2 layers`, `2 hypotheses`, `2 prefixes`.
pub fn count(number: usize, noun: &str) -> String {
    let number = grouped(number as u64);
    match noun.strip_suffix("is") {
        _ if number == "1" => format!("1 {noun}"),
        Some(stem) => format!("{number} {stem}es"),
        None if noun.ends_with('x') => format!("{number} {noun}es"),
        None => format!("{number} {noun}s"),
    }
}

/// Formats 10 to the power `log10`, which may be far outside of the numbers of a computer: `0.01`, `1.3·10⁻⁵⁰`.
pub fn power(log10: f64) -> String {
    if (-3.0..4.0).contains(&log10) {
        return number(10f64.powf(log10));
    }
    if !log10.is_finite() {
        return number(10f64.powf(log10));
    }
    let mut exponent = log10.floor();
    let mut mantissa = (10.0 * 10f64.powf(log10 - exponent)).round() / 10.0;
    // A mantissa that is rounded up to 10 carries into the exponent.
    if mantissa >= 10.0 {
        (mantissa, exponent) = (mantissa / 10.0, exponent + 1.0);
    }
    format!("{mantissa:.1}·{}", power_of_ten(exponent as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0u64), "0");
        assert_eq!(grouped(999u64), "999");
        assert_eq!(grouped(1_000u64), "1,000");
        assert_eq!(grouped(1_234_567u64), "1,234,567");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1 << 20), "1.00 MiB");
        assert_eq!(bytes(1_500_000_000), "1.40 GiB");
        assert_eq!(duration(3.21), "3.2 s");
        assert_eq!(duration(65.0), "1 min 05 s");
        assert_eq!(duration(7384.0), "2 h 03 min");
        assert_eq!(duration(f64::NAN), "unknown");
        assert_eq!(
            (clock(65.4), clock(7384.0)),
            ("1:05".into(), "2:03:04".into())
        );
        assert_eq!(
            [950.0, 9_500.0, 95_000.0, 2e6].map(thousands),
            ["950", "9.5k", "95k", "2.0M"]
        );
        for (value, text) in [
            (0.0, "0"),
            (0.004, "0.004"),
            (1e-8, "1e-8"),
            (1.25e-5, "1.25e-5"),
            (123.456, "123.5"),
            (12_345.6, "12,346"),
            (-0.5, "-0.5"),
            (100.0, "100"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "not finite"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(count(1, "layer"), "1 layer");
        assert_eq!(count(2000, "step"), "2,000 steps");
        assert_eq!(count(1, "hypothesis"), "1 hypothesis");
        assert_eq!(count(2000, "hypothesis"), "2,000 hypotheses");
        assert_eq!(count(0, "distinct prefix"), "0 distinct prefixes");
    }

    #[test]
    fn powers_of_ten() {
        for (log10, text) in [
            (-2.0, "0.01"),
            (3.0, "1,000"),
            (-50.5, "3.2·10⁻⁵¹"),
            (-50.001, "1.0·10⁻⁵⁰"),
            (-50.003, "9.9·10⁻⁵¹"),
            (5.9999, "1.0·10⁶"),
            (f64::NEG_INFINITY, "0"),
            (4.0, "1.0·10⁴"),
        ] {
            assert_eq!(power(log10), text);
        }
    }
}
