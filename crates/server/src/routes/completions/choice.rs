//! A choice: one text after one prompt, from its first token to the reason of its end.

use super::request::{Request, Work};
use super::stream::Listener;
use crate::app::{App, WriteOptions};
use crate::engine::{Event, Found};
use crate::hidden::{Hidden, Recorder};
use crate::refusal::Refusal;
use crate::state::TextState;
use elman_infer::Finish;
use elman_text::{Decoder, TokenId, Vocab};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// A choice of an answer, or a part of one in a stream.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Choice {
    pub index: usize,
    pub text: String,
    pub logprobs: Option<Logprobs>,
    pub finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Log-probabilities in the shape of OpenAI: a list for each figure, an entry for each token.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Logprobs {
    pub tokens: Vec<String>,
    /// Natural log-probability; `null` for the first token of a text.
    pub token_logprobs: Vec<Option<f64>>,
    /// Tokens that might have come, with their log-probabilities.
    pub top_logprobs: Option<Vec<Option<BTreeMap<String, f64>>>>,
    /// Characters of the text before each token.
    pub text_offset: Vec<usize>,
}

/// A text that has ended.
pub(super) struct Done {
    pub prompt: usize,
    pub sample: usize,
    pub choice: Choice,
    /// Tokens that were written.
    pub tokens: Vec<TokenId>,
    logprob: f64,
}

impl Done {
    /// By which `best_of` ranks texts.
    pub fn mean_logprob(&self) -> f64 {
        self.logprob / self.tokens.len().max(1) as f64
    }
}

/// Why a text has ended, in OpenAI's words.
pub(crate) fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Length | Finish::Cancelled => "length",
        Finish::Stop | Finish::Eos | Finish::Line | Finish::Match => "stop",
    }
}

/// Puts the parts of a choice together.
struct Collector<'a> {
    request: &'a Request,
    vocab: &'a Vocab,
    /// Reads all tokens, for the text of each.
    decoder: Decoder,
    choice: Choice,
    /// Characters of the text so far.
    chars: usize,
}

impl<'a> Collector<'a> {
    fn new(request: &'a Request, index: usize) -> Collector<'a> {
        let vocab = request.served.model.vocab();
        Collector {
            request,
            vocab,
            decoder: request.state.decoder(vocab),
            choice: Choice {
                index,
                logprobs: request.logprobs.map(|most| Logprobs {
                    top_logprobs: (most > 0).then(Vec::new),
                    ..Logprobs::default()
                }),
                ..Choice::default()
            },
            chars: 0,
        }
    }

    /// A token with its log-probability and its alternatives; `shown` is whether the answer has it.
    fn token(
        &mut self,
        id: TokenId,
        logprob: Option<f64>,
        tops: Option<&[(TokenId, f64)]>,
        shown: bool,
    ) {
        let before = self.decoder.clone();
        let piece = self.decoder.push(self.vocab, id).to_vec();
        let Some(logprobs) = self.choice.logprobs.as_mut().filter(|_| shown) else {
            return;
        };
        let name = |id| name_of(self.vocab, &before, id);
        if let Some(all) = &mut logprobs.top_logprobs {
            all.push(tops.map(|tops| {
                let mut named = BTreeMap::new();
                // The token itself comes first: it is the one of its name.
                for (id, logprob) in [(id, logprob.unwrap_or(f64::NEG_INFINITY))]
                    .iter()
                    .chain(tops)
                {
                    named.entry(name(*id)).or_insert(logprob.max(LEAST));
                }
                named
            }));
        }
        logprobs.tokens.push(name(id));
        logprobs
            .token_logprobs
            .push(logprob.map(|logprob| logprob.max(LEAST)));
        logprobs.text_offset.push(self.chars);
        self.chars += String::from_utf8_lossy(&piece).chars().count();
    }

    /// The prompt, whose tokens are part of the answer if it was to be echoed.
    fn prompt(&mut self, prompt: usize, found: &Found) {
        let (request, echo) = (self.request, self.request.echo);
        let prompt = &request.prompts[prompt];
        for (i, &id) in prompt.ids.iter().enumerate() {
            // What was not read has no loss: the `<eos>` that begins a text.
            let at = i.checked_sub(prompt.written_out);
            let known = at.filter(|_| i > 0 || request.state.position > 0);
            let logprob = known.and_then(|at| found.nats.get(at)).map(|nats| -nats);
            let tops = known.and_then(|at| found.tops.get(at)).map(Vec::as_slice);
            self.token(id, logprob, tops, echo);
        }
        if echo {
            self.choice.text = match &prompt.text {
                Some(text) => text.clone(),
                None => {
                    String::from_utf8_lossy(&self.vocab.decode(&prompt.ids[prompt.written_out..]))
                        .into_owned()
                }
            };
        }
    }

    /// More of the text.
    fn text(&mut self, text: &[u8]) {
        self.choice.text.push_str(&String::from_utf8_lossy(text));
    }

    /// What was collected since the last time.
    fn take(&mut self) -> Choice {
        let mut choice = Collector::new(self.request, self.choice.index).choice;
        std::mem::swap(&mut choice, &mut self.choice);
        choice
    }
}

/// What stands for −∞, which JSON lacks: clients take sums and maxima of log-probabilities.
const LEAST: f64 = -1e4;

/// What a token is called after the tokens that `before` has read: the text it adds, or its bytes if it adds none.
fn name_of(vocab: &Vocab, before: &Decoder, id: TokenId) -> String {
    let mut decoder = before.clone();
    let piece = decoder.push(vocab, id);
    if id == vocab.eos() {
        return vocab.token(id).into_owned();
    }
    match std::str::from_utf8(piece) {
        Ok(text) if !text.is_empty() => text.to_owned(),
        _ => {
            let bytes = vocab.printed(id).iter();
            bytes.fold("bytes:".to_owned(), |name, byte| {
                format!("{name}\\x{byte:02x}")
            })
        }
    }
}

/// Reads a prompt and writes a text after it. A listener gets each part of the text, and the result has none of them then.
pub(super) async fn run(
    app: &App,
    request: &Request,
    work: Work,
    listener: Option<&Listener>,
) -> Result<Done, Refusal> {
    let mut collector = Collector::new(request, work.prompt * request.samples + work.sample);
    let (state, found) = work.read(request).await?;
    collector.prompt(work.prompt, found);
    let mut done = Done {
        prompt: work.prompt,
        sample: work.sample,
        choice: Choice::default(),
        tokens: Vec::new(),
        logprob: 0.0,
    };
    let mut state = Box::new(state.clone());
    let mut finish = Finish::Length;
    if request.sampling.max_tokens > 0 {
        if let Some(listener) = listener.filter(|_| request.echo) {
            listener.part(collector.take()).await?;
        }
        (state, finish) = write(request, work, *state, &mut collector, &mut done, listener).await?;
    }
    if request.return_state {
        collector.choice.state = Some(app.key().seal(&mut state));
    }
    collector.choice.finish_reason = Some(reason(finish));
    let last = collector.take();
    match listener {
        Some(listener) => listener.part(last).await?,
        None => done.choice = last,
    }
    Ok(done)
}

async fn write(
    request: &Request,
    work: Work,
    state: TextState,
    collector: &mut Collector<'_>,
    done: &mut Done,
    listener: Option<&Listener>,
) -> Result<(Box<TextState>, Finish), Refusal> {
    let served = &request.served;
    let options = WriteOptions {
        tops: request.logprobs.unwrap_or(0),
        states: request.hidden.is_some(),
        bias: request.bias.clone(),
    };
    let sampling = request.sampling.clone();
    let mut events = served.write(work.place, state, sampling, work.sample, options)?;
    loop {
        let text = match events.next().await? {
            Event::Token {
                id,
                text,
                logprob,
                tops,
                state,
            } => {
                done.tokens.push(id);
                done.logprob += logprob;
                collector.token(id, Some(logprob), Some(&tops), true);
                if let (Some(query), Some(mut state)) = (request.hidden, state)
                    && let Ok(mut recorder) = Recorder::new(&served.model, query)
                {
                    recorder.take(&mut state);
                    collector.choice.hidden = recorder.finish();
                }
                text
            }
            Event::End {
                text,
                finish,
                state,
            } => {
                collector.text(&text);
                return Ok((state, finish));
            }
        };
        collector.text(&text);
        if let Some(listener) = listener {
            listener.part(collector.take()).await?;
        }
    }
}
