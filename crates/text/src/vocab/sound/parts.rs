//! The parts of a `tokenizer.json` that change a text: normaliser, pre-tokeniser and decoder, and the parts that these are
//! made of.
//!
//! Each part can make a text longer by a factor at most. Factors of parts in a row multiply: forty replacements of `a` by
//! `aa` would fill any memory with a text of one letter.

use fancy_regex::RegexBuilder;
use serde_json::Value;

use super::charsmap;

/// Deeper parts of parts, and more of them, are no tokenizer that people use.
const MOST_DEEP: usize = 8;
const MOST_PARTS: usize = 64;
/// What a text may grow to in all, as a factor. NFKC (11), a map of characters, `▁` before a word (4) and for each space (3)
/// together are below it.
const MOST_GROWTH: usize = 1 << 13;
/// Bytes of a compiled pattern. That of GPT-4 takes less than half.
const PATTERN_BYTES: usize = 1 << 20;
/// All patterns of a file together, in their own letters.
const PATTERN_LETTERS: usize = 1 << 14;

/// By what factor a text can grow from its letters to tokens; for the decoder likewise, and the larger of the two.
///
/// Errors: a part that cannot work, and too many.
pub fn check(file: &Value) -> Result<usize, String> {
    let mut count = Count::default();
    let before = count.growth(&file["normalizer"], 0)?;
    let before = bounded(before.saturating_mul(count.growth(&file["pre_tokenizer"], 0)?))?;
    Ok(before.max(bounded(count.growth(&file["decoder"], 0)?)?))
}

fn bounded(growth: usize) -> Result<usize, String> {
    match growth <= MOST_GROWTH {
        true => Ok(growth),
        false => Err(format!(
            "its parts together would make a text more than {MOST_GROWTH} times as long"
        )),
    }
}

/// What has been met so far.
#[derive(Default)]
struct Count {
    parts: usize,
    letters: usize,
}

impl Count {
    /// The factor by which `part`, and all that it is made of, lets a text grow.
    fn growth(&mut self, part: &Value, depth: usize) -> Result<usize, String> {
        if part.is_null() {
            return Ok(1);
        }
        self.parts += 1;
        if depth > MOST_DEEP || self.parts > MOST_PARTS {
            return Err(format!(
                "it has more than {MOST_PARTS} parts, or parts within parts more than {MOST_DEEP} deep"
            ));
        }
        let mut growth = self.own_growth(part)?;
        for list in ["normalizers", "pretokenizers", "decoders"] {
            for inner in part[list].as_array().into_iter().flatten() {
                growth = growth.saturating_mul(self.growth(inner, depth + 1)?);
            }
        }
        Ok(growth)
    }

    fn own_growth(&mut self, part: &Value) -> Result<usize, String> {
        if part["length"].as_u64() == Some(0) {
            return Err("the chunks of its `FixedLength` have length 0".into());
        }
        if part["stop"].as_u64().is_some_and(|stop| stop > 0) {
            return Err(
                "its decoder strips letters from the ends of tokens (`stop`), which fails at a token that has fewer".into(),
            );
        }
        let mut growth = 1usize;
        if let Some(map) = part["precompiled_charsmap"].as_str() {
            growth = growth.saturating_mul(1 + charsmap::longest_replacement(map)?);
        }
        let content = part["content"].as_str().map(str::len);
        match &part["pattern"] {
            Value::Object(pattern) => {
                let fixed = pattern.get("String").and_then(Value::as_str);
                if let Some(regex) = pattern.get("Regex").and_then(Value::as_str) {
                    self.compiles(regex)?;
                }
                let matched = fixed.map_or(0, str::len);
                // What may match nothing may match before every character.
                growth = growth.saturating_mul(match (content, matched) {
                    (None, _) => 1,
                    (Some(content), 0) => 1 + content,
                    (Some(content), matched) => content.div_ceil(matched).max(1),
                });
            }
            _ => {
                let prefix = part["prepend"].as_str().map_or(0, str::len);
                growth = growth.saturating_mul(1 + prefix);
            }
        }
        Ok(
            growth.saturating_mul(match part["type"].as_str().unwrap_or("") {
                // U+FDFA has 3 bytes, and 33 when it is taken apart.
                "NFKD" | "NFKC" => 11,
                "NFD" | "NFC" | "Lowercase" => 3,
                "BertNormalizer" => 6,
                "ByteLevel" | "BPEDecoder" => 3,
                // A replacement of up to four bytes, and one before the text.
                "Metaspace" => 5,
                _ => 1,
            }),
        )
    }

    /// Refuses a pattern that is not one, or that is huge once compiled.
    fn compiles(&mut self, pattern: &str) -> Result<(), String> {
        self.letters += pattern.len();
        if self.letters > PATTERN_LETTERS {
            return Err(format!(
                "its patterns have more than {PATTERN_LETTERS} bytes"
            ));
        }
        let compiled = RegexBuilder::new(pattern)
            .delegate_size_limit(PATTERN_BYTES)
            .delegate_dfa_size_limit(PATTERN_BYTES)
            .build();
        let shown: String = pattern.chars().take(40).collect();
        compiled
            .map(|_| ())
            .map_err(|error| format!("its pattern {shown:?} cannot be used: {error}"))
    }
}
