//! A model's directory for Hugging Face Transformers: its classes in one Python module, and a tokenizer that `AutoTokenizer` loads.
//!
//! ```text
//! config.json            as always, and auto_map: the classes of modeling_elman.py
//! modeling_elman.py      the network, with the cells as elman_torch.py describes them
//! model.safetensors      as always: tied weights once
//! tokenizer.json         without the template: a text has the ids that elman finds, and nothing is added
//! tokenizer_config.json  <eos> begins, ends and pads; <unk> is not named, see below
//! ```
//! Transformers takes the letters of every special token that `tokenizer_config.json` names out of a text. For `<eos>` this is
//! wanted, since minicons writes it in front of a text. `<unk>` is not named, because in most kinds of vocabularies its letters are
//! ordinary letters of a text.
//! elman reads such a directory as the same model.

use crate::error::Result;
use crate::state_dict::{SCRIPT, SCRIPT_NAME, remove_module};
use elman_infer::NetworkModel;
use elman_infer::files::{self, Additions, pretty};
use elman_text::Vocab;
use serde_json::{Value, json};
use std::path::Path;

/// Text of the Python module in the repository, where it imports the cells.
pub(super) const MODELING: &str = include_str!("modeling_elman.py");
/// Line of [`MODELING`] that the text of the cells replaces.
const IMPORT: &str = "from elman_torch import Stack, add_layers  # the exported file has these classes in this place\n";
/// First line of the cells in [`SCRIPT`], and of the class after them.
const CELLS: [&str; 2] = ["class Sigmoid(", "class Model("];
/// Name of the Python module that [`save_for_transformers`] writes into a model's directory.
pub const MODELING_NAME: &str = "modeling_elman.py";

/// Writes a model directory that `AutoModelForCausalLM` and `AutoTokenizer` of Transformers load.
///
/// The Python module of an earlier export for PyTorch is removed.
///
/// # Errors
/// [`Error::Model`](crate::Error::Model) if the directory cannot be written; [`Error::Store`](crate::Error::Store) if the other module
/// cannot be removed.
pub fn save_for_transformers(directory: &Path, model: &NetworkModel) -> Result<()> {
    let vocab = model.vocab();
    let class = |name: &str| format!("{}.{name}", MODELING_NAME.trim_end_matches(".py"));
    let auto_map = json!({
        "AutoConfig": class("ElmanConfig"),
        "AutoModelForCausalLM": class("ElmanForCausalLM"),
    });
    let specials = specials(vocab);
    files::write_model(
        directory,
        model.dims(),
        files::arrays(model.network(), model.params()),
        vocab,
        model.layout(),
        model.about(),
        Additions {
            files: vec![
                (MODELING_NAME, modeling()),
                (
                    "tokenizer_config.json",
                    pretty(&tokenizer_config(&specials)),
                ),
                ("special_tokens_map.json", pretty(&specials)),
                ("generation_config.json", pretty(&generation_config(vocab))),
            ],
            auto_map: Some(auto_map),
            tokenizer: Some(vocab.to_tokenizer_json_without_template()),
        },
    )?;
    remove_module(directory, SCRIPT_NAME, SCRIPT)
}

/// Builds the Python module, which is complete in one file.
fn modeling() -> String {
    let [begin, end] = CELLS.map(|class| SCRIPT.find(class).unwrap_or(SCRIPT.len()));
    let cells = format!("{}\n", SCRIPT[begin..end].trim_end());
    MODELING.replacen(IMPORT, &cells, 1)
}

/// Special tokens of `special_tokens_map.json`: `<eos>` in all three roles.
fn specials(vocab: &Vocab) -> Value {
    let eos = vocab.token(vocab.eos());
    json!({"bos_token": eos, "eos_token": eos, "pad_token": eos})
}

/// Content of `tokenizer_config.json`.
fn tokenizer_config(specials: &Value) -> Value {
    let mut config = specials.clone();
    config["tokenizer_class"] = "PreTrainedTokenizerFast".into();
    config["clean_up_tokenization_spaces"] = false.into();
    config["model_input_names"] = json!(["input_ids", "attention_mask"]);
    config
}

/// Content of `generation_config.json`: text is sampled, and `<unk>` is never chosen, as in `elman generate`.
fn generation_config(vocab: &Vocab) -> Value {
    let eos = vocab.eos();
    let mut config =
        json!({"bos_token_id": eos, "eos_token_id": eos, "pad_token_id": eos, "do_sample": true});
    if let Some(unk) = vocab.unk() {
        config["suppress_tokens"] = json!([unk]);
    }
    config
}

#[cfg(test)]
mod tests;
