//! The chapter in one program: a recurrent language model in plain f64 loops, trained on a few lines of text.
//!
//! Read `network/layer.rs` first (the equations of the cells, forward and backward), then `network/mod.rs` (the whole
//! network and backpropagation through time), then this file (vocabulary, training, generation). Nothing of elman is
//! used here; elman does the same with vectors, threads and batches.
//!
//! `cargo run --release --example chapter`

pub mod network;

use network::{Cell, Network, Norm, Regularisers, State, Tensors, Window};

const TEXT: &str = "the cat sat on the mat . the dog sat on the log . \
                    the cat saw the dog . the dog saw the cat . \
                    a bird sat on the log . the bird saw the cat and the dog .";
const STEPS: usize = 8; // T: the length of truncated backpropagation through time
const EPOCHS: usize = 60;
const LEARNING_RATE: f64 = 0.5;
const CLIP: f64 = 1.0; // the largest norm of the gradient

#[allow(dead_code)] // the tests call `run`
fn main() {
    run();
}

/// Trains, prints what the network writes, and returns the last perplexity.
pub fn run() -> f64 {
    // The vocabulary: every word is a number.
    let words: Vec<&str> = TEXT.split_whitespace().collect();
    let mut vocabulary = words.clone();
    vocabulary.sort_unstable();
    vocabulary.dedup();
    let id = |word: &str| vocabulary.iter().position(|known| *known == word);
    let ids: Vec<usize> = words.iter().filter_map(|word| id(word)).collect();

    let network = Network {
        cell: Cell::Tanh,
        vocab: vocabulary.len(),
        embed: 16,
        hidden: vec![32],
        tied: false,
    };
    let mut random = Random(1);
    let mut weights: Tensors = (network.tensors().into_iter())
        .map(|(name, shape)| {
            let numbers = shape.iter().product();
            let values = (0..numbers).map(|_| 0.6 * random.next() - 0.3).collect();
            (name, (shape, values))
        })
        .collect();

    println!("{} words, {} different", ids.len(), vocabulary.len());
    let mut perplexity = f64::INFINITY;
    for epoch in 1..=EPOCHS {
        perplexity = train(&network, &mut weights, &ids);
        if epoch == 1 || epoch % 15 == 0 {
            println!("epoch {epoch:3}: perplexity {perplexity:.2}");
        }
    }
    let generated = generate(&network, &weights, ids[0], 20, &mut random);
    let generated: Vec<&str> = generated.iter().map(|id| vocabulary[*id]).collect();
    println!("{}", generated.join(" "));
    perplexity
}

/// One epoch of truncated backpropagation through time: windows of at most T steps, each starting from the state in
/// which the one before ended. Returns the perplexity of the text as it was read.
fn train(network: &Network, weights: &mut Tensors, ids: &[usize]) -> f64 {
    let zero = network.zero_state(1);
    let mut state = zero.clone();
    let mut nats = 0.0;
    for start in (0..ids.len() - 1).step_by(STEPS) {
        let end = (start + STEPS).min(ids.len() - 1);
        // Teacher forcing: the network reads the text's own words, and each is asked for the next one.
        let (inputs, targets) = (&ids[start..end], &ids[start + 1..end + 1]);
        let outcome = network.run(weights, &window(inputs, targets, &state, &zero));
        nats += outcome.nats.iter().sum::<f64>();
        state = outcome.last;

        let squares = outcome
            .gradients
            .values()
            .flat_map(|(_, g)| g)
            .map(|g| g * g);
        let norm = squares.sum::<f64>().sqrt();
        let rate = LEARNING_RATE * (CLIP / norm).min(1.0);
        for (name, (_, gradient)) in &outcome.gradients {
            let Some((_, values)) = weights.get_mut(name) else {
                continue;
            };
            for (value, g) in values.iter_mut().zip(gradient) {
                *value -= rate * g;
            }
        }
    }
    (nats / (ids.len() - 1) as f64).exp()
}

/// Feeds the network its own words, each drawn from what it predicts.
fn generate(
    network: &Network,
    weights: &Tensors,
    first: usize,
    count: usize,
    random: &mut Random,
) -> Vec<usize> {
    let zero = network.zero_state(1);
    let mut state = zero.clone();
    let mut ids = vec![first];
    while ids.len() < count {
        let last = [ids[ids.len() - 1]];
        // The target is of no account: only the logits are used.
        let outcome = network.run(weights, &window(&last, &[0], &state, &zero));
        state = outcome.last;
        let sum: f64 = outcome.logits.iter().map(|z| z.exp()).sum();
        let mut left = random.next() * sum;
        let drawn = outcome.logits.iter().position(|z| {
            left -= z.exp();
            left <= 0.0
        });
        ids.push(drawn.unwrap_or(network.vocab - 1));
    }
    ids
}

/// A window of one sequence, without dropout, penalties or a gradient from later windows.
fn window<'a>(
    inputs: &'a [usize],
    targets: &'a [usize],
    state: &'a State,
    no_gradient: &'a State,
) -> Window<'a> {
    const ONES: [f64; STEPS] = [1.0; STEPS];
    Window {
        steps: inputs.len(),
        batch_size: 1,
        inputs,
        targets,
        weights: &ONES[..inputs.len()],
        multipliers: &[],
        norm: Norm::Tokens,
        regularisers: Regularisers::default(),
        initial: state,
        d_final: no_gradient,
    }
}

/// Uniform numbers in [0, 1): Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
