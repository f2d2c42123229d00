//! Trains a network on a text file and saves it as a model's directory, which every command of `elman` reads.
//!
//! ```sh
//! cargo run --release --example train -- data/kjv.txt model
//! ```

use elman::{TrainConfig, Trainer};
use std::path::Path;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [text, model] = &args[..] else {
        return Err("usage: train TEXT MODEL".into());
    };
    run(Path::new(text), Path::new(model), &TrainConfig::default())
}

pub fn run(text: &Path, model: &Path, config: &TrainConfig) -> Result<(), Failed> {
    let text = std::fs::read_to_string(text)?;
    let mut trainer = Trainer::on_text(config, &text)?;
    while let Some(report) = trainer.step()? {
        if report.step % 100 == 0 || report.step == report.total_steps {
            println!(
                "step {} of {}: perplexity {:.1}, {:.0} tokens/s",
                report.step,
                report.total_steps,
                report.perplexity(),
                report.tokens_per_second()
            );
        }
    }
    trainer.model().save(model)?;
    Ok(())
}
