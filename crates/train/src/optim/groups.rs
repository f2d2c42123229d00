//! Groups of parameters that may have a learning rate and a weight decay of their own.
//!
//! Written `embed=0.5,output=2`: factors of what all have. Groups that are not named have factor 1.

use elman_net::params::Role;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A group of parameters with a learning rate and a weight decay of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The embedding; with tied weights also the output layer.
    Embed,
    /// The input weights W_hx of every layer.
    Input,
    /// The recurrent weights W_hh of every layer.
    Recurrent,
    /// The output weights W_S, or with tied weights the projection before the output layer.
    Output,
    /// All biases.
    Bias,
}

impl Group {
    /// All groups.
    pub const ALL: [Group; 5] = [
        Group::Embed,
        Group::Input,
        Group::Recurrent,
        Group::Output,
        Group::Bias,
    ];

    /// Name of the group in options: `embed`, `input`, `recurrent`, `output` or `bias`.
    pub fn name(self) -> &'static str {
        match self {
            Group::Embed => "embed",
            Group::Input => "input",
            Group::Recurrent => "recurrent",
            Group::Output => "output",
            Group::Bias => "bias",
        }
    }

    /// The group of parameters with the role `role`.
    pub fn of(role: Role) -> Group {
        match role {
            Role::Embed => Group::Embed,
            Role::InputWeight => Group::Input,
            Role::RecurrentWeight => Group::Recurrent,
            Role::OutputWeight | Role::Projection => Group::Output,
            Role::Bias | Role::ResetBias | Role::OutputBias => Group::Bias,
        }
    }
}

/// A factor for each group of parameters, written `embed=0.5,output=2`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scales([f64; Group::ALL.len()]);

impl Default for Scales {
    /// Factor 1 for all groups.
    fn default() -> Scales {
        Scales([1.0; Group::ALL.len()])
    }
}

impl Scales {
    /// The factor of `group`; 1 unless it was set.
    pub fn of(&self, group: Group) -> f64 {
        self.0[group as usize]
    }
}

impl fmt::Display for Scales {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut separator = "";
        for group in Group::ALL {
            let scale = self.of(group);
            if scale != 1.0 {
                write!(f, "{separator}{}={scale}", group.name())?;
                separator = ",";
            }
        }
        Ok(())
    }
}

impl FromStr for Scales {
    type Err = String;

    fn from_str(text: &str) -> Result<Scales, String> {
        let mut scales = Scales::default();
        let mut seen = [false; Group::ALL.len()];
        for part in text.split(',').map(str::trim) {
            if part.is_empty() && text.trim().is_empty() {
                break;
            }
            let (name, factor) = part
                .split_once('=')
                .ok_or_else(|| format!("'{part}' is not GROUP=FACTOR, such as embed=0.5"))?;
            let name = name.trim();
            let group = Group::ALL.into_iter().find(|group| group.name() == name);
            let group = group.ok_or_else(|| {
                let names = Group::ALL.map(Group::name).join(", ");
                format!("there is no group '{name}'; the groups are {names}")
            })?;
            let factor: f64 = factor
                .trim()
                .parse()
                .ok()
                .filter(|x: &f64| x.is_finite() && *x >= 0.0)
                .ok_or_else(|| format!("the factor of {name} must be a number of at least 0"))?;
            if std::mem::replace(&mut seen[group as usize], true) {
                return Err(format!("{name} has two factors"));
            }
            scales.0[group as usize] = factor;
        }
        Ok(scales)
    }
}

impl TryFrom<String> for Scales {
    type Error = String;
    fn try_from(text: String) -> Result<Scales, String> {
        text.parse()
    }
}

impl From<Scales> for String {
    fn from(scales: Scales) -> String {
        scales.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (text, written) in [
            ("", ""),
            ("  ", ""),
            ("bias=0", "bias=0"),
            ("output=2, embed = 0.5", "embed=0.5,output=2"),
            ("input=1,recurrent=1e-3", "recurrent=0.001"),
        ] {
            let scales: Scales = text.parse().unwrap();
            assert_eq!(scales.to_string(), written);
            assert_eq!(written.parse::<Scales>().unwrap(), scales);
        }
        let scales: Scales = "bias=0,embed=0.5".parse().unwrap();
        let factors = Group::ALL.map(|group| scales.of(group));
        assert_eq!(factors, [0.5, 1.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("bias", "not GROUP=FACTOR"),
            ("bias=0,", "not GROUP=FACTOR"),
            (
                "biases=0",
                "the groups are embed, input, recurrent, output, bias",
            ),
            ("bias=-1", "at least 0"),
            ("bias=nan", "at least 0"),
            ("bias=x", "at least 0"),
            ("bias=1,bias=2", "two factors"),
        ] {
            let message = text.parse::<Scales>().unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
