//! A text that is written token by token by a caller who advances the model: in servers, where many texts advance together.
//!
//! ```text
//! distribution of the session → Writer::write → a token, which the caller feeds to the session → distribution …
//! ```
//! The tokens are those of [`super::Generator::sample`] with the same options and the same sample number.

use super::draft::{Draft, Rules};
use super::{Finish, Sampling};
use crate::error::{GenerateError, Result};
use crate::model::check_words;
use crate::sample::Sampler;
use crate::{Distribution, Model};
use elman_kernels::rng::{Site, Stream, key};
use elman_text::{Decoder, TokenId};

/// Text that is being written after a prompt, token by token.
pub struct Writer {
    model: Model,
    options: Sampling,
    sampler: Sampler,
    draft: Draft,
}

impl Writer {
    /// Begins sample `number` of a text by `model` after the tokens `before`, which `decoder` has read.
    ///
    /// Of the tokens before, `before` may be only the last ones: the repetition penalty counts no others.
    ///
    /// # Errors
    /// [`GenerateError`] if an option is invalid or a constraint is among them;
    /// [`ModelError::OnlyHashes`](crate::ModelError::OnlyHashes) for a model without words.
    pub fn new(
        model: &Model,
        options: Sampling,
        number: u64,
        decoder: Decoder,
        before: &[TokenId],
    ) -> Result<Writer> {
        options.check()?;
        let vocab = model.vocab();
        check_words(vocab, "generation")?;
        if options.allow.is_some() {
            return Err(GenerateError::ConstraintByToken.into());
        }
        let mut sampling = options.clone();
        if !options.allow_unk {
            sampling.banned.extend(vocab.unk());
        }
        let stream = Stream::new(key(options.seed, Site::Sample, number));
        let mut sampler = Sampler::new(&sampling, vocab.len(), stream)?;
        let known = before.iter().filter(|id| (**id as usize) < vocab.len());
        known.for_each(|&id| sampler.observe(id));
        let mut none = None;
        let mut rules = rules(model, &options, &mut none);
        let draft = Draft::new(&mut rules, decoder, None);
        Ok(Writer {
            model: model.clone(),
            options,
            sampler,
            draft,
        })
    }

    /// Chooses the next token by its distribution after all tokens before, whose logits (V) `change` may change, and writes it.
    ///
    /// # Errors
    /// [`GenerateError::NotFinite`] if hidden states overflow; [`GenerateError::Impossible`] if every token has probability 0.
    ///
    /// # Panics
    /// If the text has ended, or the distribution is that of another vocabulary.
    pub fn write(
        &mut self,
        next: &Distribution,
        change: impl FnOnce(&mut [f32]),
    ) -> Result<TokenId> {
        assert!(self.draft.finish.is_none(), "the text has ended");
        let isa = self.model.cpu().isa();
        let id = self.sampler.choose_written(isa, |logits| {
            next.logits(logits);
            change(logits);
        })?;
        let mut none = None;
        let mut rules = rules(&self.model, &self.options, &mut none);
        self.draft.push(&mut rules, id, None);
        Ok(id)
    }

    /// Why the text has ended, if it has.
    pub fn finish(&self) -> Option<Finish> {
        self.draft.finish
    }

    /// The text that can be passed on and has not been returned before; UTF-8 except perhaps in kind `bytes`.
    ///
    /// What may be the beginning of a stop string, or is a part of a character, is held back.
    pub fn fresh(&mut self) -> &[u8] {
        self.draft.fresh()
    }

    /// All tokens that were written, a closing `<eos>` and the tokens of a stop string included.
    pub fn tokens(&self) -> &[TokenId] {
        &self.draft.tokens
    }
}

fn rules<'a>(
    model: &'a Model,
    options: &'a Sampling,
    none: &'a mut Option<crate::constraint::Constraint>,
) -> Rules<'a> {
    Rules {
        vocab: model.vocab(),
        layout: model.layout(),
        options,
        constraint: none,
    }
}
