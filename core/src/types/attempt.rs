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
