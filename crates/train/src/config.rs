//! A training run's configuration: every choice resolved to a value, valid by construction of
//! [`Config::check`]. The command line, a configuration file and a resumed run all end here.
//!
//! An option is declared once, in `options!` below or beside the optimizer or the schedule that it belongs to. Names, help,
//! range, default and what a configuration of an earlier version means that lacks it all come from there.

mod check;
mod choices;
pub mod declare;
mod error;
mod idle;
mod layers;
mod names;
mod parts;
mod range;
mod serial;
mod settle;
pub mod table;
#[cfg(test)]
mod tests;
pub mod value;

pub use choices::Choices;
pub use error::ConfigError;
pub use idle::{IdleOption, Origin};
pub use names::{Bptt, CellName, Precision};
pub use range::Range;
pub(crate) use settle::TRAINING_COST;
pub use table::{ConfigOption, options};
pub use value::{Kind, Value};

use super::bptt::LossNorm;
use super::folder::contents::EVENTS;
use super::optim::{Adam, Optimizer, Scales};
use super::schedule::{Cosine, Schedule};
use super::scheduled::Decay;
use elman_net::dims::{Activation, Sizes};
use elman_net::init::{Recurrent, Scheme};
use elman_text::{Kind as VocabKind, Layout, MOST_WEIGHT};
use std::path::PathBuf;

/// The most units, layers' sizes and batch size: a product of two of them has no more elements than a number of 64 bits counts.
const MOST: f64 = 1_048_576.0;
const MOST_SINGLE: f64 = f32::MAX as f64;

/// The options that say how long a run is; a configuration has one of them.
pub const BUDGETS: [&str; 3] = ["epochs", "steps", "minutes"];

/// The group of options that decide no bit, and that a resumed run may change.
pub const WATCHING: &str = "Watching";

/// The group of options that say how long a run is; a resumed run may change them.
pub const BUDGET: &str = "Budget";

declare::options! {
    /// All choices that decide what a run computes, down to the bit. Threads, paths and the saving
    /// interval are not among them; `recompute` is, although it only trades time for memory, and so are those
    /// about watching, which a resumed run keeps.
    ///
    /// The default trains on a megabyte-sized text of words in minutes; docs/ARCHITECTURE.md says how it was chosen.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Config {
        in "Text";
            /// What a token is: words, whitespace, fields, chars, bytes, or bpe:N for byte-pair encoding with N entries
            vocab: VocabKind = VocabKind::Words, option("KIND").of_model();

            /// Treat words seen fewer than N times as <unk>
            min_count: u64 = 1, option("N").not_with_model().idle(&COUNTED);

            /// Most entries of the vocabulary, special tokens included; 'all' keeps every one
            max_vocab: Option<usize> = Some(8_000), option("N|all").at_least(3.0).not_with_model().idle(&COUNTED);

            /// Read invalid UTF-8 as U+FFFD instead of refusing it
            lossy: bool = false, switch().idle(&[Idle {
                because: "kind bytes takes any bytes as they are",
                when: |config, _| config.vocab == VocabKind::Bytes,
            }]);

            /// Treat lines that are LINE as ends of documents; each document is read from the zero state and <eos>
            document_separator: Option<String> = None, option("LINE").later();

            /// How often an epoch reads each training text; an empty list reads each once
            corpus_weights: Vec<f64> = Vec::new(),
                option("X").later().above(0.0).at_most(MOST_WEIGHT).given_with_texts();

        in "Network";
            /// The recurrent cell
            cell: CellName = CellName::LSTM, option("CELL").of_model();

            /// Activation of the Elman cell
            activation: Activation = Activation::Tanh, option("NAME").of_model().idle(&[Idle {
                because: "only the cell elman has a choice of activations",
                when: |config, _| config.cell.cell(config.activation).activation().is_none(),
            }]);

            /// Units of every recurrent layer, or of each from the bottom: 1150,1150,400 for three
            hidden: Sizes = Sizes::Same(256), option("N|N,N,…").letter('H').at_least(1.0).at_most(MOST).of_model();

            /// Size of the embedding; follows the last of `hidden` while weights are tied
            embed: usize = 256, option("N").letter('E').at_least(1.0).at_most(MOST).of_model();

            /// Recurrent layers; not needed if `hidden` is a list
            layers: usize = 1, option("N").letter('L').at_least(1.0).at_most(1_000.0).of_model();

            /// Let the output layer share the embedding's weights, through a projection where sizes differ
            tied: bool = true, switch().of_model();

        in "Initial weights";
            /// Distribution of the initial weights
            init: Scheme = Scheme::Uniform, option("NAME").not_with_model();

            /// Bound a of 'uniform', U(-a, a)
            init_range: Option<f32> = None,
                option("A").at_least(0.0).default_is("1/√hidden").not_with_model().idle(&[Idle {
                    because: "it belongs to the initial weights uniform",
                    when: |config, _| config.init != Scheme::Uniform,
                }]);

            /// Initial recurrent weights; 'identity' with `cell` elman and `activation` relu is the IRNN
            init_recurrent: Recurrent = Recurrent::Same, option("NAME").not_with_model();

            /// Factor of the initial recurrent weights
            init_recurrent_scale: f32 = 1.0, option("X").later().not_with_model();

            /// Added to the bias of the LSTM's forget gate
            forget_bias: f32 = 1.0, option("X").not_with_model().idle(&[Idle {
                because: "the cell has no forget gate",
                when: |config, _| config.cell.cell(config.activation).gate("f").is_none(),
            }]);

            /// Seed of everything random
            seed: u64 = 1, option("N");

        in "Regularisation";
            /// Probability of dropping a unit in training: of the input, between layers and of the output
            dropout: f32 = 0.1, share("P").idle(&[Idle {
                because: "every place has a dropout of its own",
                when: |config, _| {
                    let between = config.layers == 1 || config.dropout_between.is_some();
                    config.dropout_input.is_some() && config.dropout_output.is_some() && between
                },
            }]);

            /// Dropout on the first layer's input
            dropout_input: Option<f32> = None, share("P").default_is("`dropout`");

            /// Dropout between layers
            dropout_between: Option<f32> = None, share("P").default_is("`dropout`").idle(&[Idle {
                because: "nothing is between layers where there is one",
                when: |config, _| config.layers == 1,
            }]);

            /// Dropout on the last layer's output
            dropout_output: Option<f32> = None, share("P").default_is("`dropout`");

            /// Probability of dropping a word wherever it occurs in a step
            dropout_embed: f32 = 0.0, share("P").later();

            /// Drop the same units at every time step of a window
            variational: bool = false, switch().later().idle(&[Idle {
                because: "no unit is dropped",
                when: |config, _| {
                    let rates = config.rates();
                    let between = config.layers > 1 && rates.between > 0.0;
                    rates.input == 0.0 && rates.output == 0.0 && !between
                },
            }]);

            /// Probability of dropping a recurrent weight for a window
            weight_drop: f32 = 0.0, share("P").later();

            /// Penalty on the squares of the last layer's output
            ar: f64 = 0.0, option("A").later().at_least(0.0).at_most(MOST_SINGLE);

            /// Penalty on the squares of the changes of the last layer's output from step to step
            tar: f64 = 0.0, option("B").later().at_least(0.0).at_most(MOST_SINGLE);

            /// Share of every label that is spread over the vocabulary; reported losses are without it
            label_smoothing: f32 = 0.0, share("E").later();

        in "Windows";
            /// Train on the text as one stream, or on each line by itself: from <eos> and the zero state, with the gradient to its beginning
            layout: Layout = Layout::Stream, option("NAME").later();

            /// Parallel streams that the text is cut into; with layout sentences the most lines in a batch
            batch_size: usize = 32, option("N").letter('B').also(&["lanes", "batch"]).at_least(1.0).at_most(MOST);

            /// Most tokens in a batch of sentences, padding included; batches of long lines have fewer lines, but at least one
            batch_tokens: Option<usize> = None,
                option("N").later().at_least(1.0).at_most((1u64 << 40) as f64).default_is("128 for each line");

            /// Steps that the gradient goes back; 'full' for the whole text, if memory allows
            bptt: Bptt = Bptt::Steps(35), option("N|full").letter('T').at_least(1.0);

            /// Begin a window every N steps, so that windows overlap; only positions not yet predicted count towards the loss
            bptt_stride: Option<usize> = None, option("N").later().default_is("`bptt`");

            /// Draw the lengths of windows about `bptt`, or half of it in one of twenty cases, and scale the learning rate with them (Merity et al. 2018)
            bptt_random: bool = false, switch().later();

            /// Probability that a line of a stream begins a text, from <eos> and the zero state, so that the model learns how texts begin
            restart: f64 = 0.01, option("P").later_with(0.0).at_least(0.0).at_most(1.0).off_at(0.0).idle(&[Idle {
                because: "in layout sentences every line begins a text",
                when: |config, _| config.layout == Layout::Sentences,
            }]);

            /// Probability that a word that occurs once in the training text is read as <unk>, drawn for each epoch, so that <unk> is learnt; only where the text has no unknown words
            unknown_rate: f64 = 0.25, option("P").later_with(0.0).at_least(0.0).at_most(1.0).off_at(0.0).idle(&[Idle {
                because: "in kind bytes nothing is unknown",
                when: |config, _| config.vocab == VocabKind::Bytes,
            }]);

            /// Keep the activations of about √T steps and compute the rest again: the same model in the memory of short windows, for 5 to 40 % more time
            recompute: bool = false, switch().later();

            /// How the loss is averaged: per token, or summed over time and averaged over the batch ('sequences')
            loss_norm: LossNorm = LossNorm::Tokens, option("NAME").renamed(&[("lanes", "sequences")]);

            /// Learn only what each line has between the last TOKEN and the line end, such as the answer after '='; the rest is read without loss
            loss_after: Option<String> = None, option("TOKEN").later();

            /// Draw inputs from the model itself, more of them as training proceeds: linear:C, exponential:K, inverse-sigmoid:K or constant:P (Bengio et al. 2015)
            scheduled_sampling: Option<Decay> = None, option("DECAY:X").idle(&[Idle {
                because: "`sampling-limit` lets it draw nothing",
                when: |config, _| config.sampling_limit == 0.0,
            }]);

            /// Largest share of inputs that scheduled sampling draws
            sampling_limit: f64 = 1.0, option("P").later().at_least(0.0).at_most(1.0).idle(&[Idle {
                because: "there is no scheduled sampling",
                when: |config, _| config.scheduled_sampling.is_none(),
            }]);

        in "Gradient";
            /// Windows whose mean gradient makes one update
            accumulate: u64 = 1, option("N").later().at_least(1.0).at_most(MOST);

            /// Groups of sequences that a batch is cut into; their gradients are computed one after the other, or on several machines, and added in one fixed order
            groups: usize = 1, option("G").later().at_least(1.0).at_most(MOST);

            /// Updates that each rank of an mpirun makes from its own part of the batch before the ranks average their weights; more than 1 is another algorithm (local SGD), for slow networks
            average_every: u64 = 1, option("N").later().at_least(1.0).at_most(MOST).idle(&[Idle {
                because: "one rank has nobody to average with",
                when: |config, _| config.groups == 1,
            }]);

            /// Largest magnitude of an element of the gradient, cut before `clip`
            clip_value: Option<f64> = None, option("X|none").above(0.0);

            /// Longest gradient (global norm); 'none' leaves it as it is
            clip: Option<f64> = Some(1.0), option("X|none").above(0.0);

            /// Variance η of Gaussian noise on the gradient, which is η / (1 + t)^γ at update t; 0 adds none
            noise: f64 = 0.0, option("ETA").later().at_least(0.0);

            /// Exponent γ with which the noise of `noise` fades
            noise_decay: f64 = 0.55, option("GAMMA").later().at_least(0.0).idle(&[Idle {
                because: "no noise is added to the gradient",
                when: |config, _| config.noise == 0.0,
            }]);

        in "Optimiser";
            /// Learning rate
            lr: f64 = 0.004, option("X").above(0.0).at_most(MOST_SINGLE);

            /// The update rule
            optimizer: Optimizer = Optimizer::Adam(Adam::default()), option("NAME");

            /// Weight decay; decoupled from the gradient in adamw
            weight_decay: f64 = 0.0, option("X").at_least(0.0).at_most(MOST_SINGLE);

            /// Factors of the learning rate by group: embed, input, recurrent, output, bias
            lr_scale: Scales = Scales::default(), option("GROUP=X,…").later().default_is("1");

            /// Factors of the weight decay by group, such as bias=0,embed=0
            decay_scale: Scales = Scales::default(), option("GROUP=X,…").later().default_is("1").idle(&[Idle {
                because: "there is no weight decay",
                when: |config, _| config.weight_decay == 0.0,
            }]);

            /// Validate and save the average of the weights from this update on
            average_from: Option<u64> = None, option("N|none").at_least(1.0);

            /// Start averaging when the validation loss has not improved on its best for N validations (NT-ASGD, Merity et al. 2018)
            average_trigger: Option<u32> = None, option("N|none");

            /// Arithmetic of the products
            ///
            /// f32 gives the same bits on every machine. bf16 rounds what is multiplied to eight bits of precision and is up to
            /// twice as fast; a run in bf16 resumes only on the instruction set that it was started on.
            precision: Precision = Precision::F32,
                option("NAME").default_is("bf16 where the CPU multiplies it faster, else f32");

        in "Schedule";
            /// How the learning rate changes over the run
            schedule: Schedule = Schedule::Cosine(Cosine::default()), option("NAME");

            /// Steps in which the learning rate rises from 0; not in 'one-cycle'
            warmup: u64 = 50, option("N").off_at(0.0).idle(&[Idle {
                because: "the schedule one-cycle has a rise of its own",
                when: |config, _| !config.schedule.curve().warms_up(),
            }]);

        in "Budget";
            /// Passes over the text to train for
            epochs: Option<f64> = Some(2.0), option("X").above(0.0);

            /// Updates to train for, instead of `epochs`
            steps: Option<u64> = None, option("N").at_least(1.0).default_is("");

            /// Minutes to train for, instead of `epochs`; the speed is measured at the start and turned into steps
            minutes: Option<f64> = None, option("X").above(0.0).default_is("");

            /// Steps between validations; 'none': `valid-per-epoch` says when
            valid_every: Option<u64> = None, option("N|none").at_least(1.0);

            /// Number of validations per epoch, evenly spaced, the last at its end; 0 gives a run ten validations where they take less than a tenth of its time and no rule, such as `patience`, counts them
            valid_per_epoch: u64 = 0, option("N").later_with(1.0).default_is("0").idle(&[Idle {
                because: "`valid-every` says when the run validates",
                when: |config, _| config.valid_every.is_some(),
            }]);

            /// Stop after N validations in a row without an improvement
            patience: Option<u32> = None, option("N|none").at_least(1.0);

        in "Watching";
            /// Steps between samples written with the current weights
            sample_every: Option<u64> = None, option("N|none").later().at_least(1.0);

            /// Prompt of the samples, and of the text that the model writes at the end
            sample_prompt: Option<String> = None, option("TEXT").later().default_is("the beginning of a text");

            /// Steps between measurements of how gradients flow: the norm of ∂h_t/∂h_k, and a verdict
            watch_gradients: Option<u64> = None, option("N|none").later().at_least(1.0);

            /// Directory of event files for TensorBoard; without DIR, 'tensorboard' in the run's directory
            tensorboard: Option<PathBuf> = None, option("DIR|none").later().alone(EVENTS);
    }
}

/// When nothing is counted that a vocabulary could be made of.
const COUNTED: [declare::Idle; 2] = [
    declare::Idle {
        because: "the vocabulary is given and not counted in the text",
        when: |_, origin| origin.vocabulary || origin.model,
    },
    declare::Idle {
        because: "the vocabulary of kind bytes is always the same",
        when: |config, _| config.vocab == VocabKind::Bytes,
    },
];
