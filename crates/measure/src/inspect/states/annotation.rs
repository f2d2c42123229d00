//! Properties of the text at every token: whether a quotation is open, how far the line has gone.
//!
//! Each token has the bytes that it prints. An annotation is what holds *after* them, since a unit's value at a token is that
//! after the model has read it: inside brackets from the opening one on and up to, without, the closing one. Quotes and brackets end with an empty line at the
//! latest, so that one that is never closed does not run through the rest of the text.
//!
//! Quotes are `"`, “ ” and « »; single ones are apostrophes too often. A token without a spelling (`<unk>`) prints as it is.

use elman_text::{Decoder, Vocab};
use serde::Serialize;

/// A property of every token of a text, a flag or a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Annotation {
    /// Whether a quotation is open.
    Quotes,
    /// Whether a round, square or curly bracket is open.
    Brackets,
    /// Whether a colon occurred before in the line.
    AfterColon,
    /// Whether the token has a capital letter.
    Capital,
    /// Whether no word of the sentence is complete yet.
    SentenceStart,
    /// Whether the token has a digit.
    Digit,
    /// Number of characters since the beginning of the line.
    LinePosition,
    /// Number of letters since the beginning of the word.
    WordPosition,
}

impl Annotation {
    /// All annotations, in the order of tables.
    pub const ALL: [Annotation; 8] = [
        Annotation::Quotes,
        Annotation::Brackets,
        Annotation::AfterColon,
        Annotation::Capital,
        Annotation::SentenceStart,
        Annotation::Digit,
        Annotation::LinePosition,
        Annotation::WordPosition,
    ];

    /// Name of the annotation in tables.
    pub fn name(self) -> &'static str {
        match self {
            Annotation::Quotes => "inside quotes",
            Annotation::Brackets => "inside brackets",
            Annotation::AfterColon => "after a colon in the line",
            Annotation::Capital => "capital letter",
            Annotation::SentenceStart => "first word of a sentence",
            Annotation::Digit => "digit",
            Annotation::LinePosition => "position in the line",
            Annotation::WordPosition => "position in the word",
        }
    }

    /// Whether the annotation is a flag, 0 or 1, and not a position.
    pub fn is_flag(self) -> bool {
        !matches!(self, Annotation::LinePosition | Annotation::WordPosition)
    }
}

/// Printed text of each of `ids` in order, without parts that only a following token completes.
pub fn printed(vocab: &Vocab, ids: &[u32]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::default();
    let text = |id: &u32| {
        let separator = match *id == vocab.eos() {
            true => &b""[..],
            false => vocab.separator(decoder.in_line()),
        };
        let text = [separator, vocab.printed(*id)].concat();
        decoder.push(vocab, *id);
        text
    };
    ids.iter().map(text).collect()
}

/// Computes the value of every annotation after each of `tokens`: (A, N) in the order of [`Annotation::ALL`].
pub(crate) fn annotate(tokens: &[Vec<u8>]) -> Vec<Vec<f64>> {
    let mut place = Place::default();
    let mut values = vec![Vec::with_capacity(tokens.len()); Annotation::ALL.len()];
    for token in tokens {
        place.read(token);
        for (values, annotation) in values.iter_mut().zip(Annotation::ALL) {
            values.push(place.value(annotation));
        }
    }
    values
}

/// Position in the text, from which annotations follow.
struct Place {
    /// `"` opens and closes.
    in_plain_quotes: bool,
    /// Depth of open quotations whose two marks differ.
    quote_depth: usize,
    bracket_depth: usize,
    after_colon: bool,
    /// Whether the last token has a capital letter.
    capital: bool,
    digit: bool,
    sentence: Sentence,
    line_chars: usize,
    word_letters: usize,
    /// Whether the line has nothing but white space so far.
    line_is_empty: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sentence {
    /// Before its first letter.
    Before,
    FirstWord,
    Further,
}

impl Default for Place {
    fn default() -> Place {
        Place {
            in_plain_quotes: false,
            quote_depth: 0,
            bracket_depth: 0,
            after_colon: false,
            capital: false,
            digit: false,
            sentence: Sentence::Before,
            line_chars: 0,
            word_letters: 0,
            line_is_empty: true,
        }
    }
}

impl Place {
    fn read(&mut self, token: &[u8]) {
        (self.capital, self.digit) = (false, false);
        // A part of a character is no letter.
        for c in String::from_utf8_lossy(token).chars() {
            self.read_char(c);
        }
    }

    fn read_char(&mut self, c: char) {
        self.line_chars += 1;
        self.capital |= c.is_uppercase();
        self.digit |= c.is_numeric();
        self.word_letters = match c.is_alphanumeric() {
            true => self.word_letters + 1,
            false => 0,
        };
        self.sentence = match (self.sentence, c) {
            (_, '.' | '?' | '!') => Sentence::Before,
            (Sentence::Before, c) if c.is_alphanumeric() => Sentence::FirstWord,
            (Sentence::FirstWord, c) if !c.is_alphanumeric() => Sentence::Further,
            (sentence, _) => sentence,
        };
        match c {
            '"' => self.in_plain_quotes = !self.in_plain_quotes,
            '“' | '«' => self.quote_depth += 1,
            '”' | '»' => self.quote_depth = self.quote_depth.saturating_sub(1),
            '(' | '[' | '{' => self.bracket_depth += 1,
            ')' | ']' | '}' => self.bracket_depth = self.bracket_depth.saturating_sub(1),
            ':' => self.after_colon = true,
            '\n' => self.end_line(),
            _ => {}
        }
        if !c.is_whitespace() {
            self.line_is_empty = false;
        }
    }

    fn end_line(&mut self) {
        if self.line_is_empty {
            self.in_plain_quotes = false;
            (self.quote_depth, self.bracket_depth) = (0, 0);
            self.sentence = Sentence::Before;
        }
        self.after_colon = false;
        self.line_chars = 0;
        self.line_is_empty = true;
    }

    fn value(&self, annotation: Annotation) -> f64 {
        let flag = |holds: bool| f64::from(u8::from(holds));
        match annotation {
            Annotation::Quotes => flag(self.in_plain_quotes || self.quote_depth > 0),
            Annotation::Brackets => flag(self.bracket_depth > 0),
            Annotation::AfterColon => flag(self.after_colon),
            Annotation::Capital => flag(self.capital),
            Annotation::SentenceStart => flag(self.sentence != Sentence::Further),
            Annotation::Digit => flag(self.digit),
            Annotation::LinePosition => self.line_chars as f64,
            Annotation::WordPosition => self.word_letters as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_infer::testing::vocab;
    use elman_text::Kind;

    /// An annotation after every character of `text`.
    fn of(annotation: Annotation, text: &str) -> String {
        let tokens: Vec<Vec<u8>> = text.chars().map(|c| c.to_string().into()).collect();
        let at = Annotation::ALL
            .iter()
            .position(|one| *one == annotation)
            .unwrap();
        annotate(&tokens)[at]
            .iter()
            .map(|value| value.to_string())
            .collect()
    }

    #[test]
    fn annotations_hold_after_each_character() {
        for (annotation, text, expected) in [
            (Annotation::Quotes, "a\"b\"c", "01100"),
            (Annotation::Quotes, "“a «b» c”d", "1111111100"),
            (Annotation::Quotes, "\"a\nb\n\nc", "1111100"),
            (Annotation::Brackets, "a(b[c]d)e)f(", "011111100001"),
            (Annotation::AfterColon, "a:b\nc", "01100"),
            (Annotation::Capital, "aBcD", "0101"),
            (Annotation::SentenceStart, "Ab c. D e", "110011100"),
            (Annotation::Digit, "a1½.", "0110"),
            (Annotation::LinePosition, "ab\ncd", "12012"),
            (Annotation::WordPosition, "ab, c4", "120012"),
        ] {
            assert_eq!(of(annotation, text), expected, "{annotation:?} of {text:?}");
        }
    }

    #[test]
    fn tokens_of_words_are_annotated_as_a_whole_and_spaces_belong_to_the_word_after_them() {
        let vocab = vocab(Kind::Whitespace, "He (was glad) 12");
        let ids: Vec<u32> = ["He", "(was", "glad)"]
            .iter()
            .map(|word| vocab.id(word.as_bytes()).unwrap())
            .collect();
        let ids = [&ids[..], &[vocab.eos(), ids[0]]].concat();
        let texts = printed(&vocab, &ids);
        let expected = ["He", " (was", " glad)", "\n", "He"];
        assert_eq!(texts, expected.map(|text| text.as_bytes().to_vec()));
        let values = annotate(&texts);
        assert_eq!(values[1], [0.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(values[3], [1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(values[6], [2.0, 7.0, 13.0, 0.0, 2.0]);
    }
}
