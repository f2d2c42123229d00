//! Refusals: answers in the shape of OpenAI's errors, `{"error": {"message", "type", "param", "code"}}`.

use crate::engine::{Busy, Failure};
use crate::sessions::{HistoryError, SessionError};
use crate::state::StateError;
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use elman_infer::Error;
use elman_text::TextError;
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;

/// Seconds after which a client that was refused for lack of room may come again.
const RETRY_SECONDS: u32 = 1;

/// Request that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    param: Option<Cow<'static, str>>,
    code: Option<&'static str>,
}

/// Body of an answer that refuses, as OpenAI has it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RefusalBody {
    error: Reason,
}

#[derive(Serialize, JsonSchema)]
struct Reason {
    /// The reason in words.
    message: String,
    r#type: &'static str,
    /// Field of the request.
    param: Option<String>,
    code: Option<&'static str>,
}

impl Refusal {
    /// A refusal because of the field `param` of the request.
    pub fn of(param: &'static str, message: impl Into<String>) -> Refusal {
        Refusal {
            param: Some(Cow::Borrowed(param)),
            ..Refusal::with(StatusCode::BAD_REQUEST, message)
        }
    }

    /// The refusal, because of the field `param`.
    pub fn about(self, param: &str) -> Refusal {
        Refusal {
            param: Some(Cow::Owned(param.to_owned())),
            ..self
        }
    }

    /// A refusal with a status of its own.
    pub fn with(status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            message: message.into(),
            param: None,
            code: None,
        }
    }

    fn coded(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal {
            code: Some(code),
            ..Refusal::with(status, message)
        }
    }

    /// A refusal because there is no such model.
    pub fn no_model(name: &str) -> Refusal {
        Refusal {
            param: Some(Cow::Borrowed("model")),
            ..Refusal::coded(
                StatusCode::NOT_FOUND,
                "model_not_found",
                format!("no model is called {name:?}; /v1/models lists the models"),
            )
        }
    }

    /// The refusal as JSON, for a stream that has begun.
    pub fn json(&self) -> String {
        serde_json::to_string(&self.body()).unwrap_or_default()
    }

    fn body(&self) -> RefusalBody {
        let kind = match self.status {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            StatusCode::UNAUTHORIZED => "authentication_error",
            _ => "invalid_request_error",
        };
        RefusalBody {
            error: Reason {
                message: self.message.clone(),
                r#type: kind,
                param: self.param.as_deref().map(str::to_owned),
                code: self.code,
            },
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = (self.status, Json(self.body())).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            answer
                .headers_mut()
                .insert(RETRY_AFTER, RETRY_SECONDS.into());
        }
        answer
    }
}

impl From<Busy> for Refusal {
    fn from(_: Busy) -> Refusal {
        let message = "the server has as many requests as it accepts; try again later";
        Refusal::coded(StatusCode::TOO_MANY_REQUESTS, "busy", message)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        match failure {
            Failure::Model(error) => error.into(),
            Failure::Gone => Refusal::with(StatusCode::SERVICE_UNAVAILABLE, failure.to_string()),
        }
    }
}

impl From<Error> for Refusal {
    /// What a model refuses is the request's fault: a text, a token, an option.
    fn from(error: Error) -> Refusal {
        Refusal::with(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<TextError> for Refusal {
    fn from(error: TextError) -> Refusal {
        Refusal::of("prompt", error.to_string())
    }
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Refusal {
        Refusal::of("state", error.to_string())
    }
}

impl From<HistoryError> for Refusal {
    fn from(error: HistoryError) -> Refusal {
        SessionError::from(error).into()
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Refusal {
        let message = error.to_string();
        match error {
            SessionError::None(_) | SessionError::NotSaved(_) => {
                Refusal::coded(StatusCode::NOT_FOUND, "no_session", message)
            }
            SessionError::Exists(_) => {
                Refusal::coded(StatusCode::CONFLICT, "session_exists", message)
            }
            SessionError::Busy(_) => Refusal::coded(StatusCode::CONFLICT, "session_busy", message),
            SessionError::Full(_) => {
                Refusal::coded(StatusCode::TOO_MANY_REQUESTS, "sessions_full", message)
            }
            SessionError::Store(_) => Refusal::with(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the session's file cannot be read or written",
            ),
            SessionError::State(error) => error.into(),
            SessionError::History(_) => Refusal::of("to", message),
            SessionError::NoDirectory
            | SessionError::NoModel { .. }
            | SessionError::Damaged { .. } => Refusal::with(StatusCode::BAD_REQUEST, message),
        }
    }
}
