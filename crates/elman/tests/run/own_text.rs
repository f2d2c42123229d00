//! A text of the model's own, written before a run begins and trained on as the tokens that it was written in.

use super::bench::{Bench, Log, resume, text};
use elman::infer::OwnText;
use elman::text::{Corpus, Kind, Vocab};
use elman::train::{self, Config};

fn config() -> Config {
    Config {
        vocab: Kind::Chars,
        batch_size: 2,
        steps: Some(4),
        epochs: None,
        ..super::bench::config()
    }
}

#[test]
fn unknown_tokens_stay_tokens_and_the_share_is_of_all_that_is_read() {
    let bench = Bench::new();
    bench.whole("base", &config());
    // Letters outside the vocabulary.
    bench.write("text.txt", &text(600, 2).replace('e', "é"));
    let job = |run: &str, own_text, weights: &[f64]| {
        let config = Config {
            corpus_weights: weights.to_vec(),
            ..config()
        };
        train::Job {
            init_from: Some(bench.path("base")),
            own_text,
            ..bench.job(run, &config)
        }
    };
    let own = OwnText {
        share: 0.4,
        beginning: 20,
        continuation: 30,
        temperature: 1.0,
    };
    let ids = |run: &str| {
        let corpus = Corpus::open(&bench.path(run).join("tokens/train.tok")).unwrap();
        corpus.ids().to_vec()
    };
    for (name, weights) in [("once", &[][..]), ("thrice", &[3.0])] {
        let (plain, mixed) = (format!("{name}-plain"), format!("{name}-mixed"));
        train::start(&job(&plain, None, weights), &mut Log::default()).unwrap();
        let mut log = Log::stopping_after([2]);
        train::start(&job(&mixed, Some(own), weights), &mut log).unwrap();
        let (plain, all) = (ids(&plain), ids(&mixed));
        let first = all.len() - plain.len();
        assert_eq!(all[first..], plain, "the true text follows");
        // Of fifty tokens thirty are its own.
        assert_eq!(first % 50, 0);
        let share = (first * 30 / 50) as f64 / all.len() as f64;
        assert!(
            (0.4..0.4 + 30.0 / all.len() as f64).contains(&share),
            "{share}"
        );
        assert!(
            log.notes
                .iter()
                .any(|note| note.contains("are the model's own")),
            "{:?}",
            log.notes
        );

        let vocab =
            Vocab::from_tokenizer(&bench.path(&mixed).join("tokens/tokenizer.json"), None).unwrap();
        let unk = vocab.unk().unwrap();
        let unknown = |ids: &[u32]| ids.iter().filter(|id| **id == unk).count();
        let beginnings: Vec<u32> = all[..first]
            .chunks(50)
            .flat_map(|chunk| &chunk[..20])
            .copied()
            .collect();
        let [true_share, found] =
            [&plain, &beginnings].map(|ids| unknown(ids) as f64 / ids.len() as f64);
        assert!(
            true_share > 0.05 && (found / true_share - 1.0).abs() < 0.5,
            "{found} of {true_share}"
        );
        // The same tokens after an interruption.
        let again = resume(&bench.path(&mixed), &mut Log::default()).unwrap();
        let whole = format!("{name}-whole");
        let whole = train::start(&job(&whole, Some(own), weights), &mut Log::default()).unwrap();
        assert_eq!(whole.checkpoint, again.checkpoint);
    }
}

#[test]
fn it_needs_a_model_that_writes_whole_lines() {
    let bench = Bench::new();
    let own_text = Some(OwnText {
        share: 0.5,
        beginning: 2,
        continuation: 9,
        temperature: 1.0,
    });
    let job = train::Job {
        own_text,
        ..bench.job("run", &config())
    };
    let error = train::start(&job, &mut Log::default()).unwrap_err();
    let refused = matches!(
        error,
        train::Error::Run(train::RunError::OwnTextWithoutModel)
    );
    assert!(refused, "{error}");
}
