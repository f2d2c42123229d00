//! The two graphs with which sherpa-onnx rescores hypotheses of a transducer, as icefall's `rnn_lm/export-onnx.py` writes them.
//!
//! ```text
//! with state (online)     x (N, L), h0 (layers, N, H), c0  → log_softmax (N, V), next_h0, next_c0; of the first step of x alone
//! no state (offline)      x (N, L), x_lens (N)             → nll (N) = −Σ ln p of the symbols of x and of the end after them
//! ```
//! V are the recogniser's symbols. The runtime reads `sos_id` first, from zeros; the offline graph does so itself. Symbols are
//! mapped to the model's tokens inside the graph, so that every probability is the model's own: a unit that the vocabulary lacks
//! reads and costs what `<unk>` does, and what is no unit of text (the blank) has no probability. Nothing is normalised again.
//!
//! The runtime keeps states in one tensor each, so the network is an LSTM whose layers have one size.

use super::graph::Graph;
use super::messages::{AttributeProto, FLOAT, INT64, Size};
use super::symbols::{Row, Symbols};
use super::{encoded, refuse};
use crate::error::{Error, Result};
use elman_infer::NetworkModel;
use elman_net::dims::Cell;
use elman_store::{disk, write_atomic};
use std::io::Write;
use std::path::Path;

/// Name of the graph that takes and returns states, for streaming recognisers.
pub const ONLINE_NAME: &str = "with-state.onnx";
/// Name of the graph that scores whole hypotheses.
pub const OFFLINE_NAME: &str = "no-state.onnx";
/// ln p of what cannot occur, far below all others and finite.
const NEVER: f32 = -1e4;

const N: Size = Size::Named("N");
const L: Size = Size::Named("L");

/// A language model over the symbols of a recogniser.
pub struct Recogniser<'a> {
    model: &'a NetworkModel,
    /// Token of each symbol, as it is read and as it is predicted.
    tokens: Vec<i64>,
    /// 0, or [`NEVER`] where there is no such token.
    penalties: Vec<f32>,
    sos: usize,
    eos: usize,
    unknown: Vec<String>,
    extra_end: bool,
}

impl<'a> Recogniser<'a> {
    /// Finds the tokens of `model` for the symbols of a recogniser.
    ///
    /// # Errors
    /// [`Error::NotForSherpa`] for a network that is no LSTM of one size, or whose vocabulary has none of the symbols or lacks one
    /// without having `<unk>`; [`Error::TooLargeForOnnx`].
    pub fn new(model: &'a NetworkModel, symbols: &Symbols) -> Result<Recogniser<'a>> {
        let failed = |what: String| Err(Error::NotForSherpa { what });
        let (dims, vocab) = (model.dims(), model.vocab());
        if dims.cell != Cell::LSTM {
            return failed(format!(
                "the cell is {}, and sherpa-onnx has the states of an LSTM",
                dims.cell
            ));
        }
        if dims.hidden.iter().any(|size| *size != dims.hidden[0]) {
            let sizes = &dims.hidden;
            return failed(format!(
                "its layers have {sizes:?} units, and sherpa-onnx keeps the states of all layers in one tensor, of one size"
            ));
        }
        refuse(model)?;
        let mut rows: Vec<Row> = (0..symbols.len())
            .map(|id| symbols.row(id, vocab))
            .collect();
        let is_unknown = |id: &usize| matches!(rows[*id], Row::Unknown(_));
        let unknown: Vec<String> = (0..rows.len())
            .filter(is_unknown)
            .map(|id| symbols.name(id).to_owned())
            .collect();
        let is_unit = |row: &&Row| matches!(row, Row::Token(id) if *id != vocab.eos() && Some(*id) != vocab.unk());
        if !rows.iter().any(|row| is_unit(&row)) {
            return failed("its vocabulary has none of the recogniser's symbols: train it on text that is written in them".into());
        }
        // Blank and the marks of graphs are no text; other symbols without a token are.
        if vocab.unk().is_none() {
            let lost = (1..rows.len()).find(|&id| rows[id] == Row::Never && !symbols.is_mark(id));
            if let Some(id) = lost {
                let symbol = symbols.name(id);
                return failed(format!(
                    "its vocabulary has no token for the symbol {symbol:?}, and no <unk>"
                ));
            }
        }
        let (begin, end) = symbols.begin_and_end();
        let extra_end = begin.is_none();
        if extra_end {
            rows.push(Row::Token(vocab.eos()));
        }
        let last = rows.len() - 1;
        let token = |row: &Row| match row {
            Row::Token(id) | Row::Unknown(id) => *id,
            Row::Never => vocab.eos(),
        };
        let ids: Vec<i64> = rows.iter().map(|row| i64::from(token(row))).collect();
        let penalty = |row: &Row| if *row == Row::Never { NEVER } else { 0.0 };
        Ok(Recogniser {
            model,
            tokens: ids,
            penalties: rows.iter().map(penalty).collect(),
            sos: begin.unwrap_or(last),
            eos: end.unwrap_or(last),
            unknown,
            extra_end,
        })
    }

    /// Symbols that the vocabulary lacks, which count as `<unk>`.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// The id that was added for the beginning and end of a text, if no symbol is one.
    pub fn added_end(&self) -> Option<usize> {
        self.extra_end.then_some(self.eos)
    }

    /// The bytes of the graph with states.
    pub(crate) fn online(&self) -> Vec<u8> {
        let dims = self.model.dims();
        let layers = Size::Fixed(dims.layers());
        let mut graph = self.graph();
        let state = [layers, N, Size::Fixed(dims.hidden[0])];
        graph.input("x", INT64, &[N, L], "symbols; a text begins with sos_id");
        graph.input("h0", FLOAT, &state, "zeros before a text");
        graph.input("c0", FLOAT, &state, "zeros before a text");
        let scores = [N, Size::Fixed(self.tokens.len())];
        graph.output(
            "log_softmax",
            &scores,
            "ln p of the symbol after the first of x",
        );
        graph.output("next_h0", &state, "after all of x");
        graph.output("next_c0", &state, "after all of x");

        graph.node("Gather", &["tokens_of_symbols", "x"], &["read"], vec![]);
        graph.node("Transpose", &["read"], &["tokens"], turned());
        graph.embed("tokens");
        for (whole, part) in [("h0", "h"), ("c0", "c")] {
            let parts: Vec<String> = (0..dims.layers()).map(|k| format!("{part}_{k}")).collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            graph.node("Split", &[whole], &parts, first_axis());
        }
        for k in 0..dims.layers() {
            graph.layer(self.model, k, true);
        }
        for (whole, part) in [("next_h0", "next_h"), ("next_c0", "next_c")] {
            let parts: Vec<String> = (0..dims.layers()).map(|k| format!("{part}_{k}")).collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            graph.node("Concat", &parts, &[whole], first_axis());
        }
        graph.shaped_ints("first", &[], &[0]);
        let all = format!("x_{}", dims.layers());
        graph.node("Gather", &[&all, "first"], &["top"], first_axis());
        graph.logits(self.model, "top");
        graph.log_probs();
        let columns = vec![AttributeProto::int("axis", 1)];
        graph.node(
            "Gather",
            &["log_probs", "tokens_of_symbols"],
            &["possible"],
            columns,
        );
        graph.node("Add", &["possible", "penalties"], &["log_softmax"], vec![]);
        let mut properties = self.properties("rnnlm state");
        properties.extend([
            ("num_layers", dims.layers().to_string()),
            ("hidden_size", dims.hidden[0].to_string()),
            ("embedding_dim", dims.embed.to_string()),
        ]);
        encoded(graph, ABOUT, &properties)
    }

    /// The bytes of the graph without states.
    pub(crate) fn offline(&self) -> Vec<u8> {
        let dims = self.model.dims();
        let mut graph = self.graph();
        graph.input("x", INT64, &[N, L], "symbols of texts, without their ends");
        graph.input(
            "x_lens",
            INT64,
            &[N],
            "numbers of symbols; what follows them is not read",
        );
        graph.output("nll", &[N], "−ln p of each text with its end");

        // (L + 1, N): sos before the symbols, and the symbols before the end.
        graph.shaped_ints("sos", &[1, 1], &[self.sos as i64]);
        graph.shaped_ints("eos", &[1, 1], &[self.eos as i64]);
        graph.ints("one", &[1]);
        graph.shaped_ints("zero", &[], &[0]);
        graph.shaped_ints("step", &[], &[1]);
        graph.node("Transpose", &["x"], &["symbols"], turned());
        graph.node("Shape", &["x_lens"], &["n"], vec![]);
        graph.node("Concat", &["one", "n"], &["row"], first_axis());
        for (end, wide) in [("sos", "all_sos"), ("eos", "all_eos")] {
            graph.node("Expand", &[end, "row"], &[wide], vec![]);
        }
        graph.node("Concat", &["all_sos", "symbols"], &["read"], first_axis());
        graph.node("Concat", &["symbols", "all_eos"], &["rest"], first_axis());
        graph.node(
            "Gather",
            &["tokens_of_symbols", "read"],
            &["tokens"],
            vec![],
        );
        graph.embed("tokens");
        for k in 0..dims.layers() {
            graph.layer(self.model, k, false);
        }
        graph.logits(self.model, &format!("x_{}", dims.layers()));
        graph.log_probs();

        // Where the texts end.
        graph.node("Shape", &["read"], &["sizes"], vec![]);
        graph.node("Gather", &["sizes", "zero"], &["steps"], first_axis());
        graph.node("Range", &["zero", "steps", "step"], &["at"], vec![]);
        graph.node("Unsqueeze", &["at", "one"], &["position"], vec![]);
        graph.node("Equal", &["position", "x_lens"], &["ends"], vec![]);
        graph.node("Where", &["ends", "all_eos", "rest"], &["targets"], vec![]);
        graph.node("LessOrEqual", &["position", "x_lens"], &["counts"], vec![]);

        // −ln p of each symbol, and their sums.
        graph.ints("last", &[2]);
        graph.ints("steps_axis", &[0]);
        graph.node(
            "Gather",
            &["tokens_of_symbols", "targets"],
            &["columns"],
            vec![],
        );
        graph.node("Unsqueeze", &["columns", "last"], &["column"], vec![]);
        let last = vec![AttributeProto::int("axis", 2)];
        graph.node(
            "GatherElements",
            &["log_probs", "column"],
            &["picked"],
            last,
        );
        graph.node("Squeeze", &["picked", "last"], &["possible"], vec![]);
        graph.node("Gather", &["penalties", "targets"], &["penalty"], vec![]);
        graph.node("Add", &["possible", "penalty"], &["ln_p"], vec![]);
        graph.floats("nothing", &[], &[0.0]);
        graph.node(
            "Where",
            &["counts", "ln_p", "nothing"],
            &["counted"],
            vec![],
        );
        let dropped = vec![AttributeProto::int("keepdims", 0)];
        graph.node("ReduceSum", &["counted", "steps_axis"], &["sum"], dropped);
        graph.node("Neg", &["sum"], &["nll"], vec![]);
        encoded(graph, ABOUT, &self.properties("rnnlm without state"))
    }

    /// A graph with the weights and the tables of the symbols.
    fn graph(&self) -> Graph {
        let mut graph = Graph::of(self.model);
        graph.ints("tokens_of_symbols", &self.tokens);
        graph.floats("penalties", &[self.penalties.len()], &self.penalties);
        graph
    }

    fn properties(&self, comment: &str) -> Vec<(&'static str, String)> {
        vec![
            ("model_type", "rnnlm".into()),
            ("version", "1".into()),
            ("model_author", "elman".into()),
            ("comment", comment.into()),
            ("sos_id", self.sos.to_string()),
            ("eos_id", self.eos.to_string()),
            ("vocab_size", self.tokens.len().to_string()),
            ("elman.model_id", self.model.id().to_owned()),
        ]
    }
}

const ABOUT: &str = "A recurrent language model over the symbols of a recogniser, for sherpa-onnx.";

fn turned() -> Vec<AttributeProto> {
    vec![AttributeProto::ints("perm", &[1, 0])]
}

fn first_axis() -> Vec<AttributeProto> {
    vec![AttributeProto::int("axis", 0)]
}

/// Writes both graphs into `directory`, which is created if it is missing.
///
/// # Errors
/// [`Error::Store`] if a file cannot be written.
pub fn save_for_sherpa(directory: &Path, recogniser: &Recogniser) -> Result<()> {
    disk::create_dir_all(directory)?;
    for (name, bytes) in [
        (ONLINE_NAME, recogniser.online()),
        (OFFLINE_NAME, recogniser.offline()),
    ] {
        write_atomic(&directory.join(name), |file| file.write_all(&bytes))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
