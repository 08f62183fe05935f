//! Embeddings of one candidate: the inputs in batches of what its vendor takes at once.

use bytes::Bytes;

use crate::{
    catalog::Endpoint,
    error::{Error, ErrorKind, Result},
    protocols::{self, EmbedCall, Embedded, Embedder, Encoded},
    providers::Configured,
    types::{EmbeddingInput, EmbeddingRequest, EmbeddingResponse, Usage, Vector},
};

/// What is asked of one candidate.
pub(super) struct Embedding<'a> {
    request: &'a EmbeddingRequest,
    embedder: &'static dyn Embedder,
    /// How many inputs go into one batch.
    size: usize,
}

impl<'a> Embedding<'a> {
    /// How many batches are under way at once.
    pub(super) const AT_ONCE: usize = 8;

    pub(super) fn new(request: &'a EmbeddingRequest, provider: &Configured, endpoint: &Endpoint) -> Result<Self> {
        let row = &provider.row;
        // The plan only names providers that embed.
        let embedder = protocols::embedder(row.protocol)
            .ok_or_else(|| Error::new(ErrorKind::NoEndpoint, format!("provider `{}` has no embeddings", row.slug)))?;
        let mut embedding = Self { request, embedder, size: 1 };
        let most = row.quirks.embeddings_batch.unwrap_or_else(|| embedder.most_inputs(&embedding.call(provider, endpoint, &[])));
        embedding.size = most.max(1);
        Ok(embedding)
    }

    /// The inputs, as they are sent.
    pub(super) fn batches(&self) -> impl Iterator<Item = &'a [EmbeddingInput]> + use<'a> {
        self.request.input.0.chunks(self.size)
    }

    /// One request per batch.
    pub(super) fn encode(&self, provider: &Configured, endpoint: &Endpoint) -> Result<Vec<Encoded>> {
        self.batches().map(|inputs| self.embedder.encode(&self.call(provider, endpoint, inputs))).collect()
    }

    /// The vectors of one batch: as many as it has inputs.
    pub(super) fn decode(
        &self,
        provider: &Configured,
        endpoint: &Endpoint,
        inputs: &[EmbeddingInput],
        response: &http::Response<Bytes>,
    ) -> Result<Embedded> {
        let embedded = self.embedder.decode(&self.call(provider, endpoint, inputs), response)?;
        let (asked, found) = (inputs.len(), embedded.vectors.len());
        if found != asked {
            return Err(Error::decode(format!("the answer holds {found} vectors for {asked} inputs")));
        }
        if embedded.vectors.iter().any(Vec::is_empty) {
            return Err(Error::new(ErrorKind::Upstream, "the vendor's answer holds an empty vector").with_upstream_code("empty_answer"));
        }
        Ok(embedded)
    }

    /// The answer that the batches make.
    pub(super) fn whole(&self, batches: Vec<Embedded>) -> EmbeddingResponse {
        let format = self.request.encoding_format.unwrap_or_default();
        let first = batches.first();
        let (id, model) = first.map(|first| (first.id.clone(), first.model.clone())).unwrap_or_default();
        let mut usages = batches.iter().map(|batch| &batch.usage);
        let usage = usages.next().cloned().unwrap_or_default();
        let usage = usages.fold(usage, |whole, batch| sum(&whole, batch));
        let vectors = batches.into_iter().flat_map(|batch| batch.vectors);
        let data = vectors.enumerate().map(|(index, floats)| crate::types::Embedding {
            object: "embedding".into(),
            index,
            embedding: Vector::of(floats, format),
        });
        EmbeddingResponse {
            id: id.unwrap_or_default(),
            object: "list".into(),
            data: data.collect(),
            model: model.unwrap_or_default(),
            provider: String::new(),
            usage,
            routing: None,
        }
    }

    fn call<'c>(&'c self, provider: &'c Configured, endpoint: &'c Endpoint, inputs: &'c [EmbeddingInput]) -> EmbedCall<'c> {
        EmbedCall {
            request: self.request,
            inputs,
            endpoint,
            provider: &provider.row,
            base_url: &provider.base_url,
            options: &provider.options,
        }
    }
}

/// The usage of two batches; a number that one of them lacks is unknown.
fn sum(a: &Usage, b: &Usage) -> Usage {
    let add = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
    let cost = a.cost.zip(b.cost).map(|(a, b)| a + b);
    Usage {
        prompt_tokens: add(a.prompt_tokens, b.prompt_tokens),
        total_tokens: add(a.total_tokens, b.total_tokens),
        cost,
        cost_details: cost.map(|cost| crate::types::CostDetails { upstream_inference_cost: Some(cost), ..Default::default() }),
        ..Usage::default()
    }
}
