//! Puts a key where the provider wants it. PURE.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use zeroize::Zeroizing;

use super::Secret;
use crate::{
    error::{Error, ErrorKind, Result},
    providers::Auth,
};

/// Puts the key on the request by the provider's scheme. Without a key nothing is added.
pub(crate) fn apply(request: &mut http::Request<Bytes>, auth: &Auth, key: Option<&Secret>) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    let (name, value) = match auth {
        Auth::None => return Ok(()),
        Auth::Bearer => {
            let text = Zeroizing::new(format!("Bearer {}", key.expose()));
            (AUTHORIZATION, HeaderValue::from_str(&text))
        }
        Auth::Header(name) => {
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

    fn header(auth: &Auth, name: &str) -> Option<String> {
        let mut request = http::Request::new(Bytes::new());
        apply(&mut request, auth, Some(&Secret::new("k-1"))).expect("applies");
        request.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
    }

    #[test]
    fn each_scheme_puts_the_key_in_its_place() {
        assert_eq!(header(&Auth::Bearer, "authorization").as_deref(), Some("Bearer k-1"));
        assert_eq!(header(&Auth::Header("x-api-key".into()), "x-api-key").as_deref(), Some("k-1"));
        assert_eq!(header(&Auth::None, "authorization"), None);
    }

    #[test]
    fn a_key_with_a_line_end_is_an_error_that_does_not_show_it() {
        let error = apply(&mut http::Request::new(Bytes::new()), &Auth::Bearer, Some(&Secret::new("k-1\n"))).expect_err("line end");
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(!format!("{error} {error:?}").contains("k-1"));
    }
}
