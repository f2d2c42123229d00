//! Batches of the program's own sequences for one update.

use crate::TrainError;
use crate::groups::most_sequences;
use elman_net::dims::Capacity;
use elman_text::{TokenId, Window};

/// A batch of token sequences, padded to the longest of them.
///
/// Each is a text of its own: its first token is predicted from `<eos>` and the zero state, every later one from those before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    window: Window,
}

impl Batch {
    /// Makes a batch of `sequences`; `eos` is the id of `<eos>`. Padding carries no loss.
    pub fn new(eos: TokenId, sequences: &[impl AsRef<[TokenId]>]) -> Batch {
        let batch = sequences.len();
        let longest = sequences.iter().map(|ids| ids.as_ref().len()).max();
        let steps = longest.unwrap_or(0);
        let mut window = Window {
            steps,
            batch_size: batch,
            inputs: vec![eos; steps * batch],
            targets: vec![0; steps * batch],
            weight: vec![0.0; steps * batch],
            carry: steps,
            parts: (0..batch as u32).collect(),
            ..Window::default()
        };
        for (b, sequence) in sequences.iter().enumerate() {
            let mut before = eos;
            for (t, &id) in sequence.as_ref().iter().enumerate() {
                let at = t * batch + b;
                window.inputs[at] = std::mem::replace(&mut before, id);
                (window.targets[at], window.weight[at]) = (id, 1.0);
                window.real += 1;
            }
        }
        Batch { window }
    }

    /// Number of tokens that are predicted.
    pub fn tokens(&self) -> usize {
        self.window.real
    }

    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    /// Refuses what a network of `vocab` entries and memory for `groups` groups of windows in `capacity` cannot be trained on.
    pub(super) fn check(
        &self,
        vocab: usize,
        capacity: Capacity,
        groups: usize,
    ) -> Result<(), TrainError> {
        let Window {
            steps,
            batch_size,
            real,
            ref targets,
            ..
        } = self.window;
        if real == 0 {
            return Err(TrainError::EmptyBatch);
        }
        if let Some(&id) = targets.iter().find(|&&id| id as usize >= vocab) {
            return Err(TrainError::UnknownToken { id, vocab });
        }
        let sequences = most_sequences(groups, batch_size);
        if batch_size > capacity.carried || steps * sequences > capacity.window {
            return Err(TrainError::BatchTooLarge {
                sequences: batch_size,
                positions: steps * sequences * groups,
                most_sequences: capacity.carried,
                most_positions: capacity.window * groups,
            });
        }
        Ok(())
    }
}
