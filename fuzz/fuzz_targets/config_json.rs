//! Any bytes as the `config.json` beside the weights and the tokenizer of a model: refused, or a model that predicts.
#![no_main]

use elman::Model;
use elman::infer::{About, NetworkModel, save_model};
use elman::net::dims::{Activation, Cell, Dims};
use elman::net::{Network, Params};
use elman::store::{Array, Integrity, Snapshot, read_snapshot, write_model_dir};
use elman::text::{Layout, Vocab};
use elman_fuzz::memory;
use elman_fuzz::run::{scratch, write};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;
use tempfile::TempDir;

/// A model whose configuration is replaced.
struct Subject {
    directory: TempDir,
    tokenizer: String,
    /// As a file of another program, which is not bound to its configuration.
    foreign: Snapshot<'static>,
}

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
    let cells = [Cell::elman(Activation::Tanh), Cell::LSTM, Cell::GRU];
    cells.into_iter().map(subject).collect()
});

fn subject(cell: Cell) -> Subject {
    let directory = scratch();
    let vocab = match Vocab::from_list("fuzz", b"a\nb\nc\n", elman::text::Kind::Words) {
        Ok(vocab) => vocab,
        Err(error) => panic!("{error}"),
    };
    let dims = Dims {
        cell,
        vocab: vocab.len(),
        embed: 3,
        hidden: vec![3, 4],
        tied: false,
    };
    let network = Network::new(dims);
    let params = Params::zeros(network.layout().clone());
    let path = directory.path();
    let saved = save_model(
        path,
        &network,
        &params,
        &vocab,
        Layout::Stream,
        &About::default(),
    );
    let weights =
        saved.map(|()| read_snapshot(&path.join("model.safetensors"), Integrity::Required));
    match weights {
        Ok(Ok(weights)) => Subject {
            directory,
            tokenizer: vocab.to_tokenizer_json(),
            foreign: weights,
        },
        _ => panic!("the model of the target cannot be written"),
    }
}

fuzz_target!(|bytes: &[u8]| {
    for subject in &*SUBJECTS {
        let path: PathBuf = subject.directory.path().to_path_buf();
        match std::str::from_utf8(bytes) {
            // Bound to its weights, as a model of ours.
            Ok(text) => {
                let weights = Snapshot {
                    header: subject.foreign.header.clone(),
                    arrays: subject.foreign.arrays.iter().map(Array::clone).collect(),
                };
                if let Err(error) = write_model_dir(&path, text, &subject.tokenizer, &[], &weights)
                {
                    panic!("{error}");
                }
            }
            Err(_) => write(&path.join("config.json"), bytes),
        }
        match memory::bounded(bytes.len(), || NetworkModel::load(&path)) {
            Ok(model) => predict(model),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});

fn predict(model: NetworkModel) {
    let mut session = Model::from(model).with_threads(1).session();
    for token in 0..session.model().vocab().len() as u32 {
        session.feed_tokens(&[token]).unwrap();
        // Overflowing states are an error.
        let next = session.next().unwrap();
        assert!(next.log_probs().iter().all(|p| !p.is_nan()));
    }
}
