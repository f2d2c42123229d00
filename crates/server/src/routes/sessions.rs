//! `/v1/sessions`: named sessions are created, fed, asked, forked, rewound, saved, restored, deleted and listed.
//!
//! ```text
//! GET    /v1/sessions                 all names
//! POST   /v1/sessions                 {"name", "model", "state"?}        create; at the beginning of a text, or at a state
//! GET    /v1/sessions/{name}          position and marks
//! DELETE /v1/sessions/{name}          from memory and from disk
//! POST   /v1/sessions/{name}/feed     {"text" or "tokens", "logprobs"?}  append to the text
//! POST   /v1/sessions/{name}/next     {"top"?, "hidden"?}                what may come next
//! POST   /v1/sessions/{name}/generate options of sampling                append what the model writes
//! POST   /v1/sessions/{name}/fork     {"name"}                           a copy under another name
//! POST   /v1/sessions/{name}/mark     {}                                 keep this position
//! POST   /v1/sessions/{name}/unmark   {"at"}
//! POST   /v1/sessions/{name}/rewind   {"to"}                             back to a position
//! GET    /v1/sessions/{name}/state                                       the state as a value
//! POST   /v1/sessions/{name}/save     {}                                 to disk
//! POST   /v1/sessions/{name}/restore  {}                                 from disk
//! ```
//! A request that comes while another one works on the session is refused (409).

use crate::app::{App, Served};
use crate::engine::{Bias, Event, Failure, Want, Writing};
use crate::limits::{Body, Named};
use crate::next::{HiddenQuery, PromptToken, prompt_tokens};
use crate::refusal::Refusal;
use crate::routes::completions::reason;
use crate::routes::next::{NextAnswer, NextRequest, Prompt, answer};
use crate::sessions::{Held, History, Listed, MOST_APPENDED, SessionName};
use crate::state::TextState;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use elman_infer::{Finish, Sampling, Writer};
use elman_text::TokenId;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Routes of named sessions.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/sessions", get(list).post(create))
        .route("/v1/sessions/{name}", get(show).delete(delete))
        .route("/v1/sessions/{name}/feed", post(feed))
        .route("/v1/sessions/{name}/next", post(next))
        .route("/v1/sessions/{name}/generate", post(generate))
        .route("/v1/sessions/{name}/fork", post(fork))
        .route("/v1/sessions/{name}/mark", post(mark))
        .route("/v1/sessions/{name}/unmark", post(unmark))
        .route("/v1/sessions/{name}/rewind", post(rewind))
        .route("/v1/sessions/{name}/state", get(state))
        .route("/v1/sessions/{name}/save", post(save))
        .route("/v1/sessions/{name}/restore", post(restore))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: SessionName,
    /// Model, by default the first one.
    #[serde(default)]
    model: Option<String>,
    /// State with which the session begins, instead of the beginning of a text.
    #[serde(default)]
    state: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Feed {
    prompt: Prompt,
    /// Whether the answer has the tokens with their log-probabilities.
    #[serde(default)]
    tokens: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ask {
    top: Option<usize>,
    hidden: Option<HiddenQuery>,
}

/// Options of sampling, under the names of `elman generate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Generate {
    max_tokens: usize,
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
            max_tokens: 64,
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
#[derive(Debug, Serialize)]
struct Generated {
    text: String,
    tokens: Vec<TokenId>,
    /// Natural log-probability of each token under the model.
    logprobs: Vec<f64>,
    finish_reason: &'static str,
    session: Shown,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fork {
    name: SessionName,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rewind {
    /// Position in tokens from the beginning of the text.
    to: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unmark {
    at: u64,
}

#[derive(Debug, Serialize)]
struct List {
    object: &'static str,
    data: Vec<Listed>,
}

/// A session after a request.
#[derive(Debug, Serialize)]
struct Shown {
    object: &'static str,
    name: SessionName,
    model: String,
    /// Number of tokens of its text.
    position: u64,
    /// Positions that were marked.
    marks: Vec<u64>,
    /// Whether it is on disk as it is now.
    saved: bool,
    /// The tokens that were fed, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Vec<PromptToken>>,
}

#[derive(Debug, Serialize)]
struct StateAnswer {
    object: &'static str,
    model: String,
    position: u64,
    state: String,
}

#[derive(Debug, Serialize)]
struct Deleted {
    object: &'static str,
    name: SessionName,
    deleted: bool,
}

type Answer<T> = Result<Json<T>, Refusal>;

fn shown(name: SessionName, session: &Held) -> Shown {
    Shown {
        object: "session",
        name,
        model: session.model.clone(),
        position: session.history.head.position,
        marks: session.history.marks(),
        saved: !session.changed,
        tokens: None,
    }
}

async fn list(State(app): State<App>) -> Answer<List> {
    let data = app.on_disk(|sessions| sessions.list()).await?;
    Ok(Json(List {
        object: "list",
        data,
    }))
}

async fn create(State(app): State<App>, Body(body): Body<Create>) -> Answer<Shown> {
    let served = app.model(body.model.as_deref())?;
    let head = app.state(served, body.state.as_deref())?;
    let session =
        app.sessions()
            .insert(body.name.clone(), served.name.clone(), History::new(head))?;
    Ok(Json(shown(body.name, &session)))
}

async fn show(State(app): State<App>, Named(name): Named) -> Answer<Shown> {
    let session = app.sessions().hold(&name)?;
    Ok(Json(shown(name, &session)))
}

async fn delete(State(app): State<App>, Named(name): Named) -> Answer<Deleted> {
    let deleted = name.clone();
    app.on_disk(move |sessions| sessions.delete(&deleted))
        .await?;
    Ok(Json(Deleted {
        object: "session.deleted",
        name,
        deleted: true,
    }))
}

async fn feed(State(app): State<App>, Named(name): Named, Body(body): Body<Feed>) -> Answer<Shown> {
    let mut session = app.sessions().hold(&name)?;
    let served = app.model(Some(&session.model))?.clone();
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

/// Appends tokens to a session, in parts between which it keeps its state.
async fn append(
    served: &Served,
    session: &mut Held,
    ids: &[u32],
    scored: bool,
) -> Result<Vec<f64>, Refusal> {
    let mut nats = Vec::new();
    let place = served.place()?;
    for part in ids.chunks(MOST_APPENDED) {
        let want = if scored { Want::Losses } else { Want::State };
        let (head, found) = served
            .read(&place, session.history.head.clone(), part, want)
            .await?;
        nats.extend(found.nats);
        session.append(part, head);
    }
    Ok(nats)
}

async fn next(
    State(app): State<App>,
    Named(name): Named,
    Body(body): Body<Ask>,
) -> Answer<NextAnswer> {
    let session = app.sessions().hold(&name)?;
    let served = app.model(Some(&session.model))?.clone();
    let request = NextRequest::of_session(body.top, body.hidden);
    answer(&app, &served, session.history.head.clone(), request).await
}

async fn generate(
    State(app): State<App>,
    Named(name): Named,
    Body(body): Body<Generate>,
) -> Answer<Generated> {
    if body.max_tokens > MOST_APPENDED {
        return Err(Refusal::of(
            "max_tokens",
            format!(
                "`max_tokens` is {}, and a session writes at most {MOST_APPENDED} at once",
                body.max_tokens
            ),
        ));
    }
    let mut session = app.sessions().hold(&name)?;
    let served = app.model(Some(&session.model))?.clone();
    let options = Sampling {
        max_tokens: body.max_tokens,
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
    let decoder = state.decoder(served.model.vocab());
    let writer = Writer::new(&served.model, options, 0, decoder, state.tail())?;
    let (events, mut receiver) = mpsc::unbounded_channel();
    let writing = Writing {
        state,
        writer,
        tops: 0,
        states: false,
        bias: Bias::default(),
        events,
    };
    served.engine.write(served.place()?, writing);
    let mut wrote = Wrote::default();
    loop {
        match receiver.recv().await {
            Some(Event::Token {
                id, text, logprob, ..
            }) => {
                wrote.text.extend(text);
                wrote.tokens.push(id);
                wrote.logprobs.push(logprob);
            }
            Some(Event::End {
                text,
                finish,
                state,
            }) => {
                wrote.text.extend(text);
                return Ok((*state, finish, wrote));
            }
            Some(Event::Failed(error)) => return Err(error.into()),
            None => return Err(Failure::Gone.into()),
        }
    }
}

async fn fork(State(app): State<App>, Named(name): Named, Body(body): Body<Fork>) -> Answer<Shown> {
    let session = app.sessions().hold(&name)?;
    let copy = app.sessions().insert(
        body.name.clone(),
        session.model.clone(),
        session.history.clone(),
    )?;
    Ok(Json(shown(body.name, &copy)))
}

async fn mark(State(app): State<App>, Named(name): Named) -> Answer<Shown> {
    let mut session = app.sessions().hold(&name)?;
    session.history.mark()?;
    session.changed = true;
    Ok(Json(shown(name, &session)))
}

async fn unmark(
    State(app): State<App>,
    Named(name): Named,
    Body(body): Body<Unmark>,
) -> Answer<Shown> {
    let mut session = app.sessions().hold(&name)?;
    if !session.history.unmark(body.at) {
        return Err(Refusal::of(
            "at",
            format!("session {name} has no mark at {}", body.at),
        ));
    }
    session.changed = true;
    Ok(Json(shown(name, &session)))
}

async fn rewind(
    State(app): State<App>,
    Named(name): Named,
    Body(body): Body<Rewind>,
) -> Answer<Shown> {
    let mut session = app.sessions().hold(&name)?;
    let served = app.model(Some(&session.model))?.clone();
    let (head, ids) = session.history.before(body.to, &served.model)?;
    let (head, _) = served
        .read(&served.place()?, head, &ids, Want::State)
        .await?;
    session.history.rewind(head);
    session.changed = true;
    Ok(Json(shown(name, &session)))
}

async fn state(State(app): State<App>, Named(name): Named) -> Answer<StateAnswer> {
    let mut session = app.sessions().hold(&name)?;
    let model = session.model.clone();
    let head = &mut session.history.head;
    Ok(Json(StateAnswer {
        object: "state",
        model,
        position: head.position,
        state: app.key().seal(head),
    }))
}

async fn save(State(app): State<App>, Named(name): Named) -> Answer<Shown> {
    let mut session = app.sessions().hold(&name)?;
    let saved = name.clone();
    let session = app
        .on_disk(move |sessions| sessions.save(&saved, &mut session).map(|()| session))
        .await?;
    Ok(Json(shown(name, &session)))
}

async fn restore(State(app): State<App>, Named(name): Named) -> Answer<Shown> {
    let (models, restored) = (app.clone(), name.clone());
    let model = move |name: &str| {
        models
            .model(Some(name))
            .ok()
            .map(|served| served.model.clone())
    };
    app.on_disk(move |sessions| sessions.restore(&restored, model))
        .await?;
    let session = app.sessions().hold(&name)?;
    Ok(Json(shown(name, &session)))
}
