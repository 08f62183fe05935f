//! The client handle.
//!
//! Belongs here: one core client per process, blocking and awaitable calls. Does not belong here: what a request means.

use std::{
    mem,
    sync::{Arc, OnceLock},
    time::Duration,
};

use junto::CallOptions;
use pyo3::{IntoPyObjectExt, exceptions::PyValueError, prelude::*};

use crate::{
    bridge, error,
    hooks::{self, Hook},
    logs,
    runtime::{self, DEPTHS, Parcel},
    script::Script,
    stream::{Arriving, ChatStream, Form, Source},
};

/// A router. Connections do not survive a fork, so each process builds its own core client from the same configuration.
#[pyclass(frozen, module = "junto._native")]
pub(crate) struct Client {
    config: String,
    script: Option<Script>,
    on_attempt: Option<Hook>,
    on_response: Option<Hook>,
    /// By fork depth, as the runtime.
    built: [OnceLock<junto::Client>; DEPTHS],
}

/// Headers of one call.
type Headers = Vec<(String, String)>;

impl Client {
    fn core(&self, py: Python<'_>) -> PyResult<junto::Client> {
        let (depth, handle) = runtime::handle(py)?;
        let slot = &self.built[depth];
        if let Some(client) = slot.get() {
            return Ok(client.clone());
        }
        // Built outside the lock: a fork in the middle of it must not leave the lock held in the child.
        let _context = handle.enter();
        let client = self.build().map_err(|error| error::raise(py, &error))?;
        _ = slot.set(client.clone());
        Ok(slot.get().cloned().unwrap_or(client))
    }

    fn build(&self) -> junto::Result<junto::Client> {
        let mut builder = junto::Client::builder().config_json(&self.config);
        if let Some(script) = &self.script {
            builder = builder.transport(script.transport()).clock(script.clock());
        }
        if let Some(hook) = self.on_attempt.clone() {
            builder = builder.on_attempt(move |attempt| hooks::tell(&hook, attempt));
        }
        if let Some(hook) = self.on_response.clone() {
            builder = builder.on_response(move |summary| hooks::tell(&hook, summary));
        }
        builder.build()
    }

    /// The core client for one call.
    fn call(&self, py: Python<'_>, timeout: Option<f64>, headers: Option<Headers>) -> PyResult<junto::Client> {
        logs::refresh(py);
        let client = self.core(py)?;
        if timeout.is_none() && headers.is_none() {
            return Ok(client);
        }
        let mut options = CallOptions::new();
        if let Some(seconds) = timeout {
            options = options.timeout(limit(seconds)?);
        }
        for (name, value) in headers.into_iter().flatten() {
            options = options.header(&name, &value).map_err(|error| error::raise(py, &error))?;
        }
        Ok(client.with(&options))
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (config, script = None, on_attempt = None, on_response = None))]
    fn new(
        py: Python<'_>,
        config: String,
        script: Option<&Bound<'_, Script>>,
        on_attempt: Option<Py<PyAny>>,
        on_response: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let client = Self {
            config,
            script: script.map(|script| script.get().clone()),
            on_attempt: on_attempt.map(Arc::new),
            on_response: on_response.map(Arc::new),
            built: [const { OnceLock::new() }; DEPTHS],
        };
        // A wrong configuration is an error here, not at the first call.
        client.core(py)?;
        Ok(client)
    }

    #[pyo3(signature = (request, timeout = None, headers = None))]
    fn chat(&self, py: Python<'_>, request: String, timeout: Option<f64>, headers: Option<Headers>) -> PyResult<String> {
        let client = self.call(py, timeout, headers)?;
        ask(py, async move { client.chat_json(&request).await })
    }

    #[pyo3(signature = (request, timeout = None, headers = None))]
    fn chat_async<'py>(
        &self,
        py: Python<'py>,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.call(py, timeout, headers)?;
        ask_async(py, async move { client.chat_json(&request).await })
    }

    #[pyo3(signature = (request, timeout = None, headers = None, events = false))]
    fn stream(
        &self,
        py: Python<'_>,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
        events: bool,
    ) -> PyResult<ChatStream> {
        let client = self.call(py, timeout, headers)?;
        open_now(py, async move { client.stream_json(&request).await.map(Box::new).map(Source::Chat) }, events)
    }

    #[pyo3(signature = (request, timeout = None, headers = None, events = false))]
    fn stream_async<'py>(
        &self,
        py: Python<'py>,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
        events: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.call(py, timeout, headers)?;
        open_later(py, async move { client.stream_json(&request).await.map(Box::new).map(Source::Chat) }, events)
    }

    #[pyo3(signature = (request, timeout = None, headers = None))]
    fn respond(&self, py: Python<'_>, request: String, timeout: Option<f64>, headers: Option<Headers>) -> PyResult<String> {
        let client = self.call(py, timeout, headers)?;
        ask(py, async move { client.respond_json(&request).await })
    }

    #[pyo3(signature = (request, timeout = None, headers = None))]
    fn respond_async<'py>(
        &self,
        py: Python<'py>,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.call(py, timeout, headers)?;
        ask_async(py, async move { client.respond_json(&request).await })
    }

    #[pyo3(signature = (request, timeout = None, headers = None, events = false))]
    fn respond_stream(
        &self,
        py: Python<'_>,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
        events: bool,
    ) -> PyResult<ChatStream> {
        let client = self.call(py, timeout, headers)?;
        open_now(py, async move { client.respond_stream_json(&request).await.map(Box::new).map(Source::Response) }, events)
    }

    #[pyo3(signature = (request, timeout = None, headers = None, events = false))]
    fn respond_stream_async<'py>(
        &self,
        py: Python<'py>,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
        events: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.call(py, timeout, headers)?;
        open_later(py, async move { client.respond_stream_json(&request).await.map(Box::new).map(Source::Response) }, events)
    }

    // Detached: the core may wait for a lock that a thread holds while it logs.

    fn explain(&self, py: Python<'_>, request: &str) -> PyResult<String> {
        let client = self.core(py)?;
        py.detach(|| client.explain_json(request)).map_err(|error| error::raise(py, &error))
    }

    #[pyo3(signature = (request, timeout = None, headers = None))]
    fn embed(&self, py: Python<'_>, request: String, timeout: Option<f64>, headers: Option<Headers>) -> PyResult<String> {
        let client = self.call(py, timeout, headers)?;
        ask(py, async move { client.embed_json(&request).await })
    }

    #[pyo3(signature = (request, timeout = None, headers = None))]
    fn embed_async<'py>(
        &self,
        py: Python<'py>,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.call(py, timeout, headers)?;
        ask_async(py, async move { client.embed_json(&request).await })
    }

    fn models(&self, py: Python<'_>, query: String) -> PyResult<String> {
        let client = self.call(py, None, None)?;
        ask(py, async move { client.models_json(&query).await })
    }

    fn models_async<'py>(&self, py: Python<'py>, query: String) -> PyResult<Bound<'py, PyAny>> {
        let client = self.call(py, None, None)?;
        ask_async(py, async move { client.models_json(&query).await })
    }

    fn model(&self, py: Python<'_>, slug: &str) -> PyResult<String> {
        let client = self.core(py)?;
        py.detach(|| client.model_json(slug)).map_err(|error| error::raise(py, &error))
    }

    fn endpoints(&self, py: Python<'_>, slug: &str) -> PyResult<String> {
        let client = self.core(py)?;
        py.detach(|| client.endpoints_json(slug)).map_err(|error| error::raise(py, &error))
    }

    fn export_health(&self, py: Python<'_>) -> PyResult<String> {
        let client = self.core(py)?;
        Ok(py.detach(|| client.export_health_json()))
    }

    fn import_health(&self, py: Python<'_>, health: &str) -> PyResult<()> {
        let client = self.core(py)?;
        py.detach(|| client.import_health_json(health)).map_err(|error| error::raise(py, &error))
    }

    fn spend(&self, py: Python<'_>) -> PyResult<String> {
        let client = self.core(py)?;
        Ok(py.detach(|| client.spend_json()))
    }
}

/// Waits for a JSON answer of the core.
fn ask(py: Python<'_>, call: impl Future<Output = junto::Result<String>> + Send + 'static) -> PyResult<String> {
    runtime::block_on(py, call)?.map_err(|error| error::raise(py, &error))
}

/// As `ask`, for `await`.
fn ask_async(py: Python<'_>, call: impl Future<Output = junto::Result<String>> + Send + 'static) -> PyResult<Bound<'_, PyAny>> {
    bridge::awaitable(py, |waiter| async move {
        let answer = call.await;
        waiter.settle(move |py| answer.map_err(|error| error::raise(py, &error))?.into_py_any(py));
    })
}

/// Opens a stream and waits for its first content.
fn open_now(py: Python<'_>, source: impl Future<Output = junto::Result<Source>> + Send + 'static, events: bool) -> PyResult<ChatStream> {
    let parcel = Arc::new(Parcel::default());
    let opened = Arc::clone(&parcel);
    let task = runtime::spawn(py, open(source, events, move |stream| opened.put(stream)))?;
    let stream = parcel.wait(py);
    if stream.is_err() {
        task.abort();
    }
    stream?.map_err(|error| error::raise(py, &error))
}

/// As `open_now`, for `await`.
fn open_later(
    py: Python<'_>,
    source: impl Future<Output = junto::Result<Source>> + Send + 'static,
    events: bool,
) -> PyResult<Bound<'_, PyAny>> {
    bridge::awaitable(py, |waiter| {
        open(source, events, |stream| {
            waiter.settle(move |py| stream.map_err(|error| error::raise(py, &error))?.into_py_any(py));
        })
    })
}

/// Opens a stream, and reads it to its end or until its handle is gone.
async fn open(source: impl Future<Output = junto::Result<Source>>, events: bool, opened: impl FnOnce(junto::Result<ChatStream>)) {
    let answer = Arriving::new(if events { Form::Events } else { Form::Array });
    match source.await {
        Err(error) => opened(Err(error)),
        Ok(stream) => {
            let handle = ChatStream::new(Arc::clone(&answer));
            answer.read(stream, move || opened(Ok(handle))).await;
        }
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

fn limit(seconds: f64) -> PyResult<Duration> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        _ => Err(PyValueError::new_err(format!("timeout must be a positive number of seconds, not {seconds}"))),
    }
}
