//! A text that a model writes to be trained on: true beginnings, drawn from a text, each continued by the model itself.
//!
//! What a model reads when it writes are its own words; trained on true words alone it has never seen them (exposure bias). A
//! text of its own sequences, mixed with true text, shows it some. Places are keyed by the seed and the number of the
//! beginning, so the text is the same at any thread count.

use super::{GenerateOptions, Generator};
use crate::error::{Error, Result};
use crate::infer::{Composing, Model, Sampling};
use crate::rng::{Site, Stream, key};
use elman_kernels::Cpu;
use std::ops::ControlFlow;

/// Beginnings that are continued side by side.
const LANES: usize = 32;

/// How much to write, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OwnText {
    /// Tokens to write, beginnings not counted.
    pub tokens: usize,
    /// Of a beginning.
    pub beginning: usize,
    /// Of what the model writes after it.
    pub length: usize,
    pub temperature: f32,
    pub seed: u64,
}

/// Writes such a text, after beginnings from `ids`; `watch` is told the tokens written so far and may end it.
///
/// Errors: sizes of 0, a text that is shorter than a beginning, hidden states that overflow.
pub fn write_own(
    model: &Model,
    cpu: &Cpu,
    ids: &[u32],
    own: &OwnText,
    watch: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Vec<u8>> {
    let OwnText {
        tokens,
        beginning,
        length,
        temperature,
        seed,
    } = *own;
    if beginning == 0 || length == 0 || ids.len() < beginning {
        return Err(Error::Config(format!(
            "a beginning of {beginning} tokens and a continuation of {length} cannot be made from a text of {} tokens: both need at least one, and the text a whole beginning",
            ids.len()
        )));
    }
    let places = (ids.len() - beginning + 1).min(u32::MAX as usize) as u32;
    let mut place = Stream::new(key(seed, Site::Beginnings, 0));
    let options = GenerateOptions {
        sampling: Sampling {
            temperature,
            ..Sampling::default()
        },
        seed,
        max_tokens: length,
        ..GenerateOptions::default()
    };
    let (mut text, mut written, mut batch) = (Vec::new(), 0, 0);
    while written < tokens {
        let lanes = LANES.min((tokens - written).div_ceil(length));
        let prompts: Vec<Vec<u32>> = (0..lanes)
            .map(|_| {
                let start = place.below(places) as usize;
                ids[start..start + beginning].to_vec()
            })
            .collect();
        let author = Box::new(Composing::new(model, cpu, lanes));
        let mut generator = Generator::new(author, cpu.isa(), &prompts, options.clone())?;
        let samples = generator.sample(batch, &mut |_, _| ControlFlow::Continue(()))?;
        for (prompt, sample) in prompts.iter().zip(samples) {
            text.extend(model.vocab().decode(prompt));
            text.extend(sample.text);
            if text.last() != Some(&b'\n') {
                text.push(b'\n');
            }
            // A text that ends at once takes its place too, so that this comes to an end.
            written += sample.tokens.len().max(1);
        }
        batch += 1;
        if watch(written).is_break() {
            break;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dims::Cell;
    use crate::infer::testing;
    use elman_kernels::Isa;

    fn own(tokens: usize) -> OwnText {
        OwnText {
            tokens,
            beginning: 3,
            length: 10,
            temperature: 1.0,
            seed: 4,
        }
    }

    #[test]
    fn it_is_the_same_text_at_any_thread_count_and_as_long_as_asked() {
        let model = testing::model(Cell::Gru, false);
        let ids: Vec<u32> = (0..200)
            .map(|i| 2 + i % (model.vocab().len() as u32 - 2))
            .collect();
        let write = |threads, tokens| {
            let cpu = Cpu::new(Isa::detect(), threads);
            let mut most = 0;
            let text = write_own(&model, &cpu, &ids, &own(tokens), &mut |written| {
                most = written;
                ControlFlow::Continue(())
            })
            .unwrap();
            (text, most)
        };
        let (text, written) = write(1, 500);
        assert!((500..500 + 10 * LANES).contains(&written), "{written}");
        assert_eq!(write(3, 500), (text.clone(), written));
        assert_ne!(write(1, 100).0, text);
    }

    #[test]
    fn sizes_that_make_no_text_are_refused() {
        let (model, cpu) = (testing::model(Cell::Gru, false), testing::cpu());
        for (ids, own) in [
            (&[2, 3][..], own(5)),
            (
                &[2, 3, 4],
                OwnText {
                    length: 0,
                    ..own(5)
                },
            ),
            (
                &[2, 3, 4],
                OwnText {
                    beginning: 0,
                    ..own(5)
                },
            ),
        ] {
            let end = &mut |_| ControlFlow::Continue(());
            assert!(write_own(&model, &cpu, ids, &own, end).is_err());
        }
    }
}
