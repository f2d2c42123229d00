//! Whether a `tokenizer.json` can be handed to the crate `tokenizers`.
//!
//! The crate trusts its files: what contradicts itself ends it with a panic, and a large number is a large allocation. What is
//! known to do so is refused here, before the crate sees the file:
//!
//! - ids far beyond the number of tokens, which the crate counts through one by one;
//! - merges whose parts or results are no tokens, or whose second part lacks the prefix;
//! - parts that cannot work ([`parts`]): chunks of length 0, a broken map of characters ([`charsmap`]), patterns that are huge
//!   once compiled, chains that let a text grow without bound.
//!
//! What it does not do: it repeats no check that the crate makes itself and reports as an error.

use std::collections::HashSet;

use serde_json::Value;

mod charsmap;
mod parts;

/// Ids may leave holes, but not many: every id costs a row of the network.
pub const MOST_HOLES: usize = 1 << 16;
/// What encoding one of the file's own tokens may take.
const OWN_TOKEN_BYTES: usize = 16 << 20;
/// The crate keeps for every byte of a text where it came from, before and after a change.
const BYTES_A_BYTE: usize = 64;

/// Refuses what the crate does not survive; the error says what is wrong, without the name of the file.
pub fn check(file: &Value) -> Result<(), String> {
    let model = &file["model"];
    check_ids(model)?;
    check_merges(model)?;
    let growth = parts::check(file)?;
    let added = file["added_tokens"].as_array().into_iter().flatten();
    let longest = added.filter_map(|token| Some(token["content"].as_str()?.len()));
    let longest = longest.max().unwrap_or(0).max(super::engine::PROBE.len());
    let needed = growth.saturating_mul(longest).saturating_mul(BYTES_A_BYTE);
    if needed > OWN_TOKEN_BYTES {
        return Err(format!(
            "a text grows up to {growth} times while it is read, which would take {needed} bytes for its longest added token of {longest}"
        ));
    }
    check_added(file)
}

/// The ids of a vocabulary that lists them.
fn check_ids(model: &Value) -> Result<(), String> {
    let Some(vocab) = model["vocab"].as_object() else {
        return Ok(());
    };
    let most = (vocab.len() + MOST_HOLES) as u64;
    let mut seen = HashSet::new();
    for (token, id) in vocab {
        match id.as_u64() {
            Some(number) if number >= most => {
                return Err(format!(
                    "its token {token:?} has the id {number}, and there are only {} tokens",
                    vocab.len()
                ));
            }
            Some(number) if !seen.insert(number) => {
                return Err(format!(
                    "its token {token:?} shares the id {number} with another token"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A merge joins two tokens, the second without the prefix of continued words, into a third.
fn check_merges(model: &Value) -> Result<(), String> {
    let (Some(merges), Some(vocab)) = (model["merges"].as_array(), model["vocab"].as_object())
    else {
        return Ok(());
    };
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or("");
    for (number, merge) in (1..).zip(merges) {
        let pair = match merge {
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(a), Value::String(b)] => Some((a.as_str(), b.as_str())),
                _ => None,
            },
            // The first line of a file of merges.
            Value::String(line) if line.starts_with("#version") => continue,
            Value::String(line) => line.split_once(' '),
            _ => None,
        };
        let Some((a, b)) = pair else {
            return Err(format!("its merge {number} is not a pair of tokens"));
        };
        let joined = b.strip_prefix(prefix).map(|rest| format!("{a}{rest}"));
        let known = joined.is_some_and(|joined| vocab.contains_key(&joined));
        if !(known && vocab.contains_key(a) && vocab.contains_key(b)) {
            return Err(format!(
                "its merge {number}, of {a:?} and {b:?}, does not join tokens of its vocabulary into another"
            ));
        }
    }
    Ok(())
}

/// An added token that takes the white space around it may not be white space beside another that takes it too.
fn check_added(file: &Value) -> Result<(), String> {
    let added = || file["added_tokens"].as_array().into_iter().flatten();
    let takes_after = added().any(|token| token["rstrip"] == true);
    let blank = |token: &&Value| {
        let content = token["content"].as_str().unwrap_or("x");
        token["lstrip"] == true && content.trim().is_empty()
    };
    match added().find(blank) {
        Some(token) if takes_after => Err(format!(
            "its added token {} is white space and takes the white space before it (`lstrip`), and another takes what follows it (`rstrip`)",
            token["content"]
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
