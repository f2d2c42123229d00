//! What can go wrong while a network is trained.

/// A failure of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// Every update of the last steps was kept from the weights.
    #[error(
        "{skipped} steps in a row, up to step {step}, had a loss or gradient that is not finite, so training stopped; the weights are untouched by them: start again with a lower learning rate or a lower clipping threshold"
    )]
    Diverged { step: u64, skipped: u64 },
    /// A budget of minutes, which only a run measures.
    #[error("a budget in minutes is measured by a run: give epochs or steps")]
    BudgetInMinutes,
    /// A batch without a token to predict.
    #[error("the batch has no tokens")]
    EmptyBatch,
    /// An id at or above the size of the vocabulary.
    #[error("there is no token {id}: the vocabulary has {vocab} entries")]
    UnknownToken { id: u32, vocab: usize },
    /// More than the memory for the windows of the configuration holds.
    #[error(
        "a batch of {sequences} sequences, {positions} positions with their padding, is larger than the windows of the configuration, which have {most_sequences} sequences and {most_positions} positions"
    )]
    BatchTooLarge {
        sequences: usize,
        positions: usize,
        most_sequences: usize,
        most_positions: usize,
    },
}
