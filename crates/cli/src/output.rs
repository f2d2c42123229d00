//! Writing for people: tables, remarks on standard error, and which errors end a command how.
//!
//! Results go to standard output, everything else to standard error. Nothing here panics when the
//! other end of a pipe is gone: a write to standard output returns its error, which
//! [`is_broken_pipe`] recognises, and a remark that nobody reads is dropped.

use crate::options::as_flags;
use elman::net::dims::{Dims, Sizes};
use elman::{Error, train};
pub use elman_report::numbers::{
    bytes, clock, count, duration, grouped, loss, number, percent, thousands,
};
use std::fmt::{self, Display};
use std::io::{self, Write};

/// A remark on standard error, in lines that fit a terminal.
pub fn say(text: impl Display) {
    let terminal = console::Term::stderr();
    let _ = match terminal.is_term() {
        true => writeln!(
            io::stderr(),
            "{}",
            wrapped(&text.to_string(), terminal.size().1.into())
        ),
        false => writeln!(io::stderr(), "{text}"),
    };
}

/// Lines of at most `width` columns, broken between words. What continues a line is indented as the values of a table are, if
/// the line has a name before its value.
fn wrapped(text: &str, width: usize) -> String {
    const NARROWEST: usize = 24;
    if width < NARROWEST {
        return text.to_owned();
    }
    let lines = text.lines().map(|line| {
        let rest = line.trim_start();
        let margin = line.len() - rest.len();
        // A name, two spaces or more, and the value.
        let name = rest.find(' ').filter(|_| margin == 0).unwrap_or(0);
        let gap = rest[name..].len() - rest[name..].trim_start().len();
        let hang = match gap {
            2.. if name + gap <= width / 2 => name + gap,
            _ => margin + 2,
        };
        let hang = " ".repeat(hang.min(width / 2));
        let options = textwrap::Options::new(width)
            .subsequent_indent(&hang)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::wrap(line, options).join("\n")
    });
    lines.collect::<Vec<_>>().join("\n")
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

/// A text of a model without what would command a terminal: control characters as U+2400 and the signs after it, but for line ends and
/// tabs.
pub fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\u{7f}' => '\u{2421}',
            c if c < ' ' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(c),
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_fit_a_terminal_and_break_between_words() {
        let said = wrapped(
            "memory      15.3 MiB planned: weights 1.05 MiB\n\nnote: one two three four five six",
            28,
        );
        assert_eq!(
            said,
            "memory      15.3 MiB\n            planned: weights\n            1.05 MiB\n\nnote: one two three four\n  five six"
        );
        let hash = "83774b89db50ac02cd1ed5b09277c3dfdc9703f8e534a3f24c0953d5666914a5";
        assert!(wrapped(&format!("checkpoint  {hash}"), 60).contains(hash));
        assert_eq!(wrapped("a b", 0), "a b");
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
