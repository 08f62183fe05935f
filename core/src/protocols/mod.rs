//! Vendor wire formats, one folder each.
//!
//! Belongs here: a vendor's JSON, its framing, its event order, its error bodies. Does not belong here: hosts, keys and
//! headers (`providers`, `auth`), a network, a clock, `async`. PURE.

mod anthropic;
mod bedrock;
mod blocks;
mod cohere;
mod effort;
mod embed;
mod emit;
pub mod framing;
mod gemini;
mod ids;
mod loose;
mod ollama;
mod openai_chat;
mod openai_responses;
mod repair;
mod search;
#[cfg(test)]
mod test_wire;
mod unplaced;
#[cfg(test)]
mod unseen;

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    fmt::{self, Write as _},
    sync::Arc,
};

use bytes::Bytes;

pub use embed::{EmbedCall, Embedded, Embedder};
pub(crate) use emit::Emitter;
pub(crate) use openai_chat::searches_in_chat;

use crate::{
    catalog::Endpoint,
    error::{Error, Result},
    providers::{ProtocolName, Provider, filled},
    types::{ChatChunk, ChatRequest, ChatResponse, Fold},
};

/// One vendor wire protocol. No IO, no clock, no environment.
pub trait Protocol: fmt::Debug + Send + Sync {
    /// The vendor's request, without its key.
    fn encode(&self, call: &Call<'_>) -> Result<Encoded>;

    /// The whole answer. A 200 that holds an error is an `Err`.
    fn decode(&self, call: &Call<'_>, response: &http::Response<Bytes>) -> Result<ChatResponse>;

    /// The error behind a status other than 2xx: the status decides first, the vendor's own code overrides.
    fn decode_error(&self, head: &http::response::Parts, body: &[u8]) -> Error;

    /// The reader of one streamed answer; it remembers id, model and tool indices.
    fn decoder(&self, call: &Call<'_>) -> Box<dyn Decoder>;
}

/// Bytes in, chunks out, at any split of the bytes.
pub trait Decoder: Send {
    /// Reads what has arrived. After an `Err` the chunks already in `out` still count, and no more bytes are given.
    fn push(&mut self, bytes: &[u8], out: &mut VecDeque<ChatChunk>) -> Result<()>;

    /// The body ended. [`Error::cut`] where the vendor's terminal event is missing.
    fn finish(&mut self, out: &mut VecDeque<ChatChunk>) -> Result<()>;

    /// Whether the last chunk is in `out`: the terminal event was seen and nothing more will come.
    fn is_done(&self) -> bool;
}

/// One call: what to ask whom. Everything a protocol may know.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The request, already without the parameters that the endpoint does not know.
    pub request: &'a ChatRequest,
    /// Who is asked for what.
    pub endpoint: &'a Endpoint,
    /// The row of the provider.
    pub provider: &'a Provider,
    /// The base URL, options filled in, without a final slash.
    pub base_url: &'a str,
    /// Values of the provider's options.
    pub options: &'a BTreeMap<String, String>,
    /// Whether to stream.
    pub stream: bool,
    /// The id of the answer where the vendor gives none.
    pub id: &'a Arc<str>,
    /// Unix time in seconds, for `created` where the vendor gives none.
    pub created: u64,
}

/// A request ready to be signed and sent.
#[derive(Debug)]
pub struct Encoded {
    /// The request.
    pub request: http::Request<Bytes>,
    /// Names of request fields that this protocol or provider cannot take and that were left out.
    pub dropped: Vec<String>,
}

impl Call<'_> {
    /// A POST of this JSON body to the call's URL: the row's path where it has one, else the protocol's.
    pub(crate) fn post(&self, path: &str, body: impl Into<Bytes>) -> Result<http::Request<Bytes>> {
        let quirks = &self.provider.quirks;
        let path = match (self.stream, &quirks.stream_path, &quirks.chat_path) {
            (true, Some(path), _) | (_, _, Some(path)) => path,
            _ => path,
        };
        let mut request = post(self.provider, self.endpoint, self.base_url, self.options, path, body)?;
        if self.stream && !request.headers().contains_key(http::header::ACCEPT) {
            request.headers_mut().insert(http::header::ACCEPT, http::HeaderValue::from_static("text/event-stream"));
        }
        Ok(request)
    }
}

/// A POST of this JSON body to a path of a provider, with the row's headers.
fn post(
    provider: &Provider,
    endpoint: &Endpoint,
    base_url: &str,
    options: &BTreeMap<String, String>,
    path: &str,
    body: impl Into<Bytes>,
) -> Result<http::Request<Bytes>> {
    let mut url = String::with_capacity(base_url.len() + path.len() + endpoint.upstream.len());
    url.push_str(base_url);
    if path.contains('{') {
        // An option may decide where the model goes.
        url.push_str(&filled(path, options).replace("{model}", &segment(&endpoint.upstream)));
    } else {
        url.push_str(path);
    }
    let unusable =
        |what: &str, error: http::Error| Error::bad_request(what.to_owned(), format!("`{}` has no usable {what}: {error}", provider.slug));
    let mut request = http::Request::new(body.into());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::try_from(url).map_err(|error| unusable("base_url", error.into()))?;
    let headers = request.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    for (name, value) in &provider.headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|error| unusable("headers", error.into()))?;
        headers.append(name, http::HeaderValue::from_str(value).map_err(|error| unusable("headers", error.into()))?);
    }
    Ok(request)
}

/// A model in a server's own list.
#[derive(Debug, PartialEq)]
pub(crate) struct Listed {
    /// The model as the server names it.
    pub(crate) id: String,
    /// Unix time in seconds.
    pub(crate) created: Option<u64>,
    /// Tokens of prompt and answer together.
    pub(crate) context_length: Option<u64>,
}

/// How servers of a protocol list their models.
pub(crate) struct Listing {
    /// The path behind the base URL, unless the row has its own.
    pub(crate) path: &'static str,
    /// Reads the list.
    pub(crate) read: fn(&[u8]) -> Result<Vec<Listed>>,
}

/// How servers of this protocol list their models; `None` where they do not.
pub(crate) fn listing(name: ProtocolName) -> Option<Listing> {
    match name {
        ProtocolName::Ollama => Some(Listing { path: "/api/tags", read: ollama::models }),
        ProtocolName::OpenaiChat | ProtocolName::OpenaiResponses => Some(Listing { path: "/models", read: openai_chat::models }),
        _ => None,
    }
}

/// A model as one segment of a path. Names of inference profiles hold slashes and colons; signatures need them encoded.
fn segment(model: &str) -> Cow<'_, str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@');
    if model.as_bytes().iter().all(is_plain) {
        return Cow::Borrowed(model);
    }
    let mut segment = String::with_capacity(model.len() + 8);
    for byte in model.bytes() {
        if is_plain(&byte) {
            segment.push(byte.into());
        } else {
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    Cow::Owned(segment)
}

/// A whole answer that came as a stream.
fn from_stream(mut decoder: Box<dyn Decoder>, body: &[u8]) -> Result<ChatResponse> {
    let mut chunks = VecDeque::new();
    decoder.push(body, &mut chunks)?;
    decoder.finish(&mut chunks)?;
    Ok(folded(chunks))
}

/// What the chunks of one answer add up to.
fn folded(chunks: VecDeque<ChatChunk>) -> ChatResponse {
    let mut fold = Fold::new();
    for chunk in chunks {
        fold.push(chunk);
    }
    fold.finish()
}

/// The protocol of this name.
pub fn by_name(name: ProtocolName) -> &'static dyn Protocol {
    match name {
        ProtocolName::Anthropic => &anthropic::Anthropic,
        ProtocolName::Bedrock => &bedrock::Bedrock,
        ProtocolName::Cohere => &cohere::Cohere,
        ProtocolName::Gemini => &gemini::Gemini,
        ProtocolName::Ollama => &ollama::Ollama,
        ProtocolName::OpenaiChat => &openai_chat::OpenaiChat,
        ProtocolName::OpenaiResponses => &openai_responses::OpenaiResponses,
    }
}

/// The embeddings of this protocol; `None` where it has none.
pub fn embedder(name: ProtocolName) -> Option<&'static dyn Embedder> {
    match name {
        ProtocolName::Bedrock => Some(&bedrock::BedrockEmbeddings),
        ProtocolName::Cohere => Some(&cohere::CohereEmbeddings),
        ProtocolName::Gemini => Some(&gemini::GeminiEmbeddings),
        ProtocolName::Ollama => Some(&ollama::OllamaEmbeddings),
        ProtocolName::OpenaiChat | ProtocolName::OpenaiResponses => Some(&openai_chat::OpenaiEmbeddings),
        ProtocolName::Anthropic => None,
    }
}
