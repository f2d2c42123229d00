//! A text that a model writes to be trained on: true beginnings, drawn from a text, each continued by the model itself.
//!
//! What a model reads when it writes are its own words; trained on true words alone it has never seen them (exposure bias). A
//! text of its own sequences, mixed with true text, shows it some. Places and draws are keyed by the seed and the number of the
//! beginning, so the text is the same at any thread count.
//!
//! A beginning or a continuation may start or end within a character, where tokens are parts of one (kind `bpe`): of the pieces that
//! are no whole character nothing is kept, since a text must be UTF-8 to be read again.

use super::{Finish, GenerateOptions, Generator};
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
    let (mut text, mut written, mut begun) = (Vec::new(), 0, 0u64);
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
        let numbers: Vec<u64> = (begun..).take(lanes).collect();
        let samples = generator.sample_each(&numbers, &mut |_, _| ControlFlow::Continue(()))?;
        for (mut tokens, sample) in prompts.into_iter().zip(samples) {
            let ended = matches!(sample.finish, Finish::Eos | Finish::Line);
            tokens.extend(&sample.tokens[..sample.tokens.len() - usize::from(ended)]);
            let bytes = model.vocab().decode(&tokens);
            match model.vocab().kind().is_text() {
                true => bytes
                    .utf8_chunks()
                    .for_each(|chunk| text.extend(chunk.valid().as_bytes())),
                false => text.extend(bytes),
            }
            if text.last() != Some(&b'\n') {
                text.push(b'\n');
            }
            // A text that ends at once takes its place too, so that this comes to an end.
            written += sample.tokens.len().max(1);
        }
        begun += lanes as u64;
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
    use crate::text::{self, Kind, ReadOptions, Source};
    use elman_kernels::Isa;
    use std::collections::HashSet;

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
    fn the_same_beginning_is_continued_in_many_ways() {
        let (model, cpu) = (testing::model(Cell::Gru, false), testing::cpu());
        let end = &mut |_| ControlFlow::Continue(());
        let text = write_own(&model, &cpu, &[5, 6, 7], &own(10 * LANES), end).unwrap();
        let beginning = model.vocab().decode(&[5, 6, 7]);
        let lines = text.split(|&byte| byte == b'\n');
        let ways: HashSet<&[u8]> = lines.filter(|line| line.starts_with(&beginning)).collect();
        assert!(ways.len() > LANES / 2, "{}", ways.len());
    }

    #[test]
    fn a_text_of_byte_pairs_is_utf8() {
        let source = || {
            [Source::Reader {
                name: "letters".into(),
                reader: Box::new("äöü é 猫\n".as_bytes()),
            }]
        };
        let read = ReadOptions::default();
        let (counts, _) = text::count(source(), Kind::Bpe, &read, 1 << 20).unwrap();
        // Bytes alone: every letter here is several tokens.
        let vocab = counts.into_vocab(1, Some(257)).unwrap();
        let ids = vocab.tokenize("äöü é 猫\n".as_bytes()).unwrap().ids;
        let model = testing::model_of(Cell::Gru, false, vocab);
        let end = &mut |_| ControlFlow::Continue(());
        let text = write_own(&model, &testing::cpu(), &ids, &own(500), end).unwrap();
        assert!(String::from_utf8(text).is_ok_and(|text| text.contains(['ö', 'é'])));
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
