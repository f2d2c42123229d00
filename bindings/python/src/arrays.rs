//! Numbers as arrays of numpy, without a copy.
//!
//! numpy reads the memory through `__array_interface__` and keeps the object that owns it alive. The arrays are read-only, since nobody else may write into them.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// The numbers of an array, which it owns.
pub enum Numbers {
    F32(Vec<f32>),
    F64(Vec<f64>),
    U32(Vec<u32>),
}

/// The owner of an array's memory, as numpy asks for it.
#[pyclass(module = "elman", name = "_Array", frozen)]
struct Array {
    numbers: Numbers,
    shape: Vec<usize>,
}

#[pymethods]
impl Array {
    /// Where the numbers lie, as numpy's array interface (version 3) says it.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (kind, address) = match &self.numbers {
            Numbers::F32(numbers) => ("f4", numbers.as_ptr() as usize),
            Numbers::F64(numbers) => ("f8", numbers.as_ptr() as usize),
            Numbers::U32(numbers) => ("u4", numbers.as_ptr() as usize),
        };
        let order = if cfg!(target_endian = "little") {
            "<"
        } else {
            ">"
        };
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("typestr", format!("{order}{kind}"))?;
        interface.set_item("shape", PyTuple::new(py, &self.shape)?)?;
        interface.set_item("data", (address, true))?;
        Ok(interface)
    }
}

impl Numbers {
    fn len(&self) -> usize {
        match self {
            Numbers::F32(numbers) => numbers.len(),
            Numbers::F64(numbers) => numbers.len(),
            Numbers::U32(numbers) => numbers.len(),
        }
    }

    /// The numbers as an array of numpy with the given shape.
    pub fn into_numpy<'py>(self, py: Python<'py>, shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
        assert_eq!(shape.iter().product::<usize>(), self.len());
        let numpy = py.import("numpy").map_err(|_| {
            PyImportError::new_err("arrays need numpy, which is not installed: pip install numpy")
        })?;
        let array = Array {
            numbers: self,
            shape: shape.to_vec(),
        };
        numpy.call_method1("asarray", (Bound::new(py, array)?,))
    }
}

/// Numbers as an array of numpy with one axis.
pub fn vector<'py>(py: Python<'py>, numbers: Vec<f64>) -> PyResult<Bound<'py, PyAny>> {
    let count = numbers.len();
    Numbers::F64(numbers).into_numpy(py, &[count])
}
