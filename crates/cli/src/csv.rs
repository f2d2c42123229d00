//! Comma-separated values (RFC 4180, lines end with `\n`).

/// `cells` as one line.
pub fn line<Cell: AsRef<str>>(cells: impl IntoIterator<Item = Cell>) -> String {
    let cells = cells.into_iter().map(|cell| quoted(cell.as_ref()));
    let cells: Vec<String> = cells.collect();
    format!("{}\n", cells.join(","))
}

/// A cell in quotation marks where it needs them.
fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// A number of a table: six decimals, without a sign where it is zero.
pub fn decimal(number: f64) -> String {
    match number.is_finite() {
        true => format!("{:.6}", number + 0.0),
        false => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_need_it() {
        assert_eq!(quoted("plain 1.5"), "plain 1.5");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"a\"\n"), "\"say \"\"a\"\"\n\"");
        assert_eq!(line(["a", "", "b,c"]), "a,,\"b,c\"\n");
    }

    #[test]
    fn numbers_have_six_decimals_and_no_negative_zero() {
        let numbers = [1.0 / 3.0, -0.0, f64::INFINITY].map(decimal);
        assert_eq!(numbers, ["0.333333", "0.000000", "inf"]);
    }
}
