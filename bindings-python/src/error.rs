//! A core error as a Python exception. The classes are in `python/junto/errors.py`.

use pyo3::{intern, prelude::*};

/// The exception that `junto.errors.from_json` makes of the error's JSON.
pub(crate) fn raise(py: Python<'_>, error: &junto::Error) -> PyErr {
    let body = error.to_json().to_string();
    let made = py.import(intern!(py, "junto.errors")).and_then(|errors| errors.call_method1(intern!(py, "from_json"), (body,)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}
