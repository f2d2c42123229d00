//! What reads or writes the tokens of a named session: `feed`, `next`, `generate`. Each happens as a whole or not at all.

use super::{Answer, Shown, shown};
use crate::app::{App, Served, WriteOptions};
use crate::engine::{Event, Want};
use crate::hidden::HiddenQuery;
use crate::limits::{Body, Named, Within};
use crate::prompt::{Prompt, prompt_tokens};
use crate::refusal::Refusal;
use crate::routes::completions::reason;
use crate::routes::next::{MOST_TOP, NextAnswer, NextRequest, answer};
use crate::sessions::{Held, MOST_APPENDED};
use crate::state::TextState;
use axum::Json;
use axum::extract::State;
use elman_infer::{Finish, Sampling};
use elman_text::TokenId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Feed {
    prompt: Prompt,
    /// Whether the answer has the tokens with their log-probabilities.
    #[serde(default)]
    tokens: bool,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Ask {
    top: Option<Within<0, MOST_TOP>>,
    hidden: Option<HiddenQuery>,
}

/// Options of sampling, under the names of `elman generate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Generate {
    max_tokens: Within<0, MOST_APPENDED>,
    temperature: f32,
    top_k: Option<usize>,
    top_p: f32,
    min_p: f32,
    typical: f32,
    repetition_penalty: f32,
    seed: u64,
    stop: Vec<String>,
}

impl Default for Generate {
    fn default() -> Generate {
        let usual = Sampling::default();
        Generate {
            max_tokens: Within::new(64),
            temperature: usual.temperature,
            top_k: None,
            top_p: usual.top_p,
            min_p: usual.min_p,
            typical: usual.typical,
            repetition_penalty: usual.repetition_penalty,
            seed: usual.seed,
            stop: Vec::new(),
        }
    }
}

/// What was written, and the session after it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Generated {
    text: String,
    tokens: Vec<TokenId>,
    /// Natural log-probability of each token under the model.
    logprobs: Vec<f64>,
    finish_reason: &'static str,
    session: Shown,
}

pub(super) async fn feed(
    State(app): State<App>,
    Named(name): Named,
    Body(body): Body<Feed>,
) -> Answer<Shown> {
    let (mut session, served) = app.hold(&name)?;
    let tokens = body.prompt.tokens(served.model.vocab())?;
    let nats = append(&served, &mut session, &tokens.ids, body.tokens).await?;
    let fed = body
        .tokens
        .then(|| prompt_tokens(served.model.vocab(), &tokens, &nats));
    Ok(Json(Shown {
        tokens: fed,
        ..shown(name, &session)
    }))
}

/// Appends tokens to a session, in parts between which it keeps its state; all of them, or none if the client hangs up.
async fn append(
    served: &Served,
    session: &mut Held,
    ids: &[TokenId],
    scored: bool,
) -> Result<Vec<f64>, Refusal> {
    let want = if scored { Want::Losses } else { Want::State };
    let mut nats = Vec::new();
    let mut heads: Vec<TextState> = Vec::new();
    let place = served.place()?;
    for part in ids.chunks(MOST_APPENDED) {
        let before = heads.last().unwrap_or(&session.history.head).clone();
        let (head, found) = served.read(&place, before, part, want).await?;
        nats.extend(found.nats);
        heads.push(head);
    }
    for (part, head) in ids.chunks(MOST_APPENDED).zip(heads) {
        session.append(part, head);
    }
    Ok(nats)
}

pub(super) async fn next(
    State(app): State<App>,
    Named(name): Named,
    Body(body): Body<Ask>,
) -> Answer<NextAnswer> {
    let (session, served) = app.hold(&name)?;
    let request = NextRequest::of_session(body.top, body.hidden);
    answer(&app, &served, session.history.head.clone(), request).await
}

pub(super) async fn generate(
    State(app): State<App>,
    Named(name): Named,
    Body(body): Body<Generate>,
) -> Answer<Generated> {
    let (mut session, served) = app.hold(&name)?;
    let options = Sampling {
        max_tokens: body.max_tokens.get(),
        temperature: body.temperature,
        top_k: body.top_k,
        top_p: body.top_p,
        min_p: body.min_p,
        typical: body.typical,
        repetition_penalty: body.repetition_penalty,
        seed: body.seed,
        stop: body.stop,
        ..Sampling::default()
    };
    let (head, finish, wrote) = write(&served, session.history.head.clone(), options).await?;
    session.append(&wrote.tokens, head);
    Ok(Json(Generated {
        text: String::from_utf8_lossy(&wrote.text).into_owned(),
        finish_reason: reason(finish),
        tokens: wrote.tokens,
        logprobs: wrote.logprobs,
        session: shown(name, &session),
    }))
}

/// What was written after a state.
#[derive(Default)]
struct Wrote {
    text: Vec<u8>,
    tokens: Vec<TokenId>,
    logprobs: Vec<f64>,
}

/// Writes a text after a state and returns the state after it, and why it has ended.
async fn write(
    served: &Served,
    state: TextState,
    options: Sampling,
) -> Result<(TextState, Finish, Wrote), Refusal> {
    let place = served.place()?;
    let mut events = served.write(place, state, options, 0, WriteOptions::default())?;
    let mut wrote = Wrote::default();
    loop {
        match events.next().await? {
            Event::Token {
                id, text, logprob, ..
            } => {
                wrote.text.extend(text);
                wrote.tokens.push(id);
                wrote.logprobs.push(logprob);
            }
            Event::End {
                text,
                finish,
                state,
            } => {
                wrote.text.extend(text);
                return Ok((*state, finish, wrote));
            }
        }
    }
}
