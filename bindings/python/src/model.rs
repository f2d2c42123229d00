//! Models of every family.

use crate::arguments::{Lines, Reduced, Token, layout, named};
use crate::error::{ElmanError, exception};
use crate::generation::{self, Penalty, Prompts, sampling};
use crate::ngrams::save_arpa;
use crate::pieces::Pieces;
use crate::process::detached;
use crate::records;
use crate::session::Session;
use elman::infer::{
    Beam, LineOptions, Mixture, Spelling, SurprisalOptions, Unknown, Weights, Words,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use std::f64::consts::LN_2;
use std::path::PathBuf;

/// A language model: a network, an n-gram model, or a mixture. It never changes, and threads may share it.
#[pyclass(module = "elman", frozen)]
pub struct Model {
    inner: elman::Model,
    /// Path and options of loading, which a pickle of the model holds.
    origin: Option<Origin>,
}

#[derive(Clone)]
struct Origin {
    path: PathBuf,
    weights: String,
    threads: Option<usize>,
}

impl Model {
    /// Makes a model that is in no file.
    pub fn of(inner: elman::Model) -> Model {
        Model {
            inner,
            origin: None,
        }
    }

    /// Copies the handle of the library's model.
    pub fn shared(&self) -> elman::Model {
        self.inner.clone()
    }
}

#[pymethods]
impl Model {
    /// Load a model: a run's directory, a model's directory, or the file of an n-gram model (ARPA or binary).
    ///
    /// ``weights`` is the number format of a network's matrices: f32, bf16 or int8.
    #[new]
    #[pyo3(signature = (path, *, weights = "f32", threads = None))]
    pub fn load(
        py: Python<'_>,
        path: PathBuf,
        weights: &str,
        threads: Option<usize>,
    ) -> PyResult<Model> {
        let formats = [Weights::F32, Weights::Bf16, Weights::Int8].map(|w| (w.name(), w));
        let format = named("weights", weights, &formats)?;
        if threads == Some(0) {
            return Err(PyValueError::new_err("threads is at least 1"));
        }
        let mut inner = detached(py, || elman::Model::load_as(&path, format)).map_err(exception)?;
        if let Some(threads) = threads {
            inner = inner.with_threads(threads);
        }
        Ok(Model {
            inner,
            origin: Some(Origin {
                path: std::path::absolute(&path).unwrap_or(path),
                weights: weights.to_owned(),
                threads,
            }),
        })
    }

    /// A mixture of models of one vocabulary: ``Model.mixture([(a, 0.7), (b, 0.3)])``. The weights sum to 1.
    #[staticmethod]
    fn mixture(members: Vec<(PyRef<'_, Model>, f64)>) -> PyResult<Model> {
        let members = members
            .into_iter()
            .map(|(model, weight)| (model.shared(), weight));
        let mixture = Mixture::new(members.collect()).map_err(exception)?;
        Ok(Model::of(mixture.into()))
    }

    /// Short name of the architecture, such as ``lstm 2×650`` or ``5-gram``.
    #[getter]
    fn architecture(&self) -> String {
        self.inner.architecture()
    }

    /// Number of trained parameters.
    #[getter]
    fn parameters(&self) -> u64 {
        self.inner.parameters()
    }

    /// Hash of everything that decides the model's probabilities.
    #[getter]
    fn id<'s>(&'s self, py: Python<'_>) -> &'s str {
        detached(py, || self.inner.id())
    }

    /// Number of tokens of the vocabulary.
    #[getter]
    fn vocab_size(&self) -> usize {
        self.inner.vocab().len()
    }

    /// Kind of the vocabulary: words, whitespace, fields, chars, bytes, bpe or foreign.
    #[getter]
    fn vocab_kind(&self) -> String {
        self.inner.vocab().kind().to_string()
    }

    /// Id of the token that ends a text, or a line where the vocabulary has no other line end.
    #[getter]
    fn eos_id(&self) -> u32 {
        self.inner.vocab().eos()
    }

    /// Id of the token in place of what the vocabulary lacks; None if it lacks nothing.
    #[getter]
    fn unk_id(&self) -> Option<u32> {
        self.inner.vocab().unk()
    }

    /// Whether texts are scored as one stream or each sentence by itself, unless that is chosen: ``stream`` or ``sentences``.
    #[getter]
    fn layout(&self) -> &'static str {
        self.inner.layout().name()
    }

    /// Order of an n-gram model; None for other models.
    #[getter]
    fn order(&self) -> Option<usize> {
        self.inner.as_ngram().map(|model| model.order())
    }

    /// Path that the model was loaded from; None if it is in no file.
    #[getter]
    fn path(&self) -> Option<PathBuf> {
        self.origin.as_ref().map(|origin| origin.path.clone())
    }

    /// The vocabulary: the text of each token, in the order of ids.
    fn vocab(&self) -> Vec<String> {
        let vocab = self.inner.vocab();
        let ids = 0..vocab.len() as u32;
        ids.map(|id| vocab.token(id).into_owned()).collect()
    }

    /// Id of a token, given by its text; None if the vocabulary lacks it.
    fn token_id(&self, token: &str) -> Option<u32> {
        self.inner.vocab().id(token.as_bytes())
    }

    /// Text of a token, given by its id.
    fn token(&self, id: u32) -> PyResult<String> {
        let id = Token::Id(id).id(&self.inner)?;
        Ok(self.inner.vocab().token(id).into_owned())
    }

    /// Ids of the tokens of a text.
    fn tokenize(&self, text: &str) -> PyResult<Vec<u32>> {
        let encoded = self.inner.vocab().tokenize(text.as_bytes());
        Ok(encoded.map_err(exception)?.ids)
    }

    /// Text of tokens, given by their ids.
    fn decode(&self, ids: Vec<u32>) -> PyResult<String> {
        for &id in &ids {
            Token::Id(id).id(&self.inner)?;
        }
        let bytes = self.inner.vocab().decode(&ids);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Natural log-probability of a text, its line ends and its end included, as evaluation counts them.
    fn log_prob(&self, py: Python<'_>, text: &str) -> PyResult<f64> {
        let score = detached(py, || self.inner.score(text)).map_err(exception)?;
        Ok(score.log_prob())
    }

    /// The tokens of a text with their natural log-probabilities: a list of dictionaries with token, id, log_prob, unk and,
    /// under an n-gram model, ngram_length, the length of the n-gram that was found.
    fn score_tokens<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyList>> {
        let score = detached(py, || self.inner.score(text)).map_err(exception)?;
        records::tokens(py, score, &self.inner)
    }

    /// Score sentences: the lines of a string, or the strings of a list. A list of dictionaries, as ``elman score --json`` prints them:
    /// line, log10_p, tokens, words, oov, zeros, ppl.
    ///
    /// Each sentence is scored from its beginning, and its end is scored too unless ``end`` is false. With ``continuous`` each is scored after all before it.
    #[pyo3(signature = (texts, *, end = true, continuous = false, exclude_oov = false, batch_size = 32))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        texts: Lines,
        end: bool,
        continuous: bool,
        exclude_oov: bool,
        batch_size: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let sources = texts.sources()?;
        let options = LineOptions {
            layout: layout(continuous),
            batch_size,
            ends: end,
            skip: 0,
        };
        let unknown = match exclude_oov {
            true => Unknown::Exclude,
            false => Unknown::Include,
        };
        let scored = detached(py, || records::score(&self.inner, sources, &options));
        records::scores(py, scored.map_err(exception)?, unknown)
    }

    /// Surprisal of each word of sentences: the lines of a string, or the strings of a list. A list of dictionaries, as
    /// ``elman surprisal --json`` prints them: word, sentid, sentpos, wlen, surp, entropy, entred, unk, tokens, context.
    #[pyo3(signature = (texts, *, unit = "bits", naive = false, end = false, continuous = false, regions = false, batch_size = 32))]
    fn surprisal<'py>(
        &self,
        py: Python<'py>,
        texts: Lines,
        unit: &str,
        naive: bool,
        end: bool,
        continuous: bool,
        regions: bool,
        batch_size: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let sources = texts.sources()?;
        let unit = named("unit", unit, &[("bits", LN_2), ("nats", 1.0)])?;
        let options = SurprisalOptions {
            layout: layout(continuous),
            batch_size,
            words: if regions {
                Words::Regions
            } else {
                Words::Fields
            },
            spelling: if naive {
                Spelling::Naive
            } else {
                Spelling::Exact
            },
        };
        let found = detached(py, || records::find(&self.inner, sources, &options, end));
        records::surprisals(py, found.map_err(exception)?, unit, continuous)
    }

    /// Generate a text that continues ``prompt``, piece by piece: an iterator over strings. The options are those of ``SamplingOptions``.
    #[pyo3(signature = (prompt = "", **options))]
    fn stream(
        &self,
        py: Python<'_>,
        prompt: &str,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Pieces> {
        let sampling = sampling(py, options)?;
        Ok(Pieces::start(self.shared(), prompt.to_owned(), sampling))
    }

    /// Generate texts that continue a prompt, or several side by side: a list of dictionaries, as ``elman generate --json`` prints them.
    ///
    /// Each prompt gets samples 0 to ``samples`` - 1 of the seed. ``logprobs`` adds the natural log-probability of each token under the model.
    #[pyo3(signature = (prompts = Prompts::One(String::new()), *, samples = 1, batch_size = 16, logprobs = false, **options))]
    fn samples<'py>(
        &self,
        py: Python<'py>,
        prompts: Prompts,
        samples: u64,
        batch_size: usize,
        logprobs: bool,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let sampling = elman::Sampling {
            logprobs,
            ..sampling(py, options)?
        };
        let written = detached(py, || {
            generation::samples(&self.inner, prompts, samples, batch_size, &sampling)
        });
        generation::records(py, written.map_err(exception)?)
    }

    /// Search for the most probable texts that continue a prompt, or each of several: a list of dictionaries, the best first.
    ///
    /// ``beam`` hypotheses are kept at each step, and ``n_best`` texts are returned. They are ranked by ln p / ((5 + tokens) / 6)^A, where A is
    /// ``length_penalty``, or by ln p / tokens if it is ``"mean"``.
    #[pyo3(signature = (
        prompts = Prompts::One(String::new()), *, beam = 8, n_best = 1, length_penalty = Penalty::Alpha(0.6), logprobs = false, **options
    ))]
    fn beam_search<'py>(
        &self,
        py: Python<'py>,
        prompts: Prompts,
        beam: usize,
        n_best: usize,
        length_penalty: Penalty,
        logprobs: bool,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let beam = Beam {
            width: beam,
            n_best,
            length_penalty: length_penalty.parse()?,
        };
        beam.check().map_err(exception)?;
        let sampling = elman::Sampling {
            logprobs,
            ..sampling(py, options)?
        };
        let found = detached(py, || {
            generation::search(&self.inner, prompts, &beam, &sampling)
        });
        generation::records(py, found.map_err(exception)?)
    }

    /// Start a session at the beginning of a text.
    fn session(slf: Bound<'_, Self>) -> Session {
        Session {
            inner: slf.get().inner.session(),
            model: slf.unbind(),
        }
    }

    /// Restore a session from the bytes that ``Session.save`` returned.
    fn restore(slf: Bound<'_, Self>, bytes: &Bound<'_, PyBytes>) -> PyResult<Session> {
        let restored = slf.get().inner.restore(bytes.as_bytes());
        Ok(Session {
            inner: restored.map_err(exception)?,
            model: slf.unbind(),
        })
    }

    /// Save the model: a network as a directory, an n-gram model as a binary file, or as ARPA text if the name ends with .arpa or .lm, perhaps
    /// with .gz after it.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let name = path.to_string_lossy();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let is_arpa = name.ends_with(".arpa") || name.ends_with(".lm");
        match is_arpa && self.inner.as_ngram().is_some() {
            true => self.save_arpa(py, path),
            false => detached(py, || self.inner.save(&path)).map_err(exception),
        }
    }

    /// Save an n-gram model as an ARPA file.
    fn save_arpa(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        detached(py, || save_arpa(&self.inner, &path))
    }

    /// Load an n-gram model from the bytes of a binary file, which a pickle holds.
    #[staticmethod]
    fn _from_bytes(py: Python<'_>, bytes: Vec<u8>) -> PyResult<Model> {
        let model = detached(py, || elman::ngram::Model::from_bytes("the pickle", bytes));
        Ok(Model::of(model.map_err(exception)?.into()))
    }

    /// Pickles hold a model by its path, and an n-gram model that is in no file by its bytes.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py, Bound<'py, PyTuple>>> {
        if let Some(origin) = self.origin.clone() {
            let load = py.import("elman")?.getattr("_load")?;
            let arguments = (origin.path, origin.weights, origin.threads);
            return Ok((load, arguments.into_pyobject(py)?));
        }
        let Some(ngram) = self.inner.as_ngram() else {
            return Err(ElmanError::new_err(
                "a model is pickled by its path, and this one is in no file: save it and load it",
            ));
        };
        let load = py.get_type::<Model>().getattr("_from_bytes")?;
        let bytes = PyBytes::new(py, ngram.as_bytes());
        Ok((load, (bytes,).into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        let vocab = self.inner.vocab();
        format!(
            "Model({}, {} tokens of kind {})",
            self.inner.architecture(),
            vocab.len(),
            vocab.kind()
        )
    }
}
