//! Sessions and distributions.

use crate::arguments::{Reduced, Token};
use crate::arrays::vector;
use crate::error::exception;
use crate::model::Model;
use crate::process::detached;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// One stream of text under a model, which is fed and asked for the distribution of its next token.
///
/// It begins at the beginning of a text. What it remembers is a few kilobytes, however long the text is. Sessions can be forked, compared, hashed, saved and pickled.
#[pyclass(module = "elman")]
pub struct Session {
    pub model: Py<Model>,
    pub inner: elman::Session,
}

#[pymethods]
impl Session {
    /// The model of the session.
    #[getter]
    fn model(&self, py: Python<'_>) -> Py<Model> {
        self.model.clone_ref(py)
    }

    /// Append ``text``, which is tokenized by itself, to the text of the session. Returns the session.
    fn feed<'py>(mut slf: PyRefMut<'py, Self>, text: &str) -> PyResult<PyRefMut<'py, Self>> {
        let py = slf.py();
        let inner = &mut slf.inner;
        detached(py, || inner.feed(text)).map_err(exception)?;
        Ok(slf)
    }

    /// Append tokens, given by their ids, to the text of the session. Returns the session.
    fn feed_tokens<'py>(
        mut slf: PyRefMut<'py, Self>,
        ids: Vec<u32>,
    ) -> PyResult<PyRefMut<'py, Self>> {
        let py = slf.py();
        let inner = &mut slf.inner;
        detached(py, || inner.feed_tokens(&ids)).map_err(exception)?;
        Ok(slf)
    }

    /// Append tokens and return the natural log-probability of each after all tokens before it.
    fn score_tokens(&mut self, py: Python<'_>, ids: Vec<u32>) -> PyResult<Vec<f64>> {
        let inner = &mut self.inner;
        detached(py, || inner.score_tokens(&ids)).map_err(exception)
    }

    /// The distribution of the next token; the session does not move.
    fn next(&mut self, py: Python<'_>) -> PyResult<Distribution> {
        let inner = &mut self.inner;
        let inner = detached(py, || inner.next()).map_err(exception)?;
        Ok(Distribution {
            model: self.model.borrow(py).shared(),
            inner: Arc::new(inner),
        })
    }

    /// Return to the beginning of a text.
    fn reset(&mut self) {
        self.inner.reset();
    }

    /// A copy that continues independently from the same place.
    fn fork(&self, py: Python<'_>) -> Session {
        Session {
            model: self.model.clone_ref(py),
            inner: self.inner.fork(),
        }
    }

    fn __copy__(&self, py: Python<'_>) -> Session {
        self.fork(py)
    }

    fn __deepcopy__(&self, py: Python<'_>, _memo: &Bound<'_, PyAny>) -> Session {
        self.fork(py)
    }

    /// Save the session as bytes, which ``Model.restore`` takes. Equal sessions have equal bytes.
    fn save<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.save())
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        if slf.is(other) {
            return Ok(true);
        }
        let Ok(other) = other.cast::<Session>() else {
            return Ok(false);
        };
        let (mut this, mut other) = (slf.try_borrow_mut()?, other.try_borrow_mut()?);
        Ok(this.inner.save() == other.inner.save())
    }

    fn __hash__(&mut self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.inner.save().hash(&mut hasher);
        hasher.finish()
    }

    /// Pickles hold the model by its path.
    fn __reduce__<'py>(
        &mut self,
        py: Python<'py>,
    ) -> PyResult<Reduced<'py, (Py<Model>, Bound<'py, PyBytes>)>> {
        let restore = py.get_type::<Model>().getattr("restore")?;
        let bytes = PyBytes::new(py, &self.inner.save());
        Ok((restore, (self.model.clone_ref(py), bytes)))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.inner)
    }
}

/// The probability distribution of the next token.
#[pyclass(module = "elman", frozen)]
pub struct Distribution {
    model: elman::Model,
    inner: Arc<elman::Distribution>,
}

#[pymethods]
impl Distribution {
    fn __len__(&self) -> usize {
        self.inner.len()
    }

    /// Natural log-probability of a token, given by its id or its text.
    fn log_prob(&self, token: Token) -> PyResult<f64> {
        Ok(self.inner.log_prob(token.id(&self.model)?))
    }

    /// Probability of a token, given by its id or its text.
    fn prob(&self, token: Token) -> PyResult<f64> {
        Ok(self.inner.prob(token.id(&self.model)?))
    }

    /// The ``n`` likeliest tokens with their probabilities, the likeliest first.
    #[pyo3(signature = (n = 5))]
    fn top(&self, n: usize) -> Vec<(String, f64)> {
        self.inner.top(n)
    }

    /// The ids of the ``n`` likeliest tokens, the likeliest first.
    #[pyo3(signature = (n = 5))]
    fn top_ids(&self, n: usize) -> Vec<u32> {
        self.inner.top_ids(n)
    }

    /// Entropy in nats.
    fn entropy(&self, py: Python<'_>) -> f64 {
        detached(py, || {
            let terms = self.inner.log_probs().into_iter();
            let terms = terms.map(|log_prob| match log_prob.exp() {
                0.0 => 0.0,
                p => -p * log_prob,
            });
            terms.sum()
        })
    }

    /// Natural log-probabilities of all tokens in the order of ids: a read-only numpy array of float64.
    fn log_probs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        vector(py, detached(py, || self.inner.log_probs()))
    }

    /// Probabilities of all tokens in the order of ids: a read-only numpy array of float64.
    fn probs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let probs = detached(py, || {
            let log_probs = self.inner.log_probs().into_iter();
            log_probs.map(f64::exp).collect()
        });
        vector(py, probs)
    }

    fn __repr__(&self) -> String {
        let top = self.inner.top(3).into_iter();
        let top: Vec<String> = top.map(|(token, p)| format!("{token:?}: {p:.3}")).collect();
        format!("Distribution({}, …)", top.join(", "))
    }
}
