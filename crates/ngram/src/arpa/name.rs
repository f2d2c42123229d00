//! How words stand in an ARPA file, where white space parts fields.
//!
//! | kind | name |
//! |---|---|
//! | `whitespace`, `fields` | the word itself: it holds no space, tab or line end |
//! | `words`, `chars` | a space is `▁` (U+2581); newline, carriage return and tab are `\n`, `\r`, `\t`; other white space and control characters and a literal `▁` are `\u{…}` with their number in hexadecimal; a backslash is `\\` |
//! | `bytes` | the same for a single byte, which is `\x..` if it is no printable ASCII |
//! | `bpe`, `foreign` | as `words`, or as `bytes` where a token is no whole character; for people alone: their files are binary |
//!
//! `<eos>` is `</s>`, `<unk>` is itself. Every token has exactly one name, and [`unescape`] takes no other.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use super::super::{NgramError, Words};
use elman_text::{EOS, Kind, UNK, Vocab};

/// Comes before a text.
pub const BEGIN: &str = "<s>";
/// Comes after a text: `<eos>`.
pub const END: &str = "</s>";
/// The name of a space.
const SPACE: char = '\u{2581}';

/// The name of any word of a model.
///
/// Errors: a word of the vocabulary that looks like one of the three special names.
pub fn name(words: &Words, id: u32) -> Result<Cow<'_, str>, NgramError> {
    let vocab = words.vocab();
    if id == vocab.eos() {
        return Ok(END.into());
    }
    if id == words.begin() {
        return Ok(BEGIN.into());
    }
    if vocab.unk() == Some(id) {
        return Ok(UNK.into());
    }
    if id > words.begin() {
        return Ok((&*words.hidden()[(id - words.begin()) as usize - 1]).into());
    }
    let name = escape(vocab.kind(), vocab.token_bytes(id));
    if [BEGIN, END, UNK].contains(&&*name) {
        return Err(NgramError::ReservedName {
            name: name.into_owned(),
            kind: vocab.kind(),
        });
    }
    Ok(name)
}

/// Refuses hidden words that could not be distinguished from others, or from white space, in a file: their place and what is wrong.
pub fn check_hidden(vocab: &Vocab, hidden: &[Box<str>]) -> Result<(), (usize, &'static str)> {
    if hidden.is_empty() {
        return Ok(());
    }
    let tokens = (0..vocab.len() as u32).map(|id| escape(vocab.kind(), vocab.token_bytes(id)));
    let mut names: HashSet<Cow<'_, str>> = tokens.collect();
    // A hidden `<eos>` is a word; the token of this name is `</s>` in a file.
    names.remove(EOS);
    names.extend([BEGIN, END, UNK].map(Cow::from));
    for (index, name) in hidden.iter().enumerate() {
        if name.is_empty() || name.contains([' ', '\t', '\r', '\n']) {
            return Err((index, "is no field"));
        }
        if !names.insert((&**name).into()) {
            return Err((index, "is listed there twice"));
        }
    }
    Ok(())
}

/// Name of an ordinary token in ARPA files, with white space escaped; the token must be one of `kind`.
pub fn escape(kind: Kind, token: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(token);
    match kind {
        Kind::Whitespace | Kind::Fields => text,
        Kind::Bpe if std::str::from_utf8(token).is_err() => by_bytes(token).into(),
        Kind::Words | Kind::Chars | Kind::Bpe | Kind::Foreign => {
            if text.chars().all(is_plain) {
                return text;
            }
            let mut name = String::new();
            for c in text.chars() {
                if !push_char(&mut name, c) {
                    let _ = write!(name, "\\u{{{:x}}}", u32::from(c));
                }
            }
            name.into()
        }
        Kind::Bytes => by_bytes(token).into(),
    }
}

fn by_bytes(token: &[u8]) -> String {
    let mut name = String::new();
    for &byte in token {
        if !byte.is_ascii() || !push_char(&mut name, char::from(byte)) {
            let _ = write!(name, "\\x{byte:02x}");
        }
    }
    name
}

/// Token that an ARPA file names `name`; `None` if no token has this name.
pub fn unescape(kind: Kind, name: &str) -> Option<Vec<u8>> {
    if kind.between_spaces() {
        return Some(name.as_bytes().to_vec());
    }
    let mut token = Vec::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(c) = rest.next() {
        let c = match c {
            SPACE => ' ',
            '\\' => match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '\\' => '\\',
                'u' => {
                    let (digits, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                    rest = after.chars();
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                'x' => {
                    let digits = rest.as_str().get(..2)?;
                    rest = rest.as_str()[2..].chars();
                    token.push(u8::from_str_radix(digits, 16).ok()?);
                    continue;
                }
                _ => return None,
            },
            c => c,
        };
        token.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    // What could be written in another way too would be two names of one token.
    (escape(kind, &token) == name).then_some(token)
}

/// Whether a character stands for itself.
fn is_plain(c: char) -> bool {
    !(c.is_whitespace() || c.is_control() || c == SPACE || c == '\\')
}

/// Appends the name of a character that has a short one, or says that it has none.
fn push_char(name: &mut String, c: char) -> bool {
    match c {
        ' ' => name.push(SPACE),
        '\n' => name.push_str("\\n"),
        '\r' => name.push_str("\\r"),
        '\t' => name.push_str("\\t"),
        '\\' => name.push_str("\\\\"),
        c if is_plain(c) => name.push(c),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_readable() {
        let cases = [
            (Kind::Words, " the", "▁the"),
            (Kind::Words, "\n", "\\n"),
            (Kind::Words, "  ", "▁▁"),
            (Kind::Words, " ▁", "▁\\u{2581}"),
            (Kind::Words, "\\", "\\\\"),
            (Kind::Words, "\u{a0}", "\\u{a0}"),
            (Kind::Chars, "\t", "\\t"),
            (Kind::Chars, "é", "é"),
            (Kind::Chars, "\u{0}", "\\u{0}"),
            (Kind::Bytes, "a", "a"),
            (Kind::Bytes, " ", "▁"),
            (Kind::Bytes, "\r", "\\r"),
            (Kind::Bytes, "\u{7f}", "\\x7f"),
            (Kind::Whitespace, "▁the\\n", "▁the\\n"),
            (Kind::Fields, "a\u{a0}\u{b}\\n", "a\u{a0}\u{b}\\n"),
        ];
        for (kind, token, wanted) in cases {
            assert_eq!(escape(kind, token.as_bytes()), wanted, "{kind} {token:?}");
            assert_eq!(unescape(kind, wanted).unwrap(), token.as_bytes());
        }
        assert_eq!(escape(Kind::Bytes, &[0xE9]), "\\xe9");
    }

    #[test]
    fn a_token_has_one_name_only() {
        for name in [
            "\\u{61}",
            "\\x61",
            " ",
            "\\",
            "\\q",
            "\\u{d800}",
            "\\u{}",
            "\\u{A0}",
            "\\xé",
            "\\x4",
        ] {
            assert_eq!(unescape(Kind::Words, name), None, "{name}");
            assert_eq!(unescape(Kind::Bytes, name), None, "{name}");
        }
        assert_eq!(unescape(Kind::Bytes, "\\xE9"), None);
        assert_eq!(unescape(Kind::Bytes, "é"), None);
        assert_eq!(unescape(Kind::Words, "\\xe9"), None);
    }

    #[test]
    fn words_of_a_vocabulary_that_look_like_symbols_are_refused() {
        let vocab = Vocab::from_list("list", b"a\n<s>\n", Kind::Whitespace).unwrap();
        let words = Words::new(vocab);
        let names: Vec<_> = (0..5)
            .map(|id| name(&words, id).map_err(|e| e.to_string()))
            .collect();
        assert_eq!(names[0], Ok(END.into()));
        assert_eq!(names[1], Ok(UNK.into()));
        assert_eq!(names[2], Ok("a".into()));
        assert!(names[3].as_ref().unwrap_err().contains("the word <s>"));
        assert_eq!(names[4], Ok(BEGIN.into()));
    }

    proptest! {
        #[test]
        fn every_token_comes_back(token in "(?s).{1,8}|[ \\\\▁nrtux{}0-9a-f\\s]{1,8}", bytes in any::<u8>()) {
            for kind in [Kind::Words, Kind::Chars, Kind::Whitespace] {
                let name = escape(kind, token.as_bytes());
                prop_assert_eq!(&unescape(kind, &name).unwrap(), token.as_bytes());
                prop_assert!(kind == Kind::Whitespace || !name.chars().any(|c| c.is_whitespace() || c.is_control()));
            }
            let byte = [bytes];
            let name = escape(Kind::Bytes, &byte);
            prop_assert_eq!(unescape(Kind::Bytes, &name).unwrap(), byte);
        }

        #[test]
        fn no_name_crashes(name in ".{0,10}|[\\\\▁nrtux{}0-9a-f]{0,10}") {
            for kind in Kind::ALL {
                unescape(kind, &name);
            }
        }
    }
}
