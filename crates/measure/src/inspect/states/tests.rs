//! What is kept are the states that a model has, read token by token.

use super::*;
use elman_infer::testing::{CELLS, cpu, model, model_of, tokens, vocab};
use elman_net::dims::Cell;
use elman_text::Kind;

#[test]
fn states_are_those_after_each_token() {
    for cell in CELLS {
        let (model, cpu) = (model(cell, false), cpu());
        // Longer than a window.
        let ids = tokens(model.vocab().len(), WINDOW + 9);
        let found = states(&model, &cpu, &ids, &Options::default()).unwrap();
        assert_eq!(found.tokens, ids.len());
        let mut state = model.zero_state(1);
        let mut workspace = Workspace::new(model.dims(), 1, 1);
        model
            .view()
            .advance(&cpu, &[model.vocab().eos()], &mut state, &mut workspace);
        for (t, id) in ids.iter().enumerate() {
            model
                .view()
                .advance(&cpu, &[*id], &mut state, &mut workspace);
            for (kept, now) in found.layers.iter().zip(&state.layers) {
                let row = t * kept.hidden..(t + 1) * kept.hidden;
                assert_eq!(
                    kept.h[row.clone()],
                    now.h[..kept.hidden],
                    "{cell}, token {t}"
                );
                if !kept.c.is_empty() {
                    assert_eq!(kept.c[row], now.c[..kept.hidden], "{cell}, token {t}");
                }
            }
        }
        let units = found.units().count();
        assert_eq!(
            4 * (units * ids.len()) as u64,
            plan_bytes(model.dims(), ids.len())
        );
        let last = found.units().last().unwrap();
        assert!(
            found.has(last)
                && !found.has(Unit {
                    unit: last.unit + 1,
                    ..last
                })
        );
        assert_eq!(found.values(last).count(), ids.len());
    }
}

#[test]
fn lines_of_a_model_of_sentences_begin_with_the_zero_state() {
    let vocab = vocab(Kind::Whitespace, "a b c d");
    let model = model_of(Cell::GRU, false, vocab).with_layout(Layout::Sentences);
    let eos = model.vocab().eos();
    let line = [2, 3, 4, eos];
    let ids = [&line[..], &line].concat();
    let found = states(&model, &cpu(), &ids, &Options::default()).unwrap();
    let h = &found.layers[1].h;
    assert_eq!(h[..h.len() / 2], h[h.len() / 2..]);
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let model = model(Cell::LSTM, false);
    let none = states(&model, &cpu(), &[], &Options::default()).unwrap_err();
    assert!(none.to_string().contains("no tokens"), "{none}");
    let options = Options {
        tokens: 0,
        ..Options::default()
    };
    assert!(states(&model, &cpu(), &[1], &options).is_err());
    let ids = vec![1; 20_000_000];
    let options = Options {
        tokens: ids.len(),
        ..Options::default()
    };
    let error = states(&model, &cpu(), &ids, &options).unwrap_err();
    assert!(error.to_string().contains("tokens at most"), "{error}");
}
