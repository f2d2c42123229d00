//! Weights that a state dict keeps in another form than the one in which they act, and copies of them.
//!
//! ```text
//! weight drop   P.weight_hh_l0_raw                      the weight; P.weight_hh_l0 or P.module.weight_hh_l0 beside it
//!                                                       is what the last dropout left of it
//! weight norm   X_g, X_v                                X = g · v / ‖v‖ (Salimans and Kingma 2016, equation 2)
//!               P.parametrizations.X.original0, …1      the same, in PyTorch's newer form
//! copy          P_dp.emb.weight                         of P.weight (fastai's dropout of embeddings)
//! ```
//! ‖v‖ is taken over each row (`dim=0`, PyTorch's default), over each column (`dim=1`) or over all of v (`dim=None`), as the shape of g shows.
//! What comes out has the names of the plain form. Products are made in f64.
//!
//! Not known here: other parametrizations, whose tensors find no place later.

use elman_store::{Array, Described, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

type Result<T> = std::result::Result<T, String>;

/// The weights of a file in the form in which they act.
#[derive(Debug, PartialEq)]
pub(super) struct Plain {
    /// Descriptions of the weights, as a file of the plain form would have them.
    pub arrays: Vec<Described>,
    /// Source of each of these arrays, unless it has the same name in the file.
    sources: BTreeMap<String, Source>,
    /// Names in the file that are left out: copies.
    copies: BTreeSet<String>,
    /// Copies that must hold the same numbers: their names, and whose they are.
    twins: Vec<(String, String)>,
    /// Messages for people: the conversions that were made.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Source {
    Renamed(String),
    WeightNorm { g: String, v: String },
}

/// Finds the plain form of the tensors in a file.
///
/// Errors: parts of a weight that do not fit each other.
pub(super) fn plain(arrays: &[Described]) -> Result<Plain> {
    let mut plain = Plain {
        arrays: arrays.to_vec(),
        sources: BTreeMap::new(),
        copies: BTreeSet::new(),
        twins: Vec::new(),
        notes: Vec::new(),
    };
    plain.multiply_out()?;
    plain.take_raw()?;
    plain.leave_copies_out();
    Ok(plain)
}

impl Plain {
    fn find(&self, name: &str) -> Option<&Described> {
        self.arrays.iter().find(|array| array.name == name)
    }

    /// Leaves the tensor `name` out, which is a copy.
    fn leave_out(&mut self, name: &str, why: &str) {
        self.arrays.retain(|array| array.name != name);
        self.sources.remove(name);
        self.copies.insert(name.to_owned());
        self.notes.push(format!("`{name}` is left out: {why}"));
    }

    /// Multiplies out weight norm.
    fn multiply_out(&mut self) -> Result<()> {
        let arrays = self.arrays.clone();
        for g in &arrays {
            let Some((name, v)) = direction_of(&g.name) else {
                continue;
            };
            // A name may end in `_g` by chance.
            let Some(v) = self.find(&v).cloned() else {
                continue;
            };
            let [rows, columns] = v.shape[..] else {
                return Err(format!(
                    "`{}` has the shape {:?}, and weight norm is read of matrices: write the weight itself (torch.nn.utils.remove_weight_norm)",
                    v.name, v.shape
                ));
            };
            if Norm::of(&g.shape, rows, columns).is_none() {
                return Err(format!(
                    "`{}` has the shape {:?}, and `{}` the shape {:?}: weight norm has lengths of the shape [{rows}, 1], [1, {columns}] or []",
                    g.name, g.shape, v.name, v.shape
                ));
            }
            if !matches!(g.dtype, "F32" | "F64" | "F16" | "BF16") {
                return Err(format!(
                    "`{}` has the element type {}, and weights are F32, F64, F16 or BF16",
                    g.name, g.dtype
                ));
            }
            if self.find(&name).is_some() {
                self.leave_out(
                    &name,
                    "weight norm makes that weight again from its length and direction",
                );
            }
            self.notes.push(format!(
                "`{name}` was multiplied out of `{}` and `{}` (weight norm)",
                g.name, v.name
            ));
            self.arrays.retain(|array| array.name != g.name);
            for array in &mut self.arrays {
                if array.name == v.name {
                    array.name.clone_from(&name);
                }
            }
            let (g, v) = (g.name.clone(), v.name);
            self.sources.insert(name, Source::WeightNorm { g, v });
        }
        Ok(())
    }

    /// Takes the raw weights of weight drop.
    fn take_raw(&mut self) -> Result<()> {
        for raw in self.arrays.clone() {
            let Some((prefix, kind)) = dropped(&raw.name) else {
                continue;
            };
            let inner = format!("{prefix}module.");
            // The dropout may stand around the module whose weight it takes.
            let inside = self.arrays.iter().any(|array| {
                let rest = array.name.strip_prefix(&inner);
                rest.is_some_and(|rest| is_part(rest) && !rest.ends_with("_raw"))
            });
            let name = match inside {
                true => format!("{inner}{kind}"),
                false => format!("{prefix}{kind}"),
            };
            for copy in BTreeSet::from([format!("{inner}{kind}"), format!("{prefix}{kind}")]) {
                let Some(array) = self.find(&copy) else {
                    continue;
                };
                if array.shape != raw.shape {
                    return Err(format!(
                        "`{copy}` has the shape {:?} where `{}` has {:?}, and it should be a copy of it with elements dropped",
                        array.shape, raw.name, raw.shape
                    ));
                }
                let why = format!(
                    "it is what dropout left of `{}`, which is the weight",
                    raw.name
                );
                self.leave_out(&copy, &why);
            }
            for array in &mut self.arrays {
                if array.name == raw.name {
                    array.name.clone_from(&name);
                }
            }
            // It may have been multiplied out before.
            let source = self.sources.remove(&raw.name);
            let source = source.unwrap_or(Source::Renamed(raw.name));
            self.sources.insert(name, source);
        }
        Ok(())
    }

    /// Leaves out the embedding's copy in fastai's dropout of embeddings.
    fn leave_copies_out(&mut self) {
        for copy in self.arrays.clone() {
            let Some(prefix) = copy.name.strip_suffix("_dp.emb.weight") else {
                continue;
            };
            let name = format!("{prefix}.weight");
            if self
                .find(&name)
                .is_some_and(|array| array.shape == copy.shape)
            {
                self.leave_out(&copy.name, &format!("it is `{name}` once more"));
                self.twins.push((copy.name, name));
            }
        }
    }

    /// Brings what was read of the file, as f32, into this form.
    ///
    /// Errors: a copy that holds other numbers.
    pub fn form(&self, weights: &mut Snapshot<'static>) -> Result<()> {
        for (copy, name) in &self.twins {
            let [a, b] = [copy, name].map(|name| weights.array(name));
            if !matches!((a, b), (Ok(a), Ok(b)) if a.data == b.data) {
                return Err(format!(
                    "`{copy}` and `{name}` should be the same numbers and are not: leave the one out that the model does without"
                ));
            }
        }
        weights
            .arrays
            .retain(|array| !self.copies.contains(&array.name));
        for (name, source) in &self.sources {
            let mut take = |theirs: &str| {
                let at = weights.arrays.iter().position(|array| array.name == theirs);
                let missing = || format!("`{theirs}` is missing");
                at.map(|at| weights.arrays.swap_remove(at))
                    .ok_or_else(missing)
            };
            let made = match source {
                Source::Renamed(theirs) => Array {
                    name: name.clone(),
                    ..take(theirs)?
                },
                Source::WeightNorm { g, v } => multiplied(name, &take(g)?, &take(v)?),
            };
            weights.arrays.push(made);
        }
        Ok(())
    }
}

/// The plain name of what weight norm keeps as a length of this name, and the name of its direction.
fn direction_of(length: &str) -> Option<(String, String)> {
    if let Some(head) = length.strip_suffix(".original0") {
        let (module, parameter) = head.rsplit_once('.')?;
        let module = match module {
            "parametrizations" => "",
            module => module.strip_suffix("parametrizations")?,
        };
        return Some((format!("{module}{parameter}"), format!("{head}.original1")));
    }
    let name = length.strip_suffix("_g")?;
    Some((name.to_owned(), format!("{name}_v")))
}

/// Prefix and plain name of the raw weight of a weight drop.
fn dropped(name: &str) -> Option<(&str, &str)> {
    let plain = name.strip_suffix("_raw")?;
    let at = plain.rfind('.').map_or(0, |dot| dot + 1);
    let (prefix, kind) = plain.split_at(at);
    is_part(kind).then_some((prefix, kind))
}

/// Whether this is the name of a tensor of a recurrent module, without a prefix.
fn is_part(name: &str) -> bool {
    ["weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"]
        .iter()
        .any(|kind| name.starts_with(kind))
}

/// The dimension over which the norm of a direction is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Norm {
    Rows,
    Columns,
    All,
}

impl Norm {
    /// Finds the dimension from the shape of the lengths.
    fn of(lengths: &[usize], rows: usize, columns: usize) -> Option<Norm> {
        match lengths {
            [] => Some(Norm::All),
            [n, 1] if *n == rows => Some(Norm::Rows),
            [1, n] if *n == columns => Some(Norm::Columns),
            _ => None,
        }
    }
}

/// g · v / ‖v‖; not a number where a direction is all zeros.
fn multiplied(name: &str, g: &Array, v: &Array) -> Array<'static> {
    let (lengths, values) = (super::import::f32s(g), super::import::f32s(v));
    let (rows, columns) = (v.shape[0], v.shape[1]);
    let norm = Norm::of(&g.shape, rows, columns);
    let group = |at: usize| match norm {
        Some(Norm::Rows) => at / columns,
        Some(Norm::Columns) => at % columns,
        Some(Norm::All) | None => 0,
    };
    let mut squares = vec![0.0; lengths.len()];
    for (at, &x) in values.iter().enumerate() {
        squares[group(at)] += f64::from(x) * f64::from(x);
    }
    let factors = lengths.iter().zip(&squares);
    let factors: Vec<f64> = factors.map(|(&g, sum)| f64::from(g) / sum.sqrt()).collect();
    let product = |(at, &x): (usize, &f32)| (factors[group(at)] * f64::from(x)) as f32;
    let product: Vec<f32> = values.iter().enumerate().map(product).collect();
    Array::f32(name, &v.shape, product)
}

#[cfg(test)]
mod tests;
