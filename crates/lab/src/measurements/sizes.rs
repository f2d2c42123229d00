//! Sizes as the text grows: networks, whose parameters follow from H, d and |V| alone, and n-gram models, which list what they have
//! seen.

use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use crate::text::Texts;
use elman_infer::{EvalOptions, evaluate};
use elman_kernels::Cpu;
use elman_ngram as ngram;
use elman_ngram::{Builder, CountOptions, Counts, Words};
use elman_store::disk;
use elman_text::{Corpus, Kind, ReadOptions, Source, Vocab};
use elman_train::{Config, Trainer, VocabularyFrom};
use serde::{Deserialize, Serialize};

/// Sizes of models of a part of the text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Number of tokens of the part.
    pub tokens: u64,
    /// Weights of the LSTM that is made to train on the part, with the vocabulary of the whole text.
    pub parameters: usize,
    /// Size of a vocabulary of every word of the part.
    pub every_word: usize,
    /// Weights of the LSTM that is made to train on the part, with a vocabulary of every word of the part.
    pub parameters_every_word: usize,
    /// n-gram models of the part, one for each of the orders of [`Sizes`].
    pub ngrams: Vec<Counted>,
}

/// Size and perplexity of an n-gram model.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// Number of n-grams.
    pub ngrams: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Perplexity on the held-out text.
    pub perplexity: f64,
}

/// Size and perplexity of a network trained on the whole text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Scored {
    /// The network.
    pub net: Net,
    /// Number of parameters.
    pub parameters: usize,
    /// Size of its weights in bytes, in single precision.
    pub bytes: u64,
    /// Perplexity on the held-out text.
    pub perplexity: f64,
}

/// Sizes of networks and n-gram models by size of the text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sizes {
    /// Orders of the n-gram models.
    pub orders: Vec<usize>,
    /// V, the size of the vocabulary of the whole text.
    pub entries: usize,
    /// Results by size of the part, from small to large; the last is the whole text.
    pub parts: Vec<Part>,
    /// Networks trained on the whole text.
    pub networks: Vec<Scored>,
}

const ORDERS: [usize; 3] = [2, 3, 5];
const PARTS: [usize; 4] = [8, 4, 2, 1];

/// Counts the n-gram models and trains the networks, or loads the measurement.
pub(crate) fn sizes(lab: &mut Lab) -> Result<Sizes> {
    let mut models = Vec::new();
    for net in Net::TRAINED {
        let network = lab.model(net)?.0;
        models.push((net, lab.computing(network)));
    }
    lab.measured("sizes", |lab| {
        let vocab = models[0].1.vocab().clone();
        let read = ReadOptions::default();
        let valid = || vec![Source::File(lab.texts().valid.clone())];
        let config = lab.config(Net::Lstm);
        let mut parts = Vec::new();
        for part in parts_of(lab.texts())? {
            let source = || source(&part);
            let mut ngrams = Vec::new();
            let mut tokens = 0;
            for order in ORDERS {
                let model = count(lab, Words::new(vocab.clone()), source(), order)?;
                let (ngrams_in_all, bytes) = (model.counts().iter().sum(), model.bytes());
                let (model, options) = (lab.computing(model), EvalOptions::default());
                let found = evaluate(&model, valid(), &read, &options, &mut |_| ())?;
                ngrams.push(Counted {
                    ngrams: ngrams_in_all,
                    bytes,
                    perplexity: found.perplexity,
                });
            }
            elman_text::encode(source(), &vocab, &read, &mut |_| -> Result<()> {
                tokens += 1;
                Ok(())
            })?;
            let every: Vocab = VocabularyFrom::Text.vocab(source(), Kind::Words, &read, 1, None)?;
            parts.push(Part {
                tokens,
                parameters: weights(&config, &vocab, &part, lab.own_cpu())?,
                every_word: every.len(),
                parameters_every_word: weights(&config, &every, &part, lab.own_cpu())?,
                ngrams,
            });
        }
        let mut networks = Vec::new();
        for (net, model) in &models {
            let (read, options) = (ReadOptions::default(), EvalOptions::default());
            let found = evaluate(model, valid(), &read, &options, &mut |_| ())?;
            let parameters = model.parameters() as usize;
            networks.push(Scored {
                net: *net,
                parameters,
                bytes: 4 * parameters as u64,
                perplexity: found.perplexity,
            });
        }
        Ok(Sizes {
            orders: ORDERS.to_vec(),
            entries: vocab.len(),
            parts,
            networks,
        })
    })
}

/// The training text's first lines: an eighth of them, up to all.
fn parts_of(texts: &Texts) -> Result<Vec<String>> {
    let text = disk::read_text(&texts.train, texts.train_bytes as u64)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let part = |n: usize| lines.iter().take((lines.len() / n).max(1)).copied();
    Ok(PARTS.map(|n| part(n).collect()).to_vec())
}

fn source(part: &str) -> Vec<Source> {
    vec![Source::Reader {
        name: "a part of the text".into(),
        reader: Box::new(std::io::Cursor::new(part.to_owned().into_bytes())),
    }]
}

/// Makes the network that training with `config` and `vocab` on the text `part` begins with, and counts its weights.
fn weights(config: &Config, vocab: &Vocab, part: &str, cpu: Cpu) -> Result<usize> {
    let corpus = Corpus::encode(source(part), vocab, &ReadOptions::default())?;
    let trainer = Trainer::on_cpu(config, vocab.clone(), corpus, cpu)?;
    let params = trainer.params();
    let tensors = params.layout().tensors();
    Ok(tensors.map(|(id, _)| params[id].len()).sum())
}

/// The Kneser–Ney model of `order` of a text.
pub(crate) fn count(
    lab: &Lab,
    words: Words,
    text: Vec<Source>,
    order: usize,
) -> Result<ngram::Model> {
    let options = CountOptions {
        order,
        prune: Vec::new(),
        memory_bytes: 256 << 20,
        threads: lab.machine().threads,
        scratch: lab.directory().to_owned(),
    };
    let counts = Counts::of(text, &ReadOptions::default(), &words, &options, &mut |_| ())?;
    let mut builder = Builder::new(words, order);
    counts.estimate(&mut |gram, p, weight| -> Result<()> {
        Ok(builder
            .push(gram, p, weight)
            .map_err(ngram::NgramError::from)?)
    })?;
    Ok(builder.finish().map_err(ngram::NgramError::from)?)
}

#[cfg(test)]
impl Sizes {
    /// Two parts of a text with a bigram model and an LSTM of these parameters each, and a network of `network` bytes, for tests of rules.
    pub fn made_up(parameters: [usize; 2], ngram_bytes: [u64; 2], network: u64) -> Sizes {
        let parts = parameters.into_iter().zip(ngram_bytes);
        let part = |(parameters, bytes)| Part {
            tokens: 1000,
            parameters,
            every_word: 10,
            parameters_every_word: parameters,
            ngrams: vec![Counted {
                ngrams: bytes / 10,
                bytes,
                perplexity: 50.0,
            }],
        };
        Sizes {
            orders: vec![2],
            entries: 10,
            parts: parts.map(part).collect(),
            networks: vec![Scored {
                net: Net::Lstm,
                parameters: (network / 4) as usize,
                bytes: network,
                perplexity: 40.0,
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_kernels::Isa;
    use elman_net::Network;

    /// A text of `lines` lines with up to five different words in the fourth place.
    fn text(lines: usize) -> String {
        (0..lines)
            .map(|i| format!("a b c d{} e f g\n", i % 5))
            .collect()
    }

    #[test]
    fn weights_are_those_of_a_trainer_on_the_part() {
        let config = Config {
            embed: 4,
            hidden: elman_net::dims::Sizes::Same(4),
            batch_size: 2,
            ..Config::default()
        };
        let read = ReadOptions::default();
        let vocab = |text: &str| {
            let from = VocabularyFrom::Text;
            from.vocab(source(text), Kind::Words, &read, 1, None)
                .unwrap()
        };
        let counted =
            |vocab: &Vocab, part: &str| weights(&config, vocab, part, Cpu::new(Isa::detect(), 1));
        let whole = vocab(&text(40));
        let network = Network::new(config.dims(whole.len()));
        let expected = network.layout().parameter_count();
        for lines in [20, 40] {
            assert_eq!(counted(&whole, &text(lines)).unwrap(), expected);
        }
        // Two words fewer, and a text that cannot be trained on.
        assert!(counted(&vocab(&text(3)), &text(40)).unwrap() < expected);
        assert!(counted(&whole, "").is_err());
    }

    #[test]
    fn a_missing_text_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let texts = Texts::write(directory.path(), [text(16), text(1)]).unwrap();
        let lines = parts_of(&texts).unwrap();
        assert_eq!(
            lines
                .iter()
                .map(|part| part.lines().count())
                .collect::<Vec<_>>(),
            [2, 4, 8, 16]
        );
        Texts::write(directory.path(), [String::new(), text(1)]).unwrap();
        assert_eq!(parts_of(&texts).unwrap(), [""; 4]);
        std::fs::remove_file(&texts.train).unwrap();
        let error = parts_of(&texts).unwrap_err().to_string();
        assert!(error.contains("train.txt"), "{error}");
    }
}
