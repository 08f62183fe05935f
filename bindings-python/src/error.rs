//! A core error as a Python exception. The classes are in `python/junto/errors.py`.

use pyo3::{intern, prelude::*};

/// The exception that `junto.errors.from_json` makes of the error's JSON.
pub(crate) fn raise(error: &junto::Error) -> PyErr {
    let body = error.to_json().to_string();
    // Where the interpreter is going away there is nobody to raise to.
    Python::try_attach(|py| from_json(py, &body)).unwrap_or_else(|| pyo3::exceptions::PyRuntimeError::new_err(body))
}

fn from_json(py: Python<'_>, body: &str) -> PyErr {
    let made = py.import(intern!(py, "junto.errors")).and_then(|errors| errors.call_method1(intern!(py, "from_json"), (body,)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}
