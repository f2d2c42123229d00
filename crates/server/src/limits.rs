//! Limits of the server, each a number with a bound, and the bodies of requests, which are read within them.

use crate::app::App;
use crate::refusal::Refusal;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use std::borrow::Cow;
use std::time::Duration;

/// Limits of a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest body of a request, in bytes.
    pub body: usize,
    /// Largest number of connections.
    pub connections: usize,
    /// Largest number of texts that a model reads or writes at once; more are refused.
    pub requests: usize,
    /// Largest `max_tokens` of a request.
    pub tokens: usize,
    /// Time for the head of a request, from its first byte on.
    pub head: Duration,
    /// How long a connection may be without a request, and how long a client may take nothing of its answer.
    pub idle: Duration,
    /// Time for the body of a request.
    pub body_time: Duration,
    /// Time that answers may take after the server was asked to end.
    pub ending: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body: 64 << 10,
            connections: 2048,
            requests: 256,
            tokens: 4096,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            body_time: Duration::from_secs(30),
            ending: Duration::from_secs(10),
        }
    }
}

/// A whole number from LEAST to MOST, checked when the body is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Within<const LEAST: usize, const MOST: usize>(usize);

impl<const LEAST: usize, const MOST: usize> Within<LEAST, MOST> {
    /// A number that is known to be in range.
    pub const fn new(number: usize) -> Self {
        assert!(LEAST <= number && number <= MOST);
        Within(number)
    }

    pub fn get(self) -> usize {
        self.0
    }
}

impl<'de, const LEAST: usize, const MOST: usize> Deserialize<'de> for Within<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = usize::deserialize(deserializer)?;
        match (LEAST..=MOST).contains(&number) {
            true => Ok(Within(number)),
            false => Err(D::Error::custom(format!(
                "a number from {LEAST} to {MOST} is expected, and not {number}"
            ))),
        }
    }
}

impl<const LEAST: usize, const MOST: usize> JsonSchema for Within<LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("From{LEAST}To{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": LEAST, "maximum": MOST})
    }
}

impl<const MOST: usize> Default for Within<0, MOST> {
    fn default() -> Self {
        Within::new(0)
    }
}

/// Body of a request in JSON, within the limits.
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Body<T>, Refusal> {
        let kind = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        // A page of another origin cannot send JSON unless it is allowed to, so it cannot ask anything.
        if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
            let message =
                "the body of a request is JSON, with the header `content-type: application/json`";
            return Err(Refusal::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let limits = app.limits();
        let read = axum::body::to_bytes(request.into_body(), limits.body);
        let bytes = match tokio::time::timeout(limits.body_time, read).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => {
                let message = format!(
                    "the body of a request is whole and has at most {} bytes",
                    limits.body
                );
                return Err(Refusal::with(StatusCode::PAYLOAD_TOO_LARGE, message));
            }
            Err(_) => {
                return Err(Refusal::with(
                    StatusCode::REQUEST_TIMEOUT,
                    "the body of the request took too long",
                ));
            }
        };
        let mut parser = serde_json::Deserializer::from_slice(&bytes);
        let parsed = serde_path_to_error::deserialize(&mut parser);
        let body = parsed.map_err(|error| {
            let (field, reason) = (error.path().to_string(), error.inner().to_string());
            // Numbers are called by the names of their types in Rust.
            let reason = reason
                .replace("usize", "a whole number")
                .replace("u64", "a whole number");
            match field.as_str() {
                "." => invalid(&reason),
                field => invalid(&format!("`{field}`: {reason}")).about(field),
            }
        })?;
        parser.end().map_err(|error| invalid(&error.to_string()))?;
        Ok(Body(body))
    }
}

fn invalid(reason: &str) -> Refusal {
    Refusal::with(
        StatusCode::BAD_REQUEST,
        format!("the body is not what this route takes: {reason}"),
    )
}

/// Name of a session in the path of a request.
pub(crate) struct Named(pub crate::sessions::SessionName);

impl FromRequestParts<App> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Named, Refusal> {
        let Ok(Path(name)) = Path::<String>::from_request_parts(parts, app).await else {
            return Err(Refusal::with(
                StatusCode::BAD_REQUEST,
                "the path has no name of a session",
            ));
        };
        match name.parse() {
            Ok(name) => Ok(Named(name)),
            Err(error) => Err(Refusal::with(StatusCode::BAD_REQUEST, format!("{error}"))),
        }
    }
}
