//! The errors of n-gram models and their files.

use std::io;

use super::arpa::ArpaFlaw;
use super::{BinaryFlaw, BuildError, KenlmFlaw};
use elman_store::StoreError;
use elman_text::{Kind, TextError};

/// Error of this crate. Every message says what, where (file and line), and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum NgramError {
    /// A text or a vocabulary cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ARPA file cannot be written.
    #[error("the ARPA file cannot be written: {0}")]
    Write(#[from] io::Error),
    /// A line of an ARPA file is wrong, or the file is not an ARPA file.
    #[error("{name}, line {line}: {flaw}")]
    Arpa {
        /// Name of the file.
        name: String,
        /// Line number, from 1.
        line: u64,
        /// Flaw of the line.
        flaw: ArpaFlaw,
    },
    /// The binary file of a model is damaged, or is another kind of file.
    #[error("{name}: {flaw}")]
    Binary {
        /// Name of the file.
        name: String,
        /// Flaw of the file.
        flaw: BinaryFlaw,
    },
    /// A binary file of KenLM is damaged, or is of a kind that this program does not read.
    #[error("{name}: {flaw}")]
    Kenlm {
        /// Name of the file.
        name: String,
        /// Flaw of the file.
        flaw: KenlmFlaw,
    },
    /// The n-grams of the model cannot be listed, and the work needs all of them.
    #[error(
        "{name}: its n-grams cannot be listed, because {what}: use the ARPA file that it was made from"
    )]
    NotListed {
        /// Name of the file.
        name: String,
        /// Description of what is missing.
        what: &'static str,
    },
    /// The file is known to be of another kind, which `what` names.
    #[error("{name} is {what}")]
    NotAModel {
        /// Name of the file.
        name: String,
        /// Kind of the file, with advice for the message.
        what: &'static str,
    },
    /// The n-grams do not form a model.
    #[error("the n-grams make no model: {0}")]
    Build(#[from] BuildError),
    /// A word of the vocabulary has a special meaning in ARPA files.
    #[error(
        "the vocabulary (kind {kind}) holds the word {name}, which means something else in an ARPA file: \
         save the model as a .bin, or train it without that word"
    )]
    ReservedName {
        /// The word as an ARPA file would name it.
        name: String,
        /// Kind of the vocabulary.
        kind: Kind,
    },
    /// A model of this kind of vocabulary cannot be saved as an ARPA file, because it needs its tokenizer.
    #[error(
        "an ARPA file holds names of tokens, and a vocabulary of kind {kind} also needs its tokenizer.json: save the model as a .bin"
    )]
    NoArpa {
        /// Kind of the vocabulary.
        kind: Kind,
    },
    /// The models cannot be mixed, because their vocabularies split text differently.
    #[error(
        "the models cannot be mixed, because their vocabularies cut a text differently (kinds {kinds}): use models of one kind (of kinds bpe and foreign: with the same tokenizer)"
    )]
    NoUnion {
        /// The kinds of their vocabularies, as a list for the message.
        kinds: String,
    },
    /// The order is 0 or above [`MAX_ORDER`](super::MAX_ORDER).
    #[error("an order of {order} is not possible: it is between 1 and {most}", most = super::MAX_ORDER)]
    Order {
        /// The order that was asked for.
        order: usize,
    },
    /// The n-grams of a large vocabulary do not fit 128 bits at this order.
    #[error(
        "n-grams of {order} words do not fit {words} different words: at most {most} words fit"
    )]
    OrderForVocabulary {
        /// The order that was asked for.
        order: usize,
        /// Number of different words.
        words: usize,
        /// Largest order that is possible with these words.
        most: usize,
    },
    /// The counts for pruning do not begin with 0, or decrease.
    #[error(
        "pruning takes one count per order; the counts begin with 0 and never fall, such as 0,0,1,1, since words are never left out and an n-gram is not kept without its parts"
    )]
    Prune,
}

/// Result of this crate's functions.
pub type Result<T, E = NgramError> = std::result::Result<T, E>;
