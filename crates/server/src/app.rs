//! What all routes share: the models with their engines, the key of states, named sessions, the limits.

use crate::engine::{Bias, Engine, Events, Failure, Found, Place, Want, Writing};
use crate::hosts::Hosts;
use crate::keys::ApiKeys;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::routes::metrics::Answers;
use crate::sessions::{Held, SessionError, SessionName, Sessions};
use crate::state::{StateKey, TextState};
use axum::http::StatusCode;
use elman_infer::{Model, Sampling, Writer};
use elman_text::TokenId;
use std::sync::Arc;
use std::time::SystemTime;

/// State of the routes, cheap to copy.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    models: Vec<Served>,
    key: StateKey,
    sessions: Arc<Sessions>,
    limits: Limits,
    keys: ApiKeys,
    hosts: Hosts,
    answers: Answers,
}

/// A model that is served.
#[derive(Clone)]
pub(crate) struct Served {
    /// Name by which requests ask for it.
    pub name: String,
    pub model: Model,
    pub engine: Engine,
    /// Seconds since 1970 when it was loaded.
    pub created: u64,
}

/// What else the events of a text have, and what changes its logits.
#[derive(Default)]
pub(crate) struct WriteOptions {
    /// Number of alternatives to each token.
    pub tops: usize,
    /// Whether each event has the state after its token.
    pub states: bool,
    pub bias: Bias,
}

impl Served {
    /// Starts the engine of a model.
    ///
    /// # Errors
    /// The system's if it has no thread left.
    pub fn start(name: String, model: Model, limits: &Limits) -> std::io::Result<Served> {
        let engine = Engine::start(limits.requests)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Ok(Served {
            name,
            model,
            engine,
            created: now.map_or(0, |since| since.as_secs()),
        })
    }

    /// Takes a place for a request.
    ///
    /// # Errors
    /// 429 if there is none.
    pub fn place(&self) -> Result<Place, Refusal> {
        Ok(self.engine.place()?)
    }

    /// Reads `ids` after `state`.
    pub async fn read(
        &self,
        place: &Place,
        state: TextState,
        ids: &[TokenId],
        want: Want,
    ) -> Result<(TextState, Found), Refusal> {
        if ids.is_empty() {
            return Ok((state, Found::default()));
        }
        Ok(self
            .engine
            .read(place.clone(), state, ids.to_vec(), want)
            .await?)
    }

    /// Begins to write a text after `state`: sample number `sample` of its prompt.
    ///
    /// # Errors
    /// [`Refusal`] if the options are out of range.
    pub fn write(
        &self,
        place: Place,
        state: TextState,
        sampling: Sampling,
        sample: usize,
        more: WriteOptions,
    ) -> Result<Events, Refusal> {
        let decoder = state.decoder(self.model.vocab());
        let writer = Writer::new(&self.model, sampling, sample as u64, decoder, state.tail())?;
        let WriteOptions { tops, states, bias } = more;
        Ok(self.engine.write(
            place,
            Writing {
                state,
                writer,
                tops,
                states,
                bias,
            },
        ))
    }

    /// Computes something short on the engine.
    pub async fn compute<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> elman_infer::Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        Ok(self.engine.compute(place, work).await?)
    }
}

impl App {
    pub fn new(
        models: Vec<Served>,
        key: StateKey,
        sessions: Sessions,
        limits: Limits,
        keys: ApiKeys,
        hosts: Hosts,
    ) -> App {
        App(Arc::new(Inner {
            models,
            key,
            sessions: Arc::new(sessions),
            limits,
            keys,
            hosts,
            answers: Answers::default(),
        }))
    }

    pub fn models(&self) -> &[Served] {
        &self.0.models
    }

    pub fn key(&self) -> &StateKey {
        &self.0.key
    }

    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub fn keys(&self) -> &ApiKeys {
        &self.0.keys
    }

    pub fn hosts(&self) -> &Hosts {
        &self.0.hosts
    }

    pub fn answers(&self) -> &Answers {
        &self.0.answers
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The model called `name`, by default the first one.
    /// Holds the session `name`, with its model.
    pub fn hold(&self, name: &SessionName) -> Result<(Held, Served), Refusal> {
        let session = self.sessions().hold(name)?;
        let served = self.model(Some(&session.model))?.clone();
        Ok((session, served))
    }

    pub fn model(&self, name: Option<&str>) -> Result<&Served, Refusal> {
        let models = self.models();
        match name {
            None => models.first().ok_or_else(|| Refusal::no_model("")),
            Some(name) => models
                .iter()
                .find(|served| served.name == name)
                .ok_or_else(|| Refusal::no_model(name)),
        }
    }

    /// The state that a request brings, by default the beginning of a text.
    pub fn state(&self, served: &Served, text: Option<&str>) -> Result<TextState, Refusal> {
        match text {
            Some(text) => Ok(self.key().open(&served.model, &served.name, text)?),
            None => Ok(TextState::beginning(&served.model)),
        }
    }

    /// Does what waits for the disk, on a thread that may wait.
    pub async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Sessions) -> Result<T, SessionError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let sessions = self.0.sessions.clone();
        match tokio::task::spawn_blocking(move || work(&sessions)).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Refusal::with(
                StatusCode::INTERNAL_SERVER_ERROR,
                Failure::Gone.to_string(),
            )),
        }
    }
}
