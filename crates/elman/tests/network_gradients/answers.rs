//! Loss on answers alone: what a mark takes out of lines is to the gradient as if it were not there.

use super::small::{close, dims, random_engine};
use crate::reference;
use crate::reference::program::{self, CELLS, on_disk, widen};
use elman::text::{AnswerMask, Sentences, Vocab, Window};
use elman::train::bptt::LossNorm;
use elman_kernels::Isa;
use elman_kernels::rng::{Site, Stream, key};

/// Where only answers carry loss, loss and gradient are those of the answers' characters in the reference, and other targets
/// change no bit.
#[test]
fn only_answers_are_learnt() {
    const TEXT: &str = "3+=4=7\n12=\nno answer\n8=abc\n";
    /// What is predicted: line by line, of the characters after the last '='.
    const ANSWERS: [&str; 2] = ["7", "abc"];
    let vocab = Vocab::bytes();
    let ids: Vec<u32> = TEXT.bytes().map(u32::from).collect();
    let mask = AnswerMask::find("=", &vocab).expect("'=' is a byte");
    let batch_size = TEXT.lines().count();
    let sentences = Sentences::new(&ids, |id| vocab.ends_line(id), batch_size, 1000)
        .expect("few lines")
        .answers_after(mask);
    for cell in CELLS {
        let dims = dims(cell, vocab.len(), 21, 19, 1, false);
        // Lines of different lengths stand in batches of their own.
        let mut answered = 0;
        for at in 0..sentences.batches() {
            let mut window = Window::default();
            sentences.window(&ids, vocab.eos(), at, &mut window);
            let targets = window.targets.iter().zip(&window.weight);
            let predicted = targets.filter(|(_, weight)| **weight > 0.0);
            answered += predicted.clone().count();
            assert!(predicted.clone().all(|(id, _)| {
                let character = char::from(*id as u8);
                ANSWERS.concat().contains(character)
            }));

            let mut draw = Stream::new(key(12, Site::Init, 0));
            let (steps, batch_size) = (window.steps, window.batch_size);
            let mut engine = random_engine(&dims, Isa::detect(), 1, steps, batch_size, &mut draw);
            let mut learn = |window: &Window| {
                let mut carried = engine.zero_state();
                let stats = engine.run_window(window, LossNorm::Tokens, None, &mut carried);
                let gradients = on_disk(engine.grads());
                engine.discard_gradient();
                (stats, gradients)
            };
            let (stats, gradients) = learn(&window);
            assert_eq!(stats.tokens, window.real);

            let mut others = window.clone();
            let cells = others.targets.iter_mut().zip(&window.weight);
            cells
                .filter(|(_, weight)| **weight == 0.0)
                .for_each(|(id, _)| *id = (*id + 50) % 256);
            assert_ne!(others.targets, window.targets);
            assert_eq!(learn(&others), (stats, gradients.clone()));

            let oracle = program::network(&dims);
            let zero = oracle.zero_state(batch_size);
            let to_usize = |ids: &[u32]| ids.iter().map(|&id| id as usize).collect::<Vec<_>>();
            let expected = oracle.run(
                &on_disk(engine.params()),
                &reference::Window {
                    steps,
                    batch_size,
                    inputs: &to_usize(&window.inputs),
                    targets: &to_usize(&others.targets),
                    weights: &widen(&window.weight),
                    multipliers: &[],
                    norm: reference::Norm::Tokens,
                    regularisers: reference::Regularisers {
                        smoothing: 0.0,
                        ar: 0.0,
                        tar: 0.0,
                    },
                    initial: &zero,
                    d_final: &zero,
                },
            );
            if window.real > 0 {
                let loss = stats.nats / window.real as f64;
                close("answers", "loss", &[loss], &[expected.loss], 1e-6);
            }
            for (name, (_, gradient)) in gradients {
                let theirs = &expected.gradients[&name].1;
                match window.real {
                    0 => assert!(gradient.iter().all(|g| *g == 0.0), "{name}"),
                    _ => close("answers", &name, &gradient, theirs, 1e-4),
                }
            }
        }
        assert_eq!(answered, ANSWERS.concat().len());
    }
}
