//! Comma-separated values (RFC 4180, lines end with `\n`).

use std::io::{self, Write};

/// Writes one line of `cells`.
pub fn line(out: &mut impl Write, cells: impl IntoIterator<Item = String>) -> io::Result<()> {
    let cells: Vec<String> = cells.into_iter().map(quoted).collect();
    writeln!(out, "{}", cells.join(","))
}

/// A cell in quotation marks where it needs them.
fn quoted(cell: String) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_need_it() {
        assert_eq!(quoted("plain 1.5".into()), "plain 1.5");
        assert_eq!(quoted("a,b".into()), "\"a,b\"");
        assert_eq!(quoted("say \"a\"\n".into()), "\"say \"\"a\"\"\n\"");
    }
}
