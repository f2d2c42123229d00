//! Writes the seeds that our own program makes: a token file, a checkpoint and metrics of each run of `elman_fuzz::run`.

use elman_fuzz::run::{Run, write};
use std::path::Path;

fn main() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, run) in [("stream", Run::stream()), ("sentences", Run::sentences())] {
        let keep = |target: &str, path: &Path| {
            let directory = seeds.join(target);
            if let Err(error) = elman::store::disk::create_dir_all(&directory) {
                panic!("{error}");
            }
            write(&directory.join(name), run.bytes(path));
        };
        keep("token_file", &run.path().join("tokens/train.tok"));
        keep("checkpoint", run.checkpoint());
        keep("metrics_jsonl", &run.path().join("metrics.jsonl"));
        keep("tokenizer_json", &run.path().join("tokens/tokenizer.json"));
        let config = run.path().join("model/config.json");
        if let Ok(bytes) = std::fs::read(config) {
            write(
                &seeds.join("tokenizer_json").join(format!("config-{name}")),
                &bytes,
            );
        }
    }
}
