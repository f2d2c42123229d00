//! Writing for people: numbers, tables, remarks on standard error, and which errors end a command how.
//!
//! Results go to standard output, everything else to standard error. Nothing here panics when the
//! other end of a pipe is gone: a write to standard output returns its error, which
//! [`is_broken_pipe`] recognises, and a remark that nobody reads is dropped.

use crate::options::as_flags;
use elman::net::dims::{Dims, Sizes};
use elman::{Error, train};
use std::fmt::{self, Display};
use std::io::{self, Write};

/// A remark on standard error.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether the terminal is one that only prints: lines cannot be drawn over.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// A command line that cannot be carried out: exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A usage error as an [`anyhow::Error`].
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// Whether a command ended only because nobody reads its output any more.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        // An error of `serde_json` does not show the one beneath it as its source.
        let kind = match cause.downcast_ref::<serde_json::Error>() {
            Some(error) => error.io_error_kind(),
            None => cause.downcast_ref::<io::Error>().map(io::Error::kind),
        };
        kind == Some(io::ErrorKind::BrokenPipe)
    })
}

/// An error with its causes, but for those whose words it has already.
pub fn in_one_line(error: &anyhow::Error) -> String {
    let mut causes = error.chain().map(|cause| {
        let gathered = match cause.downcast_ref() {
            Some(Error::Train(error)) => Some(error),
            _ => cause.downcast_ref(),
        };
        match gathered {
            Some(train::Error::Config(error)) => as_flags(&error.to_string()),
            _ => cause.to_string(),
        }
    });
    let first = causes.next().unwrap_or_default();
    causes.fold(first, |text, cause| match text.contains(&cause) {
        true => text,
        false => format!("{text}: {cause}"),
    })
}

/// Whether the choices are at fault and not the world.
pub fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<Usage>()
}

/// `1234567` as `1,234,567`.
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

/// Bytes in binary units: `12.3 MiB`.
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

/// Seconds as `12 s`, `3 min 05 s` or `2 h 04 min`.
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

/// Seconds as `1:05` or `2:03:04`.
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

/// A rate in three or four characters: `950`, `9.5k`, `95k`.
pub fn thousands(rate: f64) -> String {
    match rate {
        1e6.. => format!("{:.1}M", rate / 1e6),
        1e4.. => format!("{:.0}k", rate / 1e3),
        1e3.. => format!("{:.1}k", rate / 1e3),
        _ => format!("{rate:.0}"),
    }
}

/// A number with about four significant digits, without exponent where it is of everyday size.
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

/// A loss in nats with four decimals.
pub fn loss(nats: f64) -> String {
    match nats.is_finite() {
        true => format!("{nats:.4}"),
        false => number(nats),
    }
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// `1 layer`, `2 layers`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number as u64))
}

/// Rows of a label and a value, the values in one column.
#[derive(Default)]
pub struct Table {
    rows: Vec<(String, String)>,
}

impl Table {
    pub fn row(&mut self, label: impl Into<String>, value: impl Display) {
        self.rows.push((label.into(), value.to_string()));
    }

    pub fn rows(&self) -> &[(String, String)] {
        &self.rows
    }
}

impl Display for Table {
    /// Ends with the last row, without a newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .rows
            .iter()
            .map(|(label, _)| label.chars().count())
            .max()
            .unwrap_or(0);
        for (i, (label, value)) in self.rows.iter().enumerate() {
            let newline = if i > 0 { "\n" } else { "" };
            write!(f, "{newline}{label:width$}  {value}")?;
        }
        Ok(())
    }
}

/// The sizes of a network: `3 layers of 1,150, 1,150 and 400 units, embedding 400, tied weights`.
pub fn shape(dims: &Dims) -> String {
    let units = match Sizes::describing(&dims.hidden) {
        Sizes::Same(size) => grouped(size as u64),
        Sizes::Each(sizes) => {
            let mut units: Vec<String> = sizes.iter().map(|n| grouped(*n as u64)).collect();
            let last = units.pop().unwrap_or_default();
            format!("{} and {last}", units.join(", "))
        }
    };
    let tied = match (dims.tied, dims.projected()) {
        (false, _) => "",
        (true, false) => ", tied weights",
        (true, true) => ", weights tied through a projection",
    };
    format!(
        "{} of {units} units, embedding {}{tied}",
        count(dims.layers(), "layer"),
        grouped(dims.embed as u64)
    )
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
    }

    #[test]
    fn tables_align() {
        let mut table = Table::default();
        table.row("a", 1);
        table.row("longer", "x");
        assert_eq!(table.to_string(), "a       1\nlonger  x");
    }

    #[test]
    fn broken_pipes_are_recognised_under_their_context() {
        let error =
            anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert!(is_broken_pipe(&error));
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let json = serde_json::to_writer(Gone, "text").unwrap_err();
        assert!(is_broken_pipe(&json.into()));
        assert!(!is_broken_pipe(&usage("x")));
        assert!(is_usage(&usage("x")));
    }

    #[test]
    fn an_error_says_nothing_twice() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let cause = denied().to_string();
        let error = anyhow::Error::from(denied()).context("cannot read a");
        assert_eq!(in_one_line(&error), format!("cannot read a: {cause}"));
        let said = elman::store::StoreError::io("a".as_ref(), "open", denied());
        let error = anyhow::Error::from(said).context("the model");
        let line = in_one_line(&error);
        assert_eq!(line.matches(&cause).count(), 1, "{line}");
    }
}
