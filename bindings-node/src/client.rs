//! The client: requests in, answers out, all as JSON text.

use std::{sync::Arc, time::Duration};

use junto::{
    CallOptions, ChatRequest, Error, ErrorKind,
    auth::{Credential, KeySource, Secret},
    search::{SearchQuery, SearchSource},
    transport::ScriptedTransport,
};
use napi::Either;
use napi_derive::napi;
use serde::Deserialize;
use serde_json::json;

use crate::{
    failure,
    port::{Hook, Payload, Port},
    script,
    stream::{Form, Source, Stream},
};

/// A junto client.
#[napi]
pub struct Client {
    inner: junto::Client,
    script: Option<ScriptedTransport>,
}

/// A client of this configuration, or the error that says what is wrong with it. A script answers in place of the network.
/// `hooks` is `{attempt, response, keys, tokens, searches}`, the numbers of the caller's functions; of the last three beside the
/// provider's or engine's name.
#[napi]
pub fn connect(port: &Port, config: String, hooks: String, script: Option<String>) -> Either<Client, String> {
    match Client::build(port, &config, &hooks, script.as_deref()) {
        Ok(client) => Either::A(client),
        Err(error) => Either::B(failure(&error)),
    }
}

/// The numbers of the caller's functions.
#[derive(Deserialize)]
struct Hooks {
    attempt: Option<u32>,
    response: Option<u32>,
    keys: Vec<(String, u32)>,
    tokens: Vec<(String, u32)>,
    searches: Vec<(String, u32)>,
}

/// What a caller says about one call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    /// In milliseconds.
    timeout: Option<f64>,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

impl Options {
    fn read(text: &str) -> junto::Result<CallOptions> {
        let given: Self = serde_json::from_str(text).map_err(|error| Error::bad_request("options", format!("options: {error}")))?;
        let mut options = CallOptions::new();
        if let Some(millis) = given.timeout {
            let timeout = Duration::try_from_secs_f64(millis / 1000.0);
            let wrong = |_| Error::bad_request("timeout", format!("timeout must be a number of milliseconds, not {millis}"));
            options = options.timeout(timeout.map_err(wrong)?);
        }
        given.headers.iter().try_fold(options, |options, (name, value)| options.header(name, value))
    }
}

#[napi]
impl Client {
    /// The answer to a chat request. `options` is `{timeout, headers}`.
    #[napi]
    pub fn chat(&self, port: &Port, call: u32, request: String, options: Option<String>) {
        self.ask(port, call, options, |client| async move { client.chat_json(&request).await });
    }

    /// The vectors of texts.
    #[napi]
    pub fn embed(&self, port: &Port, call: u32, request: String, options: Option<String>) {
        self.ask(port, call, options, |client| async move { client.embed_json(&request).await });
    }

    /// A streamed chat request; `events` asks for server-sent events. The timeout ends with its first content.
    #[napi]
    pub fn stream(&self, port: &Port, call: u32, request: String, events: bool, options: Option<String>) -> Stream {
        let form = if events { Form::Events } else { Form::List };
        let client = self.with(options.as_deref());
        Stream::open(port.calls().clone(), call, form, async move {
            let stream = client?.stream_json(&request).await?;
            Ok(Source::Chat(Box::new(stream)))
        })
    }

    /// The response to a request of the Responses API.
    #[napi]
    pub fn respond(&self, port: &Port, call: u32, request: String, options: Option<String>) {
        self.ask(port, call, options, |client| async move { client.respond_json(&request).await });
    }

    /// The same as a stream of its events.
    #[napi]
    pub fn respond_stream(&self, port: &Port, call: u32, request: String, events: bool, options: Option<String>) -> Stream {
        let form = if events { Form::Events } else { Form::List };
        let client = self.with(options.as_deref());
        Stream::open(port.calls().clone(), call, form, async move {
            let stream = client?.respond_stream_json(&request).await?;
            Ok(Source::Response(Box::new(stream)))
        })
    }

    /// The models that there are, of `{available, provider, local}`.
    #[napi]
    pub fn models(&self, port: &Port, call: u32, query: String, options: Option<String>) {
        self.ask(port, call, options, |client| async move { client.models_json(&query).await });
    }

    /// Takes over a list of models from a URL; settles with `null`.
    #[napi]
    pub fn refresh_catalog(&self, port: &Port, call: u32, url: String, shape: Option<String>) {
        self.ask(port, call, None, |client| async move {
            let shape = shape.map(|shape| serde_json::from_value(shape.into())).transpose();
            let shape = shape.map_err(|error| Error::bad_request("shape", format!("shape: {error}")))?;
            client.refresh_catalog(&url, shape).await.map(|()| "null".to_owned())
        });
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

    /// The plan of a request, without asking anybody: `{plan, table}`.
    #[napi]
    pub fn explain(&self, request: String) -> String {
        match ChatRequest::from_json(&request).and_then(|request| self.inner.explain(&request)) {
            Ok(plan) => json!({ "table": plan.to_string(), "plan": plan }).to_string(),
            Err(error) => failure(&error),
        }
    }

    /// What was measured lately, for `importHealth` of another client.
    #[napi]
    pub fn export_health(&self) -> String {
        self.inner.export_health_json()
    }

    /// Starts with what another client exported: `null`, or an error.
    #[napi]
    pub fn import_health(&self, health: String) -> Option<String> {
        self.inner.import_health_json(&health).err().map(|error| failure(&error))
    }

    /// What was spent so far.
    #[napi]
    pub fn spend(&self) -> String {
        self.inner.spend_json()
    }

    /// What a script was asked so far: `[{method, url, headers, body}]`.
    #[napi]
    pub fn requests(&self) -> String {
        self.script.as_ref().map_or_else(|| "[]".to_owned(), script::requests)
    }
}

impl Client {
    fn build(port: &Port, config: &str, hooks: &str, script: Option<&str>) -> junto::Result<Self> {
        let script = script.map(script::parse).transpose()?;
        let hooks: Hooks = serde_json::from_str(hooks)?;
        let mut builder = junto::Client::builder().config_json(config);
        if let Some(script) = &script {
            builder = builder.transport(Arc::new(script.clone()));
        }
        if let Some(hook) = hooks.attempt.map(|number| port.hook(number)) {
            builder = builder.on_attempt(move |attempt| hook.tell(attempt));
        }
        if let Some(hook) = hooks.response.map(|number| port.hook(number)) {
            builder = builder.on_response(move |summary| hook.tell(summary));
        }
        for (provider, number) in hooks.keys {
            builder = builder.api_key_from(provider, key_source("apiKey", Credential::Key, port.hook(number)));
        }
        for (provider, number) in hooks.tokens {
            builder = builder.api_key_from(provider, key_source("accessToken", Credential::Token, port.hook(number)));
        }
        for (engine, number) in hooks.searches {
            builder = builder.search_with(engine, search_source(port.hook(number)));
        }
        Ok(Self { inner: builder.build()?, script })
    }

    fn with(&self, options: Option<&str>) -> junto::Result<junto::Client> {
        match options {
            None => Ok(self.inner.clone()),
            Some(options) => Ok(self.inner.with(&Options::read(options)?)),
        }
    }

    /// A call that settles with its JSON.
    fn ask<F: Future<Output = junto::Result<String>> + Send + 'static>(
        &self,
        port: &Port,
        call: u32,
        options: Option<String>,
        work: impl FnOnce(junto::Client) -> F,
    ) {
        let answer = self.with(options.as_deref()).map(work);
        port.calls().run(call, async move {
            let answer = match answer {
                // Boxed, because the future of a call is some 20 KB and would be copied on its way to the runtime.
                Ok(answer) => Box::pin(answer).await,
                Err(error) => Err(error),
            };
            Some(Payload::Text(answer.unwrap_or_else(|error| failure(&error))))
        });
    }
}

/// Keys from a function of the caller's, which stands in this field.
fn key_source(field: &'static str, credential: fn(Secret) -> Credential, hook: Hook) -> KeySource {
    KeySource::new(move || {
        let asked = hook.ask(&json!([]));
        async move {
            let none = |why: &str| Error::new(ErrorKind::Authentication, format!("`{field}` gave no key: {why}"));
            let given = asked.await.map_err(|why| none(&why))?;
            // serde would quote what was given.
            let key: Secret = serde_json::from_str(&given).map_err(|_| none("a key is a string"))?;
            if key.expose().trim().is_empty() { Err(none("it is empty")) } else { Ok(credential(key)) }
        }
    })
}

/// Search results from a function of the caller's.
fn search_source(hook: Hook) -> SearchSource {
    SearchSource::new(move |query| {
        let SearchQuery { text, max_results, include_domains, exclude_domains } = query;
        let domains = json!({ "includeDomains": include_domains, "excludeDomains": exclude_domains });
        let asked = hook.ask(&json!([text, max_results, domains]));
        async move {
            let given = asked.await.map_err(|problem| Error::new(ErrorKind::Upstream, problem))?;
            let wrong = |error| Error::decode(format!("the search gave no list of {{url, title, content, published}}: {error}"));
            serde_json::from_str(&given).map_err(wrong)
        }
    })
}
