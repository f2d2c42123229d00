//! The shape of KenLM's `query`.
//!
//! ```text
//! WORD=ID LENGTH LOG10⇥WORD=ID LENGTH LOG10⇥…Total: LOG10 OOV: COUNT
//! Perplexity including OOVs:⇥…
//! ```
//! Ids are those of the model's vocabulary here, and LENGTH is that of the n-gram that was found (of models that look at everything, of the whole
//! context). A last line without a newline has its `</s>` too.

use super::names::{END, is_end, surface};
use super::{Choices, Detail, Writer};
use elman::Model;
use elman::infer::{LineSums, NgramLengths, ScoredLine, Unknown};
use elman::text::Layout;
use std::f64::consts::LN_10;
use std::io::{self, Write};

/// Writes what `query` prints.
pub struct Kenlm<'m> {
    model: &'m Model,
    choices: Choices,
    lengths: NgramLengths<'m>,
}

impl<'m> Kenlm<'m> {
    pub fn new(model: &'m Model, choices: Choices) -> Kenlm<'m> {
        Kenlm {
            lengths: NgramLengths::new(model),
            model,
            choices,
        }
    }
}

/// log10 p in single precision, as KenLM prints it; without a sign where it is zero.
fn log10(log_prob: f64) -> f32 {
    (log_prob / LN_10) as f32 + 0.0
}

impl Writer for Kenlm<'_> {
    fn line(
        &mut self,
        line: &ScoredLine<'_>,
        sums: &LineSums,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self.choices.detail == Detail::Text {
            return Ok(());
        }
        if self.choices.detail == Detail::Token {
            if self.choices.layout == Layout::Sentences {
                self.lengths.reset();
            }
            let vocab = self.model.vocab();
            for (token, nats) in line.tokens.iter().zip(line.nats) {
                let id = token.symbol.id;
                let length = self.lengths.next(id);
                let word = match is_end(line, token) {
                    true => END.into(),
                    false => surface(vocab, line, token),
                };
                write!(out, "{word}={id} {length} {}\t", log10(-nats))?;
            }
        }
        let total = log10(sums.log_prob(self.choices.unknown));
        writeln!(out, "Total: {total} OOV: {}", sums.unknown)
    }

    fn end(&mut self, sums: &LineSums, out: &mut dyn Write) -> io::Result<()> {
        let perplexity = |unknown| sums.perplexity(unknown).unwrap_or(f64::NAN);
        write!(
            out,
            "Perplexity including OOVs:\t{}\nPerplexity excluding OOVs:\t{}\nOOVs:\t{}\nTokens:\t{}\n",
            perplexity(Unknown::Include),
            perplexity(Unknown::Exclude),
            sums.unknown,
            sums.tokens
        )
    }
}
