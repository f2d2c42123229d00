//! The formats of n-best lists: how a line is a hypothesis, and which format a list has.
//!
//! ```text
//! mikolov     id w1 w2 …                                     RNNLM toolkit (Mikolov et al.), `-nbest`
//! kaldi       utt-N w1 w2 …                                  Kaldi's text archives of n-best lists, N counts from 1
//! moses       id ||| w1 w2 … ||| f1= v f2= v v ||| total     Moses; fields after the total are kept
//! srilm       ascore lscore nwords w1 w2 …                   SRILM nbest-format(5), one utterance a file; log10
//! nbestlist1  NBestList1.0, then (score) w1 w2 …             SRI Decipher; bytelogs
//! nbestlist2  NBestList2.0, then (score) w1 ( st: s et: e g: l a: a ) …
//! ```
//! A bytelog is a logarithm to the base 1.0001, divided by 1024: SRILM computes log10 p = bytelog · 1024 / 10000.5 / ln 10. Of NBestList2.0 the score of the list is Σ a and its LM score
//! Σ g over the words, as in SRILM; tokens that begin no later than the word before them ends (phones), and those whose name ends with a hyphen and a digit (states of an HMM), are no words.
//!
//! Fields lie between ASCII white space, so a carriage return at the end of a line belongs to no word.

mod moses;

use moses::Moses;
use std::f64::consts::LN_10;
use std::fmt;

/// Bytelogs of a factor of e.
const BYTELOGS: f64 = 10000.5 / 1024.0;
/// Header of the first Decipher format.
const HEADER_1: &str = "NBestList1.0";
/// Header of the second Decipher format.
const HEADER_2: &str = "NBestList2.0";
/// Number of fields of a token in NBestList2.0.
const TOKEN_FIELDS: usize = 11;

/// Format of an n-best list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NbestFormat {
    /// `id w1 w2 …`, a hypothesis a line (Mikolov's RNNLM toolkit).
    Mikolov,
    /// `utt-N w1 w2 …`, with the number N of the hypothesis (Kaldi).
    Kaldi,
    /// `id ||| words ||| features ||| total` (Moses).
    Moses,
    /// `ascore lscore nwords w1 w2 …`, an utterance a file (SRILM).
    Srilm,
    /// `(score) w1 w2 …` below the header NBestList1.0 (SRI Decipher).
    Nbestlist1,
    /// `(score) w1 ( st: et: g: a: ) …` below the header NBestList2.0 (SRI Decipher).
    Nbestlist2,
}

/// Hypothesis of an utterance: a line of an n-best list.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// Line as it is in the list, without its newline.
    pub line: String,
    /// Number of the line in its file, from 1.
    pub number: u64,
    /// Words, with one space between two.
    pub text: String,
    /// Number of words.
    pub words: usize,
    /// Score that the list brings: log10 in SRILM's formats, in Moses the total; 0 where there is none.
    pub score: f64,
    /// Language-model score that the list brings, in log10; 0 where there is none.
    pub lm_score: f64,
}

impl Hypothesis {
    /// Takes words out of the text, not out of the line.
    pub(super) fn leave_out(&mut self, ignored: &[String]) {
        if !ignored.is_empty() {
            let words = without(&self.text, ignored);
            (self.words, self.text) = (words.len(), words.join(" "));
        }
    }
}

/// The words of `text` but for those of `ignored`.
pub(super) fn without<'t>(text: &'t str, ignored: &[String]) -> Vec<&'t str> {
    let words = text.split_ascii_whitespace();
    words
        .filter(|word| !ignored.iter().any(|ignored| ignored == word))
        .collect()
}

impl NbestFormat {
    /// All formats.
    pub const ALL: [NbestFormat; 6] = [
        NbestFormat::Mikolov,
        NbestFormat::Kaldi,
        NbestFormat::Moses,
        NbestFormat::Srilm,
        NbestFormat::Nbestlist1,
        NbestFormat::Nbestlist2,
    ];

    /// Name of the format, such as `kaldi`.
    pub fn name(self) -> &'static str {
        match self {
            NbestFormat::Mikolov => "mikolov",
            NbestFormat::Kaldi => "kaldi",
            NbestFormat::Moses => "moses",
            NbestFormat::Srilm => "srilm",
            NbestFormat::Nbestlist1 => "nbestlist1",
            NbestFormat::Nbestlist2 => "nbestlist2",
        }
    }

    /// Format with this name.
    pub fn named(name: &str) -> Option<NbestFormat> {
        NbestFormat::ALL
            .into_iter()
            .find(|format| format.name() == name)
    }

    /// Example of a line, for messages.
    pub fn example(self) -> &'static str {
        match self {
            NbestFormat::Mikolov => "'utt7 the king was calm'",
            NbestFormat::Kaldi => "'utt7-1 the king was calm'",
            NbestFormat::Moses => "'7 ||| the king was calm ||| LM0= -9.1 ||| -12.5'",
            NbestFormat::Srilm => "'-1220.5 -9.1 4 the king was calm'",
            NbestFormat::Nbestlist1 => "'(-27400) the king was calm'",
            NbestFormat::Nbestlist2 => "'(-512) the ( st: 0.00 et: 0.12 g: -80 a: -432 )'",
        }
    }

    /// Header of a list, if the format has one.
    pub fn header(self) -> Option<&'static str> {
        match self {
            NbestFormat::Nbestlist1 => Some(HEADER_1),
            NbestFormat::Nbestlist2 => Some(HEADER_2),
            _ => None,
        }
    }

    /// Whether a file is the list of one utterance, which has its id from the file's name.
    pub fn is_file_per_utterance(self) -> bool {
        self == NbestFormat::Srilm || self.header().is_some()
    }

    /// Whether the list brings scores of its hypotheses.
    pub fn has_scores(self) -> bool {
        !matches!(self, NbestFormat::Mikolov | NbestFormat::Kaldi)
    }

    /// Whether the list brings language-model scores apart from other scores.
    pub fn has_lm_scores(self) -> bool {
        matches!(self, NbestFormat::Srilm | NbestFormat::Nbestlist2)
    }

    /// Recognises the format of a list by its first lines; blank ones are ignored. `None` without any other line.
    ///
    /// Lists of ids and words are what remains when no other format fits: kaldi if the first fields are `utt-1`, `utt-2`, …, and mikolov otherwise.
    pub fn recognise<'l>(lines: impl Iterator<Item = &'l str> + Clone) -> Option<NbestFormat> {
        let mut lines = lines.filter(|line| !is_blank(line));
        let first = lines.clone().next()?;
        match first.trim_ascii() {
            HEADER_1 => return Some(NbestFormat::Nbestlist1),
            HEADER_2 => return Some(NbestFormat::Nbestlist2),
            _ if first.contains(" ||| ") => return Some(NbestFormat::Moses),
            _ => {}
        }
        // Logarithms are negative or have decimals, ids and words that are numbers do not.
        let is_log = |field: &str| field.contains(['-', '.']);
        let scored = |line: &str| {
            let fields: Vec<&str> = line.split_ascii_whitespace().take(3).collect();
            match fields[..] {
                // Numbers that are not finite too: they are found as flaws of the line.
                [a, l, n] if is_float(a) && is_float(l) && n.parse::<u64>().is_ok() => {
                    Some(is_log(a) || is_log(l))
                }
                _ => None,
            }
        };
        // A first line with logarithms is enough, so that a flaw in a later one is found.
        let all = lines.clone().map(scored).collect::<Option<Vec<bool>>>();
        if scored(first) == Some(true) || all.is_some_and(|logs| logs.contains(&true)) {
            return Some(NbestFormat::Srilm);
        }
        let mut before: Option<(&str, u64)> = None;
        let counts_on = lines.all(|line| {
            let found = kaldi_key(first_field(line));
            let expected = match (found, before) {
                (Some((id, _)), Some((same, n))) if id == same => n + 1,
                _ => 1,
            };
            before = found;
            found.is_some_and(|(_, n)| n == expected)
        });
        Some(match counts_on {
            true => NbestFormat::Kaldi,
            false => NbestFormat::Mikolov,
        })
    }

    /// Parses a line, which is not blank and no header; returns the id of its utterance, if the line has one, and the hypothesis.
    pub(super) fn parse(
        self,
        line: &str,
        number: u64,
    ) -> Result<(Option<&str>, Hypothesis), String> {
        let fields = line.split_ascii_whitespace();
        let hypothesis = |words: Vec<&str>, score, lm_score| Hypothesis {
            line: line.to_owned(),
            number,
            words: words.len(),
            text: words.join(" "),
            score,
            lm_score,
        };
        Ok(match self {
            NbestFormat::Mikolov => {
                let words = fields.skip(1).collect();
                (Some(first_field(line)), hypothesis(words, 0.0, 0.0))
            }
            NbestFormat::Kaldi => {
                let key = first_field(line);
                let Some((id, _)) = kaldi_key(key) else {
                    return Err(format!(
                        "'{key}' does not end with the number of a hypothesis"
                    ));
                };
                (Some(id), hypothesis(fields.skip(1).collect(), 0.0, 0.0))
            }
            NbestFormat::Moses => {
                let moses = Moses::split(line)?;
                let words = moses.words.split_ascii_whitespace().collect();
                (Some(moses.id), hypothesis(words, moses.total()?, 0.0))
            }
            NbestFormat::Srilm => {
                let fields: Vec<&str> = fields.collect();
                let [acoustic, lm, count, words @ ..] = &fields[..] else {
                    return Err("two scores and a number of words come before the words".into());
                };
                let scores = (finite(acoustic)?, finite(lm)?);
                if count.parse::<u64>().is_err() {
                    return Err(format!("'{count}' is not a number of words"));
                }
                (None, hypothesis(words.to_vec(), scores.0, scores.1))
            }
            NbestFormat::Nbestlist1 => {
                let (score, words) = in_parentheses(line)?;
                let words = words.split_ascii_whitespace().collect();
                (None, hypothesis(words, from_bytelog(score), 0.0))
            }
            NbestFormat::Nbestlist2 => {
                let (_, tokens) = in_parentheses(line)?;
                let (words, acoustic, lm) = timed_words(tokens)?;
                (
                    None,
                    hypothesis(words, from_bytelog(acoustic), from_bytelog(lm)),
                )
            }
        })
    }

    /// Writes a hypothesis with new scores in the places that the format has: SRILM's LM score is replaced, Moses gets a feature `elman=` and a new
    /// total, and the score in parentheses of NBestList1.0 and 2.0 becomes the total. `None` where lines have no scores.
    pub fn with_scores(self, hypothesis: &Hypothesis, lm_log10: f64, total: f64) -> Option<String> {
        let (line, carriage_return) = match hypothesis.line.strip_suffix('\r') {
            Some(line) => (line, "\r"),
            None => (&hypothesis.line[..], ""),
        };
        let line = match self {
            NbestFormat::Mikolov | NbestFormat::Kaldi => return None,
            NbestFormat::Moses => {
                let moses = Moses::split(line).ok()?;
                let rest = moses
                    .rest
                    .map_or(String::new(), |rest| format!(" |||{rest}"));
                let features = moses.features.trim_ascii();
                let space = if features.is_empty() { "" } else { " " };
                format!(
                    "{} ||| {} ||| {features}{space}elman= {lm_log10} ||| {total}{rest}",
                    moses.id,
                    moses.words.trim_ascii(),
                )
            }
            NbestFormat::Srilm => {
                let fields: Vec<&str> = line.split_ascii_whitespace().collect();
                let lm = lm_log10.to_string();
                [&fields[..1], &[&lm[..]], &fields[2..]].concat().join(" ")
            }
            NbestFormat::Nbestlist1 | NbestFormat::Nbestlist2 => {
                let (_, rest) = line.split_once(')')?;
                format!("({}){rest}", (total * LN_10 * BYTELOGS).round() + 0.0)
            }
        };
        Some(line + carriage_return)
    }
}

impl fmt::Display for NbestFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a line holds nothing but white space.
pub(super) fn is_blank(line: &str) -> bool {
    line.trim_ascii().is_empty()
}

/// First field of a line; empty only in a blank line.
pub(super) fn first_field(line: &str) -> &str {
    line.split_ascii_whitespace().next().unwrap_or_default()
}

/// Id and number of Kaldi's key `utt-N`.
fn kaldi_key(key: &str) -> Option<(&str, u64)> {
    let (id, n) = key.rsplit_once('-')?;
    let plain = n.bytes().all(|byte| byte.is_ascii_digit());
    match plain && !id.is_empty() {
        true => Some((id, n.parse().ok()?)),
        false => None,
    }
}

fn is_float(field: &str) -> bool {
    field.parse::<f64>().is_ok()
}

fn is_number(field: &str) -> bool {
    field.parse::<f64>().is_ok_and(f64::is_finite)
}

fn finite(field: &str) -> Result<f64, String> {
    match field.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("the score '{field}' is not a finite number")),
    }
}

/// log10 p of a bytelog.
fn from_bytelog(bytelog: f64) -> f64 {
    bytelog / BYTELOGS / LN_10
}

/// The score in parentheses at the beginning of a line, and what follows.
fn in_parentheses(line: &str) -> Result<(f64, &str), String> {
    let inside = line.trim_ascii_start().strip_prefix('(');
    let Some((score, rest)) = inside.and_then(|inside| inside.split_once(')')) else {
        return Err("the score in parentheses is missing".into());
    };
    Ok((finite(score.trim_ascii())?, rest))
}

/// The words of a line of NBestList2.0, and the sums of their acoustic and LM scores, in bytelogs.
fn timed_words(tokens: &str) -> Result<(Vec<&str>, f64, f64), String> {
    let fields: Vec<&str> = tokens.split_ascii_whitespace().collect();
    let (mut words, mut acoustic, mut lm) = (Vec::new(), 0.0, 0.0);
    let mut last_end = -1.0;
    for token in fields.chunks(TOKEN_FIELDS) {
        let &[word, "(", "st:", start, "et:", end, "g:", g, "a:", a, ")"] = token else {
            return Err(format!(
                "'{}' is not followed by ( st: … et: … g: … a: … )",
                token[0]
            ));
        };
        let (start, end) = (finite(start)?, finite(end)?);
        let (a, g) = (finite(a)?, finite(g)?);
        let is_state = matches!(word.as_bytes(), [.., b'-', b'0'..=b'9']);
        if start > last_end && !is_state {
            (acoustic, lm, last_end) = (acoustic + a, lm + g, end);
            words.push(word);
        }
    }
    Ok((words, acoustic, lm))
}

#[cfg(test)]
mod tests;
