//! How models reason.

use serde::{Deserialize, Serialize};

use crate::types::Effort;

/// How a model reasons.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reasoning {
    /// It cannot be switched off.
    pub mandatory: bool,
    /// Whether it reasons when nobody says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_on: Option<bool>,
    /// The levels of effort that it knows, lowest first; empty where it has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub efforts: Vec<Effort>,
    /// The level it takes when nobody says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_effort: Option<Effort>,
    /// The fewest and the most tokens that may be set aside for it; absent where it takes no such number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<[u64; 2]>,
    /// It decides by itself how long to think, and takes a level rather than a budget.
    pub adaptive: bool,
}
