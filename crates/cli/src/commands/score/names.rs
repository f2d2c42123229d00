//! Spelling of tokens in the output: as in the text, without characters that separate fields.

use elman::infer::ScoredLine;
use elman::ngram::arpa;
use elman::text::{Kind, Located, Vocab};
use std::borrow::Cow;

/// Name of the end of a sentence in KenLM and SRILM.
pub const END: &str = "</s>";

/// Whether a token is the end of its line.
pub fn is_end(line: &ScoredLine<'_>, token: &Located) -> bool {
    token.bytes.start == line.text.len()
}

/// Spelling of a token as in the text, known or unknown; a space is `▁`, as in ARPA files.
pub fn surface<'a>(vocab: &'a Vocab, line: &ScoredLine<'a>, token: &Located) -> Cow<'a, str> {
    if is_end(line, token) {
        return match token.symbol.id == vocab.eos() {
            true => END.into(),
            false => arpa::escape(vocab.kind(), vocab.token_bytes(token.symbol.id)),
        };
    }
    // What a foreign token stands for may be a part of what it is called: a byte of a character.
    if vocab.kind() == Kind::Foreign && !token.symbol.oov {
        return vocab.token(token.symbol.id);
    }
    arpa::escape(vocab.kind(), &line.text[token.bytes.clone()])
}
