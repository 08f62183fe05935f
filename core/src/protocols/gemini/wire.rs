//! Gemini's answer as it is on the wire. Text is borrowed from the bytes; what is not read is skipped.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::protocols::Text;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow)]
    pub(super) prompt_feedback: Option<PromptFeedback<'a>>,
    #[serde(borrow)]
    pub(super) usage_metadata: Option<UsageMetadata<'a>>,
    #[serde(borrow)]
    pub(super) model_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) response_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) content: Option<Content<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) grounding_metadata: Option<GroundingMetadata<'a>>,
    #[serde(borrow)]
    pub(super) citation_metadata: Option<CitationMetadata<'a>>,
    pub(super) logprobs_result: Option<LogprobsResult>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) parts: Option<Vec<Part<'a>>>,
}

/// One part. Parts of tools that Google runs itself (`executableCode`, `codeExecutionResult`, `toolCall`, ..) are not
/// named here, because they are not part of the answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    pub(super) thought: Option<bool>,
    #[serde(borrow)]
    pub(super) thought_signature: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) function_call: Option<FunctionCall<'a>>,
    #[serde(borrow)]
    pub(super) inline_data: Option<Blob<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FunctionCall<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) args: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) partial_args: Option<Vec<PartialArg<'a>>>,
    pub(super) will_continue: Option<bool>,
}

/// A piece of one argument; Vertex streams them where it is asked to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartialArg<'a> {
    #[serde(borrow)]
    pub(super) json_path: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) string_value: Option<Text<'a>>,
    pub(super) number_value: Option<serde_json::Number>,
    pub(super) bool_value: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    #[serde(borrow)]
    pub(super) mime_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) data: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptFeedback<'a> {
    #[serde(borrow)]
    pub(super) block_reason: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageMetadata<'a> {
    pub(super) prompt_token_count: Option<u64>,
    pub(super) candidates_token_count: Option<u64>,
    pub(super) thoughts_token_count: Option<u64>,
    pub(super) tool_use_prompt_token_count: Option<u64>,
    pub(super) cached_content_token_count: Option<u64>,
    pub(super) total_token_count: Option<u64>,
    #[serde(borrow)]
    pub(super) prompt_tokens_details: Option<Vec<ModalityTokens<'a>>>,
    #[serde(borrow)]
    pub(super) candidates_tokens_details: Option<Vec<ModalityTokens<'a>>>,
    #[serde(borrow)]
    pub(super) service_tier: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModalityTokens<'a> {
    #[serde(borrow)]
    pub(super) modality: Option<Text<'a>>,
    pub(super) token_count: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroundingMetadata<'a> {
    #[serde(borrow)]
    pub(super) grounding_chunks: Option<Vec<GroundingChunk<'a>>>,
    #[serde(borrow)]
    pub(super) grounding_supports: Option<Vec<GroundingSupport<'a>>>,
    #[serde(borrow)]
    pub(super) web_search_queries: Option<Vec<Text<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroundingChunk<'a> {
    #[serde(borrow)]
    pub(super) web: Option<Source<'a>>,
    #[serde(borrow)]
    pub(super) maps: Option<Source<'a>>,
    #[serde(borrow)]
    pub(super) retrieved_context: Option<Source<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Source<'a> {
    #[serde(borrow)]
    pub(super) uri: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroundingSupport<'a> {
    pub(super) grounding_chunk_indices: Option<Vec<usize>>,
    #[serde(borrow)]
    pub(super) segment: Option<Segment<'a>>,
}

/// A part of the answer. Offsets count bytes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Segment<'a> {
    pub(super) start_index: Option<usize>,
    pub(super) end_index: Option<usize>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
}

/// Sources that the answer recites; Vertex says `citations`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CitationMetadata<'a> {
    #[serde(borrow, alias = "citations")]
    pub(super) citation_sources: Option<Vec<CitationSource<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CitationSource<'a> {
    pub(super) start_index: Option<usize>,
    pub(super) end_index: Option<usize>,
    #[serde(borrow)]
    pub(super) uri: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogprobsResult {
    pub(super) chosen_candidates: Option<Vec<Logprob>>,
    pub(super) top_candidates: Option<Vec<TopCandidates>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TopCandidates {
    pub(super) candidates: Option<Vec<Logprob>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logprob {
    pub(super) token: Option<String>,
    /// A number, or `"-Infinity"` as protobuf writes it.
    pub(super) log_probability: Option<Value>,
}
