//! Names of sessions: a checked type, so no request reaches a path.

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Longest name of a session, in bytes.
pub const MOST_NAME: usize = 64;

/// Name of a session: 1 to 64 lower-case letters, digits, hyphens and underscores, with a letter or a digit first.
///
/// Names that differ in nothing but case would be one file on some systems, so there are no capitals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
pub struct SessionName(#[schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{0,63}$"))] String);

/// Reason why a string is no name of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a session's name is 1 to {MOST_NAME} lower-case letters, digits, '-' and '_', and begins with a letter or a digit"
)]
pub struct NotAName;

impl FromStr for SessionName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<SessionName, NotAName> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = text.len() <= MOST_NAME
            && text.bytes().next().is_some_and(plain)
            && text
                .bytes()
                .all(|byte| plain(byte) || matches!(byte, b'-' | b'_'));
        match good {
            true => Ok(SessionName(text.to_owned())),
            false => Err(NotAName),
        }
    }
}

impl SessionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Name of the session's file. No system reserves a name that begins so.
    pub(crate) fn file_name(&self) -> String {
        format!("session-{}.elman", self.0)
    }

    /// The name of the session whose file is called `file`.
    pub(crate) fn of_file(file: &str) -> Option<SessionName> {
        file.strip_prefix("session-")?
            .strip_suffix(".elman")?
            .parse()
            .ok()
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SessionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SessionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SessionName, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_paths() {
        for name in ["a", "0", "my-session_2", &"x".repeat(64)] {
            let parsed: SessionName = name.parse().unwrap();
            assert_eq!(SessionName::of_file(&parsed.file_name()), Some(parsed));
        }
        let wrong = [
            "", "-a", "_a", "A", "a/b", "..", "a.b", "a\\b", "a b", "é", "a\0", "a\n", "%2e",
        ];
        for name in wrong {
            assert_eq!(name.parse::<SessionName>(), Err(NotAName), "{name:?}");
        }
        assert!("x".repeat(65).parse::<SessionName>().is_err());
        for file in [
            "a.elman",
            "session-.elman",
            "session-A.elman",
            "session-a",
            "session-../a.elman",
        ] {
            assert_eq!(SessionName::of_file(file), None, "{file:?}");
        }
        assert!(serde_json::from_str::<SessionName>("\"../etc\"").is_err());
    }
}
