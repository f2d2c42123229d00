//! Hidden states of a network, as answers show them: rounded to four decimals, a row for each of the last tokens.

use crate::limits::Within;
use crate::state::TextState;
use elman_infer::{Model, Result};
use elman_text::TokenId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest number of tokens after which hidden states are returned.
pub(crate) const MOST_STATES: usize = 64;

/// Which hidden states an answer contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HiddenQuery {
    /// Layer, from 0 below.
    pub layer: usize,
    /// Hidden state or memory cell.
    pub part: Part,
    /// Number of last tokens after which the state is returned; 1 if it is 0.
    pub last: Within<0, MOST_STATES>,
}

/// Part of a layer's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    /// The hidden state h.
    #[default]
    H,
    /// The memory cell c of an LSTM.
    C,
}

/// Hidden states after the last tokens.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Hidden {
    /// Every layer of the model, from below.
    pub layers: Vec<LayerSize>,
    pub layer: usize,
    pub part: Part,
    /// A row of values for each of the last tokens, rounded to four decimals.
    pub values: Vec<Vec<f64>>,
}

/// Size of a layer and the parts of its state.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct LayerSize {
    pub units: usize,
    pub parts: Vec<Part>,
}

/// Feeds the last tokens of a prompt one by one, those whose hidden states are wanted. Writes their losses −ln p into `nats`.
///
/// A prompt without tokens leaves the state where it is, and that is recorded.
///
/// # Errors
/// As for [`Session::nats`](elman_infer::Session::nats).
pub(crate) fn record(
    state: &mut TextState,
    ids: &[TokenId],
    nats: &mut [f64],
    recorder: &mut Recorder,
) -> Result<()> {
    if ids.is_empty() && recorder.last() > 0 {
        recorder.take(state);
    }
    for (id, nats) in ids.chunks(1).zip(nats.chunks_mut(1)) {
        state.session.nats(id, nats)?;
        state.passed(id);
        recorder.take(state);
    }
    Ok(())
}

/// Collects hidden states while a session is fed token by token.
pub(crate) struct Recorder {
    query: HiddenQuery,
    hidden: Option<Hidden>,
}

impl Recorder {
    /// A recorder of `query` for `model`; it collects nothing from models without hidden states.
    ///
    /// # Errors
    /// The reason in words if the model has no such layer or part.
    pub fn new(model: &Model, query: HiddenQuery) -> std::result::Result<Recorder, String> {
        let Some(network) = model.as_network() else {
            return Ok(Recorder {
                query,
                hidden: None,
            });
        };
        let dims = network.dims();
        let parts = match dims.cell.has_memory_cell() {
            true => vec![Part::H, Part::C],
            false => vec![Part::H],
        };
        let size = |&units: &usize| LayerSize {
            units,
            parts: parts.clone(),
        };
        let layers: Vec<LayerSize> = dims.hidden.iter().map(size).collect();
        if query.layer >= layers.len() {
            return Err(format!(
                "`hidden.layer` is {}, and the model has layers 0 to {}",
                query.layer,
                layers.len() - 1
            ));
        }
        if !parts.contains(&query.part) {
            return Err(
                "`hidden.part` is \"c\", and the cells of this model have no memory cell"
                    .to_owned(),
            );
        }
        let hidden = Hidden {
            layers,
            layer: query.layer,
            part: query.part,
            values: Vec::new(),
        };
        Ok(Recorder {
            query,
            hidden: Some(hidden),
        })
    }

    /// Number of last tokens to feed one by one.
    pub fn last(&self) -> usize {
        match self.hidden {
            Some(_) => self.query.last.get().max(1),
            None => 0,
        }
    }

    /// Takes the state after the last token that `state` was fed.
    pub fn take(&mut self, state: &mut TextState) {
        let (Some(hidden), Some(found)) = (&mut self.hidden, state.session.hidden_state()) else {
            return;
        };
        let layer = &found.layers[hidden.layer];
        let numbers = match hidden.part {
            Part::H => &layer.h,
            Part::C => &layer.c,
        };
        let rounded = |number: &f32| (f64::from(*number) * 1e4).round() / 1e4 + 0.0;
        hidden.values.push(numbers.iter().map(rounded).collect());
    }

    pub fn finish(self) -> Option<Hidden> {
        self.hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_infer::testing::{bigrams, model, tokens, vocab};
    use elman_net::dims::Cell;
    use elman_text::Kind;

    #[test]
    fn hidden_states_are_recorded_token_by_token() {
        let model = Model::from(model(Cell::LSTM, false));
        let query = HiddenQuery {
            layer: 1,
            part: Part::C,
            last: Within::new(3),
        };
        let mut recorder = Recorder::new(&model, query).unwrap();
        assert_eq!(recorder.last(), 3);
        let mut state = TextState::beginning(&model);
        let (ids, mut nats) = (tokens(22, 3), [0.0; 3]);
        record(&mut state, &ids, &mut nats, &mut recorder).unwrap();
        let scored = model.session().score_tokens(&ids).unwrap();
        assert_eq!(nats.map(|nats| -nats), *scored);
        let last = state.session.hidden_state().unwrap();
        let hidden = recorder.finish().unwrap();
        assert_eq!(
            (
                hidden.layers.len(),
                hidden.layers[0].units,
                hidden.values.len()
            ),
            (2, 21, 3)
        );
        for (shown, exact) in hidden.values[2].iter().zip(&last.layers[1].c) {
            assert!((shown - f64::from(*exact)).abs() <= 0.5e-4);
        }
    }

    #[test]
    fn queries_for_what_a_model_lacks_are_refused() {
        let gru = Model::from(model(Cell::GRU, false));
        let query = |layer, part| {
            Recorder::new(
                &gru,
                HiddenQuery {
                    layer,
                    part,
                    ..HiddenQuery::default()
                },
            )
            .map(drop)
        };
        assert_eq!(query(1, Part::H), Ok(()));
        for (refused, name) in [(query(2, Part::H), "layer"), (query(0, Part::C), "part")] {
            assert!(refused.unwrap_err().contains(name));
        }
        let ngrams = Model::from(bigrams(vocab(Kind::Chars, "ab\n")));
        let recorder = Recorder::new(&ngrams, HiddenQuery::default()).unwrap();
        assert_eq!((recorder.last(), recorder.finish()), (0, None));
    }
}
