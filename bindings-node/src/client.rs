//! The client: requests in, answers out, all as JSON text.

use std::time::Duration;

use junto::{ChatRequest, Error, ErrorKind, transport::ScriptedTransport};
use napi::Either;
use napi_derive::napi;
use serde_json::json;

use crate::{
    failure,
    port::{Payload, Port},
    script,
    stream::{Form, Stream},
};

/// A junto client.
#[napi]
pub struct Client {
    inner: junto::Client,
    script: Option<ScriptedTransport>,
}

/// A client of this configuration, or the error that says what is wrong with it. A script answers in place of the network.
#[napi]
pub fn connect(config: String, script: Option<String>) -> Either<Client, String> {
    match Client::build(&config, script.as_deref()) {
        Ok(client) => Either::A(client),
        Err(error) => Either::B(failure(&error)),
    }
}

#[napi]
impl Client {
    /// The answer to a chat request. `timeout` is in milliseconds.
    #[napi]
    pub fn chat(&self, port: &Port, call: u32, request: String, timeout: Option<f64>) {
        let client = self.inner.clone();
        settle(port, call, timeout, async move { client.chat_json(&request).await });
    }

    /// The models that there are, of `{available, provider, local}`. `timeout` is in milliseconds.
    #[napi]
    pub fn models(&self, port: &Port, call: u32, query: String, timeout: Option<f64>) {
        let client = self.inner.clone();
        settle(port, call, timeout, async move { client.models_json(&query).await });
    }

    /// One model.
    #[napi]
    pub fn model(&self, slug: String) -> String {
        self.inner.model_json(&slug).unwrap_or_else(|error| failure(&error))
    }

    /// A model with everyone who serves it.
    #[napi]
    pub fn endpoints(&self, slug: String) -> String {
        self.inner.endpoints_json(&slug).unwrap_or_else(|error| failure(&error))
    }

    /// A streamed chat request; `events` asks for server-sent events. `timeout` is how many milliseconds its first content may take.
    #[napi]
    pub fn stream(&self, port: &Port, call: u32, request: String, events: bool, timeout: Option<f64>) -> Stream {
        let form = if events { Form::Events } else { Form::List };
        Stream::open(port.calls().clone(), call, self.inner.clone(), request, timeout, form)
    }

    /// The plan of a request, without asking anybody: `{plan, table}`.
    #[napi]
    pub fn explain(&self, request: String) -> String {
        match ChatRequest::from_json(&request).and_then(|request| self.inner.explain(&request)) {
            Ok(plan) => json!({ "table": plan.to_string(), "plan": plan }).to_string(),
            Err(error) => failure(&error),
        }
    }

    /// What a script was asked so far: `[{method, url, headers, body}]`.
    #[napi]
    pub fn requests(&self) -> String {
        self.script.as_ref().map_or_else(|| "[]".to_owned(), script::requests)
    }
}

impl Client {
    fn build(config: &str, script: Option<&str>) -> junto::Result<Self> {
        let script = script.map(script::parse).transpose()?;
        let mut builder = junto::Client::builder().config_json(config);
        if let Some(script) = &script {
            builder = builder.transport(std::sync::Arc::new(script.clone()));
        }
        Ok(Self { inner: builder.build()?, script })
    }
}

/// Runs a call that settles with JSON, within the caller's limit.
fn settle(port: &Port, call: u32, timeout: Option<f64>, work: impl Future<Output = junto::Result<String>> + Send + 'static) {
    port.calls().run(call, async move {
        // Boxed, because the future of a call is some 20 KB and would be copied on its way to the runtime.
        let answer = within(timeout, Box::pin(work)).await;
        Some(Payload::Text(answer.unwrap_or_else(|error| failure(&error))))
    });
}

/// The caller's own limit on one call, over whatever the configuration says.
pub(crate) async fn within<T>(timeout: Option<f64>, call: impl Future<Output = junto::Result<T>>) -> junto::Result<T> {
    let Some(millis) = timeout else { return call.await };
    let limit = Duration::try_from_secs_f64(millis / 1000.0)
        .map_err(|_| Error::bad_request("timeout", format!("timeout must be a number of milliseconds, not {millis}")))?;
    let late = |_| Err(Error::new(ErrorKind::Timeout, format!("no answer within the timeout of {millis} ms")));
    tokio::time::timeout(limit, call).await.unwrap_or_else(late)
}
