//! A stretch of text scored at once has the bits of token after token.

use super::texts::{model, sentences, text};
use elman::text::Kind;

#[test]
fn lanes_change_no_bit() {
    let text = text(2000);
    for order in [1, 2, 5] {
        for kind in [Kind::Whitespace, Kind::Words] {
            let model = model(&text, kind, order);
            let tokens: Vec<u32> = match kind {
                Kind::Whitespace => sentences(&text, model.words()).concat(),
                _ => model.vocab().tokenize(text.as_bytes()).unwrap().ids,
            };
            // Too short for lanes, just long enough, with a remainder, long.
            for len in [0, 1, 31, 1024, 1025, 1500, tokens.len()] {
                let tokens = &tokens[..len];
                let mut together = vec![0.0; len];
                let begin = model.score(model.start(), 2).1;
                let end = model.score_all(begin, tokens, &mut together);
                let mut state = begin;
                for (i, &token) in tokens.iter().enumerate() {
                    let (log10, next) = model.score(state, token);
                    assert_eq!(
                        log10.to_bits(),
                        together[i].to_bits(),
                        "{kind} {order} {len} {i}"
                    );
                    state = next;
                }
                assert_eq!(state, end);
            }
        }
    }
}
