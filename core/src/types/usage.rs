//! What a request used and cost. A number that the vendor did not give is absent, never 0.

use serde::{Deserialize, Serialize};

/// Tokens and cost of one answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Usage {
    /// All input tokens; cache reads and writes included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// All output tokens; reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// The sum of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Parts of the prompt tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<PromptDetails>,
    /// Parts of the completion tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens_details: Option<CompletionDetails>,
    /// What the answer cost, in US dollars by the catalog's prices; `None` (`null`) where a price is unknown.
    #[serde(default)]
    pub cost: Option<f64>,
    /// Parts of the cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_details: Option<CostDetails>,
    /// Tools that the vendor ran itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_tool_use_details: Option<ServerToolUse>,
}

/// Parts of `prompt_tokens`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct PromptDetails {
    /// Read from the vendor's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Written to the vendor's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// The part of `cache_write_tokens` kept for one hour; priced apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h_tokens: Option<u64>,
    /// Audio input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// Image input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_tokens: Option<u64>,
}

/// Parts of `completion_tokens`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct CompletionDetails {
    /// Reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Audio output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_tokens: Option<u64>,
    /// Image output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_tokens: Option<u64>,
    /// Predicted tokens that were used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_prediction_tokens: Option<u64>,
    /// Predicted tokens that were not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_prediction_tokens: Option<u64>,
}

/// Parts of the cost, in US dollars.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct CostDetails {
    /// The prompt, cache included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_inference_prompt_cost: Option<f64>,
    /// The completion, reasoning included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_inference_completions_cost: Option<f64>,
    /// Searches and per-request fees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_tool_cost: Option<f64>,
    /// What the vendor itself said the answer cost, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_inference_cost: Option<f64>,
}

/// How often the vendor ran its own tools.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ServerToolUse {
    /// Web searches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_search_requests: Option<u64>,
    /// How much they read, where the vendor's price depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_context_size: Option<SearchSize>,
}

impl ServerToolUse {
    /// This many web searches.
    pub fn searches(count: u64) -> Self {
        Self { web_search_requests: Some(count), search_context_size: None }
    }
}

/// How much a web search reads.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchSize {
    /// Much.
    High,
    /// Little.
    Low,
    /// In between.
    Medium,
}

impl SearchSize {
    /// The size of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [("high", Self::High), ("low", Self::Low), ("medium", Self::Medium)].into_iter().find(|known| known.0 == name).map(|known| known.1)
    }
}

impl Usage {
    /// Usage of this many input and output tokens.
    pub fn of(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self {
            prompt_tokens: Some(prompt_tokens),
            completion_tokens: Some(completion_tokens),
            total_tokens: Some(prompt_tokens + completion_tokens),
            ..Self::default()
        }
    }

    /// The details of the prompt, made when first written.
    pub fn prompt_details(&mut self) -> &mut PromptDetails {
        self.prompt_tokens_details.get_or_insert_default()
    }

    /// The details of the completion, made when first written.
    pub fn completion_details(&mut self) -> &mut CompletionDetails {
        self.completion_tokens_details.get_or_insert_default()
    }

    /// Whether no vendor reported any number.
    pub fn is_empty(&self) -> bool {
        self.prompt_tokens.is_none() && self.completion_tokens.is_none() && self.cost.is_none()
    }
}
