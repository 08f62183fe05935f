//! Gemini's answer as it is on the wire. Text is borrowed from the bytes; what is not read is skipped.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::protocols::loose::{Count, Flag, Object, Objects, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Answer<'a> {
    pub(super) candidates: Objects<Candidate<'a>>,
    /// Boxed, as are all that most chunks lack, and what is large: the answer is moved about, and small is fast.
    pub(super) prompt_feedback: Object<Box<PromptFeedback<'a>>>,
    pub(super) usage_metadata: Object<Box<UsageMetadata<'a>>>,
    pub(super) model_version: Option<Text<'a>>,
    pub(super) response_id: Option<Text<'a>>,
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Candidate<'a> {
    pub(super) index: Count,
    pub(super) content: Object<Content<'a>>,
    pub(super) finish_reason: Option<Text<'a>>,
    pub(super) grounding_metadata: Object<Box<GroundingMetadata<'a>>>,
    pub(super) citation_metadata: Object<Box<CitationMetadata<'a>>>,
    pub(super) logprobs_result: Object<Box<LogprobsResult<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Content<'a> {
    pub(super) parts: Objects<Part<'a>>,
}

/// One part. Parts of tools that Google runs itself (`executableCode`, `codeExecutionResult`, `toolCall`, ..) are not
/// named here, because they are not part of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Part<'a> {
    pub(super) text: Option<Text<'a>>,
    pub(super) thought: Flag,
    pub(super) thought_signature: Option<Text<'a>>,
    pub(super) function_call: Object<Box<FunctionCall<'a>>>,
    pub(super) inline_data: Object<Box<Blob<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct FunctionCall<'a> {
    pub(super) id: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) args: Option<&'a RawValue>,
    pub(super) partial_args: Option<Objects<PartialArg<'a>>>,
    pub(super) will_continue: Flag,
}

/// A piece of one argument; Vertex streams them where it is asked to.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct PartialArg<'a> {
    pub(super) json_path: Option<Text<'a>>,
    pub(super) string_value: Option<Text<'a>>,
    pub(super) number_value: Option<Value>,
    pub(super) bool_value: Option<Flag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Blob<'a> {
    pub(super) mime_type: Option<Text<'a>>,
    pub(super) data: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct PromptFeedback<'a> {
    pub(super) block_reason: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct UsageMetadata<'a> {
    pub(super) prompt_token_count: Count,
    pub(super) candidates_token_count: Count,
    pub(super) thoughts_token_count: Count,
    pub(super) tool_use_prompt_token_count: Count,
    pub(super) cached_content_token_count: Count,
    pub(super) total_token_count: Count,
    pub(super) prompt_tokens_details: Objects<ModalityTokens<'a>>,
    pub(super) candidates_tokens_details: Objects<ModalityTokens<'a>>,
    pub(super) service_tier: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ModalityTokens<'a> {
    pub(super) modality: Option<Text<'a>>,
    pub(super) token_count: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct GroundingMetadata<'a> {
    pub(super) grounding_chunks: Objects<GroundingChunk<'a>>,
    pub(super) grounding_supports: Objects<GroundingSupport<'a>>,
    pub(super) web_search_queries: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct GroundingChunk<'a> {
    pub(super) web: Object<Source<'a>>,
    pub(super) maps: Object<Source<'a>>,
    pub(super) retrieved_context: Object<Source<'a>>,
    pub(super) image: Object<Source<'a>>,
}

impl<'a> GroundingChunk<'a> {
    /// The one of its kinds that it is.
    pub(super) fn source(&self) -> Option<&Source<'a>> {
        [&self.web, &self.maps, &self.retrieved_context, &self.image].into_iter().find_map(|source| source.0.as_ref())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Source<'a> {
    pub(super) uri: Option<Text<'a>>,
    /// The page that an image was found on.
    #[serde(rename = "sourceUri")]
    pub(super) source_uri: Option<Text<'a>>,
    pub(super) title: Option<Text<'a>>,
}

impl Source<'_> {
    pub(super) fn url(&self) -> Option<&str> {
        Text::of(&self.uri).or(Text::of(&self.source_uri))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct GroundingSupport<'a> {
    pub(super) grounding_chunk_indices: Option<&'a RawValue>,
    pub(super) segment: Object<Segment<'a>>,
}

/// A part of the answer. Offsets count bytes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Segment<'a> {
    pub(super) start_index: Count,
    pub(super) end_index: Count,
    pub(super) text: Option<Text<'a>>,
}

/// Sources that the answer recites; Vertex says `citations`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct CitationMetadata<'a> {
    pub(super) citation_sources: Objects<CitationSource<'a>>,
    pub(super) citations: Objects<CitationSource<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct CitationSource<'a> {
    pub(super) start_index: Count,
    pub(super) end_index: Count,
    pub(super) uri: Option<Text<'a>>,
    pub(super) title: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct LogprobsResult<'a> {
    pub(super) chosen_candidates: Objects<Logprob<'a>>,
    pub(super) top_candidates: Objects<TopCandidates<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct TopCandidates<'a> {
    pub(super) candidates: Objects<Logprob<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Logprob<'a> {
    pub(super) token: Option<Text<'a>>,
    /// A number, or `"-Infinity"` as protobuf writes it.
    pub(super) log_probability: Option<Value>,
}
