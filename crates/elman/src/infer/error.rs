//! What can go wrong while a model is used.

/// A failure of a model, a session or a saved state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// Hidden states that have grown beyond every number within the first `tokens` tokens.
    #[error(
        "the model gives no probabilities within the first {tokens} tokens: its hidden states grow beyond every number; it was trained badly (a relu cell needs a lower learning rate or clipping)"
    )]
    Overflow { tokens: u64 },
    /// The failure of one of several models, by its name.
    #[error("{name}: {error}")]
    Of {
        name: String,
        error: Box<ModelError>,
    },
    /// An id at or above the size of the vocabulary.
    #[error("there is no token {id}: the vocabulary has {vocab} entries")]
    UnknownToken { id: u32, vocab: usize },
    /// Sessions of different models cannot advance together.
    #[error("the sessions belong to different models, which share no matrix product")]
    DifferentModels,
    /// Weights in another format than f32 were asked for, and the model is not a network.
    #[error(
        "{path}: {weights} weights are for networks, and this is an n-gram model: leave the choice out"
    )]
    NoWeights { path: String, weights: &'static str },
    /// Only networks can do this.
    #[error("{what} is for networks, and this is a model of another family ({architecture})")]
    NotANetwork {
        what: &'static str,
        architecture: String,
    },
    /// Weights of a mixture that are negative or do not sum to 1, or no models at all.
    #[error("the weights of a mixture are 0 or more and sum to 1; these sum to {sum}")]
    Weights { sum: f64 },
    /// Models of a mixture whose ids do not mean the same tokens.
    #[error(
        "the models of a mixture have one vocabulary; these have {entries} and {other} entries, or other ones"
    )]
    Vocabularies { entries: usize, other: usize },
    /// A model that has no form on disk.
    #[error("a {architecture} has no file: it is made of what has one")]
    NoFile { architecture: String },
    /// Bytes that are no saved session of this model.
    #[error("these bytes cannot be restored: {0}")]
    State(#[from] StateFlaw),
}

/// What is wrong with the bytes of a saved session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateFlaw {
    /// They do not begin as a saved session does.
    #[error("they are no saved session")]
    NotASession,
    /// A later format.
    #[error("they have format {found}, and this program knows format {known}")]
    Format { found: u32, known: u32 },
    /// The state of another model means nothing to this one.
    #[error("they were saved by another model")]
    OtherModel,
    /// Fewer or more bytes than a state of this model takes.
    #[error("they are {found} bytes, and a session of this model takes {expected}")]
    Length { found: usize, expected: usize },
    /// The checksum does not fit, or a number is out of range.
    #[error("they are damaged")]
    Damaged,
}
