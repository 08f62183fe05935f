//! The caller's functions that the core waits for: a key, a search.
//!
//! Belongs here: the question on its way to Python, the answer on its way back. Does not belong here: threads and event
//! loops (`python/junto/_callbacks.py`), what the answer is for.

use std::sync::{Arc, Mutex};

use junto::{
    Error, ErrorKind,
    auth::{Credential, KeySource, Secret},
    clock::Clock,
    search::{SearchQuery, SearchSource},
};
use pyo3::{exceptions::PyValueError, prelude::*};
use serde_json::json;
use tokio::sync::oneshot;

use crate::runtime::lock;

/// A Python object that any thread may hold.
pub(crate) type Shared = Arc<Py<PyAny>>;

tokio::task_local! {
    /// The event loop that the running call is awaited in.
    static EVENT_LOOP: Option<Shared>;
}

/// Runs a call with the event loop that its callbacks may await in.
pub(crate) async fn within<T>(event_loop: Option<Shared>, call: impl Future<Output = T>) -> T {
    EVENT_LOOP.scope(event_loop, call).await
}

/// A function of the caller's: what it is asked for, and whose key or which search engine that is.
#[derive(Clone)]
pub(crate) struct Callback {
    asked_for: AskedFor,
    name: String,
    function: Shared,
}

#[derive(Clone, Copy)]
enum AskedFor {
    Key,
    Token,
    Search,
}

impl Callback {
    pub(crate) fn new((asked_for, name, function): (String, String, Py<PyAny>)) -> PyResult<Self> {
        let asked_for = match asked_for.as_str() {
            "api_key" => AskedFor::Key,
            "access_token" => AskedFor::Token,
            "search" => AskedFor::Search,
            _ => return Err(PyValueError::new_err(format!("no callback is asked for {asked_for:?}"))),
        };
        Ok(Self { asked_for, name, function: Arc::new(function) })
    }

    /// The builder with this function; what it takes is real time.
    pub(crate) fn give(&self, builder: junto::ClientBuilder, clock: &Clock) -> junto::ClientBuilder {
        let (function, clock) = (Arc::clone(&self.function), clock.clone());
        let credential: fn(Secret) -> Credential = match self.asked_for {
            AskedFor::Key => Credential::Key,
            AskedFor::Token => Credential::Token,
            AskedFor::Search => {
                return builder
                    .search_with(&self.name, SearchSource::new(move |query| search(Arc::clone(&function), clock.clone(), query)));
            }
        };
        let source = KeySource::new(move || {
            let asked = ask(Arc::clone(&function), clock.clone(), String::new());
            async move { asked.await.map(|key| credential(Secret::new(key))).map_err(|why| Error::new(ErrorKind::Authentication, why)) }
        });
        builder.api_key_from(&self.name, source)
    }
}

async fn search(function: Shared, clock: Clock, query: SearchQuery) -> junto::Result<Vec<junto::search::SearchResult>> {
    let SearchQuery { text, max_results, include_domains, exclude_domains } = query;
    let question = json!({
        "query": text, "max_results": max_results, "include_domains": include_domains, "exclude_domains": exclude_domains,
    });
    let found = ask(function, clock, question.to_string()).await.map_err(|why| Error::new(ErrorKind::Upstream, why))?;
    serde_json::from_str(&found)
        .map_err(|error| Error::new(ErrorKind::Decode, format!("a search gives a list of {{url, title, content}}: {error}")))
}

/// Asks and waits, on no thread of the runtime. The error is a sentence.
async fn ask(function: Shared, clock: Clock, question: String) -> Result<String, String> {
    let _hold = clock.hold();
    let event_loop = EVENT_LOOP.try_with(Clone::clone).ok().flatten();
    let (sender, answer) = oneshot::channel();
    // Attaching can wait for the interpreter, so a thread that moves bytes does not do it.
    drop(tokio::task::spawn_blocking(move || {
        Python::try_attach(|py| {
            let event_loop = event_loop.map(|event_loop| event_loop.clone_ref(py));
            if let Err(error) = function.call1(py, (question, event_loop, Reply(Mutex::new(Some(sender))))) {
                error.write_unraisable(py, Some(function.bind(py)));
            }
        });
    }));
    answer.await.unwrap_or_else(|_| Err("the interpreter is exiting".to_owned()))
}

/// Where the answer goes, once.
#[pyclass(frozen)]
struct Reply(Mutex<Option<oneshot::Sender<Result<String, String>>>>);

#[pymethods]
impl Reply {
    #[pyo3(signature = (text, error = None))]
    fn __call__(&self, text: String, error: Option<String>) {
        if let Some(sender) = lock(&self.0).take() {
            // The call may be over.
            _ = sender.send(error.map_or(Ok(text), Err));
        }
    }
}
