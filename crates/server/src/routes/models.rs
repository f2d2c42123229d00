//! What the models are, their tokens, and how the server is.

use crate::app::{App, Served};
use crate::limits::Body;
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use elman_text::TokenId;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

#[derive(Serialize)]
pub(super) struct List {
    object: &'static str,
    data: Vec<About>,
}

#[derive(Serialize)]
struct About {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    /// Architecture and vocabulary in words.
    description: String,
    /// Hash over architecture, vocabulary and weights, to which states are bound.
    hash: String,
    vocab_size: usize,
}

pub(super) async fn models(State(app): State<App>) -> Json<List> {
    let about = |served: &Served| {
        let vocab = served.model.vocab();
        About {
            id: served.name.clone(),
            object: "model",
            created: served.created,
            owned_by: "elman",
            description: format!(
                "{}, {}, V = {}",
                served.model.architecture(),
                vocab.kind(),
                vocab.len()
            ),
            hash: served.model.id().to_owned(),
            vocab_size: vocab.len(),
        }
    };
    Json(List {
        object: "list",
        data: app.models().iter().map(about).collect(),
    })
}

/// Body of `/tokenize`: `prompt` as vLLM has it, `content` as llama.cpp.
#[derive(Deserialize)]
pub(super) struct Tokenize {
    model: Option<String>,
    #[serde(alias = "content")]
    prompt: String,
}

#[derive(Serialize)]
pub(super) struct Tokenized {
    tokens: Vec<TokenId>,
    count: usize,
    /// The tokens as the vocabulary spells them.
    token_strs: Vec<String>,
}

pub(super) async fn tokenize(
    State(app): State<App>,
    Body(body): Body<Tokenize>,
) -> Result<Json<Tokenized>, Refusal> {
    let vocab = app.model(body.model.as_deref())?.model.vocab();
    // The string of `<eos>` alone is the token: lm_eval asks so for its id. Within a text it is text.
    let tokens = match body.prompt == vocab.token(vocab.eos()) {
        true => vec![vocab.eos()],
        false => vocab.tokenize(body.prompt.as_bytes())?.ids,
    };
    Ok(Json(Tokenized {
        count: tokens.len(),
        token_strs: tokens
            .iter()
            .map(|&id| vocab.token(id).into_owned())
            .collect(),
        tokens,
    }))
}

#[derive(Deserialize)]
pub(super) struct Detokenize {
    model: Option<String>,
    tokens: Vec<TokenId>,
}

#[derive(Serialize)]
pub(super) struct Detokenized {
    prompt: String,
    content: String,
}

pub(super) async fn detokenize(
    State(app): State<App>,
    Body(body): Body<Detokenize>,
) -> Result<Json<Detokenized>, Refusal> {
    let vocab = app.model(body.model.as_deref())?.model.vocab();
    if let Some(id) = body.tokens.iter().find(|&&id| id as usize >= vocab.len()) {
        return Err(Refusal::of(
            "tokens",
            format!(
                "there is no token {id}: the vocabulary has {} tokens",
                vocab.len()
            ),
        ));
    }
    let prompt = String::from_utf8_lossy(&vocab.decode(&body.tokens)).into_owned();
    Ok(Json(Detokenized {
        content: prompt.clone(),
        prompt,
    }))
}

#[derive(Serialize)]
pub(super) struct TokenizerInfo {
    tokenizer_class: &'static str,
    eos_token: String,
    bos_token: String,
    pad_token: String,
    unk_token: Option<String>,
    vocab_size: usize,
}

pub(super) async fn tokenizer_info(State(app): State<App>) -> Result<Json<TokenizerInfo>, Refusal> {
    let vocab = app.model(None)?.model.vocab();
    let eos = vocab.token(vocab.eos()).into_owned();
    Ok(Json(TokenizerInfo {
        tokenizer_class: "elman",
        bos_token: eos.clone(),
        pad_token: eos.clone(),
        eos_token: eos,
        unk_token: vocab.unk().map(|id| vocab.token(id).into_owned()),
        vocab_size: vocab.len(),
    }))
}

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
}

pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let mut text = String::from(
        "# HELP elman_texts_open Texts that a model reads or writes.\n# TYPE elman_texts_open gauge\n",
    );
    for served in app.models() {
        // A name has no quotation marks: it was checked when the server started.
        let _ = writeln!(
            text,
            "elman_texts_open{{model=\"{}\"}} {}",
            served.name,
            served.engine.open()
        );
    }
    let sessions = app.sessions().len();
    let _ = write!(
        text,
        "# HELP elman_sessions Named sessions in memory.\n# TYPE elman_sessions gauge\nelman_sessions {sessions}\n"
    );
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}
