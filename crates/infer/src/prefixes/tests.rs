use super::*;
use crate::error::Error;
use crate::testing::{CELLS, bigrams, cpu, model, tokens, vocab};
use crate::{Cache, Mixture};
use elman_net::dims::Cell;
use elman_text::Kind;
use std::collections::HashSet;

const LETTERS: &str = "abcdefghij klmnopqr\n";

/// A model of each family.
fn models() -> Vec<Model> {
    let letters = || vocab(Kind::Chars, LETTERS);
    let mut models = CELLS
        .map(|cell| Model::from(model(cell, false)).with_cpu(cpu()))
        .to_vec();
    models.push(bigrams(letters()).into());
    models.push(Cache::new(letters(), 7).unwrap().into());
    let members = [(3, 0.5), (5, 0.3), (6, 0.2)].map(|(i, weight)| (models[i].clone(), weight));
    models.push(Mixture::new(members.into()).unwrap().into());
    models
}

/// `n` sequences that share prefixes, some of them equal and one of them empty.
fn hypotheses(n: usize) -> Vec<Vec<TokenId>> {
    let trunk = tokens(22, 12);
    let mut all = vec![Vec::new(), trunk.clone()];
    for (i, noise) in tokens(22, n).into_iter().enumerate() {
        let mut sequence = trunk[..i % 9].to_vec();
        sequence.extend([noise, (i % 3) as TokenId]);
        sequence.extend(&trunk[..i % 4]);
        all.push(sequence);
    }
    all.push(trunk[..5].to_vec());
    all.push(all[3].clone());
    all
}

/// Number of distinct prefixes that a token follows.
fn distinct(sequences: &[Vec<TokenId>]) -> usize {
    let prefixes = |sequence: &'_ Vec<TokenId>| {
        let sequence = sequence.clone();
        (0..sequence.len()).map(move |t| sequence[..t].to_vec())
    };
    let all: HashSet<Vec<TokenId>> = sequences.iter().flat_map(prefixes).collect();
    all.len()
}

#[test]
fn losses_are_those_of_sessions_to_the_bit_and_every_prefix_is_read_once() {
    for model in models() {
        let sequences = hypotheses(150);
        let mut scorer = PrefixScorer::new(&model);
        let found = scorer.score(&sequences).unwrap();
        for (sequence, nats) in sequences.iter().zip(&found) {
            let mut expected = vec![0.0; sequence.len()];
            let model = model.clone().with_layout(Layout::Stream);
            model.session().nats(sequence, &mut expected).unwrap();
            assert_eq!(nats, &expected, "{model:?}");
        }
        let prefixes = distinct(&sequences) as u64;
        let counts = scorer.counts();
        let tokens = sequences.iter().map(|sequence| sequence.len() as u64).sum();
        assert_eq!(
            (counts.sequences, counts.tokens, counts.prefixes),
            (sequences.len() as u64, tokens, prefixes)
        );
        assert!(prefixes < tokens * 2 / 3, "{prefixes} of {tokens}");
        let networks = match model.architecture().as_str() {
            "2-gram" | "unigram cache" => 0,
            _ => 1,
        };
        assert_eq!(counts.network_steps, networks * prefixes, "{model:?}");
    }
}

#[test]
fn a_thousand_hypotheses_cost_at_most_a_step_for_each_distinct_prefix() {
    let model = Model::from(model(Cell::LSTM, false)).with_cpu(cpu());
    let sequences = hypotheses(1000);
    let mut scorer = PrefixScorer::new(&model);
    scorer.score(&sequences).unwrap();
    let counts = scorer.counts();
    assert!(counts.sequences >= 1000);
    assert_eq!(counts.network_steps, distinct(&sequences) as u64);
    assert!(counts.network_steps * 2 < counts.tokens, "{counts:?}");
}

#[test]
fn the_kept_sequence_becomes_history_without_further_steps() {
    for model in models() {
        let sequences = hypotheses(20);
        let (mut scorer, mut apart) = (PrefixScorer::new(&model), PrefixScorer::new(&model));
        let alone = apart.score(&sequences).unwrap();
        assert_eq!(scorer.score_after(&sequences, 7).unwrap(), alone);
        assert_eq!(scorer.counts(), apart.counts());
        let later = scorer.score(&sequences).unwrap();
        assert_ne!(later, alone, "{model:?}");
        let stream = model.clone().with_layout(Layout::Stream);
        for (sequence, nats) in sequences.iter().zip(&later) {
            let mut session = stream.session();
            session.feed_tokens(&sequences[7]).unwrap();
            let mut expected = vec![0.0; sequence.len()];
            session.nats(sequence, &mut expected).unwrap();
            assert_eq!(nats, &expected, "{model:?}");
        }
        // An empty sequence leaves the history as it is.
        assert_eq!(scorer.score_after(&sequences, 0).unwrap(), later);
        assert_eq!(scorer.score(&sequences).unwrap(), later);
    }
}

#[test]
fn more_prefixes_than_streams_are_split_and_read_once() {
    let model: Model = bigrams(vocab(Kind::Chars, LETTERS)).into();
    let network = Model::from(crate::testing::model(Cell::GRU, false)).with_cpu(cpu());
    // 22³ sequences of four tokens: more than MOST_STREAMS prefixes of three.
    let ids = 0..22u32.pow(3);
    let sequence = |i: u32| vec![i / 484, i / 22 % 22, i % 22, i % 5, i % 7, i % 3];
    let all: Vec<Vec<TokenId>> = ids.map(sequence).collect();
    // With six tokens the groups have longer prefixes, which are read before the next group.
    for (model, tokens, longer) in [(&model, 4, 0), (&network, 4, 0), (&network, 6, 2 * 10_648)] {
        let sequences: Vec<Vec<TokenId>> = all.iter().map(|all| all[..tokens].to_vec()).collect();
        let mut scorer = PrefixScorer::new(model);
        let found = scorer.score(&sequences).unwrap();
        assert_eq!(scorer.counts().prefixes, 1 + 22 + 484 + 10_648 + longer);
        for i in (0..sequences.len()).step_by(997) {
            let mut expected = vec![0.0; tokens];
            let model = model.clone().with_layout(Layout::Stream);
            model.session().nats(&sequences[i], &mut expected).unwrap();
            assert_eq!(found[i], expected);
        }
    }
}

#[test]
fn nothing_and_unknown_ids() {
    let model: Model = bigrams(vocab(Kind::Chars, LETTERS)).into();
    let mut scorer = PrefixScorer::new(&model);
    assert!(scorer.score(&[]).unwrap().is_empty());
    assert_eq!(scorer.score(&[Vec::new()]).unwrap(), [Vec::<f64>::new()]);
    assert_eq!(scorer.counts().prefixes, 0);
    let unknown = ModelError::UnknownToken { id: 22, vocab: 22 };
    match scorer.score(&[vec![1, 22]]) {
        Err(Error::Model(found)) => assert_eq!(found, unknown),
        other => panic!("{other:?}"),
    }
}
