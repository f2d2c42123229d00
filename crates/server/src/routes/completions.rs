//! `POST /v1/completions`: OpenAI's route, for texts and for token ids.
//!
//! ```text
//! body → request (checked) → one task for each choice: read the prompt, write, collect → choices, or a stream of their parts
//! ```
//! Beyond OpenAI's fields: `top_k`, `min_p`, `typical`, `repetition_penalty`, `ignore_eos`, `state` and `return_state` (a state as a value), and
//! `hidden` (hidden states with each token of a stream). The log-probabilities of prompt tokens are exact, for texts and for ids. Fields that are not known are ignored, since clients
//! of other servers send them.
//!
//! The first token of a text without a state has no log-probability, as with OpenAI. A list of ids that begins with `<eos>` is read as
//! a text whose beginning is written out.

mod choice;
mod request;
mod stream;

pub(crate) use choice::reason;
pub(crate) use request::CompletionBody;

use crate::app::App;
use crate::limits::Body;
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use choice::{Choice, Done};
use request::Request;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Number of tokens that a request was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Usage {
    pub prompt_tokens: usize,
    pub completion_tokens: usize,
    pub total_tokens: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CompletionAnswer {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    choices: Vec<Choice>,
    usage: Usage,
}

pub(crate) async fn completions(
    State(app): State<App>,
    Body(body): Body<CompletionBody>,
) -> Result<Response, Refusal> {
    let request = Arc::new(Request::check(&app, body)?);
    let work = request.work()?;
    let (id, created) = (request::identity()?, request::now());
    if request.stream {
        return Ok(stream::answer(app, request, work, id, created));
    }
    let mut tasks = JoinSet::new();
    for each in work {
        let (app, request) = (app.clone(), request.clone());
        tasks.spawn(async move { choice::run(&app, &request, each, None).await });
    }
    let mut done: Vec<Done> = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(ended) => done.push(ended?),
            Err(_) => return Err(crate::engine::Failure::Gone.into()),
        }
    }
    let usage = request.usage(done.iter().map(|done| done.tokens.len()).sum());
    let choices = request.best(done);
    Ok(Json(CompletionAnswer {
        id,
        object: "text_completion",
        created,
        model: request.served.name.clone(),
        choices,
        usage,
    })
    .into_response())
}
