//! `elman export`: a model in a form that other programs run.

use crate::args::{Quoted, named};
use crate::output::{Table, bytes, usage};
use crate::outputs::{Making, refuse_existing, refuse_inputs};
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use elman::Model;
use elman::exchange::{
    OnnxOptions, SCRIPT_NAME, save_for_pytorch, save_for_transformers, save_onnx, save_state_dict,
};
use elman::infer::NetworkModel;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Write a model for other programs: ONNX, PyTorch, Transformers
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman export runs/kjv -o kjv.onnx                   # for onnxruntime
  elman export runs/kjv -o kjv.onnx --log-probs       # with log-probabilities beside the logits
  elman export runs/kjv -o kjv.safetensors            # a state dict for load_state_dict
  elman export runs/kjv --to pytorch -o kjv-torch     # a directory with a script that loads it
  python kjv-torch/elman_torch.py --ids 5 9 2         # what comes next, in PyTorch
  elman export runs/kjv --to transformers -o kjv-hf   # for AutoModelForCausalLM, minicons, lm_eval

docs/EXCHANGE.md lists names and shapes, and shows how other programs use the files.")]
pub struct ExportArgs {
    /// The directory of a model or of a run
    #[arg(value_hint = ValueHint::AnyPath)]
    model: PathBuf,
    /// Where to write: a file, for pytorch and transformers a directory
    #[arg(long, short, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    output: PathBuf,
    /// The form [default: as the name of OUT ends]
    #[arg(long, value_name = "FORM", value_parser = named::<Form>(&["onnx", "safetensors", "pytorch", "transformers"]))]
    to: Option<Form>,
    /// Replace what is there
    #[arg(long)]
    force: bool,
    /// Let an ONNX graph compute log-probabilities, too
    #[arg(long)]
    log_probs: bool,
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
        usage("which form is meant does not follow from the name: add --to onnx, safetensors, pytorch or transformers")
    })?;
    if args.log_probs && form != Form::Onnx {
        return Err(usage(
            "--log-probs is for ONNX: the others hold weights alone",
        ));
    }
    let making = match form {
        Form::Pytorch | Form::Transformers => Making::Model,
        Form::Onnx | Form::Safetensors => Making::File,
    };
    refuse_existing(&args.output, making, args.force)?;
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
        Form::Onnx | Form::Safetensors => {}
    }
    Ok(writeln!(out, "{table}")?)
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
