//! The routes, a file for each group.
//!
//! ```text
//! completions   /v1/completions, in the shape of OpenAI
//! next          /v1/next: what may come next
//! score         /v1/score: log-probabilities of texts
//! sessions      /v1/sessions: texts under a name
//! models        /v1/models, /tokenize, /detokenize, /tokenizer_info
//! metrics       /health, /metrics; openapi describes all of them at /openapi.json
//! ```

pub(crate) mod completions;
pub(crate) mod metrics;
pub(crate) mod models;
pub(crate) mod next;
pub(crate) mod score;
pub(crate) mod sessions;
#[cfg(test)]
mod tests;

use crate::app::App;
use crate::playground;
use crate::refusal::Refusal;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Json, Router};

/// All routes.
pub(crate) fn routes(app: App) -> Router {
    let api = Router::new()
        .route("/v1/completions", post(completions::completions))
        .route("/v1/next", post(next::next))
        .route("/v1/score", post(score::score))
        .route("/v1/models", get(models::models))
        .route("/v1/models/{name}", get(models::model))
        .route("/tokenize", post(models::tokenize))
        .route("/detokenize", post(models::detokenize))
        .route("/tokenizer_info", get(models::tokenizer_info))
        .route("/metrics", get(metrics::metrics))
        .merge(sessions::routes())
        .route_layer(from_fn_with_state(app.clone(), crate::keys::check));
    let description = async || Json(crate::openapi::document());
    api.route("/openapi.json", get(description))
        .route("/health", get(metrics::health))
        .merge(playground::routes())
        .fallback(async || Refusal::with(StatusCode::NOT_FOUND, "there is no such route"))
        .method_not_allowed_fallback(async || {
            Refusal::with(
                StatusCode::METHOD_NOT_ALLOWED,
                "this route takes another method",
            )
        })
        .layer(from_fn_with_state(app.clone(), crate::hosts::check))
        .layer(from_fn_with_state(app.clone(), metrics::count))
        .with_state(app)
}
