//! A language model of any family, and what is asked of it.
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

/// Loads the model in `path`: a run's directory, a model's directory, or the file of an n-gram model (`.bin` or ARPA, plain or gzip).
///
/// Errors: whatever is missing or wrong with the files.
pub fn load(path: impl AsRef<Path>) -> Result<Model> {
    Model::load(path.as_ref())
}

impl Model {
    /// [`load`].
    pub fn load(path: &Path) -> Result<Model> {
        Model::load_as(path, Weights::F32)
    }

    /// As [`load`], with a network's matrices in the format `weights`.
    ///
    /// Errors: whatever is missing or wrong with the files; weights other than f32 for an n-gram model.
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

    /// Writes the model: a network as a directory, an n-gram model as a binary file. [`load`] reads both.
    ///
    /// Errors: a disk that refuses, a cache or a mixture, which has no file.
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

    /// The model as one that computes on `cpu`, which several models may share. By default a network has a thread for each CPU.
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

    /// The model as one that computes on so many threads, at least one, the calling thread included.
    pub fn with_threads(self, threads: usize) -> Model {
        let isa = self.cpu.isa();
        self.with_cpu(Cpu::new(isa, threads))
    }

    /// The model as one that takes texts to be laid out as `layout`: one stream, or lines that begin anew.
    pub fn with_layout(self, layout: Layout) -> Model {
        Model { layout, ..self }
    }

    /// The vocabulary.
    pub fn vocab(&self) -> &Vocab {
        match &self.family {
            Family::Network(model) => model.vocab(),
            Family::Ngram(model) => model.vocab(),
            Family::Cache(cache) => cache.vocab(),
            Family::Mixture(mixture) => mixture.members()[0].vocab(),
        }
    }

    /// BLAKE3 (hex) of everything that decides its numbers.
    pub fn id(&self) -> &str {
        match &self.family {
            Family::Network(model) => model.id(),
            Family::Ngram(model) => model.id(),
            Family::Cache(cache) => cache.id(),
            Family::Mixture(mixture) => mixture.id(),
        }
    }

    /// What it is, in two words: `lstm 2×650`, `5-gram`.
    pub fn architecture(&self) -> String {
        match &self.family {
            Family::Network(model) => model.dims().architecture(),
            Family::Ngram(model) => format!("{}-gram", model.order()),
            Family::Cache(_) => "unigram cache".into(),
            Family::Mixture(_) => "linear mixture".into(),
        }
    }

    /// The number of numbers that training has found; a cache has none.
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

    /// What was remarkable about its files.
    pub fn notes(&self) -> &[String] {
        match &self.family {
            Family::Network(_) | Family::Cache(_) | Family::Mixture(_) => &[],
            Family::Ngram(model) => model.notes(),
        }
    }

    /// How texts are laid out: by default as the training text of a network was, and one stream for other families.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The instruction set and the threads that it computes on.
    pub fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    pub(super) fn shared_cpu(&self) -> &Arc<Cpu> {
        &self.cpu
    }

    pub(super) fn family(&self) -> &Family {
        &self.family
    }

    /// The network, if it is one.
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

    /// The n-gram model, if it is one.
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
    /// It reads texts, and computes, as the first of its models does.
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
