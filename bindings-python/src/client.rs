//! The client handle.
//!
//! Belongs here: one core client per process, blocking and awaitable calls. Does not belong here: what a request means.

use std::{
    mem,
    sync::{Arc, OnceLock},
    time::Duration,
};

use junto::{CallOptions, ChatRequest};
use pyo3::{IntoPyObjectExt, exceptions::PyValueError, prelude::*, pybacked::PyBackedStr};

use crate::{
    bridge,
    callbacks::{self, Callback},
    error,
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
    callbacks: Vec<Callback>,
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
        let clock = self.script.as_ref().map(Script::clock).unwrap_or_default();
        self.callbacks.iter().fold(builder, |builder, callback| callback.give(builder, &clock)).build()
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
            options = options.header(&name, &value).map_err(|error| error::raise(py, &error.with_param("extra_headers")))?;
        }
        Ok(client.with(&options))
    }

    /// What asks nobody. Detached: the core may wait for a lock that a thread holds while it logs.
    fn at_once<T: Send>(&self, py: Python<'_>, read: impl FnOnce(junto::Client) -> junto::Result<T> + Send) -> PyResult<T> {
        let client = self.core(py)?;
        py.detach(|| read(client)).map_err(|error| error::raise(py, &error))
    }

    /// The running event loop, where a callback may have to await in it.
    fn event_loop(&self, py: Python<'_>) -> PyResult<Option<callbacks::Shared>> {
        if self.callbacks.is_empty() {
            return Ok(None);
        }
        bridge::running_loop(py).map(|event_loop| Some(Arc::new(event_loop.unbind())))
    }
}

/// What is asked for: the names that Python uses.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Chat,
    Embed,
    Models,
    RefreshCatalog,
    Respond,
}

impl FromPyObject<'_, '_> for Kind {
    type Error = PyErr;

    fn extract(name: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        Ok(match name.extract::<PyBackedStr>()?.as_ref() {
            "chat" => Self::Chat,
            "embed" => Self::Embed,
            "models" => Self::Models,
            "refresh_catalog" => Self::RefreshCatalog,
            "respond" => Self::Respond,
            name => return Err(PyValueError::new_err(format!("no call is named {name:?}"))),
        })
    }
}

impl Kind {
    async fn answer(self, client: junto::Client, request: String) -> junto::Result<String> {
        match self {
            Self::Chat => client.chat_json(&request).await,
            Self::Embed => client.embed_json(&request).await,
            Self::Models => client.models_json(&request).await,
            Self::RefreshCatalog => client.refresh_catalog(&request, None).await.map(|()| String::new()),
            Self::Respond => client.respond_json(&request).await,
        }
    }

    async fn stream(self, client: junto::Client, request: String) -> junto::Result<Source> {
        match self {
            Self::Respond => client.respond_stream_json(&request).await.map(Box::new).map(Source::Response),
            _ => client.stream_json(&request).await.map(Box::new).map(Source::Chat),
        }
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (config, script = None, on_attempt = None, on_response = None, callbacks = Vec::new()))]
    fn new(
        py: Python<'_>,
        config: String,
        script: Option<&Bound<'_, Script>>,
        on_attempt: Option<Py<PyAny>>,
        on_response: Option<Py<PyAny>>,
        callbacks: Vec<(String, String, Py<PyAny>)>,
    ) -> PyResult<Self> {
        let client = Self {
            config,
            script: script.map(|script| script.get().clone()),
            on_attempt: on_attempt.map(Arc::new),
            on_response: on_response.map(Arc::new),
            callbacks: callbacks.into_iter().map(Callback::new).collect::<PyResult<_>>()?,
            built: [const { OnceLock::new() }; DEPTHS],
        };
        // A wrong configuration is an error here, not at the first call.
        client.core(py)?;
        Ok(client)
    }

    /// Waits for a JSON answer.
    #[pyo3(signature = (kind, request, timeout = None, headers = None))]
    fn ask(&self, py: Python<'_>, kind: Kind, request: String, timeout: Option<f64>, headers: Option<Headers>) -> PyResult<String> {
        let client = self.call(py, timeout, headers)?;
        runtime::block_on(py, kind.answer(client, request))?.map_err(|error| error::raise(py, &error))
    }

    /// As `ask`, for `await`.
    #[pyo3(signature = (kind, request, timeout = None, headers = None))]
    fn ask_async<'py>(
        &self,
        py: Python<'py>,
        kind: Kind,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.call(py, timeout, headers)?;
        let call = Box::pin(callbacks::within(self.event_loop(py)?, kind.answer(client, request)));
        bridge::awaitable(py, |waiter| async move {
            let answer = call.await;
            waiter.settle(move |py| answer.map_err(|error| error::raise(py, &error))?.into_py_any(py));
        })
    }

    /// Opens a stream and waits for its first content.
    #[pyo3(signature = (kind, request, timeout = None, headers = None, events = false))]
    fn stream(
        &self,
        py: Python<'_>,
        kind: Kind,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
        events: bool,
    ) -> PyResult<ChatStream> {
        let client = self.call(py, timeout, headers)?;
        let parcel = Arc::new(Parcel::default());
        let opened = Arc::clone(&parcel);
        let task = runtime::spawn(py, open(kind.stream(client, request), events, move |stream| opened.put(stream)))?;
        let stream = parcel.wait(py);
        if stream.is_err() {
            task.abort();
        }
        stream?.map_err(|error| error::raise(py, &error))
    }

    /// As `stream`, for `await`.
    #[pyo3(signature = (kind, request, timeout = None, headers = None, events = false))]
    fn stream_async<'py>(
        &self,
        py: Python<'py>,
        kind: Kind,
        request: String,
        timeout: Option<f64>,
        headers: Option<Headers>,
        events: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.call(py, timeout, headers)?;
        let source = callbacks::within(self.event_loop(py)?, kind.stream(client, request));
        bridge::awaitable(py, |waiter| {
            open(source, events, |stream| {
                waiter.settle(move |py| stream.map_err(|error| error::raise(py, &error))?.into_py_any(py));
            })
        })
    }

    /// The plan of a request, as JSON and as a table.
    fn explain(&self, py: Python<'_>, request: &str) -> PyResult<(String, String)> {
        self.at_once(py, |client| {
            let plan = client.explain(&ChatRequest::from_json(request)?)?;
            Ok((plan.to_json(), plan.to_string()))
        })
    }

    fn model(&self, py: Python<'_>, slug: &str) -> PyResult<String> {
        self.at_once(py, |client| client.model_json(slug))
    }

    fn endpoints(&self, py: Python<'_>, slug: &str) -> PyResult<String> {
        self.at_once(py, |client| client.endpoints_json(slug))
    }

    fn export_health(&self, py: Python<'_>) -> PyResult<String> {
        self.at_once(py, |client| Ok(client.export_health_json()))
    }

    fn import_health(&self, py: Python<'_>, health: &str) -> PyResult<()> {
        self.at_once(py, |client| client.import_health_json(health))
    }

    fn spend(&self, py: Python<'_>) -> PyResult<String> {
        self.at_once(py, |client| Ok(client.spend_json()))
    }
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
