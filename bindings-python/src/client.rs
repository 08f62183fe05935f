//! The client handle.
//!
//! Belongs here: one core client per process, blocking and awaitable calls. Does not belong here: what a request means.

use std::{mem, sync::OnceLock, time::Duration};

use junto::{Error, ErrorKind};
use pyo3::{exceptions::PyValueError, prelude::*};

use crate::{
    bridge, error,
    runtime::{self, DEPTHS},
    script::Script,
    stream::ChatStream,
};

/// A router. Connections do not survive a fork, so each process builds its own core client from the same configuration.
#[pyclass(frozen, module = "junto._native")]
pub(crate) struct Client {
    config: String,
    script: Option<Script>,
    /// By fork depth, as the runtime.
    built: [OnceLock<junto::Client>; DEPTHS],
}

impl Client {
    fn core(&self, py: Python<'_>) -> PyResult<junto::Client> {
        let (depth, handle) = runtime::handle(py)?;
        let slot = &self.built[depth];
        if let Some(client) = slot.get() {
            return Ok(client.clone());
        }
        // Built outside the lock: a fork in the middle of it must not leave the lock held in the child.
        let _context = handle.enter();
        let client = self.build()?;
        _ = slot.set(client.clone());
        Ok(slot.get().cloned().unwrap_or(client))
    }

    fn build(&self) -> PyResult<junto::Client> {
        let mut builder = junto::Client::builder().config_json(&self.config);
        if let Some(script) = &self.script {
            builder = builder.transport(script.transport()).clock(script.clock());
        }
        builder.build().map_err(|error| error::raise(&error))
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (config, script = None))]
    fn new(py: Python<'_>, config: String, script: Option<&Bound<'_, Script>>) -> PyResult<Self> {
        let client = Self { config, script: script.map(|script| script.get().clone()), built: [const { OnceLock::new() }; DEPTHS] };
        // A wrong configuration is an error here, not at the first call.
        client.core(py)?;
        Ok(client)
    }

    #[pyo3(signature = (request, timeout = None))]
    fn chat(&self, py: Python<'_>, request: &str, timeout: Option<f64>) -> PyResult<String> {
        let (client, limit) = (self.core(py)?, limit(timeout)?);
        runtime::block_on(py, within(limit, client.chat_json(request)))?.map_err(|error| error::raise(&error))
    }

    #[pyo3(signature = (request, timeout = None))]
    fn chat_async<'py>(&self, py: Python<'py>, request: String, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let (client, limit) = (self.core(py)?, limit(timeout)?);
        bridge::awaitable(py, async move {
            // Boxed: an attempt loop is too large a future to be moved around.
            Box::pin(within(limit, client.chat_json(&request))).await.map_err(|error| error::raise(&error))
        })
    }

    #[pyo3(signature = (request, timeout = None))]
    fn stream(&self, py: Python<'_>, request: &str, timeout: Option<f64>) -> PyResult<ChatStream> {
        let (client, limit) = (self.core(py)?, limit(timeout)?);
        let stream = runtime::block_on(py, within(limit, client.stream_json(request)))?;
        stream.map(ChatStream::new).map_err(|error| error::raise(&error))
    }

    #[pyo3(signature = (request, timeout = None))]
    fn stream_async<'py>(&self, py: Python<'py>, request: String, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let (client, limit) = (self.core(py)?, limit(timeout)?);
        bridge::awaitable(py, async move {
            let stream = Box::pin(within(limit, client.stream_json(&request))).await;
            stream.map(ChatStream::new).map_err(|error| error::raise(&error))
        })
    }

    fn explain(&self, py: Python<'_>, request: &str) -> PyResult<String> {
        self.core(py)?.explain_json(request).map_err(|error| error::raise(&error))
    }

    #[pyo3(signature = (query, timeout = None))]
    fn models(&self, py: Python<'_>, query: &str, timeout: Option<f64>) -> PyResult<String> {
        let (client, limit) = (self.core(py)?, limit(timeout)?);
        runtime::block_on(py, within(limit, client.models_json(query)))?.map_err(|error| error::raise(&error))
    }

    #[pyo3(signature = (query, timeout = None))]
    fn models_async<'py>(&self, py: Python<'py>, query: String, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let (client, limit) = (self.core(py)?, limit(timeout)?);
        bridge::awaitable(py, async move { within(limit, client.models_json(&query)).await.map_err(|error| error::raise(&error)) })
    }

    fn model(&self, py: Python<'_>, slug: &str) -> PyResult<String> {
        self.core(py)?.model_json(slug).map_err(|error| error::raise(&error))
    }

    fn endpoints(&self, py: Python<'_>, slug: &str) -> PyResult<String> {
        self.core(py)?.endpoints_json(slug).map_err(|error| error::raise(&error))
    }
}

impl Drop for Client {
    /// A parent's connections are not this process's to close: its sockets and its event queue are shared.
    fn drop(&mut self) {
        let own = runtime::depth();
        for (depth, slot) in self.built.iter_mut().enumerate() {
            if Some(depth) != own {
                mem::forget(slot.take());
            }
        }
    }
}

fn limit(timeout: Option<f64>) -> PyResult<Option<Duration>> {
    let Some(seconds) = timeout else { return Ok(None) };
    match Duration::try_from_secs_f64(seconds) {
        Ok(limit) if !limit.is_zero() => Ok(Some(limit)),
        _ => Err(PyValueError::new_err(format!("timeout must be a positive number of seconds, not {seconds}"))),
    }
}

/// The caller's own limit on one call, over whatever the configuration says.
async fn within<T>(limit: Option<Duration>, call: impl Future<Output = junto::Result<T>>) -> junto::Result<T> {
    match limit {
        None => call.await,
        Some(limit) => tokio::time::timeout(limit, call)
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, format!("no answer within the timeout of {} s", limit.as_secs_f64())))),
    }
}
