//! Puts a credential where the provider wants it. PURE.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use zeroize::Zeroizing;

use super::{Credential, Secret, sigv4};
use crate::{
    error::{Error, ErrorKind, Result},
    providers::{Auth, Grant, Provider},
};

/// What a signature depends on besides the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// The region that is asked.
    pub(crate) region: &'a str,
    /// Unix time.
    pub(crate) now: Duration,
}

/// Puts the credential on the request: a key by the row's scheme, a token as a bearer, AWS keys as a signature. Without
/// one nothing is added.
pub(crate) fn apply(request: &mut http::Request<Bytes>, row: &Provider, credential: Option<&Credential>, scope: Scope<'_>) -> Result<()> {
    let bearer = |token: &Secret| (AUTHORIZATION, HeaderValue::from_str(&Zeroizing::new(format!("Bearer {}", token.expose()))));
    let (name, value) = match (credential, &row.auth) {
        (None, _) | (Some(Credential::Key(_)), Auth::None) => return Ok(()),
        (Some(Credential::Aws(keys)), _) => {
            let Grant::Aws { service } = &row.grant else {
                let message = format!("`{}` does not take AWS keys", row.slug);
                return Err(Error::new(ErrorKind::Authentication, message));
            };
            return sigv4::sign(request, keys, scope.region, service, scope.now);
        }
        (Some(Credential::Token(token)), _) => bearer(token),
        (Some(Credential::Key(key)), Auth::Bearer) => bearer(key),
        (Some(Credential::Key(key)), Auth::Header(name)) => {
            let name =
                name.parse::<HeaderName>().map_err(|_| Error::bad_request("auth.header", format!("`{name}` is not a header name")))?;
            (name, HeaderValue::from_str(key.expose()))
        }
    };
    let mut value = value
        .map_err(|_| Error::new(ErrorKind::Authentication, "the key holds characters that no HTTP header may hold, such as a line end"))?;
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::AwsKeys;

    fn sent(auth: Auth, grant: Grant, credential: impl Into<Credential>) -> Result<http::HeaderMap> {
        let row = Provider { auth, grant, ..Provider::default() };
        let mut request = http::Request::post("https://a.test/").body(Bytes::new()).expect("request");
        let scope = Scope { region: "us-east-1", now: Duration::from_secs(1_440_938_160) };
        apply(&mut request, &row, Some(&credential.into()), scope)?;
        Ok(request.into_parts().0.headers)
    }

    fn key() -> Secret {
        Secret::new("k-1")
    }

    #[test]
    fn each_scheme_puts_the_key_in_its_place() {
        assert_eq!(sent(Auth::Bearer, Grant::None, key()).expect("applies")["authorization"], "Bearer k-1");
        assert_eq!(sent(Auth::Header("x-api-key".into()), Grant::None, key()).expect("applies")["x-api-key"], "k-1");
        assert!(sent(Auth::None, Grant::None, key()).expect("applies").is_empty());
    }

    #[test]
    fn tokens_are_bearers_and_aws_keys_sign_whatever_becomes_of_keys() {
        let auth = || Auth::Header("x-api-key".into());
        let headers = sent(auth(), Grant::None, Credential::Token(Secret::new("t-1"))).expect("applies");
        assert_eq!((&headers["authorization"], headers.len()), (&HeaderValue::from_static("Bearer t-1"), 1));
        let keys = || AwsKeys { access_key_id: Secret::new("AKID"), secret_access_key: Secret::new("s"), session_token: None };
        let headers = sent(auth(), Grant::Aws { service: "bedrock".into() }, keys()).expect("applies");
        let text = headers["authorization"].to_str().expect("text");
        assert!(
            text.starts_with("AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date,")
        );
        assert_eq!(sent(auth(), Grant::None, keys()).expect_err("no AWS").kind(), ErrorKind::Authentication);
    }

    #[test]
    fn a_key_with_a_line_end_is_an_error_that_does_not_show_it() {
        let error = sent(Auth::Bearer, Grant::None, Secret::new("k-1\n")).expect_err("line end");
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(!format!("{error} {error:?}").contains("k-1"));
    }
}
