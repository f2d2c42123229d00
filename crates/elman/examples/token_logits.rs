//! Writes what a model says before each token of a text, for `tools/check_torch.py`.
//!
//! ```sh
//! cargo run --release --example token_logits -- runs/kjv verse.txt logits.safetensors
//! ```
//! The file holds `ids` (N) and `logits` (N, V): from zero state with `<eos>` as the first input, row
//! n has read `<eos>`, ids[0], …, ids[n−1].

use elman::infer::{NetworkModel, Workspace};
use elman::store::{Array, Snapshot, write_snapshot};
use elman::text::{ReadOptions, Source, TextError, encode};
use elman::{Cpu, Isa};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [model, text, out] = &paths[..] else {
        return Err("usage: token_logits MODEL TEXT OUT".into());
    };
    let model = NetworkModel::load(Path::new(model))?;
    let sources = Source::files(&[text]);
    let mut ids = Vec::new();
    encode(
        sources,
        model.vocab(),
        &ReadOptions::default(),
        &mut |symbol| {
            ids.push(symbol.id);
            Ok::<(), TextError>(())
        },
    )?;

    let (cpu, vocab) = (Cpu::new(Isa::detect(), 1), model.vocab().len());
    let mut workspace = Workspace::new(model.dims(), 1, 1);
    let mut state = model.zero_state(1);
    let mut logits = vec![0.0; ids.len() * vocab];
    let inputs = std::iter::once(model.vocab().eos()).chain(ids.iter().copied());
    for (row, input) in logits.chunks_exact_mut(vocab).zip(inputs) {
        model.advance(&cpu, &[input], &mut state, &mut workspace);
        model.next_logits(&cpu, &workspace, row);
    }
    let shape = [ids.len(), vocab];
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
