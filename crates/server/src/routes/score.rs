//! `POST /v1/score`: the log-probabilities of texts in one request.

use crate::app::App;
use crate::engine::Want;
use crate::limits::Body;
use crate::prompt::{Prompt, PromptToken, prompt_tokens};
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest number of texts in a request.
const MOST_TEXTS: usize = 1024;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoreBody {
    /// Model, by default the first one.
    #[serde(default)]
    model: Option<String>,
    /// Texts, or lists of token ids.
    texts: Vec<Prompt>,
    /// State after which each text is read, instead of the beginning of a text.
    #[serde(default)]
    state: Option<String>,
    /// Whether each text's tokens are returned.
    #[serde(default)]
    tokens: bool,
    /// Whether the state after each text is returned.
    #[serde(default)]
    return_state: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct ScoreAnswer {
    object: &'static str,
    model: String,
    data: Vec<Scored>,
}

#[derive(Serialize, JsonSchema)]
struct Scored {
    index: usize,
    /// Natural log-probability of the text, without its end; `null` where the model excludes it.
    logprob: Option<f64>,
    /// Number of its tokens.
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Vec<PromptToken>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

pub(super) async fn score(
    State(app): State<App>,
    Body(body): Body<ScoreBody>,
) -> Result<Json<ScoreAnswer>, Refusal> {
    if body.texts.is_empty() || body.texts.len() > MOST_TEXTS {
        return Err(Refusal::of(
            "texts",
            format!("`texts` has 1 to {MOST_TEXTS} texts"),
        ));
    }
    let served = app.model(body.model.as_deref())?.clone();
    let before = app.state(&served, body.state.as_deref())?;
    let vocab = served.model.vocab();
    let mut data = Vec::with_capacity(body.texts.len());
    let place = served.place()?;
    for (index, text) in body.texts.into_iter().enumerate() {
        let tokens = text.tokens(vocab)?;
        let (mut state, found) = served
            .read(&place, before.clone(), &tokens.ids, Want::Losses)
            .await?;
        let logprob: f64 = found.nats.iter().map(|nats| -nats).sum();
        data.push(Scored {
            index,
            logprob: logprob.is_finite().then_some(logprob),
            count: tokens.ids.len(),
            tokens: body
                .tokens
                .then(|| prompt_tokens(vocab, &tokens, &found.nats)),
            state: body.return_state.then(|| app.key().seal(&mut state)),
        });
    }
    Ok(Json(ScoreAnswer {
        object: "list",
        model: served.name,
        data,
    }))
}
