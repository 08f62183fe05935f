//! A Rust future as something Python can `await`.
//!
//! Belongs here: asyncio. Does not belong here: what the future does.

use pyo3::{IntoPyObjectExt, exceptions::PyRuntimeError, intern, prelude::*, sync::PyOnceLock};
use tokio::task::AbortHandle;

use crate::runtime;

/// An asyncio future of the running loop that settles with the output. Cancelling it drops the Rust future.
pub(crate) fn awaitable<F, T>(py: Python<'_>, future: F) -> PyResult<Bound<'_, PyAny>>
where
    F: Future<Output = PyResult<T>> + Send + 'static,
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    let event_loop = running_loop(py)?;
    let waiter = event_loop.call_method0(intern!(py, "create_future"))?;
    let (to_loop, to_waiter) = (event_loop.unbind(), waiter.clone().unbind());
    let (_, handle) = runtime::handle(py)?;
    let task = handle.spawn(async move {
        let output = future.await;
        // Never from a worker that others need: attaching can wait for the interpreter.
        let settled = tokio::task::spawn_blocking(move || {
            let done = Python::try_attach(|py| settle(py, &to_loop, &to_waiter, output));
            if done.is_none() {
                // The interpreter is going away: nobody is left to tell, and nothing may be freed.
                std::mem::forget((to_loop, to_waiter));
            }
        });
        _ = settled.await;
    });
    waiter.call_method1(intern!(py, "add_done_callback"), (Abort(task.abort_handle()),))?;
    Ok(waiter)
}

fn settle<T>(py: Python<'_>, event_loop: &Py<PyAny>, waiter: &Py<PyAny>, output: PyResult<T>)
where
    T: for<'py> IntoPyObject<'py>,
{
    let (failed, value) = match output.and_then(|value| value.into_py_any(py)) {
        Ok(value) => (false, value),
        Err(error) => (true, error.into_value(py).into_any()),
    };
    // A closed loop has no one waiting.
    _ = event_loop.call_method1(py, intern!(py, "call_soon_threadsafe"), (Settle, waiter, failed, value));
}

/// Runs on the loop's own thread: a future may be settled there only.
#[pyclass(frozen)]
struct Settle;

#[pymethods]
impl Settle {
    #[expect(clippy::unused_self, reason = "`__call__` is a method")]
    fn __call__(&self, py: Python<'_>, waiter: &Bound<'_, PyAny>, failed: bool, value: Py<PyAny>) -> PyResult<()> {
        if waiter.call_method0(intern!(py, "done"))?.is_truthy()? {
            return Ok(());
        }
        let name = if failed { intern!(py, "set_exception") } else { intern!(py, "set_result") };
        waiter.call_method1(name, (value,)).map(drop)
    }
}

/// A cancelled future drops its Rust half, and with it the connection.
#[pyclass(frozen)]
struct Abort(AbortHandle);

#[pymethods]
impl Abort {
    fn __call__(&self, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        if waiter.call_method0(intern!(waiter.py(), "cancelled"))?.is_truthy()? {
            self.0.abort();
        }
        Ok(())
    }
}

fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    GET.get_or_try_init(py, || py.import("asyncio")?.getattr("get_running_loop").map(Bound::unbind))?
        .bind(py)
        .call0()
        .map_err(|_| PyRuntimeError::new_err("no running event loop: await this inside asyncio, or use the blocking client"))
}
