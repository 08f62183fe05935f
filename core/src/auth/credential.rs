//! What signs a request.

use std::{fmt, sync::Arc};

use super::Secret;

/// What signs a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// An API key; it goes where the provider's row says.
    Key(Secret),
    /// An access token; it goes into `Authorization: Bearer`.
    Token(Secret),
    /// Keys of an AWS identity; the request is signed with Signature Version 4.
    Aws(Arc<AwsKeys>),
}

/// Keys of an AWS identity.
#[derive(Clone)]
pub struct AwsKeys {
    /// Which key it is, for instance `AKIA..`.
    pub access_key_id: Secret,
    /// The key.
    pub secret_access_key: Secret,
    /// What comes with keys that expire.
    pub session_token: Option<Secret>,
}

impl Credential {
    /// Every text that must not be shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let [one, two, three] = match self {
            Self::Key(secret) | Self::Token(secret) => [Some(secret), None, None],
            Self::Aws(keys) => [Some(&keys.access_key_id), Some(&keys.secret_access_key), keys.session_token.as_ref()],
        };
        one.into_iter().chain(two).chain(three)
    }
}

impl From<Secret> for Credential {
    fn from(key: Secret) -> Self {
        Self::Key(key)
    }
}

impl From<AwsKeys> for Credential {
    fn from(keys: AwsKeys) -> Self {
        Self::Aws(Arc::new(keys))
    }
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKeys").field("has_session_token", &self.session_token.is_some()).finish_non_exhaustive()
    }
}
