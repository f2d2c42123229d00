//! Shows what a model of any family expects after a prompt, and continues the prompt twice from one saved session.
//!
//! ```sh
//! cargo run --release --example generate -- runs/kjv "In the beginning"
//! ```

use elman::{Model, Sampling};

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, prompt] = &args[..] else {
        return Err("usage: generate MODEL PROMPT".into());
    };
    run(&elman::load(model)?, prompt).map(|_| ())
}

pub fn run(model: &Model, prompt: &str) -> Result<String, Failed> {
    let mut session = model.session();
    session.feed(prompt)?;
    for (token, p) in session.next()?.top(5) {
        println!("{p:.4}  {token:?}");
    }

    // A session is a few kilobytes, which another process may take up.
    let saved = session.save();
    let mut restored = model.restore(&saved)?;
    let mut greedy = Vec::new();
    for _ in 0..20 {
        let best = restored.next()?.top_ids(1)[0];
        restored.feed_tokens(&[best])?;
        greedy.push(best);
    }
    let greedy = String::from_utf8_lossy(&model.vocab().decode(&greedy)).into_owned();
    println!("{} bytes, the most probable words:{greedy}", saved.len());

    let options = Sampling {
        temperature: 0.7,
        max_tokens: 60,
        ..Sampling::default()
    };
    let text = model.generate(prompt, &options)?;
    println!("{prompt}{text}");
    Ok(text)
}
