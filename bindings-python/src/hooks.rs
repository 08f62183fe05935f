//! The caller's hooks: JSON text to a Python callable, from whichever thread the call runs on.
//!
//! What a hook raises is dealt with in `python/junto/_hooks.py`; nothing of it reaches the call.

use std::sync::Arc;

use pyo3::prelude::*;
use serde::Serialize;

/// A callable that takes JSON text.
pub(crate) type Hook = Arc<Py<PyAny>>;

/// Tells the hook, where there still is an interpreter to run it.
pub(crate) fn tell(hook: &Hook, value: &impl Serialize) {
    let Ok(text) = serde_json::to_string(value) else { return };
    Python::try_attach(|py| {
        if let Err(error) = hook.call1(py, (text,)) {
            error.write_unraisable(py, Some(hook.bind(py)));
        }
    });
}
