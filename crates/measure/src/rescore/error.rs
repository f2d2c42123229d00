//! Errors of n-best lists and references.

use super::NbestFormat;

/// Why an n-best list could not be rescored, or weights could not be tuned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RescoreError {
    /// A line of an n-best list does not have the form of its format.
    #[error("{name}, line {line}: {flaw} ({format} has lines such as {})", format.example())]
    Line {
        /// Name of the file.
        name: String,
        /// Number of the line, from 1.
        line: u64,
        /// Format of the list.
        format: NbestFormat,
        /// Description of what is wrong.
        flaw: String,
    },
    /// A line is blank, and so has no hypothesis.
    #[error(
        "{name}, line {line} is blank: a hypothesis without words still has the fields before its words, such as its id"
    )]
    Blank {
        /// Name of the file.
        name: String,
        /// Number of the line, from 1.
        line: u64,
    },
    /// The first field of a line does not look like an id, so the ids may be missing.
    #[error(
        "{name}, line {line} begins with '{field}', which has no digit and so does not look like an id: every line begins with the id of its utterance, and without ids the first word of each hypothesis would be lost"
    )]
    NoId {
        /// Name of the file.
        name: String,
        /// Number of the line, from 1.
        line: u64,
        /// First field of the line.
        field: String,
    },
    /// The hypotheses of an utterance do not follow one another.
    #[error(
        "{name}, line {line}: utterance '{id}' returns after another one; it ended before. The hypotheses of an utterance follow one another: sort the list by id, or add the id that a line between lacks"
    )]
    IdReturns {
        /// Name of the file.
        name: String,
        /// Number of the line, from 1.
        line: u64,
        /// Id of the utterance.
        id: String,
    },
    /// A file holds no hypothesis.
    #[error("{name} holds no hypothesis")]
    NoHypothesis {
        /// Name of the file.
        name: String,
    },
    /// The files of one command have different formats.
    #[error("{name} has the format {found}, and the lists before it have the format {expected}")]
    OtherFormat {
        /// Name of the file.
        name: String,
        /// Format of the file.
        found: NbestFormat,
        /// Format of the files before.
        expected: NbestFormat,
    },
    /// The format has no place for the scores of the model.
    #[error("lists of format {format} cannot hold scores: print the scores instead")]
    NoPlaceForScores {
        /// Format of the list.
        format: NbestFormat,
    },
    /// A line of a file of scores is no score of the hypothesis.
    #[error("{name}, line {line}: {flaw}")]
    ScoreFile {
        /// Name of the file.
        name: String,
        /// Number of the line, from 1.
        line: u64,
        /// Description of what is wrong.
        flaw: String,
    },
    /// A file of scores does not have a score for each hypothesis.
    #[error("{name} has {scores} scores, for {hypotheses} hypotheses of the lists")]
    ScoreCount {
        /// Name of the file.
        name: String,
        /// Number of scores.
        scores: usize,
        /// Number of hypotheses that were read.
        hypotheses: usize,
    },
    /// Two references have one id.
    #[error("the references name '{id}' twice, in lines {first} and {line}")]
    ReferenceTwice {
        /// Id of the utterance.
        id: String,
        /// Number of the first line with the id.
        first: u64,
        /// Number of the second line with the id.
        line: u64,
    },
    /// An utterance has no reference.
    #[error("the references have no line for utterance '{id}'")]
    NoReference {
        /// Id of the utterance.
        id: String,
    },
    /// References in order are not as many as the utterances.
    #[error(
        "{references} references were given in order, for {utterances} utterances of the lists: no reference begins or ends with the id '{id}' of the first one"
    )]
    ReferenceCount {
        /// Number of references.
        references: usize,
        /// Number of utterances.
        utterances: usize,
        /// Id of the first utterance.
        id: String,
    },
    /// The references have no words.
    #[error("the references have no words, so there is no word error rate")]
    NoWords,
}
