//! The caller's hooks: told of each attempt and of each call that has ended.
//!
//! A hook runs where the call runs, so a slow one makes the call slow; one that panics breaks nothing.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    clock::Clock,
    error::{Error, ErrorKind},
    types::{Attempt, Routing, Summary, Usage},
};

type Hook<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// Whom to tell.
#[derive(Clone, Default)]
pub(crate) struct Observers {
    attempts: Vec<Hook<Attempt>>,
    responses: Vec<Hook<Summary>>,
}

impl Observers {
    pub(crate) fn add_attempt(&mut self, hook: impl Fn(&Attempt) + Send + Sync + 'static) {
        self.attempts.push(Arc::new(hook));
    }

    pub(crate) fn add_response(&mut self, hook: impl Fn(&Summary) + Send + Sync + 'static) {
        self.responses.push(Arc::new(hook));
    }

    pub(super) fn attempt(&self, attempt: &Attempt) {
        for hook in &self.attempts {
            contained(|| hook(attempt));
        }
    }
}

fn contained(hook: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(hook)).is_err() {
        tracing::error!("a hook panicked; the call goes on");
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").field("attempts", &self.attempts.len()).field("responses", &self.responses.len()).finish()
    }
}

/// A call until it has ended; dropped before that, it was canceled.
pub(crate) struct Watch(Option<Box<Watched>>);

struct Watched {
    observers: Arc<Observers>,
    clock: Clock,
    started: Instant,
    summary: Summary,
}

impl Watch {
    /// Watches a call that begins now, where somebody wants to know.
    pub(crate) fn new(observers: &Arc<Observers>, clock: &Clock, requested: &str, stream: bool) -> Self {
        if observers.responses.is_empty() {
            return Self(None);
        }
        let summary = Summary { requested: requested.to_owned(), stream, ..Summary::default() };
        Self(Some(Box::new(Watched { observers: Arc::clone(observers), clock: clock.clone(), started: clock.now(), summary })))
    }

    /// The call has an answer, read to its end.
    pub(crate) fn answered(&mut self, id: &str, routing: Option<&Routing>, usage: Option<&Usage>) {
        self.end(|summary| {
            summary.id = Some(id.to_owned());
            summary.usage = usage.filter(|usage| !usage.is_empty()).cloned();
            if let Some(routing) = routing {
                summary.model = Some(routing.model.clone());
                summary.endpoint = Some(routing.endpoint.clone());
                summary.attempts.clone_from(&routing.attempts);
            }
        });
    }

    /// The call has failed.
    pub(crate) fn failed(&mut self, error: &Error) {
        self.end(|summary| {
            let mut body = error.to_body();
            // They stand beside it.
            body.metadata.remove("attempts");
            summary.error = Some(body);
            summary.attempts = error.attempts().to_vec();
        });
    }

    fn end(&mut self, tell: impl FnOnce(&mut Summary)) {
        let Some(mut watched) = self.0.take() else { return };
        tell(&mut watched.summary);
        let took: Duration = watched.clock.now().saturating_duration_since(watched.started);
        watched.summary.duration_ms = took.as_millis() as u64;
        for hook in &watched.observers.responses {
            contained(|| hook(&watched.summary));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.failed(&canceled());
        }
    }
}

/// The caller left.
pub(crate) fn canceled() -> Error {
    Error::new(ErrorKind::Canceled, "the caller left before the end")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures_util::StreamExt;

    use crate::{
        ChatRequest, Client, ErrorKind,
        transport::{Scripted, ScriptedTransport},
        types::{Attempt, Summary},
    };

    const STREAM: &str = concat!(
        r#"data: {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}}]}"#,
        "\n\n",
        r#"data: {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}"#,
        "\n\ndata: [DONE]\n\n"
    );

    type Told = (Arc<Mutex<Vec<Attempt>>>, Arc<Mutex<Vec<Summary>>>);

    fn client(script: ScriptedTransport) -> (Client, Told) {
        let told = Told::default();
        let (attempts, responses) = (Arc::clone(&told.0), Arc::clone(&told.1));
        let client = Client::builder()
            .env(false)
            .api_key("openai", "k")
            .max_retries(0)
            .transport(Arc::new(script))
            .on_attempt(|_| panic!("a hook may"))
            .on_attempt(move |attempt| attempts.lock().unwrap().push(attempt.clone()))
            .on_response(move |summary| responses.lock().unwrap().push(summary.clone()))
            .build()
            .unwrap();
        (client, told)
    }

    fn request() -> ChatRequest {
        ChatRequest::new("openai/m").user("Hi")
    }

    #[tokio::test]
    async fn hooks_hear_of_answers_errors_and_streams_and_cannot_break_them() {
        let answer = r#"{"id": "c1", "model": "m", "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}"#;
        let script = ScriptedTransport::new()
            .then(Scripted::response(200, answer))
            .then(Scripted::response(401, "{}"))
            .then(Scripted::response(200, STREAM));
        let (client, (attempts, responses)) = client(script);
        client.chat(request()).await.unwrap();
        client.chat(request()).await.unwrap_err();
        let chunks: Vec<_> = client.stream(request()).await.unwrap().collect().await;
        assert!(chunks.iter().all(Result::is_ok));
        let statuses: Vec<_> = attempts.lock().unwrap().iter().map(|attempt| attempt.status).collect();
        assert_eq!(statuses, [Some(200), Some(401), Some(200)]);
        let responses = responses.lock().unwrap();
        assert_eq!(responses[0].id.as_deref(), Some("c1"));
        assert_eq!(responses[1].error.as_ref().unwrap().code, "invalid_api_key");
        assert_eq!((responses[2].stream, responses[2].endpoint.as_deref(), responses[2].attempts.len()), (true, Some("openai"), 1));
    }

    #[tokio::test]
    async fn a_stream_that_is_left_is_a_canceled_call() {
        let first = STREAM.split_inclusive("\n\n").next().unwrap_or_default();
        let more = std::time::Duration::from_secs(9);
        let script = ScriptedTransport::new().then(Scripted::reads(200, [first]).then(more, STREAM));
        let (client, (attempts, responses)) = client(script);
        drop(client.stream(request()).await.unwrap());
        assert_eq!(attempts.lock().unwrap()[0].error.as_ref().unwrap().kind, ErrorKind::Canceled);
        assert_eq!(responses.lock().unwrap()[0].error.as_ref().unwrap().code, "canceled");
        assert_eq!(responses.lock().unwrap()[0].attempts.len(), 1);
    }
}
