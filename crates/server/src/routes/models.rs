//! What the models are, and their tokens.

use crate::app::{App, Served};
use crate::limits::Body;
use crate::prompt::check_ids;
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::{Path, State};
use elman_text::TokenId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, JsonSchema)]
pub(crate) struct ModelList {
    object: &'static str,
    data: Vec<About>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct About {
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

impl About {
    fn of(served: &Served) -> About {
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
    }
}

pub(super) async fn models(State(app): State<App>) -> Json<ModelList> {
    Json(ModelList {
        object: "list",
        data: app.models().iter().map(About::of).collect(),
    })
}

pub(super) async fn model(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<About>, Refusal> {
    Ok(Json(About::of(app.model(Some(&name))?)))
}

/// Body of `/tokenize`: `prompt` as vLLM has it, `content` as llama.cpp.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Tokenize {
    model: Option<String>,
    #[serde(alias = "content")]
    prompt: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Tokenized {
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

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Detokenize {
    model: Option<String>,
    tokens: Vec<TokenId>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Detokenized {
    prompt: String,
    content: String,
}

pub(super) async fn detokenize(
    State(app): State<App>,
    Body(body): Body<Detokenize>,
) -> Result<Json<Detokenized>, Refusal> {
    let vocab = app.model(body.model.as_deref())?.model.vocab();
    check_ids(vocab, &body.tokens, "tokens")?;
    let prompt = String::from_utf8_lossy(&vocab.decode(&body.tokens)).into_owned();
    Ok(Json(Detokenized {
        content: prompt.clone(),
        prompt,
    }))
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenizerInfo {
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
