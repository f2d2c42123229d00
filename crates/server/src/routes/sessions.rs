//! `/v1/sessions`: named sessions are created, fed, asked, forked, rewound, saved, restored, deleted and listed.
//!
//! ```text
//! GET    /v1/sessions                 all names
//! POST   /v1/sessions                 {"name", "model", "state"?}        create; at the beginning of a text, or at a state
//! GET    /v1/sessions/{name}          position and marks
//! DELETE /v1/sessions/{name}          from memory and from disk
//! POST   /v1/sessions/{name}/feed     {"prompt", "tokens"?}              append to the text
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
//! A request that comes while another one works on the session is refused (409). What reads or writes tokens is in `text`.

pub(crate) mod text;

use crate::app::App;
use crate::engine::Want;
use crate::limits::{Body, Named};
use crate::prompt::PromptToken;
use crate::refusal::Refusal;
use crate::sessions::{Held, History, Listed, SessionName};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Routes of named sessions.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/sessions", get(list).post(create))
        .route("/v1/sessions/{name}", get(show).delete(delete))
        .route("/v1/sessions/{name}/feed", post(text::feed))
        .route("/v1/sessions/{name}/next", post(text::next))
        .route("/v1/sessions/{name}/generate", post(text::generate))
        .route("/v1/sessions/{name}/fork", post(fork))
        .route("/v1/sessions/{name}/mark", post(mark))
        .route("/v1/sessions/{name}/unmark", post(unmark))
        .route("/v1/sessions/{name}/rewind", post(rewind))
        .route("/v1/sessions/{name}/state", get(state))
        .route("/v1/sessions/{name}/save", post(save))
        .route("/v1/sessions/{name}/restore", post(restore))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    name: SessionName,
    /// Model, by default the first one.
    #[serde(default)]
    model: Option<String>,
    /// State with which the session begins, instead of the beginning of a text.
    #[serde(default)]
    state: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fork {
    name: SessionName,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rewind {
    /// Position in tokens from the beginning of the text.
    to: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unmark {
    at: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SessionList {
    object: &'static str,
    data: Vec<Listed>,
}

/// A session after a request.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Shown {
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

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StateAnswer {
    object: &'static str,
    model: String,
    position: u64,
    state: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Deleted {
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

async fn list(State(app): State<App>) -> Answer<SessionList> {
    let data = app.on_disk(|sessions| sessions.list()).await?;
    Ok(Json(SessionList {
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
    let (mut session, served) = app.hold(&name)?;
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
    let session = app
        .on_disk(move |sessions| sessions.restore(&restored, model))
        .await?;
    Ok(Json(shown(name, &session)))
}
