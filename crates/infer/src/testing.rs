//! Small models for the tests of this crate and of those above it.

#![allow(clippy::unwrap_used)]

use super::{About, NetworkModel, Weights};
use elman_kernels::rng::{Site, Stream, key};
use elman_kernels::{Cpu, Isa};
use elman_net::dims::{Activation, Cell, Dims};
use elman_net::init::{Init, Recurrent, Scheme};
use elman_net::{Network, Params};
use elman_ngram as ngram;
use elman_text::{Kind, Vocab};

pub const CELLS: [Cell; 5] = [
    Cell::elman(Activation::Sigmoid),
    Cell::elman(Activation::Tanh),
    Cell::elman(Activation::Relu),
    Cell::LSTM,
    Cell::GRU,
];

pub fn cpu() -> Cpu {
    Cpu::new(Isa::detect(), 2)
}

/// Sizes that are no multiples of anything.
pub fn dims(cell: Cell, vocab: usize, tied: bool) -> Dims {
    Dims {
        cell,
        vocab,
        embed: if tied { 21 } else { 11 },
        hidden: vec![21; 2],
        tied,
    }
}

/// A model with weights large enough to have opinions, over twenty letters.
pub fn model(cell: Cell, tied: bool) -> NetworkModel {
    model_of(cell, tied, vocab(Kind::Chars, "abcdefghij klmnopqr\n"))
}

pub fn model_of(cell: Cell, tied: bool, vocab: Vocab) -> NetworkModel {
    model_with(dims(cell, vocab.len(), tied), vocab)
}

/// Layers of different sizes, below a projection to a tied table.
pub fn projected(cell: Cell) -> NetworkModel {
    let vocab = vocab(Kind::Chars, "abcdefghij klmnopqr\n");
    let dims = Dims {
        hidden: vec![9, 21, 5],
        ..dims(cell, vocab.len(), true)
    };
    model_with(dims, vocab)
}

fn model_with(dims: Dims, vocab: Vocab) -> NetworkModel {
    let network = Network::new(dims);
    let mut params = Params::zeros(network.layout().clone());
    let init = Init {
        scheme: Scheme::Uniform,
        range: Some(0.6),
        recurrent: Recurrent::Same,
        recurrent_scale: 1.0,
        forget_bias: 0.5,
        seed: 7,
    };
    init.fill(network.dims(), &mut params);
    NetworkModel::new(network, params, vocab, About::default(), Weights::F32)
}

/// A model whose weights are all zero: every token has probability 1/V.
pub fn uniform(cell: Cell, vocab: Vocab) -> NetworkModel {
    let network = Network::new(dims(cell, vocab.len(), false));
    let params = Params::zeros(network.layout().clone());
    NetworkModel::new(network, params, vocab, About::default(), Weights::F32)
}

/// A bigram model in which every pair is possible and a third of them have numbers of their own. Its probabilities sum to nothing in particular.
pub fn bigrams(vocab: Vocab) -> ngram::Model {
    let words = vocab.len() as u32 + 1; // `<s>` comes last
    let mut builder = ngram::Builder::new(ngram::Words::new(vocab), 2);
    for word in 0..words {
        let log10 = -1.2 - (word % 5) as f32 / 10.0;
        builder.push(&[word], log10, -0.3).unwrap();
    }
    for pair in (0..words * words).filter(|pair| pair % 3 == 0) {
        let (first, second) = (pair / words, pair % words);
        if second + 1 < words {
            let log10 = -0.5 - (pair * 37 % 23) as f32 / 10.0;
            builder.push(&[first, second], log10, 0.0).unwrap();
        }
    }
    builder.finish().unwrap()
}

/// The vocabulary of the tokens of `text`; for chars each character, else the words between spaces.
pub fn vocab(kind: Kind, text: &str) -> Vocab {
    let list: Vec<String> = match kind {
        Kind::Bytes => return Vocab::bytes(),
        Kind::Chars => text
            .chars()
            .map(|c| c.to_string().replace('\n', "\\n"))
            .collect(),
        _ => text.split(' ').map(str::to_owned).collect(),
    };
    Vocab::from_list("test", list.join("\n").as_bytes(), kind).unwrap()
}

/// `n` ids below `v`.
pub fn tokens(v: usize, n: usize) -> Vec<u32> {
    let mut stream = Stream::new(key(11, Site::Init, 0));
    (0..n)
        .map(|_| (stream.uniform() * v as f32) as u32)
        .collect()
}
