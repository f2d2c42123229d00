//! How an option is declared: a field of a struct in `options!`, with its help as the doc comment, its type, its default, and
//! what else is to be known of it as a [`Declaration`].
//!
//! A choice between several structs, each with options of its own, is declared with `choice!`.

use super::Config;
use super::range::Range;
use super::table::Origin;

/// Properties of an option beside its name, help, type and default.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Placeholder of the value in the help, such as `N`.
    pub placeholder: &'static str,
    /// Short name on the command line, a letter.
    pub letter: Option<char>,
    /// Other names of the option, accepted on the command line and in files.
    pub aliases: &'static [&'static str],
    /// Names of values in earlier versions, each with its name of today.
    pub renamed: &'static [(&'static str, &'static str)],
    /// Range of valid numbers.
    pub range: Range,
    /// Meaning of a stored configuration without the option.
    pub absent: Absent,
    /// Description of the default in the help, where the default is not a value by itself; an empty text hides it.
    pub default_is: Option<&'static str>,
    /// Number that switches the option off.
    pub off: Option<f64>,
    /// Path of a directory that is asked for without one.
    pub alone: Option<&'static str>,
    /// Whether the option is refused, not only noted, where the option that it belongs to has another value.
    pub strict: bool,
    /// Conditions under which the option has no effect.
    pub idle: &'static [Idle],
    /// Effect of the option in a run that starts from a model.
    pub from_model: FromModel,
    /// Whether a program sets the option from other arguments, so that it is not an option of a command.
    pub given_with_texts: bool,
}

/// Meaning of a stored configuration that lacks an option.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// The configuration is incomplete, because the first version stored this option.
    Refused,
    /// The configuration is older than the option, which has its default.
    Default,
    /// The configuration is older than the option, and this value keeps the behaviour of that time.
    Number(f64),
}

/// A condition under which an option has no effect.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// Reason, as the end of a sentence.
    pub because: &'static str,
    /// Function that tells whether the condition holds.
    pub when: fn(&Config, &Origin) -> bool,
}

/// Effect of an option in a run that starts from a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromModel {
    /// The option has its usual effect.
    Nothing,
    /// The value is taken from the model.
    Taken,
    /// The option has no effect.
    Unused,
}

/// Declares an option that the first version had, with `placeholder` for its value in the help.
pub const fn option(placeholder: &'static str) -> Declaration {
    Declaration {
        placeholder,
        letter: None,
        aliases: &[],
        renamed: &[],
        range: Range::ANY,
        absent: Absent::Refused,
        default_is: None,
        off: None,
        alone: None,
        strict: false,
        idle: &[],
        from_model: FromModel::Nothing,
        given_with_texts: false,
    }
}

/// Declares a switch that the first version had.
pub const fn switch() -> Declaration {
    option("true|false")
}

/// Declares a probability that is at least 0 and below 1.
pub const fn share(placeholder: &'static str) -> Declaration {
    option(placeholder).at_least(0.0).below(1.0)
}

impl Declaration {
    /// Adds a short name for the command line.
    pub const fn letter(self, letter: char) -> Declaration {
        Declaration {
            letter: Some(letter),
            ..self
        }
    }

    /// Adds other names, of earlier versions or of other programs.
    pub const fn also(self, aliases: &'static [&'static str]) -> Declaration {
        Declaration { aliases, ..self }
    }

    /// Adds names that values had in earlier versions, each with its name of today.
    pub const fn renamed(self, renamed: &'static [(&'static str, &'static str)]) -> Declaration {
        Declaration { renamed, ..self }
    }

    /// Limits the value to numbers of at least `low`.
    pub const fn at_least(self, low: f64) -> Declaration {
        let range = self.range.at_least(low);
        Declaration { range, ..self }
    }

    /// Limits the value to numbers above `low`.
    pub const fn above(self, low: f64) -> Declaration {
        let range = self.range.above(low);
        Declaration { range, ..self }
    }

    /// Limits the value to numbers of at most `high`.
    pub const fn at_most(self, high: f64) -> Declaration {
        let range = self.range.at_most(high);
        Declaration { range, ..self }
    }

    /// Limits the value to numbers below `high`.
    pub const fn below(self, high: f64) -> Declaration {
        let range = self.range.below(high);
        Declaration { range, ..self }
    }

    /// Marks an option that was added later; an older configuration without it has its default.
    pub const fn later(self) -> Declaration {
        let absent = Absent::Default;
        Declaration { absent, ..self }
    }

    /// Marks an option that was added later; in an older configuration without it the value is `number`.
    pub const fn later_with(self, number: f64) -> Declaration {
        let absent = Absent::Number(number);
        Declaration { absent, ..self }
    }

    /// Sets the description of the default in the help.
    pub const fn default_is(self, text: &'static str) -> Declaration {
        Declaration {
            default_is: Some(text),
            ..self
        }
    }

    /// Sets the number that switches the option off.
    pub const fn off_at(self, number: f64) -> Declaration {
        Declaration {
            off: Some(number),
            ..self
        }
    }

    /// Sets the value of the option where it is given without one.
    pub const fn alone(self, value: &'static str) -> Declaration {
        Declaration {
            alone: Some(value),
            ..self
        }
    }

    /// Makes the option an error where the option that it belongs to has another value.
    pub const fn strict(self) -> Declaration {
        Declaration {
            strict: true,
            ..self
        }
    }

    /// Sets the conditions under which the option has no effect.
    pub const fn idle(self, idle: &'static [Idle]) -> Declaration {
        Declaration { idle, ..self }
    }

    /// Makes a run that starts from a model take the value from it.
    pub const fn of_model(self) -> Declaration {
        let from_model = FromModel::Taken;
        Declaration { from_model, ..self }
    }

    /// Marks an option without effect in a run that starts from a model.
    pub const fn not_with_model(self) -> Declaration {
        let from_model = FromModel::Unused;
        Declaration { from_model, ..self }
    }

    /// Marks an option that a program sets from other arguments.
    pub const fn given_with_texts(self) -> Declaration {
        Declaration {
            given_with_texts: true,
            ..self
        }
    }
}

/// Declares a struct of options: for each its help, its name as a field, its type, its default and a [`Declaration`]. In a file and on
/// a command line the name has hyphens. Options stand in groups, which are the headings of a help.
macro_rules! options {
    (
        $(#[$attr:meta])*
        pub struct $Type:ident {
            $(
                in $group:literal;
                $(
                    $(#[doc = $help:literal])+
                    $field:ident: $Field:ty = $default:expr, $declaration:expr;
                )+
            )*
        }
    ) => {
        $(#[$attr])*
        pub struct $Type {
            $($(
                $(#[doc = $help])+
                pub $field: $Field,
            )+)*
        }

        impl Default for $Type {
            fn default() -> $Type {
                $Type { $($($field: $default,)+)* }
            }
        }

        impl $crate::config::table::Declares for $Type {
            fn fields() -> Vec<$crate::config::table::Field<$Type>> {
                // With its path, so that a declaration needs no import.
                #[allow(unused_imports)]
                use $crate::config::declare::{Idle, option, share, switch};
                vec![$($(
                    $crate::config::table::Field {
                        field: stringify!($field),
                        group: $group,
                        help: &[$($help),+],
                        declaration: const { $declaration },
                        kind: <$Field as $crate::config::value::Kinded>::KIND,
                        optional: <$Field as $crate::config::value::Kinded>::OPTIONAL,
                        inner: <$Field as $crate::config::value::Kinded>::inner_options,
                        get: |whole| &whole.$field,
                        get_mut: |whole| &mut whole.$field,
                    },
                )+)*]
            }
        }
    };
}
pub(crate) use options;

/// Declares a choice between structs of options: for each its name in a file, its title for people, and `Variant(Struct)`. All
/// structs implement a trait, as which the method named after `as` returns them.
macro_rules! choice {
    (
        $(#[$attr:meta])*
        pub enum $Choice:ident as $method:ident: $Trait:ident {
            $($name:literal, $title:literal: $Variant:ident($Struct:ident),)+
        }
    ) => {
        $(#[$attr])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum $Choice {
            $(
                #[doc = $title]
                $Variant($Struct),
            )+
        }

        impl $Choice {
            /// Names in files and on the command line.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Returns the choice called `name`, with its defaults.
            pub fn named(name: &str) -> Option<$Choice> {
                match name {
                    $($name => Some($Choice::$Variant($Struct::default())),)+
                    _ => None,
                }
            }

            /// Name in files and on the command line.
            pub fn name(&self) -> &'static str {
                match self {
                    $($Choice::$Variant(_) => $name,)+
                }
            }

            /// Title in summaries.
            pub fn title(&self) -> &'static str {
                match self {
                    $($Choice::$Variant(_) => $title,)+
                }
            }

            /// Returns the chosen variant with its options.
            pub fn $method(&self) -> &dyn $Trait {
                match self {
                    $($Choice::$Variant(options) => options,)+
                }
            }
        }

        impl $crate::config::value::Setting for $Choice {
            fn value(&self) -> $crate::config::Value {
                $crate::config::Value::Text(self.name().to_owned())
            }

            fn take(&mut self, value: &$crate::config::Value) -> bool {
                use $crate::config::value::Kinded;
                <$Choice>::read(value).map(|choice| *self = choice).is_some()
            }

            fn inner(&self, name: &str) -> Option<$crate::config::Value> {
                match self {
                    $($Choice::$Variant(options) => {
                        $crate::config::table::value_of(options, name)
                    })+
                }
            }

            fn take_inner(&mut self, name: &str, value: &$crate::config::Value) -> bool {
                match self {
                    $($Choice::$Variant(options) => {
                        $crate::config::table::take_value(options, name, value)
                    })+
                }
            }
        }

        impl $crate::config::value::Kinded for $Choice {
            const KIND: $crate::config::value::Kind =
                $crate::config::value::Kind::Name(|| $Choice::NAMES.to_vec());

            fn read(value: &$crate::config::Value) -> Option<$Choice> {
                match value {
                    $crate::config::Value::Text(name) => $Choice::named(name),
                    _ => None,
                }
            }

            fn inner_options() -> Vec<$crate::config::table::Inner> {
                let mut all = Vec::new();
                $($crate::config::table::join::<$Struct>(&mut all, $name);)+
                all
            }
        }
    };
}
pub(crate) use choice;
