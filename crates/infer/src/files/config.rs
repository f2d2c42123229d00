//! `config.json`: written from the sizes of a network, and parsed into sizes that are checked.
//!
//! Keys that other programs add are passed over, except in the section `elman`, which is ours alone.

use elman_net::dims::{Activation, Cell, Dims, Sizes, file_numbers};
use elman_store::Snapshot;
use elman_store::model_dir::{TOKENIZER, WEIGHTS};
use elman_text::{Kind, Layout, Vocab};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the format that is written.
const VERSION: u32 = 1;
/// The largest embedding size or hidden size of a network that can be loaded.
pub const LARGEST: u64 = 1 << 20;
/// The largest number of layers of a network that can be loaded: layers cost memory and time besides their weights.
pub const MOST_LAYERS: u64 = 1 << 10;
/// The largest vocabulary: ids have 32 bits, one of which is a mark.
const LARGEST_VOCAB: u64 = 1 << 31;
const MODEL_TYPE: &str = "elman";

/// The contents of `config.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ConfigFile {
    model_type: String,
    #[serde(default)]
    architectures: Vec<String>,
    vocab_size: u64,
    embedding_size: u64,
    /// A number, or a list where the layers differ.
    hidden_size: Sizes,
    num_layers: u64,
    cell: String,
    /// Activation of the cell `elman`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activation: Option<String>,
    tie_word_embeddings: bool,
    #[serde(default)]
    bos_token_id: Option<u32>,
    #[serde(default)]
    eos_token_id: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unk_token_id: Option<u32>,
    #[serde(default)]
    torch_dtype: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    elman: Option<Section>,
    /// Names of the Python classes that Transformers loads the model with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auto_map: Option<Value>,
}

/// What marks a model as ours.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    version: u32,
    vocab_kind: Kind,
    /// How the training text was laid out.
    #[serde(default, skip_serializing_if = "is_stream")]
    layout: Layout,
}

impl ConfigFile {
    pub(super) fn new(
        dims: &Dims,
        vocab: &Vocab,
        layout: Layout,
        auto_map: Option<Value>,
    ) -> ConfigFile {
        ConfigFile {
            model_type: MODEL_TYPE.into(),
            architectures: vec!["ElmanForCausalLM".into()],
            vocab_size: dims.vocab as u64,
            embedding_size: dims.embed as u64,
            hidden_size: Sizes::describing(&dims.hidden),
            num_layers: dims.layers() as u64,
            cell: dims.cell.name().into(),
            activation: dims
                .cell
                .activation()
                .map(|activation| activation.name().to_owned()),
            tie_word_embeddings: dims.tied,
            bos_token_id: Some(vocab.eos()),
            eos_token_id: Some(vocab.eos()),
            unk_token_id: vocab.unk(),
            torch_dtype: Some("float32".into()),
            elman: Some(Section {
                version: VERSION,
                vocab_kind: vocab.kind(),
                layout,
            }),
            auto_map,
        }
    }

    pub(super) fn parse(text: &str) -> std::result::Result<ConfigFile, String> {
        let config: ConfigFile = serde_json::from_str(text)
            .map_err(|error| format!("not the configuration of a model: {error}"))?;
        if config.model_type != MODEL_TYPE {
            return Err(format!(
                "its model_type is `{}`, and only `{MODEL_TYPE}` is read here",
                config.model_type
            ));
        }
        Ok(config)
    }

    /// The sizes, once they are known to be those of `vocab` and of `weights`.
    pub(super) fn dims(
        &self,
        vocab: &Vocab,
        weights: &Snapshot,
    ) -> std::result::Result<Dims, String> {
        if let Some(section) = &self.elman {
            if section.version > VERSION {
                return Err(format!(
                    "it was written by a later elman (version {} of the format, {VERSION} is known here): use that",
                    section.version
                ));
            }
            if section.vocab_kind != vocab.kind() {
                let (own, found) = (section.vocab_kind, vocab.kind());
                return Err(format!(
                    "it is for a vocabulary of kind {own}, and {TOKENIZER} is of kind {found}"
                ));
            }
        }
        let ids = [
            ("bos_token_id", self.bos_token_id, Some(vocab.eos())),
            ("eos_token_id", self.eos_token_id, Some(vocab.eos())),
            ("unk_token_id", self.unk_token_id, vocab.unk()),
        ];
        for (name, said, actual) in ids {
            if said.is_some() && said != actual {
                return Err(format!(
                    "its {name} is {said:?}, and {TOKENIZER} has {actual:?}"
                ));
            }
        }
        let dims = Dims {
            cell: self.cell()?,
            vocab: size("vocab_size", self.vocab_size, LARGEST_VOCAB)?,
            embed: size("embedding_size", self.embedding_size, LARGEST)?,
            hidden: self.hidden()?,
            tied: self.tie_word_embeddings,
        };
        if dims.vocab != vocab.len() {
            return Err(format!(
                "its vocab_size is {}, and {TOKENIZER} has {} entries",
                dims.vocab,
                vocab.len()
            ));
        }
        let (needed, held) = (
            file_numbers(&dims),
            weights
                .arrays
                .iter()
                .map(|a| a.data.len() as u128)
                .sum::<u128>(),
        );
        if needed > held {
            return Err(format!(
                "its sizes need {needed} weights, and {WEIGHTS} holds {held}"
            ));
        }
        Ok(dims)
    }

    /// The size of every layer.
    fn hidden(&self) -> std::result::Result<Vec<usize>, String> {
        let layers = size("num_layers", self.num_layers, MOST_LAYERS)?;
        let hidden = self.hidden_size.of_layers(layers).ok_or_else(|| {
            format!("its hidden_size does not list {layers} sizes, one for each of num_layers")
        })?;
        for units in &hidden {
            size("hidden_size", *units as u64, LARGEST)?;
        }
        Ok(hidden)
    }

    /// How the training text was laid out; that of a foreign model is not known, and read as a stream.
    pub(super) fn layout(&self) -> Layout {
        self.elman
            .as_ref()
            .map_or(Layout::Stream, |section| section.layout)
    }

    fn cell(&self) -> std::result::Result<Cell, String> {
        let (cell, activation) = (self.cell.as_str(), self.activation.as_deref());
        let names = Cell::names();
        if !names.contains(&cell) {
            return Err(format!(
                "its cell is `{cell}`, not one of {}",
                names.join(", ")
            ));
        }
        Cell::named(cell, activation.and_then(Activation::named)).ok_or_else(|| match activation {
            None => format!("the cell `{cell}` needs an `activation`: sigmoid, tanh or relu"),
            Some(name) => format!("its activation is `{name}`, not one of sigmoid, tanh, relu"),
        })
    }
}

fn is_stream(layout: &Layout) -> bool {
    *layout == Layout::Stream
}

fn size(name: &str, value: u64, most: u64) -> std::result::Result<usize, String> {
    if !(1..=most).contains(&value) {
        return Err(format!(
            "its {name} is {value}; it must be between 1 and {most}"
        ));
    }
    usize::try_from(value).map_err(|_| format!("its {name} is {value}, too large for this machine"))
}
