//! The embedding and the output layer of a state dict: everything in it that belongs to no recurrent layer.

use super::{Found, Hints, Result, has_shape, list};
use crate::error::Unclear;
use elman_store::Described;

/// The input and output layers of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Ends {
    /// An embedding, and an output layer with weights of its own. They may still prove to be the same.
    Untied,
    /// One table for both.
    Tied,
    /// An output layer; the inputs are one-hot, and the first layer's input weight is all there is for them.
    OneHot,
}

/// Finds a place for all tensors outside the recurrent layers; returns what stands at their ends, by names and shapes. `top` is the H of
/// the last layer.
pub(super) fn tables(
    others: &[&Described],
    rows: usize,
    embed: usize,
    top: usize,
    hints: &Hints,
    found: &mut Found,
) -> Result<Ends> {
    let (tables, rest): (Vec<&Described>, Vec<&Described>) = others.iter().partition(|array| {
        array.shape.len() == 2 && array.shape[0] == rows && array.name != "projection.weight"
    });
    let (embedding, output) = match tables[..] {
        [only] if is_one_hot(only, embed, hints) => (None, Some(only)),
        _ => {
            let (embedding, output) = ends(&tables, &rest, rows, embed, hints)?;
            has_shape(embedding, &[rows, embed])?;
            found.take("encoder.weight", embedding);
            (Some(embedding), output)
        }
    };

    let mut bias = None;
    let mut projection = None;
    for array in rest {
        if array.shape == [rows] && bias.is_none() {
            bias = Some(array);
            found.take("decoder.bias", array);
        } else if array.shape == [embed, top] && embed != top && projection.is_none() {
            projection = Some(array);
            found.take("projection.weight", array);
        } else {
            return Err(format!(
                "`{}` {:?} has no place in a network of embedding ({rows}, {embed}), recurrent layers and output layer: leave it out of the file if the model does without it",
                array.name, array.shape
            ).into());
        }
    }
    if bias.is_none() {
        found.no_biases.push(("decoder.bias".into(), rows));
    }
    let width = if projection.is_some() { embed } else { top };
    match (embedding, output) {
        (embedding, Some(output)) => {
            has_shape(output, &[rows, width])?;
            found.take("decoder.weight", output);
            Ok(match embedding {
                Some(_) => Ends::Untied,
                None => Ends::OneHot,
            })
        }
        (Some(embedding), None) if width != embed => Err(format!(
            "`{}` {:?} is the only matrix of {rows} rows, and too wide or narrow to be the output layer above {top} units too: the output layer's weight is missing",
            embedding.name, embedding.shape
        ).into()),
        (_, None) => Ok(Ends::Tied),
    }
}

/// Whether the only table, `array`, is an output layer above a network whose inputs are one-hot: these have as many numbers as there are tokens. One
/// that could be a tied table as well has to be named by the user.
fn is_one_hot(array: &Described, embed: usize, hints: &Hints) -> bool {
    let said = hints.output.as_ref();
    let said = said.is_some_and(|name| array.name == *name || module(array) == name);
    embed == array.shape[0] && (array.shape[1] != embed || said)
}

/// The embedding and, if it is another tensor, the output layer's weight.
fn ends<'a>(
    tables: &[&'a Described],
    rest: &[&Described],
    rows: usize,
    embed: usize,
    hints: &Hints,
) -> Result<(&'a Described, Option<&'a Described>)> {
    let named = |wanted: &Option<String>| -> Result<Option<&'a Described>> {
        let Some(wanted) = wanted else {
            return Ok(None);
        };
        let is = |array: &&&Described| array.name == *wanted || module(array) == wanted;
        match tables.iter().find(is) {
            Some(array) => Ok(Some(array)),
            None => Err(format!(
                "`{wanted}` names no matrix of {rows} rows; there are {}",
                list(tables)
            )
            .into()),
        }
    };
    let (embedding, output) = (named(&hints.embedding)?, named(&hints.output)?);
    let (a, b) = match *tables {
        [] => {
            let matrices: Vec<&Described> = rest
                .iter()
                .filter(|array| array.shape.len() == 2)
                .copied()
                .collect();
            return Err(format!(
                "no matrix has {rows} rows, as many as the vocabulary has tokens; there are {}: is it the vocabulary of this model?",
                list(&matrices)
            ).into());
        }
        [only] => return Ok((only, None)),
        [a, b] => (a, b),
        _ => {
            return Err(format!("{} could all be embedding or output layer", list(tables)).into());
        }
    };
    let is_output = |array: &Described| -> [Option<bool>; 4] {
        let same = |known: Option<&Described>| known.map(|known| known.name == array.name);
        let user = same(output).or(same(embedding).map(|same| !same));
        let bias = format!("{}.bias", module(array));
        let biased = rest.iter().any(|other| other.name == bias);
        let wide = array.shape[1] != embed;
        [
            user,
            biased.then_some(true),
            wide.then_some(true),
            by_name(&array.name),
        ]
    };
    for (a_is, b_is) in is_output(a).into_iter().zip(is_output(b)) {
        match (a_is, b_is) {
            (Some(true), None | Some(false)) | (None, Some(false)) => return Ok((b, Some(a))),
            (None | Some(false), Some(true)) | (Some(false), None) => return Ok((a, Some(b))),
            _ => {}
        }
    }
    Err(Unclear::Tables(list(tables)).into())
}

/// Whether a name is that of an output layer, by the words that people use.
fn by_name(name: &str) -> Option<bool> {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let embedding = has(&["emb", "encoder", "lookup", "wte"]);
    let output = has(&[
        "decoder",
        "out",
        "linear",
        "fc",
        "head",
        "proj",
        "softmax",
        "generator",
    ]);
    (embedding != output).then_some(output)
}

/// `decoder` for `decoder.weight`.
fn module(array: &Described) -> &str {
    array.name.strip_suffix(".weight").unwrap_or(&array.name)
}
