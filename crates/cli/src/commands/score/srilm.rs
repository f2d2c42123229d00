//! The shape of SRILM's `ngram -ppl` with `-debug` 0, 1 and 2.
//!
//! ```text
//! SENTENCE
//! ⇥p( WORD | PREVIOUS ...) ⇥= [3gram] P [ LOG10 ]
//! 1 sentences, W words, O OOVs
//! Z zeroprobs, logprob= L ppl= P ppl1= Q
//!
//! file NAME: S sentences, …
//! ```
//! The sums are explained in `infer::LineSums`. Words are tokens of the model's vocabulary, and `<unk>` where it lacks them. `[3gram]` is printed for n-gram models,
//! the only ones that back off. Blank lines are no sentences.

use super::names::{END, is_end, surface};
use super::{Choices, Detail, Writer};
use elman::Model;
use elman::infer::{LineSums, NgramLengths, ScoredLine, Unknown};
use elman::text::{Layout, UNK};
use std::f64::consts::LN_10;
use std::io::{self, Write};

/// Significant digits of SRILM's numbers.
const DIGITS: i32 = 7;

/// Writes what `ngram -ppl` prints.
pub struct Srilm<'m> {
    model: &'m Model,
    choices: Choices,
    /// Name of the text in the output.
    name: String,
    lengths: NgramLengths<'m>,
}

impl<'m> Srilm<'m> {
    pub fn new(model: &'m Model, choices: Choices, name: String) -> Srilm<'m> {
        Srilm {
            lengths: NgramLengths::new(model),
            model,
            choices,
            name,
        }
    }

    /// The figures of a sentence or of the text, on two lines.
    fn figures(&self, sums: &LineSums, out: &mut dyn Write) -> io::Result<()> {
        let unknown = self.choices.unknown;
        let defined = |ppl: Option<f64>| ppl.map_or("undefined".to_owned(), general);
        writeln!(
            out,
            "{} sentences, {} words, {} OOVs",
            sums.lines,
            sums.words(),
            sums.srilm_unknown(unknown)
        )?;
        writeln!(
            out,
            "{} zeroprobs, logprob= {} ppl= {} ppl1= {}",
            sums.zeros,
            general(sums.srilm_log_prob(unknown) / LN_10 + 0.0),
            defined(sums.srilm_ppl(unknown)),
            defined(sums.srilm_ppl1(unknown))
        )
    }

    /// A line for each token.
    fn tokens(&mut self, line: &ScoredLine<'_>, out: &mut dyn Write) -> io::Result<()> {
        if self.choices.layout == Layout::Sentences {
            self.lengths.reset();
        }
        let vocab = self.model.vocab();
        let mut previous = "<s>".into();
        for (i, (token, nats)) in line.tokens.iter().zip(line.nats).enumerate() {
            let word = match is_end(line, token) {
                true => END.into(),
                false if token.symbol.oov => UNK.into(),
                false => surface(vocab, line, token),
            };
            let dots = if i > 0 { "..." } else { "" };
            write!(out, "\tp( {word} | {previous} {dots}) \t= ")?;
            let length = self.lengths.next(token.symbol.id);
            let is_out = token.symbol.oov && self.choices.unknown == Unknown::Exclude;
            let log10 = match is_out || LineSums::is_zero(*nats, self.model) {
                true => f64::NEG_INFINITY,
                false => -nats / LN_10 + 0.0,
            };
            match self.model.as_ngram() {
                Some(_) if token.symbol.oov && log10 == f64::NEG_INFINITY => write!(out, "[OOV]")?,
                Some(_) => write!(out, "[{length}gram]")?,
                None => {}
            }
            writeln!(
                out,
                " {} [ {} ]",
                general(10f64.powf(log10)),
                general(log10)
            )?;
            previous = word;
        }
        Ok(())
    }
}

impl Writer for Srilm<'_> {
    fn counts(&self, sums: &LineSums) -> bool {
        sums.fields > 0
    }

    fn line(
        &mut self,
        line: &ScoredLine<'_>,
        sums: &LineSums,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.choices.detail == Detail::Text {
            return Ok(());
        }
        out.write_all(line.text)?;
        writeln!(out)?;
        if self.choices.detail == Detail::Token {
            self.tokens(line, out)?;
        }
        self.figures(sums, out)?;
        writeln!(out)
    }

    fn end(&mut self, sums: &LineSums, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "file {}: ", self.name)?;
        self.figures(sums, out)
    }
}

/// A number as C's `%.7g` prints it.
fn general(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let scientific = format!("{value:.*e}", DIGITS as usize - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |digits: &str| match digits.contains('.') {
        true => digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        false => digits.to_owned(),
    };
    if (-4..DIGITS).contains(&exponent) {
        let decimals = (DIGITS - 1 - exponent) as usize;
        return trimmed(&format!("{value:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_printf() {
        for (value, text) in [
            (0.01653415, "0.01653415"),
            (-1.781618, "-1.781618"),
            (0.0001548981, "0.0001548981"),
            (0.00001548981, "1.548981e-05"),
            (-11.585_671, "-11.58567"),
            (207.555, "207.555"),
            (-21939.0, "-21939"),
            (12_345_678.0, "1.234568e+07"),
            (9_999_999.6, "1e+07"),
            (0.0, "0"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(general(value), text);
        }
    }
}
