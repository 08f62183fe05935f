//! OAuth client credentials: a program's own name and secret for an access token.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{
    Granted, Io, Secret, TokenSource,
    source::{Form, form},
};
use crate::{error::Result, transport::BoxFuture};

/// Asks a token endpoint with the credentials of a client.
#[derive(Clone, Debug)]
pub(crate) struct ClientCredentials(Arc<Client>);

#[derive(Debug)]
struct Client {
    url: String,
    id: String,
    secret: Secret,
    scope: String,
    /// Whether name and secret go into a header (RFC 6749, 2.3.1) rather than into the form.
    basic: bool,
}

impl ClientCredentials {
    pub(crate) fn new(url: String, id: String, secret: Secret, scope: String, basic: bool) -> Self {
        Self(Arc::new(Client { url, id, secret, scope, basic }))
    }
}

impl TokenSource for ClientCredentials {
    fn grant(&self, io: Io) -> BoxFuture<'static, Result<Granted>> {
        let Self(client) = self.clone();
        Box::pin(async move {
            let Client { url, id, secret, scope, basic } = &*client;
            let mut fields: Form<'_> = vec![("grant_type", "client_credentials"), ("scope", scope)];
            let mut authorization = None;
            if *basic {
                let pair = Zeroizing::new(format!("{id}:{}", secret.expose()));
                authorization = Some(Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))));
            } else {
                fields.extend([("client_id", id.as_str()), ("client_secret", secret.expose())]);
            }
            io.token(url, &form(&fields), authorization.as_ref(), &[secret]).await
        })
    }
}
