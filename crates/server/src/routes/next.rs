//! `POST /v1/next`: what may come next after a text, a list of ids, or a state with either.

use crate::app::{App, Served};
use crate::engine::Want;
use crate::hidden::{Hidden, HiddenQuery, Recorder, record};
use crate::limits::{Body, Within};
use crate::next::{NextToken, next_tokens};
use crate::prompt::{Prompt, PromptToken, prompt_tokens};
use crate::refusal::Refusal;
use crate::state::TextState;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest number of next tokens in an answer.
pub(super) const MOST_TOP: usize = 1000;

/// Body of a request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextRequest {
    /// Model, by default the first one.
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    prompt: Prompt,
    /// State after which the prompt is read, instead of the beginning of a text.
    #[serde(default)]
    state: Option<String>,
    /// Number of next tokens in the answer.
    #[serde(default = "ten")]
    top: Within<0, MOST_TOP>,
    /// Whether the answer has the prompt's tokens with their log-probabilities.
    #[serde(default)]
    tokens: bool,
    /// Hidden states in the answer.
    #[serde(default)]
    hidden: Option<HiddenQuery>,
    /// Whether the answer has the state after the prompt.
    #[serde(default)]
    return_state: bool,
}

/// Body of an answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NextAnswer {
    object: &'static str,
    model: String,
    /// Number of tokens of the whole text, those before the state included.
    position: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Vec<PromptToken>>,
    /// The most probable next tokens, the most probable first.
    next: Vec<NextToken>,
    /// Entropy of the next token in nats.
    entropy: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<Hidden>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

fn ten() -> Within<0, MOST_TOP> {
    Within::new(10)
}

pub(crate) async fn next(
    State(app): State<App>,
    Body(request): Body<NextRequest>,
) -> Result<Json<NextAnswer>, Refusal> {
    let served = app.model(request.model.as_deref())?.clone();
    let state = app.state(&served, request.state.as_deref())?;
    answer(&app, &served, state, request).await
}

/// Answers a request after `state`; its own state and model have been looked up.
pub(crate) async fn answer(
    app: &App,
    served: &Served,
    state: TextState,
    request: NextRequest,
) -> Result<Json<NextAnswer>, Refusal> {
    let model = &served.model;
    let tokens = request.prompt.tokens(model.vocab())?;
    let recorder = match request.hidden {
        Some(query) => {
            Some(Recorder::new(model, query).map_err(|reason| Refusal::of("hidden", reason))?)
        }
        None => None,
    };
    let last = recorder.as_ref().map_or(0, Recorder::last);
    let alone = tokens.ids.len() - last.min(tokens.ids.len());
    // The engine reads what is long; the few tokens whose states are wanted are fed one by one.
    let want = if request.tokens {
        Want::Losses
    } else {
        Want::State
    };
    let place = served.place()?;
    let (mut state, found) = served
        .read(&place, state, &tokens.ids[..alone], want)
        .await?;
    let mut nats = found.nats;
    nats.resize(tokens.ids.len(), 0.0);
    let (name, key) = (served.name.clone(), app.key().clone());
    let (top, return_state, show) = (request.top.get(), request.return_state, request.tokens);
    let compute = served.compute(place, move || {
        let hidden = match recorder {
            Some(mut recorder) => {
                record(
                    &mut state,
                    &tokens.ids[alone..],
                    &mut nats[alone..],
                    &mut recorder,
                )?;
                recorder.finish()
            }
            None => None,
        };
        let (next, entropy) = next_tokens(&mut state, top)?;
        let vocab = state.session.model().vocab();
        let tokens = show.then(|| prompt_tokens(vocab, &tokens, &nats));
        Ok(Json(NextAnswer {
            object: "next",
            model: name,
            position: state.position,
            tokens,
            next,
            entropy,
            hidden,
            state: return_state.then(|| key.seal(&mut state)),
        }))
    });
    compute.await
}

impl NextRequest {
    /// A question about a session, which reads nothing.
    pub(crate) fn of_session(
        top: Option<Within<0, MOST_TOP>>,
        hidden: Option<HiddenQuery>,
    ) -> NextRequest {
        NextRequest {
            model: None,
            prompt: Prompt::default(),
            state: None,
            top: top.unwrap_or_else(ten),
            tokens: false,
            hidden,
            return_state: false,
        }
    }
}
