//! Decides *where*: a request, the catalog, the preferences and a health snapshot in, a ranked plan out.
//!
//! Belongs here: filters and ranking, pure in their arguments and a seed. Does not belong here: whether to try again
//! (`route`), how to encode (`protocols`), IO. PURE.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an endpoint is not in the plan.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Rejection {
    /// The model the endpoint would have served.
    pub model: String,
    /// The endpoint: `provider` or `provider/region`.
    pub endpoint: String,
    /// For a program: `no_credentials`, `zdr`, `unsupported_parameter:tools`, ...
    pub code: String,
    /// For a person.
    pub message: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.message)
    }
}
