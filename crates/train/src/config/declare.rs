//! How an option is declared: a field of a struct in `options!`, with its help as the doc comment, its type, its default, and
//! what else is to be known of it as a [`Declaration`].
//!
//! A choice between several structs, each with options of its own, is declared with `choice!`.

use super::Config;
use super::range::Range;
use super::table::Origin;

/// What is to be known of an option beside its name, help, type and default.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// What stands for its value in a help.
    pub placeholder: &'static str,
    /// A letter that is another name on a command line.
    pub letter: Option<char>,
    /// Names that it also has.
    pub aliases: &'static [&'static str],
    /// The numbers that it may be.
    pub range: Range,
    /// What it means that a stored configuration lacks it.
    pub absent: Absent,
    /// What stands for the default in a help, where the default is no value by itself; nothing if it is empty.
    pub default_is: Option<&'static str>,
    /// The number that asks for nothing.
    pub off: Option<f64>,
    /// The value of a directory that is asked for without a path.
    pub alone: Option<&'static str>,
    /// It is refused, and not noted, where it has no effect beside the option that it belongs to.
    pub strict: bool,
    /// When it has no effect beside other options.
    pub idle: &'static [Idle],
    /// What becomes of it in a run that starts from a model.
    pub from_model: FromModel,
    /// A program decides it from its arguments, so it is no option of a command.
    pub given_with_texts: bool,
}

/// What it means that a stored configuration lacks an option.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// The configuration is no whole one: the first version wrote this option.
    Refused,
    /// It is older than the option, which then has its default.
    Default,
    /// It is older than the option, and this value does as before.
    Number(f64),
}

/// A condition under which an option has no effect.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// Why, as the end of a sentence.
    pub because: &'static str,
    /// Whether it is so.
    pub when: fn(&Config, &Origin) -> bool,
}

/// What becomes of an option in a run that starts from a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromModel {
    /// It is the run's own.
    Nothing,
    /// It is the model's.
    Taken,
    /// It has no effect.
    Unused,
}

/// An option that the first version had, with `placeholder` for its value in a help.
pub const fn option(placeholder: &'static str) -> Declaration {
    Declaration {
        placeholder,
        letter: None,
        aliases: &[],
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

/// A switch that the first version had.
pub const fn switch() -> Declaration {
    option("true|false")
}

/// A probability of dropping something: at least 0 and below 1.
pub const fn share(placeholder: &'static str) -> Declaration {
    option(placeholder).at_least(0.0).below(1.0)
}

impl Declaration {
    /// It has this letter on a command line.
    pub const fn letter(self, letter: char) -> Declaration {
        Declaration {
            letter: Some(letter),
            ..self
        }
    }

    /// It has these names too, in earlier versions or in other programs.
    pub const fn also(self, aliases: &'static [&'static str]) -> Declaration {
        Declaration { aliases, ..self }
    }

    /// Its numbers are at least `low`.
    pub const fn at_least(self, low: f64) -> Declaration {
        let range = self.range.at_least(low);
        Declaration { range, ..self }
    }

    /// Its numbers are above `low`.
    pub const fn above(self, low: f64) -> Declaration {
        let range = self.range.above(low);
        Declaration { range, ..self }
    }

    /// Its numbers are at most `high`.
    pub const fn at_most(self, high: f64) -> Declaration {
        let range = self.range.at_most(high);
        Declaration { range, ..self }
    }

    /// Its numbers are below `high`.
    pub const fn below(self, high: f64) -> Declaration {
        let range = self.range.below(high);
        Declaration { range, ..self }
    }

    /// It was added later, and a configuration without it is older: it has its default there.
    pub const fn later(self) -> Declaration {
        let absent = Absent::Default;
        Declaration { absent, ..self }
    }

    /// It was added later, and a configuration without it is older: it is `number` there.
    pub const fn later_with(self, number: f64) -> Declaration {
        let absent = Absent::Number(number);
        Declaration { absent, ..self }
    }

    /// What stands for its default in a help.
    pub const fn default_is(self, text: &'static str) -> Declaration {
        Declaration {
            default_is: Some(text),
            ..self
        }
    }

    /// This number asks for nothing.
    pub const fn off_at(self, number: f64) -> Declaration {
        Declaration {
            off: Some(number),
            ..self
        }
    }

    /// What it is where it is given without a value.
    pub const fn alone(self, value: &'static str) -> Declaration {
        Declaration {
            alone: Some(value),
            ..self
        }
    }

    /// It is refused where it has no effect.
    pub const fn strict(self) -> Declaration {
        Declaration {
            strict: true,
            ..self
        }
    }

    /// It has no effect under these conditions.
    pub const fn idle(self, idle: &'static [Idle]) -> Declaration {
        Declaration { idle, ..self }
    }

    /// It is the model's in a run that starts from one.
    pub const fn of_model(self) -> Declaration {
        let from_model = FromModel::Taken;
        Declaration { from_model, ..self }
    }

    /// It has no effect in a run that starts from a model.
    pub const fn not_with_model(self) -> Declaration {
        let from_model = FromModel::Unused;
        Declaration { from_model, ..self }
    }

    /// A program decides it from its arguments.
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
            /// The names in files and on command lines.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The choice called `name`, with its defaults.
            pub fn named(name: &str) -> Option<$Choice> {
                match name {
                    $($name => Some($Choice::$Variant($Struct::default())),)+
                    _ => None,
                }
            }

            /// The name in files and on command lines.
            pub fn name(&self) -> &'static str {
                match self {
                    $($Choice::$Variant(_) => $name,)+
                }
            }

            /// The name for people.
            pub fn title(&self) -> &'static str {
                match self {
                    $($Choice::$Variant(_) => $title,)+
                }
            }

            /// What is chosen, with its options.
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
