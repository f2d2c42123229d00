//! API keys: secrets that requests bring in the header `authorization: Bearer KEY`.

use crate::app::App;
use crate::refusal::Refusal;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The keys of a server, as hashes: comparing hashes says nothing of the keys by its time.
#[derive(Clone, Debug, Default)]
pub struct ApiKeys(Vec<blake3::Hash>);

impl ApiKeys {
    /// Keys from a text with one on each line; empty lines are passed over.
    pub fn from_lines(text: &str) -> ApiKeys {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        ApiKeys(lines.map(|line| blake3::hash(line.as_bytes())).collect())
    }

    /// Whether there are keys, so that requests need one.
    pub fn are_needed(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a request with the header `authorization` may pass.
    fn allow(&self, header: Option<&[u8]>) -> bool {
        if !self.are_needed() {
            return true;
        }
        let Some(header) = header.filter(|header| header.len() > 7) else {
            return false;
        };
        let (scheme, key) = header.split_at(7);
        let key = blake3::hash(key.trim_ascii());
        // All are compared, each in constant time.
        let found = self
            .0
            .iter()
            .fold(false, |found, known| found | (*known == key));
        scheme.eq_ignore_ascii_case(b"bearer ") && found
    }
}

pub(crate) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .map(|header| header.as_bytes());
    match app.keys().allow(header) {
        true => next.run(request).await,
        false => Refusal::with(
            StatusCode::UNAUTHORIZED,
            "this server needs an API key: send the header `authorization: Bearer KEY`",
        )
        .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_keys_pass() {
        let keys = ApiKeys::from_lines("one\n\n two \n");
        for good in ["Bearer one", "bearer two", "BEARER  one "] {
            assert!(keys.allow(Some(good.as_bytes())), "{good}");
        }
        for wrong in [
            "Bearer",
            "Bearer ",
            "Bearer three",
            "Basic one",
            "one",
            "",
            "Bearer one two",
        ] {
            assert!(!keys.allow(Some(wrong.as_bytes())), "{wrong}");
        }
        assert!(!keys.allow(None));
        assert!(ApiKeys::default().allow(None) && ApiKeys::default().allow(Some(b"")));
    }
}
