//! Prints the log-probability of each token of some sentences, and their perplexity, under a model of any family.
//!
//! ```sh
//! cargo run --release --example score -- runs/kjv "And God said, Let there be light." "Light there let be."
//! ```

use elman::Model;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((model, sentences)) = args.split_first() else {
        return Err("usage: score MODEL SENTENCE…".into());
    };
    let model = elman::load(model)?;
    for sentence in sentences {
        run(&model, sentence)?;
    }
    Ok(())
}

pub fn run(model: &Model, sentence: &str) -> Result<f64, Failed> {
    let score = model.score(sentence)?;
    for token in &score.tokens {
        let note = if token.unknown { " (unknown)" } else { "" };
        println!("{:9.4}  {:?}{note}", token.log_prob, token.text);
    }
    println!(
        "{:9.4}  nats in all, perplexity {:.2} per token and {:.2} per word",
        -score.log_prob(),
        score.perplexity(),
        score.perplexity_per_word()
    );
    Ok(score.log_prob())
}
