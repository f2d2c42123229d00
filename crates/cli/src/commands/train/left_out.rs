//! What the `config.toml` of a run holds that `--config` does not take over: its files, which a command line names itself.

use super::TrainArgs;
use elman::train::{Inputs, Record};
use std::path::{Path, PathBuf};

impl TrainArgs {
    /// A note that names the options which the run had beside its choices, and which this command line does without; `None`: there are none.
    pub(super) fn left_out(&self, run: &Record, file: &Path) -> Option<String> {
        let Inputs {
            train,
            valid,
            vocab_file,
            tokenizer,
            vocab_from,
            init_from,
            own_text,
        } = &run.inputs;
        let option = |name: &str, path: &PathBuf| format!("--{name} {}", path.display());
        let mut options = Vec::new();
        let weights = &run.config.corpus_weights;
        if !weights.is_empty() && self.weights.iter().all(|&weight| weight == 1.0) {
            let weighted = train.iter().zip(weights);
            let weighted = weighted.map(|(text, weight)| format!(" {}:{weight}", text.display()));
            options.push(format!("--corpus{}", weighted.collect::<String>()));
        }
        if self.valid.is_empty() {
            let valid = valid.iter().flatten();
            options.extend(valid.map(|path| option("valid", path)));
        }
        if self.init_from.is_none() {
            options.extend(init_from.iter().map(|path| option("init-from", path)));
            let given = &self.vocabulary;
            let chosen = given.vocab_file.is_some() || given.tokenizer.is_some();
            if !chosen && given.vocab_from.is_none() {
                let files = [
                    ("vocab-file", vocab_file),
                    ("tokenizer", tokenizer),
                    ("vocab-from", vocab_from),
                ];
                let files = files
                    .iter()
                    .flat_map(|(name, path)| path.iter().map(|path| option(name, path)));
                options.extend(files);
            }
        }
        if let (Some(own), None) = (own_text, &self.own_text) {
            options.push(format!(
                "--on-generated {} --beginning {} --continuation {} --temperature {} (of elman finetune)",
                own.share, own.beginning, own.continuation, own.temperature
            ));
        }
        (!options.is_empty()).then(|| {
            format!(
                "the run of {} also had {}: files are not taken over with --config, so give these too to have the same run",
                file.display(),
                options.join(" ")
            )
        })
    }
}
