//! `elman info`: what a run, a model, a vocabulary or a token file is.

use crate::output::{Table, bytes, count, duration, grouped, percent, say, shape};
use crate::summary::{resume_command, validated};
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use elman::infer::NetworkModel;
use elman::net::dims::{Dims, Sizes};
use elman::ngram;
use elman::store::Generations;
use elman::text::{Corpus, Layout, Vocab};
use elman::train::state::{Progress, VOLATILE};
use elman::train::{Folder, Record, read_record};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Show what a run, a model, an n-gram model, a tokenizer.json or a token file holds
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman info runs/kjv                            # a run: progress, best validation, checkpoint, model
  elman info runs/kjv/model                      # a model: sizes, parameters, bytes
  elman info runs/kjv/model/tokenizer.json       # a vocabulary
  elman info runs/kjv/tokens/train.tok           # an encoded text
  elman info kjv5.bin                            # an n-gram model, in either form
  elman info runs/kjv --json | jq -r .checkpoint.hash")]
pub struct InfoArgs {
    /// A directory or file that elman has written
    #[arg(value_hint = ValueHint::AnyPath)]
    path: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: InfoArgs) -> Result<()> {
    let path = &args.path;
    let (table, json) = if Folder::is_run(path) {
        run_info(path)?
    } else if path.is_dir() {
        let model = ModelInfo::new(path, &NetworkModel::load(path)?)?;
        (model.table(), json!({"kind": "model", "model": model}))
    } else {
        file_info(path)?
    };
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{json}")?;
    } else {
        writeln!(out, "{table}")?;
    }
    Ok(())
}

/// A run: its record, its last checkpoint, its model if it has one already.
fn run_info(path: &Path) -> Result<(Table, Value)> {
    let record = read_record(path)?;
    let checkpoint = Checkpoint::load(path)?;
    let model_path = path.join("model");
    // A kill during the first save leaves a directory without weights.
    let model = match model_path.join("model.safetensors").exists() {
        true => Some(ModelInfo::new(
            &model_path,
            &NetworkModel::load(&model_path)?,
        )?),
        false => None,
    };
    let mut table = Table::default();
    table.row(
        "run",
        format!(
            "{}, started with elman {} on {}",
            path.display(),
            record.elman,
            record.isa
        ),
    );
    table.row("text", inputs(&record));
    match &checkpoint {
        None => table.row("progress", "no checkpoint yet"),
        Some(checkpoint) => checkpoint.rows(&mut table, path, &record),
    }
    if let Some(model) = &model {
        model.rows(&mut table);
    }
    let json = json!({"kind": "run", "record": record, "checkpoint": checkpoint, "model": model});
    Ok((table, json))
}

fn inputs(record: &Record) -> String {
    let list = |paths: &[PathBuf]| {
        paths
            .iter()
            .map(|p| p.display().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut train = list(&record.inputs.train);
    if let Some(own) = &record.inputs.own_text {
        train += &format!(
            ", and a text of the model's own ({} of all tokens)",
            percent(own.share)
        );
    }
    match &record.inputs.valid {
        Some(valid) => format!("{train}; validation: {}", list(valid)),
        None => format!("{train}; validation: its last part"),
    }
}

/// The newest undamaged checkpoint of a run.
#[derive(Serialize)]
struct Checkpoint {
    /// BLAKE3 over everything but times.
    hash: String,
    progress: Progress,
    /// Of training, over all resumes.
    seconds: f64,
}

impl Checkpoint {
    fn load(run: &Path) -> Result<Option<Checkpoint>> {
        let Some(loaded) = Generations::new(run.join("state")).load_latest()? else {
            return Ok(None);
        };
        if let Some(note) = loaded.note {
            say(format_args!("note: {note}"));
        }
        #[derive(Deserialize)]
        struct Header {
            progress: Progress,
            seconds: f64,
        }
        let hash = loaded.snapshot.digest(&VOLATILE);
        let Header { progress, seconds } =
            serde_json::from_value(Value::Object(loaded.snapshot.header)).with_context(|| {
                format!("the checkpoint of {} is of another version", run.display())
            })?;
        Ok(Some(Checkpoint {
            hash,
            progress,
            seconds,
        }))
    }

    fn rows(&self, table: &mut Table, run: &Path, record: &Record) {
        let (progress, total_steps) = (&self.progress, record.total_steps);
        let done = progress.step;
        let patience = record.config.patience;
        let stalled = patience.is_some_and(|most| progress.stale >= most);
        let next = match done < total_steps {
            true => format!("; continue with {}", resume_command(run, stalled)),
            false => "; its budget is used up".into(),
        };
        let (step, of) = (grouped(done), grouped(total_steps));
        let epochs = count(progress.epoch as usize, "whole epoch");
        table.row(
            "progress",
            format!(
                "step {step} of {of}, {epochs}, {}{next}",
                duration(self.seconds)
            ),
        );
        if let Some(best) = progress.best {
            let perplexity = validated(best.loss_nats, record.config.layout);
            table.row(
                "best",
                format!("validation {perplexity} at step {}", grouped(best.step)),
            );
        }
        if progress.guard.skipped > 0 {
            table.row(
                "skipped",
                format!(
                    "{} with a loss or gradient that is not finite",
                    count(progress.guard.skipped as usize, "window")
                ),
            );
        }
        table.row("checkpoint", &self.hash);
    }
}

/// A model in numbers.
#[derive(Serialize)]
struct ModelInfo {
    path: String,
    cell: String,
    layers: usize,
    hidden: Sizes,
    embed: usize,
    tied: bool,
    #[serde(skip)]
    shape: String,
    parameters: usize,
    vocabulary: VocabInfo,
    /// On disk.
    file_bytes: u64,
    /// When loaded.
    mem_bytes: u64,
    /// Of each stream of text.
    state_bytes: u64,
    step: u64,
    epoch: u64,
    valid_loss_nats: Option<f64>,
    layout: Layout,
    /// Weights of different updates of which these are the mean; 0: of one.
    averaged: u64,
    /// The file of another program that it comes from.
    imported: Option<String>,
    id: String,
}

impl ModelInfo {
    fn new(path: &Path, model: &NetworkModel) -> Result<ModelInfo> {
        let (dims, about): (&Dims, _) = (model.dims(), model.about());
        let weights = path.join("model.safetensors");
        let file_bytes = weights
            .metadata()
            .with_context(|| format!("cannot look at {}", weights.display()))?
            .len();
        Ok(ModelInfo {
            path: path.display().to_string(),
            cell: dims.cell.to_string(),
            layers: dims.layers(),
            hidden: Sizes::describing(&dims.hidden),
            embed: dims.embed,
            tied: dims.tied,
            shape: shape(dims),
            parameters: model.network().layout().parameter_count(),
            vocabulary: VocabInfo::new(model.vocab()),
            file_bytes,
            mem_bytes: model.mem_bytes(),
            state_bytes: 4 * dims.state_len() as u64,
            step: about.step,
            epoch: about.epoch,
            valid_loss_nats: about.valid_loss_nats,
            layout: model.layout(),
            averaged: about.averaged,
            imported: about.imported.clone(),
            id: model.id().to_owned(),
        })
    }

    fn table(&self) -> Table {
        let mut table = Table::default();
        self.rows(&mut table);
        table
    }

    fn rows(&self, table: &mut Table) {
        let trained = match self.valid_loss_nats {
            Some(loss) => format!(", validation {}", validated(loss, self.layout)),
            None => String::new(),
        };
        let averaged = match self.averaged {
            0 => String::new(),
            n => format!(" (the average over {})", count(n as usize, "update")),
        };
        let steps = match (&self.imported, self.step) {
            (Some(_), 0) => String::new(),
            _ => format!(", after step {}{averaged}", grouped(self.step)),
        };
        table.row("model", format!("{}{steps}{trained}", self.path));
        if let Some(origin) = &self.imported {
            table.row("imported", format!("from {origin}"));
        }
        table.row("network", format!("{}, {}", self.cell, self.shape));
        table.row("parameters", grouped(self.parameters as u64));
        table.row(
            "bytes",
            format!(
                "{} on disk, {} in memory",
                bytes(self.file_bytes),
                bytes(self.mem_bytes)
            ),
        );
        table.row(
            "state",
            format!("{} for each stream of text", bytes(self.state_bytes)),
        );
        self.vocabulary.rows(table);
        table.row("model id", &self.id);
    }
}

#[derive(Serialize)]
struct VocabInfo {
    kind: String,
    entries: usize,
    hash: String,
}

impl VocabInfo {
    fn new(vocab: &Vocab) -> VocabInfo {
        VocabInfo {
            kind: vocab.kind().name().into(),
            entries: vocab.len(),
            hash: vocab.hash().into(),
        }
    }

    fn rows(&self, table: &mut Table) {
        table.row(
            "vocabulary",
            format!("{}, {} entries", self.kind, grouped(self.entries as u64)),
        );
        table.row("vocab hash", &self.hash);
    }
}

/// An n-gram model.
fn ngram_info(path: &Path) -> Result<(Table, Value)> {
    let model = ngram::Model::load(path)?;
    let vocabulary = VocabInfo::new(model.vocab());
    let file_bytes = path.metadata().map_or(0, |found| found.len());
    let mut table = Table::default();
    model
        .notes()
        .iter()
        .for_each(|note| say(format_args!("note: {note}")));
    table.row(
        "model",
        format!("{}, n-grams up to order {}", path.display(), model.order()),
    );
    for (n, &ngrams) in (1..).zip(model.counts()) {
        table.row(format!("order {n}"), format!("{} n-grams", grouped(ngrams)));
    }
    table.row("parameters", grouped(model.parameters()));
    let (disk, memory) = (bytes(file_bytes), bytes(model.bytes()));
    table.row("bytes", format!("{disk} on disk, {memory} in memory"));
    if let Some(structure) = model.kenlm_structure() {
        table.row("file", format!("KenLM, {structure}"));
    }
    let state = match model.state_bytes() {
        Some(size) => format!("{size} bytes for each stream of text"),
        None => format!(
            "the last words, up to {}, for each stream of text",
            model.order() - 1
        ),
    };
    table.row("state", state);
    vocabulary.rows(&mut table);
    if !model.vocab().has_words() {
        table.row("words", "only their hashes (build_binary -v)");
    }
    table.row("model id", model.id());
    let json = json!({"kind": "ngram", "order": model.order(), "ngrams": model.counts(), "kenlm": model.kenlm_structure(),
        "parameters": model.parameters(), "file_bytes": file_bytes, "mem_bytes": model.bytes(),
        "id": model.id(), "notes": model.notes(), "vocabulary": vocabulary});
    Ok((table, json))
}

/// A single file: JSON, a token file, or an n-gram model.
fn file_info(path: &Path) -> Result<(Table, Value)> {
    let mut first = [0];
    let read = File::open(path).and_then(|mut file| file.read(&mut first));
    let got = read.with_context(|| format!("cannot read {}", path.display()))?;
    let mut table = Table::default();
    if got > 0 && first == *b"{" {
        let vocab = VocabInfo::new(&Vocab::from_tokenizer(path, None)?);
        vocab.rows(&mut table);
        return Ok((table, json!({"kind": "vocabulary", "vocabulary": vocab})));
    }
    if path.extension().is_none_or(|extension| extension != "tok") {
        return ngram_info(path);
    }
    let corpus = Corpus::open(path)?;
    let stats = corpus.stats();
    table.row("tokens", grouped(corpus.ids().len() as u64));
    table.row("OOVs", grouped(stats.oov));
    let size = bytes(stats.bytes);
    let (words, lines) = (grouped(stats.fields), grouped(stats.line_ends));
    table.row(
        "text",
        format!(
            "{size}, {} characters, {words} words, {lines} line ends",
            grouped(stats.chars)
        ),
    );
    table.row("text hash", corpus.hash());
    table.row(
        "vocabulary",
        format!("{} entries", grouped(corpus.vocab_len() as u64)),
    );
    table.row("vocab hash", corpus.vocab_hash());
    let json = json!({
        "kind": "tokens",
        "tokens": corpus.ids().len(),
        "stats": stats,
        "vocab_entries": corpus.vocab_len(),
        "vocab_hash": corpus.vocab_hash(),
    });
    Ok((table, json))
}
