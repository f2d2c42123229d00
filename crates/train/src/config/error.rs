//! Errors of a configuration.

/// A configuration that cannot be carried out. Names of options are those of a file; in a message they are between backticks, so that
/// a program can show them as it names its options.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// No option has this name.
    #[error("there is no option `{name}`{}", near.map_or(String::new(), |near| format!("; did you mean `{near}`?")))]
    Unknown {
        /// The name as it was written.
        name: String,
        /// The option with the most similar name, if one is similar.
        near: Option<&'static str>,
    },
    /// The value of an option is of another type, or outside its range.
    #[error("`{option}` is {got}; it must be {must}")]
    OutOfRange {
        /// The option.
        option: &'static str,
        /// Description of the valid values.
        must: String,
        /// The value as it was written.
        got: String,
    },
    /// An option has two values in one place.
    #[error("`{option}` has two values")]
    Twice {
        /// The option.
        option: &'static str,
    },
    /// A whole configuration lacks an option.
    #[error("`{option}` is missing")]
    Missing {
        /// The option.
        option: &'static str,
    },
    /// An option asks for something that only some values of another option have.
    #[error("`{option}` is for `{owner}` {}", values.join(" or "))]
    Foreign {
        /// The option.
        option: &'static str,
        /// The option that it belongs to.
        owner: &'static str,
        /// The values of `owner` that have it.
        values: Vec<&'static str>,
    },
    /// Values that are valid by themselves contradict each other.
    #[error("{because}")]
    Conflict {
        /// The options.
        options: &'static [&'static str],
        /// Why, and what to change: a sentence.
        because: String,
    },
}

impl ConfigError {
    /// A contradiction between `options`.
    pub(crate) fn conflict(
        options: &'static [&'static str],
        because: impl Into<String>,
    ) -> ConfigError {
        ConfigError::Conflict {
            options,
            because: because.into(),
        }
    }
}
