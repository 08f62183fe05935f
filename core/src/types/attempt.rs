//! What was tried, in every answer and every error.

use serde::{Deserialize, Serialize};

use super::Usage;
use crate::error::{ErrorBody, ErrorKind};

/// One call to one endpoint.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Attempt {
    /// The provider that was called, for instance `azure`.
    pub provider: String,
    /// The model as the provider names it.
    pub model: String,
    /// The HTTP status; `None` where no answer came.
    pub status: Option<u16>,
    /// Why the attempt failed; `None` where it served.
    pub error: Option<AttemptError>,
    /// When it began, in milliseconds after the request came in.
    pub started: u64,
    /// Milliseconds until the first content.
    pub ttft_ms: Option<u64>,
    /// Milliseconds until it ended.
    pub duration_ms: u64,
    /// What the attempt used, where the vendor said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What the attempt cost in US dollars, where it is known.
    pub cost: Option<f64>,
    /// Parameters of the request that were left out for this endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_parameters: Vec<String>,
}

/// Why an attempt failed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AttemptError {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// One sentence for a person; the vendor's own where it gave one.
    pub message: String,
}

/// How an answer came to be.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Routing {
    /// The slug as it was asked for.
    pub requested: String,
    /// The catalog slug of the model that served, for instance `openai/gpt-4o`.
    pub model: String,
    /// The endpoint that served, for instance `azure` or `google-vertex/us-east5`.
    pub endpoint: String,
    /// Everything that was tried, the serving attempt last.
    pub attempts: Vec<Attempt>,
    /// What the answer was expected to cost in US dollars, before it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_cost: Option<f64>,
    /// What attempts that failed cost in US dollars, as far as the vendors said; not part of `usage.cost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wasted_cost: Option<f64>,
    /// Endpoints that `max_cost` or the client's budget left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// The client's budget after this answer, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetState>,
}

/// An endpoint that was expected to cost too much.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PassedOver {
    /// The catalog slug of the model.
    pub model: String,
    /// The endpoint, for instance `azure` or `google-vertex/us-east5`.
    pub endpoint: String,
    /// `max_cost` or `budget`.
    pub code: String,
    /// What it was expected to cost in US dollars; `None` (`null`) where the price is unknown.
    pub estimated_cost: Option<f64>,
}

/// A client's budget at one moment. Amounts are US dollars.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct BudgetState {
    /// What may be spent in one period.
    pub limit: f64,
    /// What was spent in this one.
    pub spent: f64,
    /// What requests that are under way are expected to cost.
    pub reserved: f64,
    /// What is left.
    pub remaining: f64,
    /// When the next period begins, in Unix seconds; `None` (`null`) where there is none.
    pub resets_at: Option<u64>,
}

/// What a client has spent since it was made. Amounts are US dollars.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Spend {
    /// All of it; an answer whose cost is not known counts as estimated.
    pub cost: f64,
    /// The part that went into attempts that failed.
    pub wasted_cost: f64,
    /// Answers.
    pub requests: u64,
    /// Answers whose cost is not known.
    pub unknown_cost_requests: u64,
    /// The budget, where there is one.
    pub budget: Option<BudgetState>,
}

/// How a call ended: an answer read to its end, an error, or a caller who left.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Summary {
    /// The slug as it was asked for.
    pub requested: String,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The id of the answer.
    pub id: Option<String>,
    /// The catalog slug of the model that served.
    pub model: Option<String>,
    /// The endpoint that served, for instance `azure` or `google-vertex/us-east5`.
    pub endpoint: Option<String>,
    /// What the answer used and cost, where the vendor said so.
    pub usage: Option<Usage>,
    /// Why the call failed, without its attempts; of a caller who left, `canceled`.
    pub error: Option<ErrorBody>,
    /// Everything that was tried. Of a call that was left before its first content, nothing is known.
    pub attempts: Vec<Attempt>,
    /// Milliseconds from the request to the end.
    pub duration_ms: u64,
}
