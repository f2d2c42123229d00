//! `elman import`: a network of PyTorch becomes a model.

use crate::args::{Activation, Quoted, named};
use crate::output::{Table, grouped, say, shape, usage};
use crate::outputs::{Making, refuse_existing, refuse_inputs};
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::exchange::{Hints, Imported, import};
use elman::infer::read_vocab;
use elman::text::{EOS, Kind, Layout, Listed, SpecialNames, UNK, Vocab};
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

/// Import a network that was trained in PyTorch
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman import lm.safetensors --vocab-file tokens.txt -o models/lm       # nn.LSTM or nn.GRU
  elman import rnn.safetensors --activation tanh --vocab-file tokens.txt -o models/rnn
  elman import lm.safetensors --vocab-from runs/kjv -o models/lm         # another model's tokens
  elman import lm.safetensors --vocab-file t.txt --unk '<UNK>' --eos '</s>' -o models/lm
  elman import chars.safetensors --vocab chars --vocab-file abc.txt -o models/chars
  python tools/pickle_to_safetensors.py model.pt lm.safetensors    # from neural-complexity's .pt

Cell, sizes, layers and tying follow from the names and shapes of the tensors. docs/EXCHANGE.md
says how to write such files in PyTorch, and how to import models of neural-complexity and
colorlessgreenRNNs.")]
pub struct ImportArgs {
    /// The state dict of a language model, as a safetensors file
    #[arg(value_hint = ValueHint::FilePath)]
    state_dict: PathBuf,
    /// The directory of the model to be made
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    output: PathBuf,
    /// Replace the model that is there
    #[arg(long)]
    force: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// The tokens in the order of the rows of the embedding: one a line, or a tokenizer.json
    #[arg(long, value_name = "FILE", help_heading = "Vocabulary", value_hint = ValueHint::FilePath)]
    vocab_file: Option<PathBuf>,
    /// The tokens of this model or run
    #[arg(long, value_name = "MODEL", help_heading = "Vocabulary", value_hint = ValueHint::AnyPath,
        conflicts_with_all = ["vocab_file", "vocab", "eos", "unk"])]
    vocab_from: Option<PathBuf>,
    /// How a text becomes tokens [default: whitespace, as in PyTorch's example]
    #[arg(long, value_name = "KIND", help_heading = "Vocabulary",
        value_parser = named::<Kind>(&["words", "whitespace", "fields", "chars", "bytes"]))]
    vocab: Option<Kind>,
    /// How the training texts were laid out; 'sentences' began each line from the zero state [default: stream]
    #[arg(long, value_name = "NAME", help_heading = "Vocabulary",
        value_parser = named::<Layout>(&["stream", "sentences"]))]
    layout: Option<Layout>,
    /// What the list of tokens calls the end of a line or text
    #[arg(long, value_name = "TOKEN", help_heading = "Vocabulary", default_value = EOS, requires = "vocab_file")]
    eos: String,
    /// What the list of tokens calls whatever it lacks
    #[arg(long, value_name = "TOKEN", help_heading = "Vocabulary", default_value = UNK, requires = "vocab_file")]
    unk: String,

    /// The activation of a plain RNN, which its tensors do not show
    #[arg(long, value_name = "NAME", help_heading = "Network",
        value_parser = named::<Activation>(&["sigmoid", "tanh", "relu"]))]
    activation: Option<Activation>,
    /// The tensor or module that is the embedding, where its name and shape leave doubts
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    embedding: Option<String>,
    /// The tensor or module that is the output layer, where its name and shape leave doubts
    #[arg(long = "output-layer", value_name = "NAME", help_heading = "Network")]
    output_layer: Option<String>,
}

pub fn run(args: ImportArgs) -> Result<()> {
    let listed = vocabulary(&args)?;
    let inputs = args.vocab_file.iter().chain(&args.vocab_from);
    refuse_inputs(&args.output, inputs.chain([&args.state_dict]))?;
    refuse_existing(&args.output, Making::Model, args.force)?;
    let hints = Hints {
        activation: args.activation.map(|activation| activation.0),
        embedding: args.embedding,
        output: args.output_layer,
        layout: args.layout,
    };
    let imported = import(&args.state_dict, &listed, &hints)?;
    imported.save(&args.output)?;

    let mut out = io::stdout().lock();
    let Imported {
        network,
        vocab,
        layout,
        notes,
        about,
        ..
    } = &imported;
    let (dims, parameters) = (network.dims(), network.layout().parameter_count());
    if args.json {
        let json = json!({
            "model": args.output, "imported": about.imported, "cell": dims.cell.to_string(), "layers": dims.layers(),
            "hidden": dims.hidden, "embed": dims.embed, "tied": dims.tied, "parameters": parameters,
            "layout": layout, "vocab_kind": vocab.kind(), "vocab_entries": vocab.len(), "notes": notes,
        });
        return Ok(writeln!(out, "{json}")?);
    }
    for note in notes {
        say(format_args!("note: {note}"));
    }
    let mut table = Table::default();
    table.row("model", Quoted(&args.output));
    table.row("network", format!("{}, {}", dims.cell, shape(dims)));
    table.row("parameters", grouped(parameters as u64));
    let entries = grouped(vocab.len() as u64);
    table.row("vocabulary", format!("{}, {entries} entries", vocab.kind()));
    Ok(writeln!(out, "{table}")?)
}

/// The tokens, in the order of the file's rows.
fn vocabulary(args: &ImportArgs) -> Result<Listed> {
    if args.eos == args.unk {
        return Err(usage("--eos and --unk are two different tokens"));
    }
    match (&args.vocab_file, &args.vocab_from) {
        (Some(file), _) => {
            let names = SpecialNames {
                eos: args.eos.clone(),
                unk: args.unk.clone(),
            };
            let listed = Listed::from_file(file, args.vocab, &names)?;
            let vocab = &listed.vocab;
            let named = [
                ("eos", &args.eos, EOS, Some(vocab.eos())),
                ("unk", &args.unk, UNK, vocab.unk()),
            ];
            for (option, name, usual, id) in named {
                if name != usual && !id.is_some_and(|id| listed.ids.contains(&id)) {
                    return Err(usage(format!(
                        "--{option} {name}: there is no such line in {}",
                        file.display()
                    )));
                }
            }
            Ok(listed)
        }
        (None, Some(model)) => Ok(Listed::all(read_vocab(model)?)),
        (None, None) if args.vocab == Some(Kind::Bytes) => Ok(Listed::all(Vocab::bytes())),
        (None, None) => Err(usage(
            "which token each row of the embedding belongs to is not in the file: add --vocab-file FILE (a token a line, or a tokenizer.json) or --vocab-from MODEL",
        )),
    }
}
