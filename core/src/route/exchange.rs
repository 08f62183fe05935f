//! One endpoint and what is said to it: encode, sign, send, and read until there is an answer or the first content.

use std::{
    borrow::Cow,
    collections::VecDeque,
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};

use super::{
    Attempts, Limits, Outcome, Running,
    classify::{Cause, cause, is_refusal},
    embedding::Embedding,
    retry_after,
    search::Searched,
};
use crate::{
    catalog::{Endpoint, ServiceTier},
    client::{Account, Shared},
    error::{Error, ErrorKind, Result},
    plan::{Candidate, Search},
    protocols::{self, Call, Decoder, Embedded, Encoded, Protocol},
    providers::Configured,
    search::{Cite, Found},
    transport::{Body, BoxFuture},
    types::{
        ChatChunk, ChatRequest, ChatResponse, ChunkChoice, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, FinishReason,
        ReasoningDetail,
    },
};

/// The most bytes of a whole answer; images in base64 are large.
const LARGEST_ANSWER: usize = 256 << 20;
/// The most bytes of an error body.
const LARGEST_ERROR: usize = 1 << 20;

/// Calls of one candidate.
pub(super) struct Exchange<'a> {
    pub(super) candidate: Candidate,
    shared: &'a Arc<Shared>,
    /// The provider in the endpoint's region.
    provider: Arc<Configured>,
    /// The endpoint under the name that the caller gave the model there.
    asked: Arc<Endpoint>,
    work: Work<'a>,
    requested: &'a str,
    account: Arc<Account>,
    protocol: &'static dyn Protocol,
    id: Arc<str>,
    created: u64,
    dropped: Vec<String>,
    /// What a search engine found for the request.
    found: Option<Arc<Found>>,
    /// Which key is used.
    key: usize,
    keys_left: usize,
}

/// What is asked of whoever serves.
#[derive(Clone, Copy)]
pub(crate) enum Ask<'a> {
    Chat { request: &'a ChatRequest, stream: bool },
    Embedding(&'a EmbeddingRequest),
}

/// The same, as this candidate gets it.
enum Work<'a> {
    Chat { request: Fitted<'a>, stream: bool },
    Embedding(Embedding<'a>),
}

/// The request, changed for this candidate or not. Boxed, because an exchange is moved about, and small is fast.
enum Fitted<'a> {
    AsItIs(&'a ChatRequest),
    Changed(Box<ChatRequest>),
}

impl<'a> From<Cow<'a, ChatRequest>> for Fitted<'a> {
    fn from(request: Cow<'a, ChatRequest>) -> Self {
        match request {
            Cow::Borrowed(request) => Self::AsItIs(request),
            Cow::Owned(request) => Self::Changed(Box::new(request)),
        }
    }
}

impl Deref for Fitted<'_> {
    type Target = ChatRequest;

    fn deref(&self) -> &ChatRequest {
        match self {
            Self::AsItIs(request) => request,
            Self::Changed(request) => request,
        }
    }
}

/// What an attempt brought.
pub(super) enum Answer {
    Embedded(Box<EmbeddingResponse>),
    Stream(Gate),
    Whole(Box<ChatResponse>),
}

/// What a request brought.
pub(crate) enum Served {
    /// Vectors.
    Embedded(Box<EmbeddingResponse>),
    /// A stream at its first content.
    Stream(Box<Opened>),
    /// The whole answer.
    Whole(Box<ChatResponse>),
}

/// A stream that is committed: everything that is needed to read it to its end.
pub(crate) struct Opened {
    pub(crate) shared: Arc<Shared>,
    pub(crate) candidate: Candidate,
    pub(crate) account: Arc<Account>,
    pub(crate) gate: Gate,
    pub(crate) attempts: Attempts,
    pub(crate) running: Running,
    pub(crate) found: Option<Arc<Found>>,
    pub(crate) requested: String,
    pub(crate) idle: Duration,
    pub(crate) deadline: Option<Instant>,
}

/// A body, its decoder, and the chunks that are ready.
pub(crate) struct Gate {
    /// `None` once it has ended.
    pub(crate) body: Option<Body>,
    pub(crate) decoder: Box<dyn Decoder>,
    pub(crate) ready: VecDeque<ChatChunk>,
    /// What ended the stream after its first content.
    pub(crate) failure: Option<Error>,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, ask: Ask<'a>, candidate: Candidate) -> Result<Self> {
        let slug = &candidate.provider.row.slug;
        let account = shared.accounts.get(slug).cloned().ok_or_else(|| {
            // The plan only names providers of this client.
            Error::new(ErrorKind::NoEndpoint, format!("provider `{slug}` is not configured"))
        })?;
        shared.health.deposit(&candidate.endpoint);
        let created = shared.clock.unix();
        let id = format!("gen-{}-{:016x}", created.as_secs(), shared.clock.random_u64());
        let provider = candidate.provider.in_region(candidate.endpoint.region.as_deref());
        let asked = match provider.upstream(&candidate.endpoint) {
            None => Arc::clone(&candidate.endpoint),
            Some(upstream) => Arc::new(Endpoint { upstream: upstream.into(), ..Endpoint::clone(&candidate.endpoint) }),
        };
        Ok(Self {
            requested: match ask {
                Ask::Chat { request, .. } => &request.model,
                Ask::Embedding(request) => &request.model,
            },
            work: match ask {
                Ask::Chat { request, stream } => {
                    let request = without_foreign_signatures(candidate.request(request), &candidate.endpoint.provider);
                    Work::Chat { request: request.into(), stream }
                }
                Ask::Embedding(request) => Work::Embedding(Embedding::new(request, &provider, &asked)?),
            },
            dropped: candidate.dropped.iter().map(|parameter| parameter.as_str().to_owned()).collect(),
            protocol: protocols::by_name(candidate.protocol()),
            found: None,
            key: account.keys.first(),
            keys_left: account.keys.len().saturating_sub(1),
            id: id.into(),
            created: created.as_secs(),
            provider,
            asked,
            shared,
            account,
            candidate,
        })
    }

    /// Whether a search engine has to be asked before this endpoint.
    pub(super) fn needs_search(&self) -> bool {
        self.candidate.search == Some(Search::Engine) && self.found.is_none()
    }

    /// Puts what a search engine found into the request.
    pub(super) fn searched(&mut self, searched: &Searched) {
        let Work::Chat { request, .. } = &mut self.work else { return };
        let own = ChatRequest::clone(request);
        *request = Fitted::Changed(Box::new(searched.request(own, self.shared.clock.unix())));
        self.found = Some(Arc::clone(&searched.found));
    }

    /// When an attempt that begins now must have served.
    pub(super) fn attempt_end(&self, now: Instant, deadline: Instant, last: bool) -> Instant {
        let mut end = deadline;
        if !last {
            // A stalled endpoint leaves time for the others.
            end = now + deadline.saturating_duration_since(now) / 2;
        }
        if self.streams() {
            let given = self.account.first_content_timeout.or(self.shared.limits.first_content);
            let first_content = given.or((!last).then_some(Limits::FIRST_CONTENT));
            end = first_content.map_or(end, |first_content| end.min(now + first_content));
        }
        end
    }

    /// Whether the provider has a key that this request did not try.
    pub(super) fn has_other_key(&self) -> bool {
        self.keys_left > 0
    }

    /// Goes on with the next key.
    pub(super) fn next_key(&mut self) {
        self.keys_left = self.keys_left.saturating_sub(1);
        self.key = self.key.wrapping_add(1) % self.account.keys.len().max(1);
    }

    /// Notes a failed attempt.
    pub(super) fn failed(&self, error: &Error, running: Running, now: Instant, attempts: &mut Attempts) {
        let endpoint = &self.candidate.endpoint;
        tracing::debug!(
            provider = &*endpoint.provider,
            model = &*endpoint.upstream,
            status = running.status,
            kind = error.kind().name(),
            "attempt failed"
        );
        // Without a status and without a connection nothing was asked of the endpoint.
        let asked = running.sent;
        attempts.push(endpoint, running, now, Err(error));
        let cause = cause(error);
        if cause == Cause::Key {
            self.account.keys.rotate(self.key);
        }
        if error.kind() == ErrorKind::Authentication {
            self.account.keys.forget();
        }
        let outcome = match cause {
            _ if !asked => return,
            Cause::Canceled => return,
            _ if is_refusal(error) => Outcome::Refused,
            // The next key may do.
            Cause::Key if self.has_other_key() => return,
            Cause::Key if error.kind() == ErrorKind::RateLimited => Outcome::RateLimited(error.retry_after()),
            Cause::Caller | Cause::Endpoint | Cause::Key | Cause::Transient => Outcome::Failed,
        };
        self.shared.health.record(endpoint, now, outcome);
    }

    /// One attempt, until there is a whole answer or a stream's first content.
    pub(super) async fn attempt(&mut self, running: &mut Running, until: Instant, last: bool) -> Result<Answer> {
        let encoded = self.encode();
        running.dropped.clone_from(&self.dropped);
        let requests = encoded.map_err(|error| self.told(error, None))?;
        let sleep = self.shared.clock.sleep_until(until);
        let started = running.started;
        let work = self.exchange(requests, running, last);
        let work = std::pin::pin!(work);
        match futures_util::future::select(work, sleep).await {
            futures_util::future::Either::Left((answer, _)) => answer,
            futures_util::future::Either::Right(_) => {
                let what = if self.streams() { "first content" } else { "answer" };
                let waited = until.saturating_duration_since(started).as_secs_f64();
                let message = format!("no {what} within {waited:.3} seconds; the limit is `timeout` or `first_content_timeout`");
                Err(self.told(Error::new(ErrorKind::Timeout, message), None))
            }
        }
    }

    async fn exchange(&self, mut requests: Vec<http::Request<Bytes>>, running: &mut Running, last: bool) -> Result<Answer> {
        // Whoever grants credentials is part of the endpoint.
        running.sent = self.account.keys.are_granted();
        for request in &mut requests {
            self.sign(request).await.map_err(|error| self.told(error, None))?;
        }
        running.sent = true;
        match &self.work {
            Work::Embedding(embedding) => self.embed(embedding, requests, running).await,
            Work::Chat { request: chat, stream } => {
                let request = requests.pop().unwrap_or_default();
                let (head, body) = self.send(request, &mut running.status).await?;
                if *stream && !is_html(&head.headers) {
                    let opened = self.open(chat, &head, body, running, last).await;
                    opened.map_err(|error| self.told_by(error, head.status, &head.headers))
                } else {
                    self.read(chat, head, body, running, last).await
                }
            }
        }
    }

    /// The caller's headers, and the key.
    async fn sign(&self, request: &mut http::Request<Bytes>) -> Result<()> {
        for (name, value) in &self.shared.headers {
            request.headers_mut().insert(name, value.clone());
        }
        self.shared.sign(request, &self.provider, &self.account, self.key).await
    }

    /// Sends a request; a status other than 2xx is an error.
    async fn send(&self, request: http::Request<Bytes>, status: &mut Option<u16>) -> Result<(http::response::Parts, Body)> {
        let response = self.shared.transport.send(request).await.map_err(|error| self.told(error.into(), None))?;
        let (head, body) = response.into_parts();
        *status = Some(head.status.as_u16());
        if head.status.is_success() {
            return Ok((head, body));
        }
        let body = read_error(body).await;
        Err(self.told_by(self.protocol.decode_error(&head, &body), head.status, &head.headers))
    }

    /// All batches, several at a time; the first that fails ends the attempt, so that no two endpoints share an answer.
    async fn embed(&self, embedding: &Embedding<'a>, requests: Vec<http::Request<Bytes>>, running: &mut Running) -> Result<Answer> {
        let batches: Vec<BoxFuture<'_, _>> = requests
            .into_iter()
            .zip(embedding.batches())
            .map(|(request, inputs)| {
                Box::pin(async move {
                    let mut status = None;
                    let embedded = self.batch(embedding, inputs, request, &mut status).await;
                    (status, embedded)
                }) as BoxFuture<'_, _>
            })
            .collect();
        let mut batches = futures_util::stream::iter(batches).buffered(Embedding::AT_ONCE);
        let mut done = Vec::new();
        while let Some((status, embedded)) = batches.next().await {
            running.status = status;
            done.push(embedded?);
        }
        Ok(Answer::Embedded(Box::new(embedding.whole(done))))
    }

    async fn batch(
        &self,
        embedding: &Embedding<'a>,
        inputs: &[EmbeddingInput],
        request: http::Request<Bytes>,
        status: &mut Option<u16>,
    ) -> Result<Embedded> {
        let (head, body) = self.send(request, status).await?;
        let decoded = read_json(&head, body).await.and_then(|body| {
            let response = http::Response::from_parts(head.clone(), body);
            embedding.decode(&self.provider, &self.asked, inputs, &response)
        });
        decoded.map_err(|error| self.told_by(error, head.status, &head.headers))
    }

    /// Reads a whole answer.
    async fn read(&self, chat: &ChatRequest, head: http::response::Parts, body: Body, running: &mut Running, last: bool) -> Result<Answer> {
        let body = read_json(&head, body).await.map_err(|error| self.told_by(error, head.status, &head.headers))?;
        let response = http::Response::from_parts(head, body);
        self.whole(chat, &response, running, last).map_err(|error| self.told_by(error, response.status(), response.headers()))
    }

    fn whole(&self, chat: &ChatRequest, response: &http::Response<Bytes>, running: &mut Running, last: bool) -> Result<Answer> {
        let answer = self.protocol.decode(&self.call(chat), response)?;
        let says_nothing = answer.choices.iter().all(|choice| {
            let message = &choice.message;
            let silent =
                [&message.content, &message.refusal, &message.reasoning].iter().all(|text| text.as_deref().unwrap_or_default().is_empty());
            let bare = message.tool_calls.is_empty()
                && message.reasoning_details.is_empty()
                && message.images.is_empty()
                && message.audio.is_none();
            silent && bare && ends_quietly(choice.finish_reason)
        });
        if says_nothing && (answer.choices.is_empty() || !last) {
            running.usage = Some(answer.usage).filter(|usage| !usage.is_empty()).map(Box::new);
            return Err(Error::empty());
        }
        Ok(Answer::Whole(Box::new(answer)))
    }

    /// Reads a stream until its first content. What comes before is held back, so that a failure there is silent.
    async fn open(
        &self,
        chat: &ChatRequest,
        head: &http::response::Parts,
        mut body: Body,
        running: &mut Running,
        last: bool,
    ) -> Result<Answer> {
        let mut gate = Gate { body: None, decoder: self.protocol.decoder(&self.call(chat)), ready: VecDeque::new(), failure: None };
        // A vendor may answer a stream with one JSON object, most often an error.
        let mut object = is_json(&head.headers).then(BytesMut::new);
        let mut seen = 0;
        let mut is_first = true;
        loop {
            let read = body.next().await;
            let more = matches!(read, Some(Ok(_)));
            let outcome = match read {
                Some(Ok(bytes)) => {
                    // A later read may begin anywhere, with any byte.
                    if std::mem::take(&mut is_first) && looks_like_html(&bytes) {
                        return Err(web_page());
                    }
                    if let Some(object) = &mut object {
                        object.extend_from_slice(&bytes);
                    }
                    gate.decoder.push(&bytes, &mut gate.ready).map(|()| gate.decoder.is_done())
                }
                Some(Err(error)) => Err(error.into()),
                None => gate.decoder.finish(&mut gate.ready).map(|()| true),
            };
            let has_content = gate.ready.range(seen..).any(ChatChunk::has_content);
            seen = gate.ready.len();
            if has_content {
                gate.body = more.then_some(body);
                running.first_content = Some(self.shared.clock.now());
                gate.failure = outcome.err();
                return Ok(Answer::Stream(gate));
            }
            match outcome {
                Ok(false) => {}
                Ok(true) => {
                    let ends = gate.ready.iter().flat_map(|chunk| &chunk.choices).any(|choice| choice.finish_reason.is_some());
                    let quiet = gate.ready.iter().flat_map(|chunk| &chunk.choices).all(|choice| ends_quietly(choice.finish_reason));
                    if !ends || (quiet && !last) {
                        running.usage = gate.ready.pop_back().and_then(|chunk| chunk.usage);
                        return Err(Error::empty());
                    }
                    gate.body = more.then_some(body);
                    return Ok(Answer::Stream(gate));
                }
                Err(error) => {
                    return match object.filter(|object| object.trim_ascii_start().starts_with(b"{")) {
                        Some(object) => self.one_object(chat, head, object.freeze(), gate, error),
                        None => Err(error),
                    };
                }
            }
        }
    }

    /// The stream was one JSON object: an error, or the whole answer.
    fn one_object(&self, chat: &ChatRequest, head: &http::response::Parts, object: Bytes, mut gate: Gate, error: Error) -> Result<Answer> {
        match self.protocol.decode(&self.call(chat), &http::Response::from_parts(head.clone(), object)) {
            Ok(answer) if !answer.choices.is_empty() => {
                gate.ready = spell(answer, &self.candidate.endpoint.provider);
                gate.decoder = Box::new(Finished);
                Ok(Answer::Stream(gate))
            }
            Ok(_) => Err(error),
            Err(inner) if inner.kind() == ErrorKind::Decode => Err(error),
            Err(inner) => Err(inner),
        }
    }

    /// The answer as the caller gets it.
    pub(super) fn served(self, answer: Answer, running: Running, mut attempts: Attempts, deadline: Option<Instant>) -> Served {
        let endpoint = &self.candidate.endpoint;
        let now = self.shared.clock.now();
        match answer {
            Answer::Embedded(mut answer) => {
                self.shared.health.record(endpoint, now, Outcome::Served { latency: None, throughput: None });
                if answer.id.is_empty() {
                    answer.id = self.id.to_string();
                }
                if answer.model.is_empty() {
                    (*endpoint.upstream).clone_into(&mut answer.model);
                }
                (*endpoint.provider).clone_into(&mut answer.provider);
                charge(endpoint, &mut answer.usage, None, None);
                attempts.push(endpoint, running, now, Ok(Some(&answer.usage)));
                answer.routing = Some(attempts.into_routing(self.requested.to_owned(), endpoint));
                Served::Embedded(answer)
            }
            Answer::Whole(mut answer) => {
                let throughput = running.throughput(now, Some(&answer.usage));
                self.shared.health.record(endpoint, now, Outcome::Served { latency: None, throughput });
                if answer.id.is_empty() {
                    answer.id = self.id.to_string();
                }
                if answer.model.is_empty() {
                    (*endpoint.upstream).clone_into(&mut answer.model);
                }
                (*endpoint.provider).clone_into(&mut answer.provider);
                for detail in answer.choices.iter_mut().flat_map(|choice| &mut choice.message.reasoning_details) {
                    issued_by(detail, endpoint);
                }
                self.shared.health.learn(&self.candidate, &answer.usage);
                if let Some(found) = &self.found {
                    let mut cite = Cite::new(Arc::clone(found));
                    for choice in &mut answer.choices {
                        let said = choice.message.content.as_deref().unwrap_or_default();
                        choice.message.annotations.extend(cite.push(choice.index, said));
                        choice.message.annotations.extend(cite.finish(choice.index));
                    }
                }
                charge(endpoint, &mut answer.usage, answer.service_tier.as_deref(), self.found.as_deref());
                attempts.push(endpoint, running, now, Ok(Some(&answer.usage)));
                answer.routing = Some(attempts.into_routing(self.requested.to_owned(), endpoint));
                tracing::debug!(provider = &*endpoint.provider, model = &*endpoint.upstream, "served");
                Served::Whole(answer)
            }
            Answer::Stream(gate) => {
                let latency = running.first_content.map(|_| running.latency(now));
                self.shared.health.record(endpoint, now, Outcome::Served { latency, throughput: None });
                tracing::debug!(provider = &*endpoint.provider, model = &*endpoint.upstream, "stream committed");
                Served::Stream(Box::new(Opened {
                    shared: Arc::clone(self.shared),
                    idle: self.account.idle_timeout.unwrap_or(self.shared.limits.idle),
                    deadline,
                    requested: self.requested.to_owned(),
                    account: self.account,
                    candidate: self.candidate,
                    found: self.found,
                    gate,
                    attempts,
                    running,
                }))
            }
        }
    }

    fn streams(&self) -> bool {
        matches!(self.work, Work::Chat { stream: true, .. })
    }

    fn call<'c>(&'c self, chat: &'c ChatRequest) -> Call<'c> {
        let provider = &*self.provider;
        Call {
            request: chat,
            endpoint: &self.asked,
            provider: &provider.row,
            base_url: &provider.base_url,
            options: &provider.options,
            stream: self.streams(),
            id: &self.id,
            created: self.created,
        }
    }

    /// The encoded requests, without the key; several only where inputs are cut into batches.
    fn encode(&mut self) -> Result<Vec<http::Request<Bytes>>> {
        let encoded = match &self.work {
            Work::Chat { request, .. } => vec![self.protocol.encode(&self.call(request))?],
            Work::Embedding(embedding) => embedding.encode(&self.provider, &self.asked)?,
        };
        let mut requests = Vec::with_capacity(encoded.len());
        for Encoded { request, dropped } in encoded {
            for name in dropped {
                if !self.dropped.contains(&name) {
                    self.dropped.push(name);
                }
            }
            requests.push(request);
        }
        Ok(requests)
    }

    /// The error of an answer with this head.
    fn told_by(&self, error: Error, status: StatusCode, headers: &HeaderMap) -> Error {
        let status = error.upstream_status().unwrap_or(status.as_u16());
        self.told(error.with_upstream_status(status), Some(headers))
    }

    /// The error as the caller gets it: who said it, how long to wait, and no key.
    fn told(&self, error: Error, headers: Option<&HeaderMap>) -> Error {
        tell(error, &self.candidate, &self.account, headers.and_then(|headers| retry_after::parse(headers, self.shared.clock.unix())))
    }
}

/// The error as the caller gets it: who said it, how long to wait, and no key.
pub(crate) fn tell(error: Error, candidate: &Candidate, account: &Account, retry_after: Option<Duration>) -> Error {
    let mut error = error;
    if let Some(delay) = retry_after.max(error.retry_after()) {
        error = error.with_retry_after(delay);
    }
    error.with_provider(&*candidate.endpoint.provider).scrubbed(|text| account.keys.scrub(text))
}

/// Signed reasoning says who issued it.
pub(crate) fn issued_by(detail: &mut ReasoningDetail, endpoint: &crate::catalog::Endpoint) {
    if detail.is_signed() && detail.provider.is_none() {
        detail.provider = Some(endpoint.provider.to_string());
    }
}

/// Signed reasoning belongs to the provider that issued it; nobody else can read or check it.
fn without_foreign_signatures<'a>(request: Cow<'a, ChatRequest>, provider: &str) -> Cow<'a, ChatRequest> {
    let is_foreign = |detail: &ReasoningDetail| detail.is_signed() && detail.provider.as_deref().is_some_and(|issuer| issuer != provider);
    if !request.messages.iter().filter_map(|message| message.reasoning_details.as_ref()).flatten().any(is_foreign) {
        return request;
    }
    let mut request = request.into_owned();
    for details in request.messages.iter_mut().filter_map(|message| message.reasoning_details.as_mut()) {
        details.retain(|detail| !is_foreign(detail));
    }
    Cow::Owned(request)
}

/// Adds what the usage cost in the service tier that served, the search before it included; a cost that the vendor itself
/// named is kept in the details.
pub(crate) fn charge(endpoint: &crate::catalog::Endpoint, usage: &mut crate::types::Usage, tier: Option<&str>, found: Option<&Found>) {
    let mut pricing = endpoint.pricing.as_ref().and_then(|pricing| pricing.in_tier(ServiceTier::of(tier)));
    if let Some(found) = found.filter(|found| found.searches > 0) {
        usage.server_tool_use_details.get_or_insert_default().web_search_requests = Some(found.searches);
        if let Some(pricing) = &mut pricing {
            // Searches are the engine's here, and at its price.
            pricing.to_mut().search = found.price;
        }
    }
    let Some(cost) = pricing.and_then(|pricing| pricing.cost(usage)) else { return };
    let named = usage.cost_details.as_ref().and_then(|details| details.upstream_inference_cost);
    usage.cost = Some(cost.total);
    let details = usage.cost_details.insert(cost.details);
    details.upstream_inference_cost = named.or(details.upstream_inference_cost);
}

fn web_page() -> Error {
    Error::decode("the answer is a web page (HTML), not JSON: the base URL does not lead to the vendor's API")
}

/// Whether an answer without content may be a failure: a filter or a limit explains one, a plain stop does not.
fn ends_quietly(reason: Option<FinishReason>) -> bool {
    matches!(reason, None | Some(FinishReason::Stop))
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_html(headers: &HeaderMap) -> bool {
    content_type(headers).starts_with("text/html")
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = content_type(headers);
    kind.is_empty() || kind.starts_with("application/json") || kind.starts_with("text/plain")
}

fn looks_like_html(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// Reads a body that should hold JSON.
async fn read_json(head: &http::response::Parts, body: Body) -> Result<Bytes> {
    let body = read_all(body).await?;
    if is_html(&head.headers) || looks_like_html(&body) {
        return Err(web_page());
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::empty());
    }
    Ok(body)
}

/// Reads a body; one that arrives in one read is not copied.
pub(crate) async fn read_all(mut body: Body) -> Result<Bytes> {
    let Some(first) = body.next().await.transpose().map_err(Error::from)? else { return Ok(Bytes::new()) };
    let Some(second) = body.next().await.transpose().map_err(Error::from)? else { return Ok(first) };
    let mut whole = BytesMut::with_capacity(2 * (first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(read) = body.next().await {
        whole.extend_from_slice(&read.map_err(Error::from)?);
        if whole.len() > LARGEST_ANSWER {
            return Err(Error::decode("the answer is larger than 256 MiB"));
        }
    }
    Ok(whole.freeze())
}

/// Reads an error body as far as it comes: half of it still says more than nothing.
pub(super) async fn read_error(mut body: Body) -> BytesMut {
    let mut whole = BytesMut::new();
    while let Some(Ok(read)) = body.next().await {
        whole.extend_from_slice(&read);
        if whole.len() > LARGEST_ERROR {
            break;
        }
    }
    whole
}

/// Stands in for a decoder whose answer is complete.
struct Finished;

impl Decoder for Finished {
    fn push(&mut self, _: &[u8], _: &mut VecDeque<ChatChunk>) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &mut VecDeque<ChatChunk>) -> Result<()> {
        Ok(())
    }

    fn is_done(&self) -> bool {
        true
    }
}

/// A whole answer as chunks: one per choice, and its end.
fn spell(answer: ChatResponse, provider: &Arc<str>) -> VecDeque<ChatChunk> {
    let (id, model): (Arc<str>, Arc<str>) = (answer.id.into(), answer.model.into());
    let chunk = |choice: ChunkChoice| ChatChunk::of([&id, &model, provider], answer.created, vec![choice]);
    let mut chunks = VecDeque::with_capacity(2 * answer.choices.len());
    let mut ends = Vec::with_capacity(answer.choices.len());
    for choice in answer.choices {
        let delta = choice.message.into();
        chunks.push_back(chunk(ChunkChoice { index: choice.index, delta, logprobs: choice.logprobs, ..ChunkChoice::default() }));
        ends.push(ChunkChoice {
            index: choice.index,
            finish_reason: choice.finish_reason.or(Some(FinishReason::Stop)),
            native_finish_reason: choice.native_finish_reason,
            ..ChunkChoice::default()
        });
    }
    chunks.extend(ends.into_iter().map(chunk));
    if let Some(last) = chunks.back_mut() {
        last.usage = (!answer.usage.is_empty()).then(|| Box::new(answer.usage));
        last.service_tier = answer.service_tier;
        last.system_fingerprint = answer.system_fingerprint;
    }
    chunks
}
