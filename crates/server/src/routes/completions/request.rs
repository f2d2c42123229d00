//! The body of a completion request, and what is made of it: checked numbers, tokens, options of sampling.

use super::Usage;
use super::choice::{Choice, Done};
use crate::app::{App, Served};
use crate::engine::{Bias, Found, Place, Want};
use crate::hidden::{HiddenQuery, Recorder};
use crate::limits::Within;
use crate::prompt::{Prompt, check_ids};
use crate::refusal::Refusal;
use crate::state::TextState;
use axum::http::StatusCode;
use elman_infer::{Eos, Sampling};
use elman_text::TokenId;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::OnceCell;

/// Largest number of alternatives to a token.
const MOST_LOGPROBS: usize = 100;
/// Largest number of texts that a request asks for.
const MOST_TEXTS: usize = 128;
/// Largest number of log-probabilities in an answer.
const MOST_ENTRIES: usize = 1 << 20;
/// Largest number of stop strings.
const MOST_STOPS: usize = 16;
/// Largest number of biases.
const MOST_BIASES: usize = 1024;

/// Body of a request as clients send it; `null` is as good as nothing.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CompletionBody {
    model: Option<String>,
    prompt: Option<Prompts>,
    best_of: Option<Within<1, MOST_TEXTS>>,
    echo: Option<bool>,
    frequency_penalty: Option<f32>,
    hidden: Option<HiddenQuery>,
    ignore_eos: Option<bool>,
    logit_bias: Option<BTreeMap<String, f32>>,
    logprobs: Option<Within<0, MOST_LOGPROBS>>,
    max_tokens: Option<usize>,
    min_p: Option<f32>,
    n: Option<Within<1, MOST_TEXTS>>,
    presence_penalty: Option<f32>,
    repetition_penalty: Option<f32>,
    return_state: Option<bool>,
    seed: Option<i64>,
    state: Option<String>,
    stop: Option<Stops>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    suffix: Option<String>,
    temperature: Option<f32>,
    top_k: Option<usize>,
    top_p: Option<f32>,
    typical: Option<f32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "`prompt` must be a text, a list of token ids, or a list of either"
)]
enum Prompts {
    One(Prompt),
    Many(Vec<Prompt>),
}

impl Default for Prompts {
    fn default() -> Prompts {
        Prompts::One(Prompt::default())
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`stop` must be a text or a list of texts")]
enum Stops {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// Prompt of a request, tokenized.
#[derive(Debug, Default)]
pub(super) struct ReadyPrompt {
    /// The text as it was given, if it was one.
    pub text: Option<String>,
    pub ids: Vec<TokenId>,
    /// Number of ids at the beginning that only say that a text begins.
    pub written_out: usize,
}

/// A request whose fields are in range.
pub(super) struct Request {
    pub served: Served,
    pub state: TextState,
    pub prompts: Vec<ReadyPrompt>,
    /// Number of texts that are returned for each prompt.
    pub n: usize,
    /// Number of texts that are written for each prompt, of which the best are returned.
    pub samples: usize,
    pub echo: bool,
    pub logprobs: Option<usize>,
    pub sampling: Sampling,
    pub bias: Bias,
    pub hidden: Option<HiddenQuery>,
    pub return_state: bool,
    pub stream: bool,
    pub include_usage: bool,
}

/// A text to be written: of which prompt, which sample, and its place in the engine.
pub(super) struct Work {
    pub prompt: usize,
    pub sample: usize,
    pub place: Place,
    /// The prompt when it was read, once for all samples.
    read: Arc<OnceCell<(TextState, Found)>>,
}

impl Work {
    /// The state after the prompt, and what was found out about its tokens; the first of the prompt's texts that asks reads it.
    pub async fn read(&self, request: &Request) -> Result<&(TextState, Found), Refusal> {
        let want = match (request.echo, request.logprobs) {
            (true, Some(0)) => Want::Losses,
            (true, Some(most)) => Want::Tops(most),
            _ => Want::State,
        };
        let prompt = &request.prompts[self.prompt];
        let ids = &prompt.ids[prompt.written_out..];
        let read = async || {
            let state = request.state.clone();
            request.served.read(&self.place, state, ids, want).await
        };
        self.read.get_or_try_init(read).await
    }
}

impl Request {
    /// Checks a body.
    ///
    /// # Errors
    /// [`Refusal`] that names the field.
    pub fn check(app: &App, body: CompletionBody) -> Result<Request, Refusal> {
        let served = app.model(body.model.as_deref())?.clone();
        let vocab = served.model.vocab();
        if body.suffix.is_some_and(|suffix| !suffix.is_empty()) {
            return Err(Refusal::of(
                "suffix",
                "`suffix` is not supported: the models read from left to right",
            ));
        }
        let n = body.n.map_or(1, Within::get);
        let best_of = number(
            "best_of",
            body.best_of.map_or(n, Within::get),
            n,
            MOST_TEXTS,
        )?;
        let stream = body.stream.unwrap_or(false);
        if stream && best_of > n {
            return Err(Refusal::of(
                "best_of",
                "`best_of` above `n` cannot be streamed: the best text is known at the end",
            ));
        }
        let max_tokens = number(
            "max_tokens",
            body.max_tokens.unwrap_or(16),
            0,
            app.limits().tokens,
        )?;
        let logprobs = body.logprobs.map(Within::get);
        let prompts = prompts(
            &served,
            body.prompt.unwrap_or_default(),
            body.state.is_none(),
        )?;
        number("prompt", prompts.len() * best_of, 1, MOST_TEXTS).map_err(|_| {
            Refusal::of(
                "prompt",
                format!(
                    "a request asks for 1 to {MOST_TEXTS} texts, counting `best_of` for each prompt"
                ),
            )
        })?;
        let alternatives = logprobs.map_or(0, |most| 1 + most);
        let echoed = match body.echo {
            Some(true) => prompts.iter().map(|prompt| prompt.ids.len()).sum(),
            _ => 0,
        };
        let entries = (prompts.len() * max_tokens + echoed) * best_of * alternatives;
        if entries > MOST_ENTRIES {
            return Err(Refusal::of(
                "logprobs",
                format!(
                    "the answer may have {entries} log-probabilities, and at most {MOST_ENTRIES} are returned: ask for fewer texts, tokens or alternatives"
                ),
            ));
        }
        let penalty = |name, value: Option<f32>| match value.unwrap_or(0.0) {
            value if (-2.0..=2.0).contains(&value) => Ok(value),
            _ => Err(Refusal::of(name, format!("`{name}` is between -2 and 2"))),
        };
        let bias = Bias {
            fixed: biases(body.logit_bias.unwrap_or_default(), vocab.len())?,
            presence: penalty("presence_penalty", body.presence_penalty)?,
            frequency: penalty("frequency_penalty", body.frequency_penalty)?,
        };
        let stop = match body.stop {
            None => Vec::new(),
            Some(Stops::One(stop)) => vec![stop],
            Some(Stops::Many(stops)) => stops,
        };
        number("stop", stop.len(), 0, MOST_STOPS)?;
        let usual = Sampling::default();
        let sampling = Sampling {
            temperature: body.temperature.unwrap_or(1.0),
            top_k: body.top_k.filter(|&k| k > 0),
            top_p: body.top_p.unwrap_or(1.0),
            min_p: body.min_p.unwrap_or(0.0),
            typical: body.typical.unwrap_or(1.0),
            repetition_penalty: body.repetition_penalty.unwrap_or(1.0),
            seed: match body.seed {
                Some(seed) => seed as u64,
                None => random()?,
            },
            max_tokens,
            stop,
            eos: match body.ignore_eos {
                Some(true) => Eos::GoOn,
                _ => usual.eos,
            },
            ..usual
        };
        sampling.check()?;
        if let Some(query) = body.hidden {
            Recorder::new(&served.model, query).map_err(|reason| Refusal::of("hidden", reason))?;
        }
        Ok(Request {
            state: app.state(&served, body.state.as_deref())?,
            prompts,
            n,
            // Without tokens all texts are the same.
            samples: if max_tokens == 0 { n } else { best_of },
            echo: body.echo.unwrap_or(false),
            logprobs,
            sampling,
            bias,
            hidden: body.hidden.filter(|_| stream),
            return_state: body.return_state.unwrap_or(false),
            stream,
            include_usage: body
                .stream_options
                .and_then(|options| options.include_usage)
                .unwrap_or(false),
            served,
        })
    }

    /// Takes a place for each text.
    ///
    /// # Errors
    /// 429 if there are too few; none is taken then.
    pub fn work(&self) -> Result<Vec<Work>, Refusal> {
        let each = (0..self.prompts.len()).flat_map(|prompt| {
            let read = Arc::default();
            (0..self.samples).map(move |sample| (prompt, sample, Arc::clone(&read)))
        });
        let work = each.map(|(prompt, sample, read)| {
            Ok(Work {
                prompt,
                sample,
                place: self.served.engine.place()?,
                read,
            })
        });
        work.collect()
    }

    pub fn usage(&self, completion_tokens: usize) -> Usage {
        let prompt_tokens = self.prompts.iter().map(|prompt| prompt.ids.len()).sum();
        Usage {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
        }
    }

    /// The n best texts of each prompt, in the order of the prompts; among equals the one that was begun first.
    pub fn best(&self, mut done: Vec<Done>) -> Vec<Choice> {
        done.sort_by(|a, b| a.prompt.cmp(&b.prompt).then(a.sample.cmp(&b.sample)));
        let mut choices = Vec::new();
        for prompt in 0..self.prompts.len() {
            let mut texts: Vec<&Done> = done.iter().filter(|done| done.prompt == prompt).collect();
            if self.samples > self.n {
                texts.sort_by(|a, b| b.mean_logprob().total_cmp(&a.mean_logprob()));
            }
            choices.extend(
                texts
                    .into_iter()
                    .take(self.n)
                    .map(|done| done.choice.clone()),
            );
        }
        for (index, choice) in choices.iter_mut().enumerate() {
            choice.index = index;
        }
        choices
    }
}

fn number(name: &'static str, value: usize, least: usize, most: usize) -> Result<usize, Refusal> {
    match (least..=most).contains(&value) {
        true => Ok(value),
        false => Err(Refusal::of(
            name,
            format!("`{name}` is between {least} and {most}, and not {value}"),
        )),
    }
}

fn prompts(served: &Served, prompts: Prompts, begins: bool) -> Result<Vec<ReadyPrompt>, Refusal> {
    let vocab = served.model.vocab();
    let ready = |prompt| match prompt {
        Prompt::Text(text) => Ok(ReadyPrompt {
            ids: vocab.tokenize(text.as_bytes())?.ids,
            text: Some(text),
            written_out: 0,
        }),
        Prompt::Ids(ids) => {
            check_ids(vocab, &ids, "prompt")?;
            let written_out = usize::from(begins && ids.first() == Some(&vocab.eos()));
            Ok(ReadyPrompt {
                text: None,
                ids,
                written_out,
            })
        }
    };
    match prompts {
        Prompts::One(one) => Ok(vec![ready(one)?]),
        Prompts::Many(many) => many.into_iter().map(ready).collect(),
    }
}

fn biases(given: BTreeMap<String, f32>, vocab: usize) -> Result<Vec<(TokenId, f32)>, Refusal> {
    number("logit_bias", given.len(), 0, MOST_BIASES)?;
    let each = given
        .into_iter()
        .map(|(id, bias)| match id.parse::<TokenId>() {
            Ok(id) if (id as usize) < vocab && (-100.0..=100.0).contains(&bias) => match bias {
                // As with OpenAI, the token is excluded.
                -100.0 => Ok((id, f32::NEG_INFINITY)),
                bias => Ok((id, bias)),
            },
            _ => Err(Refusal::of(
                "logit_bias",
                format!("`logit_bias` maps ids below {vocab} to numbers between -100 and 100"),
            )),
        });
    each.collect()
}

fn random() -> Result<u64, Refusal> {
    getrandom::u64().map_err(|_| {
        Refusal::with(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the system has no random numbers",
        )
    })
}

/// Name of an answer.
pub(super) fn identity() -> Result<String, Refusal> {
    Ok(format!("cmpl-{:016x}", random()?))
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
