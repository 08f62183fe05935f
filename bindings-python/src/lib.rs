//! `junto._native`: the core as Python sees it. Requests and answers cross as JSON text; a client and a stream are
//! handles. Everything a Python user reads or subclasses is in `python/junto/`.
//!
//! Belongs here: attaching to the interpreter, waiting, cancelling. Does not belong here: any decision about a request.

mod bridge;
mod callbacks;
mod client;
mod error;
mod hooks;
mod logs;
mod runtime;
mod script;
mod stream;

/// The native half of the `junto` package.
#[pyo3::pymodule(gil_used = false)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::{client::Client, script::Script, stream::ChatStream};

    /// The parts of a model slug, as JSON.
    #[pyfunction]
    fn parse_slug(py: Python<'_>, slug: &str) -> PyResult<String> {
        match slug.parse::<junto::ModelSlug>() {
            Ok(slug) => Ok(slug.to_json()),
            Err(error) => Err(crate::error::raise(py, &error)),
        }
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::runtime::in_first_interpreter(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        let shutdown = pyo3::wrap_pyfunction!(crate::runtime::shutdown, module)?;
        module.py().import("atexit")?.call_method1("register", (shutdown,)).map(drop)
    }
}
