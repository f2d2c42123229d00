//! The queries of the Python module `kenlm`, on n-gram models of elman.
//!
//! ```text
//! score = Σ log10 p(word | state)        perplexity = 10^(−score / (words + 1))
//! ```
//! Words are what is between ASCII white space, as `bytes.split()` cuts it. Sums are in f64; KenLM's module adds in f32, so that its sums of long
//! sentences differ in the sixth digit.

use crate::error::{ElmanError, message_of};
use elman::ngram::State;
use elman::text::WordsBetweenSpaces;
use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBytes, PyString};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::{available_parallelism, scope};

/// log10 p of an unknown word under a model without `<unk>`, as KenLM has it by default.
const UNKNOWN_LOG10: f32 = -100.0;

/// Sentences of a thread that are scored together.
const TOGETHER: usize = 4096;

/// Context of a model, as a value: it can be compared, hashed and copied.
#[pyclass(module = "elman.kenlm", name = "State")]
pub struct KenlmState {
    /// Context, or `None` in a state that no method has written yet.
    state: Mutex<Option<State>>,
}

impl KenlmState {
    fn get(&self) -> Option<State> {
        self.state.lock().map_or(None, |state| *state)
    }

    fn set(&self, to: State) {
        if let Ok(mut state) = self.state.lock() {
            *state = Some(to);
        }
    }
}

#[pymethods]
impl KenlmState {
    #[new]
    fn new() -> KenlmState {
        KenlmState {
            state: Mutex::new(None),
        }
    }

    fn __eq__(&self, other: &KenlmState) -> bool {
        self.get() == other.get()
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.get().hash(&mut hasher);
        hasher.finish()
    }

    fn __copy__(&self) -> KenlmState {
        KenlmState {
            state: Mutex::new(self.get()),
        }
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> KenlmState {
        self.__copy__()
    }
}

/// A string, or its bytes in UTF-8.
enum Words<'a> {
    Text(&'a Bound<'a, PyString>),
    Bytes(&'a Bound<'a, PyBytes>),
}

impl<'a> Words<'a> {
    fn of(argument: &'a Bound<'a, PyAny>) -> PyResult<Words<'a>> {
        match (argument.cast::<PyString>(), argument.cast::<PyBytes>()) {
            (Ok(text), _) => Ok(Words::Text(text)),
            (_, Ok(bytes)) => Ok(Words::Bytes(bytes)),
            _ => Err(PyTypeError::new_err(format!(
                "Cannot convert {} to string",
                argument.repr()?
            ))),
        }
    }

    fn with<T>(&self, read: impl FnOnce(&[u8]) -> T) -> PyResult<T> {
        match self {
            Words::Text(text) => Ok(read(text.to_cow()?.as_bytes())),
            Words::Bytes(bytes) => Ok(read(bytes.as_bytes())),
        }
    }
}

/// An n-gram model behind the interface of `kenlm.Model`.
#[pyclass(module = "elman.kenlm", name = "_Model", frozen, subclass)]
pub struct KenlmModel {
    model: elman::Model,
    /// Ids of words that are no tokens: `<s>`, and those that texts of elman never hold, such as a word `<eos>`.
    apart: HashMap<Vec<u8>, u32>,
    path: PathBuf,
}

/// A scored word.
struct Scored {
    log10: f32,
    order: usize,
    unknown: bool,
}

impl KenlmModel {
    fn ngram(&self) -> &elman::ngram::Model {
        self.model
            .as_ngram()
            .expect("the constructor has checked it")
    }

    /// Id of the word of `len` bytes that `text` begins with; `None` under a model without `<unk>` that lacks it.
    #[inline]
    fn id(&self, text: &[u8], len: usize) -> Option<u32> {
        let vocab = self.ngram().vocab();
        match vocab.id_of_first(text, len) {
            Some(id) if id != vocab.eos() => Some(id),
            _ => self.id_apart(&text[..len]),
        }
    }

    /// Id of a word that is no token, or is called like one that is no word.
    #[cold]
    fn id_apart(&self, word: &[u8]) -> Option<u32> {
        let vocab = self.ngram().vocab();
        match word {
            b"</s>" => Some(vocab.eos()),
            word => self.apart.get(word).copied().or(vocab.unk()),
        }
    }

    /// Corrects the state after the word `id`, which is that of a text of many lines: nothing follows `</s>` in a sentence.
    fn end(&self, state: &mut State, id: u32) {
        let ngram = self.ngram();
        if id == ngram.vocab().eos() {
            *state = ngram.empty();
        }
    }

    /// Scores a word; `state` becomes the state after it.
    fn full_score(&self, state: &mut State, id: Option<u32>) -> Scored {
        let ngram = self.ngram();
        match id {
            Some(id) => {
                let (log10, order) = ngram.full_advance(state, id);
                self.end(state, id);
                Scored {
                    log10,
                    order,
                    unknown: Some(id) == ngram.vocab().unk(),
                }
            }
            None => {
                *state = ngram.empty();
                Scored {
                    log10: UNKNOWN_LOG10,
                    order: 1,
                    unknown: true,
                }
            }
        }
    }

    /// log10 p of a word; `state` becomes the state after it. Faster than [`KenlmModel::full_score`].
    #[inline]
    fn score_word(&self, state: &mut State, id: Option<u32>) -> f32 {
        let ngram = self.ngram();
        match id {
            Some(id) => {
                let log10 = ngram.advance(state, id);
                self.end(state, id);
                log10
            }
            None => {
                *state = ngram.empty();
                UNKNOWN_LOG10
            }
        }
    }

    fn beginning(&self, bos: bool) -> State {
        match bos {
            true => self.ngram().start(),
            false => self.ngram().empty(),
        }
    }

    /// Gives `each` the id of each word of a sentence, and that of `</s>` at its end.
    #[inline]
    fn each_id(&self, sentence: &[u8], eos: bool, mut each: impl FnMut(Option<u32>)) {
        for place in WordsBetweenSpaces::new(sentence) {
            each(self.id(&sentence[place.start..], place.len()));
        }
        if eos {
            each(Some(self.ngram().vocab().eos()));
        }
    }

    fn sum(&self, sentence: &[u8], bos: bool, eos: bool) -> f64 {
        let (mut state, mut sum) = (self.beginning(bos), 0.0);
        self.each_id(sentence, eos, |id| {
            sum += f64::from(self.score_word(&mut state, id))
        });
        sum
    }

    /// [`KenlmModel::sum`] of many whole sentences, faster than of one after the other.
    ///
    /// After `</s>` the model is where it is after `<s>`, so that the sentences are one text for it.
    fn sums(&self, sentences: &[PyBackedStr], sums: &mut [f64]) {
        let (mut ids, mut ends, mut log10) = (Vec::new(), Vec::new(), Vec::new());
        for (sentences, sums) in sentences.chunks(TOGETHER).zip(sums.chunks_mut(TOGETHER)) {
            ids.clear();
            ends.clear();
            for sentence in sentences {
                let (start, mut words) = (ids.len(), 0);
                self.each_id(sentence.as_bytes(), true, |id| {
                    ids.extend(id);
                    words += 1;
                });
                // A word without an id, and a word `</s>`, which nothing follows: such a sentence is scored by itself.
                let last = ids.len() - 1;
                if ids.len() - start < words || ids[start..last].contains(&ids[last]) {
                    ids.truncate(start);
                }
                ends.push(ids.len());
            }
            log10.resize(ids.len(), 0.0);
            let ngram = self.ngram();
            ngram.score_all(ngram.start(), &ids, &mut log10);
            let mut start = 0;
            for ((&end, sentence), sum) in ends.iter().zip(sentences).zip(sums) {
                let words = log10[start..end].iter();
                *sum = match start == end {
                    true => self.sum(sentence.as_bytes(), true, true),
                    false => words.fold(0.0, |sum, &log10| sum + f64::from(log10)),
                };
                start = end;
            }
        }
    }

    fn state(&self, state: &KenlmState) -> PyResult<State> {
        let state = state.get().ok_or_else(|| {
            ElmanError::new_err(
                "the state is empty: write it with BeginSentenceWrite or NullContextWrite",
            )
        })?;
        // A state of another model may not exist in this one.
        match self.ngram().has_state(&state) {
            true => Ok(state),
            false => Err(ElmanError::new_err("the state is of another model")),
        }
    }
}

#[pymethods]
impl KenlmModel {
    #[new]
    #[pyo3(signature = (path, _config = None))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        _config: Option<Bound<'_, PyAny>>,
    ) -> PyResult<KenlmModel> {
        let model = py.detach(|| load(&path))?;
        let words = model.as_ngram().map(|ngram| ngram.words());
        let apart = words.into_iter().flat_map(|words| {
            let hidden = words.hidden().iter().map(|name| name.as_bytes());
            let names = std::iter::once(&b"<s>"[..]).chain(hidden);
            names.map(<[u8]>::to_vec).zip(words.begin()..)
        });
        Ok(KenlmModel {
            apart: apart.collect(),
            path: std::path::absolute(&path).unwrap_or(path),
            model,
        })
    }

    /// Order of the model.
    #[getter]
    fn order(&self) -> usize {
        self.ngram().order()
    }

    /// Path of the model.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// log10 p(sentence </s> | <s>); without ``bos`` not after <s>, without ``eos`` not with </s>.
    #[pyo3(signature = (sentence, bos = true, eos = true))]
    fn score(&self, sentence: &Bound<'_, PyAny>, bos: bool, eos: bool) -> PyResult<f64> {
        Words::of(sentence)?.with(|bytes| self.sum(bytes, bos, eos))
    }

    /// Scores of many sentences at once, on all processors: a list of log10 p.
    #[pyo3(signature = (sentences, bos = true, eos = true))]
    fn scores(
        &self,
        py: Python<'_>,
        sentences: Vec<PyBackedStr>,
        bos: bool,
        eos: bool,
    ) -> Vec<f64> {
        py.detach(|| {
            let threads = available_parallelism().map_or(1, |n| n.get());
            let each = sentences.len().div_ceil(threads).max(256);
            let mut sums = vec![0.0; sentences.len()];
            scope(|scope| {
                for (sums, part) in sums.chunks_mut(each).zip(sentences.chunks(each)) {
                    scope.spawn(move || match bos && eos {
                        true => self.sums(part, sums),
                        false => {
                            for (sum, sentence) in sums.iter_mut().zip(part) {
                                *sum = self.sum(sentence.as_bytes(), bos, eos);
                            }
                        }
                    });
                }
            });
            sums
        })
    }

    /// Perplexity of a sentence, its end included.
    fn perplexity(&self, sentence: &Bound<'_, PyAny>) -> PyResult<f64> {
        Words::of(sentence)?.with(|bytes| {
            let words = WordsBetweenSpaces::new(bytes).count() + 1;
            10f64.powf(-self.sum(bytes, true, true) / words as f64)
        })
    }

    /// The scores of the words of a sentence: a list of (log10 p, length of the n-gram, whether the word is unknown), with </s> last.
    #[pyo3(signature = (sentence, bos = true, eos = true))]
    fn _full_scores(
        &self,
        sentence: &Bound<'_, PyAny>,
        bos: bool,
        eos: bool,
    ) -> PyResult<Vec<(f32, usize, bool)>> {
        Words::of(sentence)?.with(|bytes| {
            let (mut state, mut words) = (self.beginning(bos), Vec::new());
            self.each_id(bytes, eos, |id| {
                let scored = self.full_score(&mut state, id);
                words.push((scored.log10, scored.order, scored.unknown));
            });
            words
        })
    }

    /// Write the state at the beginning of a sentence, after <s>.
    #[pyo3(name = "BeginSentenceWrite")]
    fn begin_sentence_write(&self, state: &KenlmState) {
        state.set(self.ngram().start());
    }

    /// Write the state without any context.
    #[pyo3(name = "NullContextWrite")]
    fn null_context_write(&self, state: &KenlmState) {
        state.set(self.ngram().empty());
    }

    /// log10 p of a word after ``in_state``; the state after it is written to ``out_state``.
    #[pyo3(name = "BaseScore")]
    fn base_score(
        &self,
        in_state: &KenlmState,
        word: &Bound<'_, PyAny>,
        out_state: &KenlmState,
    ) -> PyResult<f32> {
        let mut state = self.state(in_state)?;
        let score = |word: &[u8]| self.score_word(&mut state, self.id(word, word.len()));
        let log10 = Words::of(word)?.with(score)?;
        out_state.set(state);
        Ok(log10)
    }

    #[pyo3(name = "_BaseFullScore")]
    fn base_full_score(
        &self,
        in_state: &KenlmState,
        word: &Bound<'_, PyAny>,
        out_state: &KenlmState,
    ) -> PyResult<(f32, usize, bool)> {
        let mut state = self.state(in_state)?;
        let score = |word: &[u8]| self.full_score(&mut state, self.id(word, word.len()));
        let scored = Words::of(word)?.with(score)?;
        out_state.set(state);
        Ok((scored.log10, scored.order, scored.unknown))
    }

    fn __contains__(&self, word: &Bound<'_, PyAny>) -> PyResult<bool> {
        let unk = self.ngram().vocab().unk();
        Words::of(word)?.with(|word| self.id(word, word.len()).is_some_and(|id| Some(id) != unk))
    }
}

/// Loads an n-gram model of words, with the errors of `kenlm`.
fn load(path: &Path) -> PyResult<elman::Model> {
    let cannot =
        |why: String| PyOSError::new_err(format!("Cannot read model '{}' ({why})", path.display()));
    let model = elman::Model::load(path).map_err(|error| cannot(message_of(error)))?;
    match model.as_ngram() {
        Some(ngram) if ngram.vocab().kind().between_spaces() => Ok(model),
        Some(ngram) => Err(cannot(format!(
            "its tokens are {}, and not the words between spaces",
            ngram.vocab().kind()
        ))),
        None => Err(cannot(format!(
            "it is a {}, and not an n-gram model: use elman.load",
            model.architecture()
        ))),
    }
}
