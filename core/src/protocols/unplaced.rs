//! Fields of a request that a vendor's format has no place for.

use crate::types::ChatRequest;

/// Which of them the request sets: those that Anthropic, Bedrock, Cohere and Ollama have no place for alike, and `more` of one's own.
pub(super) fn unplaced<const N: usize>(request: &ChatRequest, more: [(&'static str, bool); N]) -> impl Iterator<Item = String> {
    let alike = [
        ("audio", request.audio.is_some()),
        ("logit_bias", request.logit_bias.is_some()),
        ("metadata", request.metadata.is_some()),
        ("modalities", request.modalities.iter().any(|modality| modality != "text")),
        ("n", request.n.is_some_and(|n| n > 1)),
        ("prediction", request.prediction.is_some()),
        ("prompt_cache_key", request.prompt_cache_key.is_some()),
        ("store", request.store.is_some()),
        ("top_a", request.top_a.is_some()),
    ];
    alike.into_iter().chain(more).filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned())
}
