//! `elman export`: a model in a form that other programs run.

use crate::args::{Quoted, named};
use crate::output::{Table, bytes, say, usage};
use crate::outputs::{Making, refuse_any, refuse_existing, refuse_inputs};
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use elman::Model;
use elman::exchange::{
    OFFLINE_NAME, ONLINE_NAME, OnnxOptions, Recogniser, SCRIPT_NAME, Symbols, save_for_pytorch,
    save_for_sherpa, save_for_transformers, save_onnx, save_state_dict,
};
use elman::infer::NetworkModel;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Write a model for other programs: ONNX, PyTorch, Transformers, sherpa-onnx
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman export runs/kjv -o kjv.onnx                   # for onnxruntime
  elman export runs/kjv -o kjv.onnx --log-probs       # with log-probabilities beside the logits
  elman export runs/kjv -o kjv.safetensors            # a state dict for load_state_dict
  elman export runs/kjv --to pytorch -o kjv-torch     # a directory with a script that loads it
  python kjv-torch/elman_torch.py --ids 5 9 2         # what comes next, in PyTorch
  elman export runs/kjv --to transformers -o kjv-hf   # for AutoModelForCausalLM, minicons, lm_eval
  elman export runs/bpe --to sherpa-onnx --tokens tokens.txt -o lm    # for a speech recogniser

docs/EXCHANGE.md lists names and shapes, and shows how other programs use the files.")]
pub struct ExportArgs {
    /// The directory of a model or of a run
    #[arg(value_hint = ValueHint::AnyPath)]
    model: PathBuf,
    /// Where to write: a file; for pytorch, transformers and sherpa-onnx a directory
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    output: PathBuf,
    /// The form [default: as the name of OUT ends]
    #[arg(long, value_name = "FORM", value_parser = named::<Form>(&["onnx", "safetensors", "pytorch", "transformers", "sherpa-onnx"]))]
    to: Option<Form>,
    /// Replace what is there
    #[arg(long)]
    force: bool,
    /// Let an ONNX graph compute log-probabilities, too
    #[arg(long)]
    log_probs: bool,
    /// The tokens.txt of the recogniser that sherpa-onnx runs, whose ids the graphs have
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    tokens: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    Onnx,
    Safetensors,
    Pytorch,
    Transformers,
    SherpaOnnx,
}

impl Form {
    /// The form that the name of a file says.
    fn of(path: &Path) -> Option<Form> {
        match path.extension()?.to_str()? {
            "onnx" => Some(Form::Onnx),
            "safetensors" => Some(Form::Safetensors),
            _ => None,
        }
    }
}

pub fn run(args: ExportArgs) -> Result<()> {
    let form = args.to.or_else(|| Form::of(&args.output)).ok_or_else(|| {
        usage("the name of the file does not say which format is meant: add --to onnx, safetensors, pytorch, transformers or sherpa-onnx")
    })?;
    if args.log_probs && form != Form::Onnx {
        return Err(usage(
            "--log-probs is for ONNX: the others hold weights alone",
        ));
    }
    if args.tokens.is_some() != (form == Form::SherpaOnnx) {
        return Err(usage(
            "--to sherpa-onnx and --tokens FILE, the recogniser's tokens.txt, go together",
        ));
    }
    match form {
        Form::SherpaOnnx if args.output.is_file() => {
            return Err(usage(format!(
                "{} is a file, and two files are to be written: give the name of a directory",
                args.output.display()
            )));
        }
        Form::SherpaOnnx => {
            let files = [ONLINE_NAME, OFFLINE_NAME].map(|name| args.output.join(name));
            refuse_any(&files, args.force)?;
            for file in &files {
                refuse_inputs(file, args.tokens.iter().chain([&args.model]))?;
            }
        }
        Form::Pytorch | Form::Transformers => {
            refuse_existing(&args.output, Making::Model, args.force)?;
        }
        Form::Onnx | Form::Safetensors => {
            refuse_existing(&args.output, Making::File, args.force)?;
        }
    }
    refuse_inputs(&args.output, [&args.model])?;
    let loaded = Model::load(&args.model)?;
    let model = network(&loaded, &args.model)?;
    let output = &args.output;
    let written = match form {
        Form::Onnx => {
            let options = OnnxOptions {
                log_probs: args.log_probs,
            };
            save_onnx(output, model, options)?;
            output.clone()
        }
        Form::Safetensors => {
            save_state_dict(output, model)?;
            output.clone()
        }
        Form::Pytorch => {
            save_for_pytorch(output, model)?;
            output.join("model.safetensors")
        }
        Form::Transformers => {
            save_for_transformers(output, model)?;
            output.join("model.safetensors")
        }
        Form::SherpaOnnx => {
            let symbols = Symbols::from_file(args.tokens.as_deref().unwrap_or(Path::new("")))?;
            let recogniser = Recogniser::new(model, &symbols)?;
            say_notes(&recogniser);
            save_for_sherpa(output, &recogniser)?;
            output.join(ONLINE_NAME)
        }
    };
    let found = written.metadata();
    let size = found
        .with_context(|| format!("cannot look at {}", written.display()))?
        .len();
    let mut out = io::stdout().lock();
    if args.json {
        let json = json!({"output": output, "form": form, "bytes": size, "model_id": model.id(), "vocab_hash": model.vocab().hash()});
        return Ok(writeln!(out, "{json}")?);
    }
    let mut table = Table::default();
    table.row("written", Quoted(output));
    table.row("bytes", bytes(size));
    table.row("model id", model.id());
    match form {
        Form::Pytorch => table.row(
            "try",
            format!("python {}", Quoted(&output.join(SCRIPT_NAME))),
        ),
        Form::Transformers => table.row(
            "load",
            format!(
                "AutoModelForCausalLM.from_pretrained({:?}, trust_remote_code=True)",
                output.display().to_string()
            ),
        ),
        Form::SherpaOnnx => {
            table.row(
                "online",
                format!("--lm {}", Quoted(&output.join(ONLINE_NAME))),
            );
            table.row(
                "offline",
                format!("--lm {}", Quoted(&output.join(OFFLINE_NAME))),
            );
        }
        Form::Onnx | Form::Safetensors => {}
    }
    Ok(writeln!(out, "{table}")?)
}

/// Says what a recogniser's symbols have no token of their own for.
fn say_notes(recogniser: &Recogniser) {
    let unknown = recogniser.unknown();
    if let Some(first) = unknown.first() {
        let n = unknown.len();
        say(format_args!(
            "note: {n} of the recogniser's symbols are not in the vocabulary, {first:?} is the first: they count as <unk>"
        ));
    }
    if let Some(id) = recogniser.added_end() {
        say(format_args!(
            "note: no symbol begins and ends a text: the id {id} does, after all symbols"
        ));
    }
}

/// The network of a model; n-gram models have forms of their own.
fn network<'a>(model: &'a Model, path: &Path) -> Result<&'a NetworkModel> {
    model.as_network().ok_or_else(|| {
        usage(format!(
            "{} is an n-gram model: elman ngram convert writes it as ARPA text",
            path.display()
        ))
    })
}
