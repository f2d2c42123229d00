//! `tokens.txt` of a speech recogniser: a symbol and its id on each line, as sherpa-onnx and icefall write it.
//!
//! ```text
//! <blk> 0
//! <sos/eos> 1
//! <unk> 2
//! ▁THE 3
//! ```
//! A line that holds an id alone is that of the space. The symbol with id 0 is the blank, which no text has. Names of the two ends of
//! a text and of the unknown symbol are those in use; `#0`, `#1` … are for the recogniser's own graphs.

use crate::error::{Error, Result};
use elman_store::{StoreError, disk};
use elman_text::Vocab;
use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

/// A list of symbols that is larger is none.
const LARGEST_FILE: u64 = 64 << 20;
/// The largest number of symbols.
const MOST_SYMBOLS: usize = 1 << 20;
const SPACE: char = '\u{2581}';
const BEGINS: [&str; 4] = ["<sos/eos>", "<sos>", "<s>", "<bos>"];
const ENDS: [&str; 3] = ["<sos/eos>", "<eos>", "</s>"];
const UNKNOWN: [&str; 3] = ["<unk>", "<UNK>", "<oov>"];

/// The symbols of a recogniser in the order of their ids; number 0 is the blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbols(Vec<String>);

/// What a symbol is to a language model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The token with this id.
    Token(u32),
    /// No token, but a unit of text: `<unk>`.
    Unknown(u32),
    /// No unit of text.
    Never,
}

impl Symbols {
    /// Reads the file of a recogniser.
    ///
    /// # Errors
    /// [`Error::Store`] if it cannot be read; [`Error::Symbols`] for a line that is none of such a file.
    pub fn from_file(path: &Path) -> Result<Symbols> {
        let (file, _) = disk::open_regular(path)?;
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| StoreError::io(path, "read", error))?;
        Symbols::parse(&path.display().to_string(), &bytes)
    }

    /// Reads such a file from memory; `name` is its name in messages.
    ///
    /// # Errors
    /// [`Error::Symbols`].
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Symbols> {
        let failed = |line: usize, what: String| Error::Symbols {
            name: name.to_owned(),
            line,
            what,
        };
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(failed(
                1,
                "the file is too large for a list of symbols".into(),
            ));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| failed(1, "the file is not valid UTF-8".into()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines: Vec<Option<(usize, String)>> = Vec::new();
        for (number, line) in (1..).zip(text.split_terminator('\n')) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let mut fields = line.split_ascii_whitespace();
            let (symbol, id) = match (fields.next(), fields.next(), fields.next()) {
                (Some(symbol), Some(id), None) => (symbol, id),
                (Some(id), None, _) => (" ", id),
                _ => {
                    let what = format!("{line:?} is not a symbol and its id");
                    return Err(failed(number, what));
                }
            };
            let id = id.parse().ok().filter(|id| *id < MOST_SYMBOLS);
            let id = id.ok_or_else(|| {
                failed(number, format!("{line:?} has no id below {MOST_SYMBOLS}"))
            })?;
            if lines.len() <= id {
                lines.resize(id + 1, None);
            }
            if let Some((before, _)) = &lines[id] {
                let what = format!("the id {id} is on line {before} already");
                return Err(failed(number, what));
            }
            lines[id] = Some((number, symbol.to_owned()));
        }
        if lines.len() < 2 {
            return Err(failed(1, "no symbol is listed besides the blank".into()));
        }
        let last = lines.len();
        let symbols = lines.into_iter().enumerate();
        let symbols = symbols.map(|(id, line)| {
            line.map(|(_, symbol)| symbol)
                .ok_or_else(|| failed(last, format!("no line has the id {id}")))
        });
        Ok(Symbols(symbols.collect::<Result<_>>()?))
    }

    /// The number of symbols.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn name(&self, id: usize) -> &str {
        &self.0[id]
    }

    /// Ids of the symbols that begin and end a text, if there are such.
    pub(super) fn begin_and_end(&self) -> (Option<usize>, Option<usize>) {
        let find = |names: &[&str]| {
            let mut found = names.iter();
            found.find_map(|name| self.0.iter().skip(1).position(|symbol| symbol == name))
        };
        let after_blank = |at: Option<usize>| at.map(|at| at + 1);
        let (begin, end) = (after_blank(find(&BEGINS)), after_blank(find(&ENDS)));
        (begin.or(end), end.or(begin))
    }

    /// Whether the symbol `id` is of the recogniser's own and no text: the blank, a mark of its graphs, or that of unknown text.
    pub(super) fn is_mark(&self, id: usize) -> bool {
        let symbol = self.name(id);
        id == 0 || UNKNOWN.contains(&symbol) || symbol.strip_prefix('#').is_some_and(is_number)
    }

    /// What the symbol `id` is in a vocabulary.
    pub(super) fn row(&self, id: usize, vocab: &Vocab) -> Row {
        let symbol = self.name(id);
        if id > 0 && (BEGINS.contains(&symbol) || ENDS.contains(&symbol)) {
            return Row::Token(vocab.eos());
        }
        let unknown = || vocab.unk().map_or(Row::Never, Row::Unknown);
        if self.is_mark(id) {
            let named = vocab.unk().filter(|_| id > 0 && UNKNOWN.contains(&symbol));
            return named.map_or(Row::Never, Row::Token);
        }
        // The vocabulary's units may carry a space where the recogniser's carry the mark of one, and name single bytes by themselves.
        let spaced: Cow<str> = match symbol.contains(SPACE) {
            true => symbol.replace(SPACE, " ").into(),
            false => symbol.into(),
        };
        let byte = symbol
            .strip_prefix("<0x")
            .and_then(|rest| rest.strip_suffix('>'));
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let found = vocab.id(symbol.as_bytes());
        let found = found.or_else(|| vocab.id(spaced.as_bytes()));
        let found = found.or_else(|| vocab.id(&[byte?]));
        found.map_or_else(unknown, Row::Token)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_infer::testing::vocab;
    use elman_text::Kind;

    #[test]
    fn a_recogniser_s_symbols_find_their_tokens() {
        let file = "<blk> 0\n<sos/eos> 1\r\n<unk> 2\n▁a 3\nb 4\n#0 5\nzz 6\n";
        let symbols = Symbols::parse("tokens.txt", file.as_bytes()).unwrap();
        let vocab = vocab(Kind::Fields, "▁a b");
        let token = |name: &str| Row::Token(vocab.id(name.as_bytes()).unwrap());
        let rows: Vec<Row> = (0..symbols.len())
            .map(|id| symbols.row(id, &vocab))
            .collect();
        assert_eq!(
            rows,
            [
                Row::Never,
                Row::Token(0),
                Row::Token(1),
                token("▁a"),
                token("b"),
                Row::Never,
                Row::Unknown(1)
            ]
        );
        assert_eq!(symbols.begin_and_end(), (Some(1), Some(1)));
        let symbols = Symbols::parse("t", b"<blk> 0\n</s> 2\n<s> 1\n").unwrap();
        assert_eq!(symbols.begin_and_end(), (Some(1), Some(2)));
        let symbols = Symbols::parse("t", b"<s> 0\na 1\n").unwrap();
        assert_eq!(symbols.begin_and_end(), (None, None));
    }

    #[test]
    fn marks_of_spaces_and_names_of_bytes_are_understood() {
        let symbols = Symbols::parse("t", "<blk> 0\n 1\n▁ 2\n<0x41> 3\n".as_bytes()).unwrap();
        let bytes = Vocab::bytes();
        let rows: Vec<Row> = (1..4).map(|id| symbols.row(id, &bytes)).collect();
        assert_eq!(rows, [Row::Token(32), Row::Token(32), Row::Token(65)]);
    }

    #[test]
    fn what_is_no_list_of_symbols_is_refused_by_line() {
        for (file, line, what) in [
            ("", 1, "no symbol"),
            ("<blk> 0\n", 1, "no symbol"),
            ("<blk> 0\na b 1\n", 2, "is not a symbol and its id"),
            ("<blk> 0\n\n", 2, "is not a symbol and its id"),
            ("<blk> 0\na -1\n", 2, "has no id below"),
            ("<blk> 0\na 99999999999999999999\n", 2, "has no id below"),
            ("<blk> 0\na 1048576\n", 2, "has no id below"),
            ("<blk> 0\na 1\nb 1\n", 3, "is on line 2 already"),
            ("<blk> 0\na 2\n", 3, "no line has the id 1"),
        ] {
            let said = Symbols::parse("t.txt", file.as_bytes())
                .unwrap_err()
                .to_string();
            let head = format!("t.txt, line {line}: ");
            assert!(said.starts_with(&head) && said.contains(what), "{said}");
        }
        let said = Symbols::parse("t.txt", b"\xff 0\n")
            .unwrap_err()
            .to_string();
        assert!(said.contains("UTF-8"), "{said}");
    }
}
