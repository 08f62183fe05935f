//! For the tests of the protocols: a call of one, its request as JSON, its answer from bytes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::Value;

use super::{Call, Protocol};
use crate::{
    catalog::Endpoint,
    error::{Error, Result},
    providers::Provider,
    types::{ChatRequest, ChatResponse, Fold},
};

/// One protocol, spoken to one provider's model.
pub(crate) struct Wire {
    pub(crate) protocol: &'static dyn Protocol,
    pub(crate) provider: &'static str,
    pub(crate) model: &'static str,
}

impl Wire {
    fn with_call<T>(&self, request: &ChatRequest, then: impl FnOnce(&Call<'_>) -> T) -> T {
        let (id, options): (Arc<str>, _) = ("junto-0123456789".into(), BTreeMap::new());
        then(&Call {
            request,
            endpoint: &Endpoint::unknown("author/model", self.provider, self.model),
            provider: &Provider { slug: self.provider.to_owned(), ..Provider::default() },
            base_url: "https://vendor.test",
            options: &options,
            stream: request.stream,
            id: &id,
            created: 1_700_000_000,
        })
    }

    /// The URL, the body and the dropped fields of this request's encoding.
    pub(crate) fn encode(&self, request: &Value) -> Result<(String, Value, Vec<String>)> {
        let request = ChatRequest::from_json(&request.to_string())?;
        let encoded = self.with_call(&request, |call| self.protocol.encode(call))?;
        let body = serde_json::from_slice(encoded.request.body())?;
        Ok((encoded.request.uri().to_string(), body, encoded.dropped))
    }

    /// The body of this request's encoding.
    pub(crate) fn body(&self, request: &Value) -> Value {
        self.encode(request).unwrap().1
    }

    /// A whole answer.
    pub(crate) fn decode(&self, body: &Value) -> Result<ChatResponse> {
        self.decode_text(&body.to_string())
    }

    /// A whole answer that is not written as it should be.
    pub(crate) fn decode_text(&self, body: &str) -> Result<ChatResponse> {
        let response = http::Response::new(body.to_owned().into());
        self.with_call(&ChatRequest::default(), |call| self.protocol.decode(call, &response))
    }

    /// What a stream adds up to, and its error. Every split of it must give the same chunks, each with one id and model.
    pub(crate) fn stream(&self, stream: &str) -> (ChatResponse, Option<Error>) {
        self.stream_bytes(stream.as_bytes())
    }

    /// The same of bytes that are no text.
    pub(crate) fn stream_bytes(&self, stream: &[u8]) -> (ChatResponse, Option<Error>) {
        let play = |step: usize| {
            let mut out = VecDeque::new();
            let result = self.with_call(&ChatRequest::default(), |call| {
                let mut decoder = self.protocol.decoder(call);
                stream.chunks(step).try_for_each(|piece| decoder.push(piece, &mut out))?;
                decoder.finish(&mut out)?;
                assert!(decoder.is_done());
                Ok::<_, Error>(())
            });
            (out, result.err())
        };
        let (whole, error) = play(stream.len().max(1));
        for step in 1..stream.len().min(200) {
            let (pieces, again) = play(step);
            assert_eq!(pieces, whole, "step {step}");
            assert_eq!(again.map(|error| error.to_string()), error.as_ref().map(Error::to_string), "step {step}");
        }
        let mut fold = Fold::new();
        for chunk in whole {
            fold.push(chunk);
        }
        (fold.finish(), error)
    }

    /// The error of this status, header and body.
    pub(crate) fn error(&self, status: u16, body: &str) -> Error {
        let (head, ()) = http::Response::builder().status(status).body(()).unwrap().into_parts();
        self.protocol.decode_error(&head, body.as_bytes())
    }

    /// Damages a stream in many ways, the same ones each time: a decoder may answer with an error, but never panics, and
    /// what it lets out is well-formed.
    pub(crate) fn damage(&self, stream: &str) {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed % below.max(1) as u64) as usize
        };
        let words: [&[u8]; 12] =
            [b"null", b"{", b"}", b"[]", b"\"", b"-1", b"18446744073709551615", b"1e999", b"\n\n", b"data: ", b"\xff", b"\\"];
        for _ in 0..600 {
            let mut bytes = stream.as_bytes().to_vec();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                let to = (at + random(12)).min(bytes.len());
                bytes.splice(at..to, words[random(words.len())].iter().copied());
            }
            let mut out = VecDeque::new();
            self.with_call(&ChatRequest::default(), |call| {
                let mut decoder = self.protocol.decoder(call);
                if bytes.chunks(1 + random(64)).all(|piece| decoder.push(piece, &mut out).is_ok()) {
                    let _ = decoder.finish(&mut out);
                }
                let _ = self.protocol.decode(call, &http::Response::new(bytes.into()));
            });
            assert!(out.iter().all(|chunk| chunk.id == out[0].id && chunk.model == out[0].model));
        }
    }
}
