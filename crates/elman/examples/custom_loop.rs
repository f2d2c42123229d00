//! A training loop of one's own: a network learns to repeat a word, from batches that the program makes.
//!
//! ```sh
//! cargo run --release --example custom_loop
//! ```
//! The text only gives the vocabulary and a place to begin; what is learnt are the batches.

use elman::net::dims::Sizes;
use elman::text::Kind;
use elman::train::Batch;
use elman::{TrainConfig, Trainer};

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    run(600).map(|_| ())
}

/// Trains for `steps` updates; returns the perplexity of the second half of a sequence that was not trained on.
pub fn run(steps: usize) -> Result<f64, Failed> {
    let config = TrainConfig {
        vocab: Kind::Chars,
        hidden: Sizes::Same(64),
        embed: 64,
        lr: 0.01,
        schedule: elman::train::schedule::Schedule::CONSTANT,
        ..TrainConfig::default()
    };
    let mut trainer = Trainer::on_text(&config, &"abcdefgh=\n".repeat(200))?;
    let vocab = trainer.vocab().clone();
    for step in 1..=steps {
        let sequences: Vec<Vec<u32>> = (0..16)
            .map(|i| {
                vocab
                    .tokenize(question(16 * step + i).as_bytes())
                    .map(|text| text.ids)
            })
            .collect::<Result<_, _>>()?;
        let report = trainer.step_on(&Batch::new(vocab.eos(), &sequences))?;
        if step % 100 == 0 {
            println!("step {step}: loss {:.3} nats", report.loss_nats);
        }
    }
    let score = trainer.model().score(&question(0))?;
    let answer = &score.tokens[4..7];
    let nats: f64 = answer.iter().map(|token| -token.log_prob).sum();
    let perplexity = (nats / answer.len() as f64).exp();
    println!("perplexity {perplexity:.3} of an answer that was not trained on");
    Ok(perplexity)
}

/// `abc=abc`, of three letters that follow from the number.
fn question(number: usize) -> String {
    let letter = |i: usize| char::from(b'a' + ((number * 2654435761) >> (4 * i + 8)) as u8 % 8);
    let word: String = (0..3).map(letter).collect();
    format!("{word}={word}")
}
