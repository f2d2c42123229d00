//! Writes what a network says before each token of a text, for `tools/check_torch.py`.
//!
//! ```sh
//! cargo run --release --example token_logits -- runs/kjv verse.txt logits.safetensors
//! ```
//! The file holds `ids` (N) and `logits` (N, V): from zero state with `<eos>` as the first input, row
//! n has read `<eos>`, ids[0], …, ids[n−1].

use elman::store::{Array, Snapshot, write_snapshot};
use elman::text::{ReadOptions, Source, TextError, encode};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [model, text, out] = &paths[..] else {
        return Err("usage: token_logits MODEL TEXT OUT".into());
    };
    let model = elman::load(model)?;
    let mut ids = Vec::new();
    let (sources, read) = (Source::files(&[text]), ReadOptions::default());
    encode(sources, model.vocab(), &read, &mut |symbol| {
        ids.push(symbol.id);
        Ok::<(), TextError>(())
    })?;

    let mut session = model.session();
    let mut logits = Vec::new();
    for &id in &ids {
        logits.extend(session.logits());
        session.feed_tokens(&[id])?;
    }
    let shape = [ids.len(), model.vocab().len()];
    let snapshot = Snapshot {
        header: Default::default(),
        arrays: vec![
            Array::u32("ids", &shape[..1], ids),
            Array::f32("logits", &shape, logits),
        ],
    };
    write_snapshot(Path::new(out), &snapshot)?;
    Ok(())
}
