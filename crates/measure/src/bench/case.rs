//! The configurations that are benchmarked, by their names.
//!
//! S, M and L are the LSTMs of Zaremba, Sutskever and Vinyals, "Recurrent Neural Network
//! Regularization" (2014); E, G and C stand for an Elman network, a GRU and a model of characters.

use elman_net::dims::{Activation, Dims, Sizes as LayerSizes};
use elman_text::{Kind, Vocab};
use elman_train::Config;
use elman_train::bptt::LossNorm;
use elman_train::config::{Bptt, CellName};
use elman_train::optim::{Adam, Optimizer, Sgd};
use elman_train::schedule::Schedule;

/// Names of the benchmark configurations that [`Case::named`] knows.
pub const NAMES: [&str; 6] = ["S", "M", "L", "E", "G", "C"];

/// A configuration that is benchmarked, with the size of its vocabulary.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name of the case, which the report shows.
    pub name: String,
    /// V, the size of the vocabulary.
    pub vocab: usize,
    /// Configuration of the network and its training; its text, budget and schedule are ignored, and the learning rate is constant.
    pub config: Config,
}

/// The sizes of a named configuration.
struct Sizes {
    cell: CellName,
    layers: usize,
    hidden: usize,
    batch_size: usize,
    steps: usize,
}

impl Case {
    /// Finds the case called `name`, in upper or lower case; `None` if there is none.
    pub fn named(name: &str) -> Option<Case> {
        let name = name.to_ascii_uppercase();
        let (cell, layers, hidden, vocab, batch_size, steps) = match name.as_str() {
            "S" => (CellName::LSTM, 2, 200, 10_000, 20, 20),
            "M" => (CellName::LSTM, 2, 650, 10_000, 20, 35),
            "L" => (CellName::LSTM, 2, 1500, 10_000, 20, 35),
            "E" => (CellName::ELMAN, 1, 256, 10_000, 32, 35),
            "G" => (CellName::GRU, 1, 512, 10_000, 64, 35),
            "C" => (CellName::LSTM, 2, 512, 65, 50, 50),
            _ => return None,
        };
        let sizes = Sizes {
            cell,
            layers,
            hidden,
            batch_size,
            steps,
        };
        let config = match name.as_str() {
            "S" => sizes.zaremba(0.0, 0.1, 5.0),
            "M" => sizes.zaremba(0.5, 0.05, 5.0),
            "L" => sizes.zaremba(0.65, 0.04, 10.0),
            _ => sizes.adam(),
        };
        Some(Case {
            name,
            vocab,
            config,
        })
    }

    /// Sizes of the network: V, E, H of every layer.
    pub fn dims(&self) -> Dims {
        self.config.dims(self.vocab)
    }

    /// B and T of a training window.
    pub(crate) fn window(&self) -> (usize, usize) {
        let steps = match self.config.bptt {
            Bptt::Steps(steps) => steps,
            Bptt::Full => panic!("a case has windows of some length"),
        };
        (self.config.batch_size, steps)
    }

    /// A vocabulary of V entries: numbers for words.
    pub(super) fn vocabulary(&self) -> Vocab {
        let specials = 2;
        assert!(self.vocab > specials, "a case has words to predict");
        let words = (specials..self.vocab).map(|id| id.to_string().into_bytes().into());
        Vocab::of_text(Kind::Whitespace, words)
    }
}

impl Sizes {
    fn config(&self) -> Config {
        Config {
            cell: self.cell,
            activation: Activation::Tanh,
            embed: self.hidden,
            hidden: LayerSizes::Same(self.hidden),
            layers: self.layers,
            tied: false,
            batch_size: self.batch_size,
            bptt: Bptt::Steps(self.steps),
            restart: 0.0,
            schedule: Schedule::CONSTANT,
            warmup: 0,
            ..Config::default()
        }
    }

    fn zaremba(&self, dropout: f32, init_range: f32, clip: f64) -> Config {
        Config {
            dropout,
            init_range: Some(init_range),
            forget_bias: 0.0,
            optimizer: Optimizer::Sgd(Sgd::default()),
            lr: 1.0,
            clip: Some(clip),
            loss_norm: LossNorm::Sequences,
            ..self.config()
        }
    }

    fn adam(&self) -> Config {
        Config {
            dropout: 0.0,
            optimizer: Optimizer::Adam(Adam::default()),
            lr: 0.001,
            clip: Some(1.0),
            ..self.config()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_net::dims::matrix_parameters;

    #[test]
    fn every_name_is_a_configuration_that_can_be_trained() {
        for name in NAMES {
            let case = Case::named(&name.to_lowercase()).expect(name);
            case.config.check().expect(name);
            assert_eq!(case.name, name);
            assert_eq!(case.vocabulary().len(), case.vocab);
        }
        assert!(Case::named("X").is_none());
    }

    #[test]
    fn matrix_parameters_are_those_of_the_literature() {
        let of = |name| matrix_parameters(&Case::named(name).expect(name).dims());
        assert_eq!(of("S"), 2 * 8 * 200 * 200 + 10_000 * 200);
        assert_eq!(of("E"), 2 * 256 * 256 + 10_000 * 256);
        assert_eq!(of("G"), 6 * 512 * 512 + 10_000 * 512);
        assert_eq!(of("C"), 2 * 8 * 512 * 512 + 65 * 512);
    }
}
