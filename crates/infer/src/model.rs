//! A language model of any family: a network, an n-gram model, a cache or a mixture of them.
//!
//! ```text
//! load, From             a run, a model's directory, an n-gram model's file, or a model in memory   → Model
//! session, restore       one stream of text (`session.rs`)
//! score                  a text and the log-probability of each of its tokens (`score.rs`)
//! generate               a text that continues a prompt (`generate.rs`)
//! ```
//! A [`Model`] is a handle: it is immutable, costs nothing to copy, and goes to other threads. With it goes what it computes on: an
//! instruction set and threads, chosen once. Any choice gives the same numbers.

use super::cache::Cache;
use super::mixture::Mixture;
use super::{NetworkModel, Weights, files};
use crate::ModelError;
use crate::error::Result;
use elman_kernels::{Cpu, Isa};
use elman_ngram as ngram;
use elman_text::{Layout, Vocab};
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

/// A language model of any family: a network, an n-gram model, a cache or a mixture of models.
///
/// It is an immutable handle, cheap to clone and to send to other threads. It includes the instruction set and the threads on which
/// it computes; they do not change its numbers.
#[derive(Clone)]
pub struct Model {
    family: Family,
    layout: Layout,
    cpu: Arc<Cpu>,
}

/// The families of models.
#[derive(Clone)]
pub(super) enum Family {
    Network(Arc<NetworkModel>),
    Ngram(Arc<ngram::Model>),
    Cache(Arc<Cache>),
    Mixture(Arc<Mixture>),
}

/// Loads the model at `path`: a run's directory, a model's directory, or the file of an n-gram model (`.bin` or ARPA, plain or
/// compressed with gzip or zstd).
///
/// # Errors
/// [`FileError`](crate::FileError) if there is no usable model; other [`Error`](crate::Error)s if a file is missing or damaged.
pub fn load(path: impl AsRef<Path>) -> Result<Model> {
    Model::load(path.as_ref())
}

impl Model {
    /// Loads the model at `path`; see [`load`].
    ///
    /// # Errors
    /// As for [`load`].
    pub fn load(path: &Path) -> Result<Model> {
        Model::load_as(path, Weights::F32)
    }

    /// Loads the model at `path` as [`load`] does, with a network's matrices in the format `weights`.
    ///
    /// # Errors
    /// As for [`load`]; [`ModelError::NoWeights`] if the model is not a network and `weights` is not f32.
    pub fn load_as(path: &Path, weights: Weights) -> Result<Model> {
        if !files::is_ngram(path) {
            return Ok(NetworkModel::load_as(path, weights)?.into());
        }
        if weights != Weights::F32 {
            let (path, weights) = (path.display().to_string(), weights.name());
            return Err(ModelError::NoWeights { path, weights }.into());
        }
        Ok(ngram::Model::load(path)?.into())
    }

    /// Saves the model at `path`: a network as a directory, an n-gram model as a binary file. [`load`] loads both.
    ///
    /// # Errors
    /// [`ModelError::NoFile`] for a cache or a mixture; [`Error::Store`](crate::Error::Store) or
    /// [`Error::Ngram`](crate::Error::Ngram) if writing fails.
    pub fn save(&self, path: &Path) -> Result<()> {
        match &self.family {
            Family::Network(model) => {
                let (network, params) = (model.network(), model.params());
                let (vocab, layout) = (model.vocab(), model.layout());
                files::save_model(path, network, params, vocab, layout, model.about())
            }
            Family::Ngram(model) => Ok(model.save(path)?),
            Family::Cache(_) | Family::Mixture(_) => Err(ModelError::NoFile {
                architecture: self.architecture(),
            }
            .into()),
        }
    }

    /// Returns the model with computations on `cpu`, which several models may share; by default a network has a thread for each
    /// CPU.
    pub fn with_cpu(self, cpu: impl Into<Arc<Cpu>>) -> Model {
        let cpu = cpu.into();
        let family = match self.family {
            Family::Mixture(mixture) => Family::Mixture(Arc::new(mixture.with_cpu(&cpu))),
            family => family,
        };
        Model {
            family,
            cpu,
            ..self
        }
    }

    /// Returns the model with computations on `threads` threads, at least one, the calling thread included.
    pub fn with_threads(self, threads: usize) -> Model {
        let isa = self.cpu.isa();
        self.with_cpu(Cpu::new(isa, threads))
    }

    /// Returns the model with texts laid out as `layout`: as one stream, or as lines that begin again.
    pub fn with_layout(self, layout: Layout) -> Model {
        Model { layout, ..self }
    }

    /// The model with another n-gram model in its place, and the same settings.
    pub(super) fn with_ngram(self, ngram: ngram::Model) -> Model {
        Model {
            family: Family::Ngram(Arc::new(ngram)),
            ..self
        }
    }

    /// Vocabulary of the model.
    pub fn vocab(&self) -> &Vocab {
        match &self.family {
            Family::Network(model) => model.vocab(),
            Family::Ngram(model) => model.vocab(),
            Family::Cache(cache) => cache.vocab(),
            Family::Mixture(mixture) => mixture.members()[0].vocab(),
        }
    }

    /// Identity of the model: BLAKE3 (hex) over everything that decides its probabilities.
    pub fn id(&self) -> &str {
        match &self.family {
            Family::Network(model) => model.id(),
            Family::Ngram(model) => model.id(),
            Family::Cache(cache) => cache.id(),
            Family::Mixture(mixture) => mixture.id(),
        }
    }

    /// Short name of the architecture: `lstm 2×650`, `5-gram`, `unigram cache`, `linear mixture`.
    pub fn architecture(&self) -> String {
        match &self.family {
            Family::Network(model) => model.dims().architecture(),
            Family::Ngram(model) => format!("{}-gram", model.order()),
            Family::Cache(_) => "unigram cache".into(),
            Family::Mixture(_) => "linear mixture".into(),
        }
    }

    /// Number of trained parameters; a cache has none.
    pub fn parameters(&self) -> u64 {
        match &self.family {
            Family::Network(model) => model.network().layout().parameter_count() as u64,
            Family::Ngram(model) => model.parameters(),
            Family::Cache(_) => 0,
            Family::Mixture(mixture) => {
                let members = mixture.members().iter();
                members.map(|member| 1 + member.parameters()).sum()
            }
        }
    }

    /// Notes for people about the model's files; empty for families other than n-gram models.
    pub fn notes(&self) -> &[String] {
        match &self.family {
            Family::Network(_) | Family::Cache(_) | Family::Mixture(_) => &[],
            Family::Ngram(model) => model.notes(),
        }
    }

    /// How the model takes texts to be laid out: by default as its training text was for a network, as one stream for other
    /// families.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Instruction set and threads on which the model computes.
    pub fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    pub(super) fn shared_cpu(&self) -> &Arc<Cpu> {
        &self.cpu
    }

    pub(super) fn family(&self) -> &Family {
        &self.family
    }

    /// The network, if the model is one.
    pub fn as_network(&self) -> Option<&NetworkModel> {
        match &self.family {
            Family::Network(model) => Some(model),
            _ => None,
        }
    }

    /// The network.
    ///
    /// Errors: a model of another family, for which there is no `what`.
    pub(crate) fn network_for(&self, what: &'static str) -> Result<&NetworkModel> {
        self.as_network().ok_or_else(|| {
            let architecture = self.architecture();
            ModelError::NotANetwork { what, architecture }.into()
        })
    }

    /// Checks that the model has the words that the operation `what` writes, and not only their hashes.
    ///
    /// # Errors
    /// [`ModelError::OnlyHashes`] for a file of KenLM without words.
    pub fn check_words(&self, what: &'static str) -> Result<()> {
        Ok(check_words(self.vocab(), what)?)
    }

    /// The n-gram model, if the model is one.
    pub fn as_ngram(&self) -> Option<&ngram::Model> {
        match &self.family {
            Family::Ngram(model) => Some(model),
            _ => None,
        }
    }

    /// Whether both are handles of the same model in memory, computing alike.
    pub(super) fn same(&self, other: &Model) -> bool {
        let same = match (&self.family, &other.family) {
            (Family::Network(a), Family::Network(b)) => Arc::ptr_eq(a, b),
            (Family::Ngram(a), Family::Ngram(b)) => Arc::ptr_eq(a, b),
            (Family::Cache(a), Family::Cache(b)) => Arc::ptr_eq(a, b),
            (Family::Mixture(a), Family::Mixture(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same && self.layout == other.layout
    }

    fn of(family: Family, layout: Layout, threads: usize) -> Model {
        Model {
            family,
            layout,
            cpu: Arc::new(Cpu::new(Isa::detect(), threads)),
        }
    }
}

/// Checks that a vocabulary has its words; see [`Model::check_words`].
pub(crate) fn check_words(
    vocab: &Vocab,
    what: &'static str,
) -> std::result::Result<(), ModelError> {
    match vocab.has_words() {
        true => Ok(()),
        false => Err(ModelError::OnlyHashes { what }),
    }
}

impl From<NetworkModel> for Model {
    fn from(model: NetworkModel) -> Model {
        let threads = available_parallelism().map_or(1, |n| n.get());
        let layout = model.layout();
        Model::of(Family::Network(Arc::new(model)), layout, threads)
    }
}

impl From<ngram::Model> for Model {
    fn from(model: ngram::Model) -> Model {
        Model::of(Family::Ngram(Arc::new(model)), Layout::Stream, 1)
    }
}

impl From<Cache> for Model {
    fn from(cache: Cache) -> Model {
        Model::of(Family::Cache(Arc::new(cache)), Layout::Stream, 1)
    }
}

impl From<Mixture> for Model {
    /// Makes a model with the layout and the threads of the first model of the mixture.
    fn from(mixture: Mixture) -> Model {
        let first = mixture.members()[0].clone();
        Model {
            family: Family::Mixture(Arc::new(mixture)),
            ..first
        }
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({}, {:?})", self.architecture(), self.vocab())
    }
}
