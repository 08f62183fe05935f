//! The `provider` object: which endpoints may serve, in which order.
//!
//! Belongs here: its fields and their validation. Does not belong here: what they do to a plan (`plan`). PURE.

use serde::{Deserialize, Serialize};

/// Which endpoints may serve, in which order. Lists match a provider (`amazon-bedrock`) or one endpoint
/// (`google-vertex/us-east5`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Try these first, in this order.
    pub order: Vec<String>,
}
