//! Cells of a line of TSV (no quotation marks) or CSV (RFC 4180, but a cell ends with its line).

use super::PairsFlaw;

/// Separator of the cells of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Tab,
    Comma,
}

/// Splits `line`, which has no newline, into its cells.
pub(super) fn cells(line: &str, separator: Separator) -> Result<Vec<String>, PairsFlaw> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    match separator {
        Separator::Tab => Ok(line.split('\t').map(str::to_owned).collect()),
        Separator::Comma => commas(line),
    }
}

fn commas(line: &str) -> Result<Vec<String>, PairsFlaw> {
    let (mut cells, mut rest) = (Vec::new(), line);
    loop {
        let Some(mut quoted) = rest.strip_prefix('"') else {
            let Some((cell, after)) = rest.split_once(',') else {
                cells.push(rest.to_owned());
                return Ok(cells);
            };
            cells.push(cell.to_owned());
            rest = after;
            continue;
        };
        let mut cell = String::new();
        rest = loop {
            let (text, after) = quoted.split_once('"').ok_or(PairsFlaw::OpenQuote)?;
            cell += text;
            match after.strip_prefix('"') {
                // Two quotation marks stand for one.
                Some(after) => {
                    cell.push('"');
                    quoted = after;
                }
                None => break after,
            }
        };
        cells.push(cell);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(cells),
            None => return Err(PairsFlaw::AfterQuote),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_csv(line: &str) -> Result<Vec<String>, PairsFlaw> {
        cells(line, Separator::Comma)
    }

    #[test]
    fn cells_of_tsv_are_what_lies_between_tabs() {
        let found = cells("a \"b\"\t\tc, d\r", Separator::Tab).unwrap();
        assert_eq!(found, ["a \"b\"", "", "c, d"]);
    }

    #[test]
    fn cells_of_csv_may_be_quoted() {
        assert_eq!(of_csv("a,b").unwrap(), ["a", "b"]);
        assert_eq!(of_csv("").unwrap(), [""]);
        assert_eq!(of_csv("a,").unwrap(), ["a", ""]);
        assert_eq!(
            of_csv("\"a, \"\"b\"\"\",,\"\"\r").unwrap(),
            ["a, \"b\"", "", ""]
        );
        assert_eq!(of_csv("a \"b\",c").unwrap(), ["a \"b\"", "c"]);
    }

    #[test]
    fn a_quoted_cell_ends_with_its_quotation_mark() {
        assert_eq!(of_csv("\"a,b"), Err(PairsFlaw::OpenQuote));
        assert_eq!(of_csv("\"a\"b,c"), Err(PairsFlaw::AfterQuote));
    }
}
