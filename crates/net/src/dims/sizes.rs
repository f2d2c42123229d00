//! Numbers of hidden units as users write them, in a configuration, a model's file or on the command line.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One number for all layers, or a list with one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number of units, or a list with one for each layer"
)]
pub enum Sizes {
    /// Every layer has this number of units.
    Same(usize),
    /// Number of units of each layer, from below.
    Each(Vec<usize>),
}

impl Sizes {
    /// Expands to the size of each of `layers` layers; `None` if a list has another length.
    pub fn of_layers(&self, layers: usize) -> Option<Vec<usize>> {
        match self {
            Sizes::Same(size) => Some(vec![*size; layers]),
            Sizes::Each(sizes) => (sizes.len() == layers).then(|| sizes.clone()),
        }
    }

    /// Shortest form of the layer sizes `sizes`: one number where all are equal. Panics if `sizes` is empty.
    pub fn describing(sizes: &[usize]) -> Sizes {
        match sizes.iter().all(|size| *size == sizes[0]) {
            true => Sizes::Same(sizes[0]),
            false => Sizes::Each(sizes.to_vec()),
        }
    }

    /// Size of the top layer; `None` for an empty list.
    pub fn top(&self) -> Option<usize> {
        match self {
            Sizes::Same(size) => Some(*size),
            Sizes::Each(sizes) => sizes.last().copied(),
        }
    }
}

impl From<usize> for Sizes {
    fn from(size: usize) -> Sizes {
        Sizes::Same(size)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Sizes::Same(size) => write!(f, "{size}"),
            Sizes::Each(sizes) => {
                let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
                f.write_str(&sizes.join(","))
            }
        }
    }
}

impl std::str::FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Sizes, String> {
        let size = |part: &str| {
            part.trim()
                .parse()
                .map_err(|_| format!("'{part}' is not a number of units"))
        };
        match text.contains(',') {
            false => size(text).map(Sizes::Same),
            true => text
                .split(',')
                .map(size)
                .collect::<Result<_, _>>()
                .map(Sizes::Each),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_or_one_for_each_layer() {
        let sizes = |text: &str| text.parse::<Sizes>();
        assert_eq!(sizes("200"), Ok(Sizes::Same(200)));
        assert_eq!(sizes("30, 40,5"), Ok(Sizes::Each(vec![30, 40, 5])));
        for text in ["", "x", "30,", "30,-1"] {
            assert!(sizes(text).is_err(), "{text}");
        }
        assert_eq!(Sizes::Same(7).of_layers(2), Some(vec![7, 7]));
        let each = Sizes::Each(vec![7, 8]);
        assert_eq!(each.of_layers(2), Some(vec![7, 8]));
        assert_eq!(each.of_layers(3), None);
        assert_eq!((each.top(), each.to_string().as_str()), (Some(8), "7,8"));
        assert_eq!(Sizes::describing(&[7, 7]), Sizes::Same(7));
        assert_eq!(Sizes::describing(&[7, 8]), each);
    }
}
