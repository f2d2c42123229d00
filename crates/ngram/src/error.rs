//! What can be wrong with n-gram models and their files.

use std::io;

use super::arpa::ArpaFlaw;
use super::{BinaryFlaw, BuildError};
use elman_store::StoreError;
use elman_text::{Kind, TextError};

/// Any failure of this crate. Every message says what, where (file and line), and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum NgramError {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the ARPA file cannot be written: {0}")]
    Write(#[from] io::Error),
    /// An ARPA file that is none, or wrong in this line.
    #[error("{name}, line {line}: {flaw}")]
    Arpa {
        name: String,
        line: u64,
        flaw: ArpaFlaw,
    },
    /// A binary file that is none, or damaged.
    #[error("{name}: {flaw}")]
    Binary { name: String, flaw: BinaryFlaw },
    /// A file that is something else.
    #[error("{name} is {what}")]
    NotAModel { name: String, what: &'static str },
    /// n-grams that make no model.
    #[error("the n-grams make no model: {0}")]
    Build(#[from] BuildError),
    /// A word that an ARPA file could not tell from one of its own symbols.
    #[error(
        "the vocabulary (kind {kind}) holds the word {name}, which means something else in an ARPA file: \
         save the model as a .bin, or train it without that word"
    )]
    ReservedName { name: String, kind: Kind },
    #[error(
        "an ARPA file holds names of tokens, and a vocabulary of kind {kind} also needs its tokenizer.json: save the model as a .bin"
    )]
    NoArpa { kind: Kind },
    /// Models of vocabularies that cut a text differently.
    #[error(
        "the models cannot be mixed, because their vocabularies cut a text differently (kinds {kinds}): take models of one kind, of kinds bpe and foreign with the same tokenizer"
    )]
    NoUnion { kinds: String },
    #[error("an order of {order} is not possible: it is between 1 and {most}", most = super::MAX_ORDER)]
    Order { order: usize },
    #[error(
        "n-grams of {order} words do not fit {words} different words: at most {most} words fit"
    )]
    OrderForVocabulary {
        order: usize,
        words: usize,
        most: usize,
    },
    #[error(
        "counts up to which n-grams are left out are given from order 1, never fall, and begin with 0, such as 0,0,1,1: words are never left out, and an n-gram does not stay without its parts"
    )]
    Prune,
}

/// What a function of this crate returns.
pub type Result<T> = std::result::Result<T, NgramError>;
