//! The recurrent layers of a state dict: their tensors by name, their order, and whether their shapes fit.

use super::{Found, Result, has_shape, matrix};
use elman_infer::files::config::MOST_LAYERS;
use elman_store::Described;
use std::collections::BTreeMap;

/// A name of `nn.RNNBase`, taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Part<'a> {
    /// Prefix with its last dot; empty where the module itself was saved.
    prefix: &'a str,
    kind: &'a str,
    layer: usize,
}

impl<'a> Part<'a> {
    const KINDS: [&'static str; 5] = ["weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh"];
    const REVERSE: &'static str = "_reverse";

    pub(super) fn of(name: &'a str) -> Option<Part<'a>> {
        let forward = name.strip_suffix(Part::REVERSE).unwrap_or(name);
        let (head, layer) = forward.rsplit_once("_l")?;
        let kind = Part::KINDS.into_iter().find(|kind| head.ends_with(kind))?;
        let prefix = &head[..head.len() - kind.len()];
        let whole = prefix.is_empty() || prefix.ends_with('.');
        let layer = layer.parse().ok().filter(|_| whole)?;
        Some(Part {
            prefix,
            kind,
            layer,
        })
    }

    /// The prefix without its last number, and that number: `rnns.#.` and 1 for `rnns.1.`.
    fn numbered(prefix: &str) -> Option<(String, u64)> {
        let parts: Vec<&str> = prefix.split('.').collect();
        let at = parts.iter().rposition(|part| part.parse::<u64>().is_ok())?;
        let mut pattern = parts.clone();
        pattern[at] = "#";
        Some((pattern.join("."), parts[at].parse().ok()?))
    }
}

/// The tensors of one layer.
pub(super) struct LayerTensors<'a> {
    weight_ih: &'a Described,
    pub(super) weight_hh: &'a Described,
    /// ih and hh.
    pub(super) biases: [Option<&'a Described>; 2],
    /// Prefix of the tensors' names in the file.
    prefix: &'a str,
    number: usize,
}

/// The layers in the order in which they follow each other; at least one.
pub(super) fn stack<'a>(
    tensors: impl Iterator<Item = (Part<'a>, &'a Described)>,
) -> Result<Vec<LayerTensors<'a>>> {
    let mut modules: BTreeMap<&str, BTreeMap<usize, BTreeMap<&str, &Described>>> = BTreeMap::new();
    for (part, array) in tensors {
        if array.name.ends_with(Part::REVERSE) {
            return Err(format!(
                "`{}` belongs to a bidirectional network, which sees the tokens that it should predict: only unidirectional networks are language models",
                array.name
            ).into());
        }
        if part.kind == "weight_hr" {
            return Err(format!(
                "`{}` is the projection of an LSTM with proj_size, a cell that elman does not have",
                array.name
            )
            .into());
        }
        let layer = modules
            .entry(part.prefix)
            .or_default()
            .entry(part.layer)
            .or_default();
        layer.insert(part.kind, array);
    }
    let mut layers = Vec::new();
    for (prefix, module) in in_order(modules)? {
        for (k, (number, mut tensors)) in module.into_iter().enumerate() {
            let missing = |kind: &str| format!("`{prefix}{kind}_l{k}` is missing");
            if number != k {
                return Err(missing("weight_ih").into());
            }
            layers.push(LayerTensors {
                weight_ih: tensors
                    .remove("weight_ih")
                    .ok_or_else(|| missing("weight_ih"))?,
                weight_hh: tensors
                    .remove("weight_hh")
                    .ok_or_else(|| missing("weight_hh"))?,
                biases: ["bias_ih", "bias_hh"].map(|kind| tensors.remove(kind)),
                prefix,
                number,
            });
        }
    }
    match layers.len() as u64 {
        0 => Err(
            "no tensor is called `…weight_ih_l0`, so there is no nn.RNN, nn.LSTM or nn.GRU in it"
                .into(),
        ),
        n if n > MOST_LAYERS => {
            Err(format!("it has {n} layers, more than the {MOST_LAYERS} allowed").into())
        }
        _ => Ok(layers),
    }
}

/// Modules in the order of the numbers in their prefixes.
fn in_order<T>(modules: BTreeMap<&str, T>) -> Result<Vec<(&str, T)>> {
    if modules.len() < 2 {
        return Ok(modules.into_iter().collect());
    }
    let prefixes: Vec<&str> = modules.keys().copied().collect();
    let ambiguous = || {
        format!(
            "it has several recurrent modules, {}: their order is not clear from their names, and a language model here has one stack of layers",
            prefixes
                .iter()
                .map(|prefix| format!("`{prefix}*`"))
                .collect::<Vec<_>>()
                .join(", ")
        )
    };
    let mut numbered = BTreeMap::new();
    let mut patterns = Vec::new();
    for (prefix, module) in modules {
        let (pattern, number) = Part::numbered(prefix).ok_or_else(ambiguous)?;
        patterns.push(pattern);
        numbered.insert(number, (prefix, module));
    }
    if numbered.len() != patterns.len() || patterns.iter().any(|pattern| *pattern != patterns[0]) {
        return Err(ambiguous().into());
    }
    Ok(numbered.into_values().collect())
}

impl LayerTensors<'_> {
    /// G, which the recurrent weight (G·H, H) shows.
    pub(super) fn gates(&self) -> Result<usize> {
        let [rows, hidden] = matrix(self.weight_hh)?;
        match (rows % hidden, rows / hidden) {
            (0, gates @ (1 | 3 | 4)) => Ok(gates),
            _ => Err(format!(
                "`{}` has the shape {:?}: an RNN, a GRU or an LSTM has (H, H), (3 H, H) or (4 H, H)",
                self.weight_hh.name, self.weight_hh.shape
            ).into()),
        }
    }

    /// The width of its input.
    pub(super) fn input(&self) -> Result<usize> {
        matrix(self.weight_ih).map(|[_, input]| input)
    }

    /// Checks layer `k`, which reads `width` numbers, and returns its H.
    pub(super) fn place(
        &self,
        k: usize,
        gates: usize,
        width: usize,
        with_bias: bool,
        found: &mut Found,
    ) -> Result<usize> {
        if self.gates()? != gates {
            return Err(format!(
                "`{}` has the shape {:?}: it is not of the kind of the first layer, and all cells of a model are the same here",
                self.weight_hh.name, self.weight_hh.shape
            ).into());
        }
        let [rows, hidden] = matrix(self.weight_hh)?;
        has_shape(self.weight_ih, &[rows, width])?;
        found.take(format!("rnn.weight_ih_l{k}"), self.weight_ih);
        found.take(format!("rnn.weight_hh_l{k}"), self.weight_hh);
        for (kind, bias) in ["bias_ih", "bias_hh"].into_iter().zip(self.biases) {
            let ours = format!("rnn.{kind}_l{k}");
            match bias {
                Some(bias) => {
                    has_shape(bias, &[rows])?;
                    found.take(ours, bias);
                }
                None if with_bias => {
                    return Err(format!(
                        "`{}{kind}_l{}` is missing, and other layers have their biases",
                        self.prefix, self.number
                    )
                    .into());
                }
                None => found.no_biases.push((ours, rows)),
            }
        }
        Ok(hidden)
    }
}
