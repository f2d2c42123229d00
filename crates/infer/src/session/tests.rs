use super::*;
use crate::error::Error;
use crate::error::StateFlaw;
use crate::testing::{CELLS, bigrams, cpu, model, projected, tokens, vocab};
use crate::{Cache, Mixture, ScoredToken};
use elman_net::dims::Cell;
use elman_text::{Kind, Layout};

const LETTERS: &str = "abcdefghij klmnopqr\n";

/// A model of each family, and networks of every cell.
fn models() -> Vec<Model> {
    let letters = || vocab(Kind::Chars, LETTERS);
    let networks = CELLS.map(|cell| Model::from(model(cell, false)).with_cpu(cpu()));
    let others = [
        projected(Cell::GRU).into(),
        model(Cell::LSTM, true)
            .with_layout(Layout::Sentences)
            .into(),
        bigrams(letters()).into(),
        Cache::new(letters(), 7).unwrap().into(),
    ];
    let mut models: Vec<Model> = networks.into_iter().chain(others).collect();
    // A network, the bigrams and the cache.
    let members = [(3, 0.5), (7, 0.3), (8, 0.2)].map(|(i, weight)| (models[i].clone(), weight));
    models.push(Mixture::new(members.into()).unwrap().into());
    models
}

fn after(model: &Model, ids: &[TokenId]) -> Session {
    let mut session = model.session();
    session.feed_tokens(ids).unwrap();
    session
}

fn flaw(model: &Model, bytes: &[u8]) -> StateFlaw {
    match model.restore(bytes) {
        Err(Error::Model(ModelError::State(flaw))) => flaw,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pieces_questions_and_scores_give_the_same_bits() {
    for model in models() {
        let ids = tokens(model.vocab().len(), 90);
        let whole = model.session().score_tokens(&ids).unwrap();
        let (mut fed, mut asked) = (model.session(), model.session());
        for (at, (&id, &log_prob)) in ids.iter().zip(&whole).enumerate() {
            let next = fed.next().unwrap();
            assert_eq!(next.log_prob(id), log_prob, "{model:?}");
            fed.feed_tokens(&[id]).unwrap();
            // Scored after the state has been read, and before.
            if at % 3 == 0 {
                asked.next().unwrap();
            }
            assert_eq!(asked.score_tokens(&[id]).unwrap(), [log_prob]);
        }
        let mut logits = vec![0.0; model.vocab().len()];
        fed.next().unwrap().logits(&mut logits);
        assert_eq!(fed.logits(), logits, "{model:?}");
        let last = fed.next().unwrap().log_probs();
        assert_eq!(after(&model, &ids).next().unwrap().log_probs(), last);
        assert_eq!(asked.next().unwrap().log_probs(), last);
    }
}

#[test]
fn distributions_sum_to_one_and_are_ranked() {
    for model in models() {
        let ids = tokens(model.vocab().len(), 9);
        let next = after(&model, &ids).next().unwrap();
        let sum: f64 = (0..next.len() as u32).map(|id| next.prob(id)).sum();
        // The bigrams of the tests sum to nothing in particular.
        if model.as_ngram().is_none() && model.architecture() != "linear mixture" {
            assert!((sum - 1.0).abs() < 1e-6, "{model:?}: {sum}");
        }
        let all = next.top_ids(next.len());
        let ranked = |pair: &[u32]| next.log_prob(pair[0]) >= next.log_prob(pair[1]);
        assert!(all.windows(2).all(ranked));
        assert_eq!(next.top_ids(5), all[..5]);
        let (token, p) = &next.top(1)[0];
        assert_eq!(
            (&model.vocab().token(all[0]), *p),
            (&token.into(), next.prob(all[0]))
        );
    }
}

#[test]
fn sessions_advance_together_as_alone() {
    for model in models() {
        let v = model.vocab().len();
        let texts = [tokens(v, 5), tokens(v, 1), Vec::new()];
        let mut sessions = texts.each_ref().map(|text| after(&model, text));
        sessions[1].next().unwrap();
        for (step, &token) in tokens(v, 40).iter().enumerate() {
            let fed = [token, (token + 1) % v as u32, step as u32 % v as u32];
            let mut alone = sessions.each_ref().map(Session::fork);
            let together = {
                let [a, b, c] = &mut sessions;
                advance(&mut [a, b, c], &fed).unwrap()
            };
            for ((alone, id), together) in alone.iter_mut().zip(fed).zip(together) {
                alone.feed_tokens(&[id]).unwrap();
                let expected = alone.next().unwrap();
                assert_eq!(together.log_probs(), expected.log_probs(), "{model:?}");
            }
            for (session, alone) in sessions.iter_mut().zip(&mut alone) {
                assert_eq!(session.save(), alone.save());
            }
        }
    }
}

#[test]
fn only_sessions_of_one_model_advance_together() {
    let [a, b] = [Cell::GRU, Cell::LSTM].map(|cell| Model::from(model(cell, false)));
    let (mut a, mut b) = (a.session(), b.session());
    let error = advance(&mut [&mut a, &mut b], &[1, 1]).unwrap_err();
    assert!(matches!(error, Error::Model(ModelError::DifferentModels)));
    let error = a.feed_tokens(&[22]).unwrap_err();
    let unknown = ModelError::UnknownToken { id: 22, vocab: 22 };
    assert!(matches!(error, Error::Model(found) if found == unknown));
    assert!(advance(&mut [], &[]).unwrap().is_empty());
}

#[test]
fn forks_go_their_own_ways() {
    for model in models() {
        let ids = tokens(model.vocab().len(), 12);
        let mut session = after(&model, &ids);
        let mut fork = session.fork();
        fork.feed_tokens(&[3, 4]).unwrap();
        assert_eq!(session.save(), after(&model, &ids).save());
        session.feed_tokens(&[3, 4]).unwrap();
        assert_eq!(session.save(), fork.save());
        session.reset();
        assert_eq!(session.save(), model.session().save());
    }
}

#[test]
fn saved_sessions_go_on_and_equal_ones_have_equal_bytes() {
    for model in models() {
        let ids = tokens(model.vocab().len(), 60);
        let mut session = after(&model, &ids);
        let bytes = session.save();
        // In pieces, and asked in between.
        let mut other = after(&model, &ids[..31]);
        other.next().unwrap();
        other.score_tokens(&ids[31..]).unwrap();
        assert_eq!(other.save(), bytes);
        let mut restored = model.restore(&bytes).unwrap();
        assert_eq!(restored.save(), bytes);
        let rest = tokens(model.vocab().len(), 20);
        let expected = session.score_tokens(&rest).unwrap();
        assert_eq!(restored.score_tokens(&rest).unwrap(), expected, "{model:?}");
        session.feed_tokens(&[0]).unwrap();
        assert_ne!(session.save(), after(&model, &ids).save());
    }
}

#[test]
fn bytes_of_another_origin_are_refused() {
    for model in models() {
        let mut session = after(&model, &tokens(model.vocab().len(), 20));
        let bytes = session.save();
        assert_eq!(flaw(&model, b""), StateFlaw::NotASession);
        assert_eq!(flaw(&model, b"{\"session\": 1}"), StateFlaw::NotASession);
        for at in 8..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let flaw = flaw(&model, &changed);
            let expected = match at {
                8..12 => matches!(flaw, StateFlaw::Format { .. }),
                12..44 => flaw == StateFlaw::OtherModel,
                _ => flaw == StateFlaw::Damaged,
            };
            assert!(expected, "byte {at}: {flaw:?}");
        }
        for length in 8..bytes.len() {
            let flaw = flaw(&model, &bytes[..length]);
            let known = matches!(flaw, StateFlaw::Length { .. } | StateFlaw::Damaged);
            assert!(known, "{length} bytes: {flaw:?}");
        }
        let longer = [&bytes[..], &[0; 4]].concat();
        let flaw = flaw(&model, &longer);
        assert!(matches!(
            flaw,
            StateFlaw::Length { .. } | StateFlaw::Damaged
        ));
    }
    let models = [Cell::GRU, Cell::LSTM].map(|cell| Model::from(model(cell, false)));
    let bytes = models[0].session().save();
    assert_eq!(flaw(&models[1], &bytes), StateFlaw::OtherModel);
}

#[test]
fn texts_are_scored_as_they_are_evaluated() {
    let text = "abc def\n\nqr Xab";
    for model in models() {
        let score = model.score(text).unwrap();
        let read = elman_text::ReadOptions::default();
        let source = vec![elman_text::Source::Reader {
            name: "test".into(),
            reader: Box::new(text.as_bytes()),
        }];
        let options = crate::EvalOptions::default();
        let found = crate::evaluate(&model, source, &read, &options, &mut |_| {}).unwrap();
        assert_eq!(-score.log_prob(), found.total_nats, "{model:?}");
        assert_eq!(score.perplexity(), found.perplexity);
        assert_eq!(score.perplexity_per_word(), found.perplexity_per_word);
        assert_eq!(score.words, 4 + 3);
        assert_eq!(score.tokens.len() as u64, found.tokens);
        let unknown: Vec<&ScoredToken> = score.tokens.iter().filter(|t| t.unknown).collect();
        assert_eq!(unknown.len(), 1);
        assert_eq!(unknown[0].text, "<unk>");
        assert_eq!(score.tokens[0].text, "a");
    }
}

#[test]
fn hidden_states_are_those_of_a_forward_pass() {
    for model in models() {
        let ids = tokens(model.vocab().len(), 20);
        let mut session = after(&model, &ids);
        let found = session.hidden_state();
        let Some(network) = model.as_network() else {
            assert_eq!(found, None);
            continue;
        };
        let mut state = network.zero_state(1);
        let mut workspace = elman_net::Workspace::new(network.dims(), 1, 1);
        // In a model of sentences a line that has ended leaves nothing behind.
        let line = match model.layout() {
            Layout::Stream => 0,
            Layout::Sentences => ids
                .iter()
                .rposition(|&id| model.vocab().ends_line(id))
                .map_or(0, |end| end + 1),
        };
        for id in [&[model.vocab().eos()], &ids[line..]].concat() {
            let cpu = model.cpu();
            network
                .view()
                .advance(cpu, &[id], &mut state, &mut workspace);
        }
        assert_eq!(found, Some(state));
        // Asking changes nothing.
        let next = session.next().unwrap().log_probs();
        assert_eq!(next, after(&model, &ids).next().unwrap().log_probs());
    }
}

#[test]
fn a_text_is_fed_as_its_tokens() {
    let model = Model::from(model(Cell::GRU, false));
    let mut session = model.session();
    session.feed("abc").unwrap();
    let ids = model.vocab().tokenize(b"abc").unwrap().ids;
    assert_eq!(session.save(), after(&model, &ids).save());
}

#[test]
fn a_mixture_is_the_weighted_sum() {
    let models = models();
    let parts = [(0, 0.25), (8, 0.75)];
    let members = parts.map(|(i, weight): (usize, f64)| (models[i].clone(), weight));
    let mixture = Model::from(Mixture::new(members.to_vec()).unwrap());
    let ids = tokens(22, 30);
    let all = members.map(|(model, weight)| (model.session().score_tokens(&ids).unwrap(), weight));
    let mixed = mixture.session().score_tokens(&ids).unwrap();
    for (i, found) in mixed.iter().enumerate() {
        let p: f64 = all
            .iter()
            .map(|(nats, weight)| weight * nats[i].exp())
            .sum();
        assert!((found - p.ln()).abs() < 1e-12);
    }
    let wrong = Mixture::new(vec![(models[0].clone(), 0.5)]).unwrap_err();
    assert!(matches!(wrong, Error::Model(ModelError::Weights { .. })));
    let other = Model::from(Cache::new(vocab(Kind::Chars, "ab"), 3).unwrap());
    let wrong = Mixture::new(vec![(models[0].clone(), 0.5), (other, 0.5)]).unwrap_err();
    assert!(matches!(
        wrong,
        Error::Model(ModelError::Vocabularies { .. })
    ));
}
