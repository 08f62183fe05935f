//! AWS Signature Version 4: signs a finished request. PURE.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>, by the rules of
//! every service but S3: the path is normalised and encoded once more.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use zeroize::Zeroizing;

use super::{AwsKeys, crypto};
use crate::{
    date,
    error::{Error, ErrorKind, Result},
};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
/// Headers that a proxy may change, or that the transport writes itself.
const UNSIGNED: [&str; 5] = ["authorization", "connection", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

/// Signs the request as it is: every header that is on it counts. Signing again replaces the signature.
pub(crate) fn sign(request: &mut http::Request<Bytes>, keys: &AwsKeys, region: &str, service: &str, unix: Duration) -> Result<()> {
    let moment = date::compact(unix);
    let (day, _) = moment.split_at(8);
    let headers = request.headers_mut();
    headers.insert(DATE, value(&moment)?);
    match &keys.session_token {
        Some(token) => {
            let mut token = value(token.expose())?;
            token.set_sensitive(true);
            headers.insert(TOKEN, token);
        }
        None => {
            headers.remove(TOKEN);
        }
    }
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let (canonical, signed) = canonical(request);
    let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", crypto::sha256_hex(canonical.as_bytes()));
    let first = Zeroizing::new(format!("AWS4{}", keys.secret_access_key.expose()));
    let mut key = crypto::hmac_sha256(first.as_bytes(), day.as_bytes());
    for part in [region, service, "aws4_request"] {
        key = crypto::hmac_sha256(key.as_ref(), part.as_bytes());
    }
    let signature = crypto::hex(crypto::hmac_sha256(key.as_ref(), to_sign.as_bytes()).as_ref());
    let id = keys.access_key_id.expose();
    let mut header = value(&format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}"))?;
    header.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, header);
    Ok(())
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text)
        .map_err(|_| Error::new(ErrorKind::Authentication, "an AWS key holds characters that no HTTP header may hold, such as a line end"))
}

/// The canonical request, and the names of the headers in it.
fn canonical(request: &http::Request<Bytes>) -> (String, String) {
    let uri = request.uri();
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for name in request.headers().keys().filter(|name| !UNSIGNED.contains(&name.as_str())) {
        let values: Vec<String> = request.headers().get_all(name).iter().map(|value| squeezed(value.as_bytes())).collect();
        headers.insert(name.as_str(), values.join(","));
    }
    headers.entry("host").or_insert_with(|| host(uri));
    let mut text = format!("{}\n{}\n{}\n", request.method(), path(uri.path()), query(uri.query().unwrap_or_default()));
    let mut names = String::new();
    for (name, value) in headers {
        let _ = writeln!(text, "{name}:{value}");
        names.push_str(if names.is_empty() { "" } else { ";" });
        names.push_str(name);
    }
    let _ = write!(text, "\n{names}\n{}", crypto::sha256_hex(request.body()));
    (text, names)
}

/// A value without spaces around it and with single ones inside.
fn squeezed(value: &[u8]) -> String {
    String::from_utf8_lossy(value).split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// The `Host` header that the transport will write: without the scheme's own port.
fn host(uri: &http::Uri) -> String {
    let name = uri.host().unwrap_or_default();
    match (uri.port_u16(), uri.scheme_str()) {
        (None, _) | (Some(443), Some("https")) | (Some(80), Some("http")) => name.to_owned(),
        (Some(port), _) => format!("{name}:{port}"),
    }
}

/// The path as it is on the wire, `.`, `..` and empty segments resolved, encoded once more.
fn path(raw: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            segment => segments.push(segment),
        }
    }
    let mut path = String::with_capacity(raw.len() + 8);
    for segment in &segments {
        path.push('/');
        encode(segment.as_bytes(), &mut path);
    }
    if path.is_empty() || raw.ends_with(['/']) {
        path.push('/');
    }
    path
}

/// The parameters, encoded and in order of their names and values.
fn query(raw: &str) -> String {
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoded(&decoded(name)), encoded(&decoded(value)))
        })
        .collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    encode(bytes, &mut text);
    text
}

fn encode(bytes: &[u8], into: &mut String) {
    for byte in bytes {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => into.push((*byte).into()),
            byte => {
                let _ = write!(into, "%{byte:02X}");
            }
        }
    }
}

/// Without percent signs, so that what was encoded is encoded once.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|code| u8::from_str_radix(code, 16).ok());
        out.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Secret;

    /// 2015-08-30T12:36:00Z, the moment of the published examples.
    const MOMENT: Duration = Duration::from_secs(1_440_938_160);

    fn keys(token: Option<&str>) -> AwsKeys {
        AwsKeys {
            access_key_id: Secret::new("AKIDEXAMPLE"),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: token.map(Secret::new),
        }
    }

    fn signed(method: &str, url: &str, headers: &[(&str, &str)], body: &str, service: &str, token: Option<&str>) -> http::Request<Bytes> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Bytes::copy_from_slice(body.as_bytes())).expect("request");
        sign(&mut request, &keys(token), "us-east-1", service, MOMENT).expect("signs");
        request
    }

    fn authorization(request: &http::Request<Bytes>) -> &str {
        request.headers()[AUTHORIZATION].to_str().expect("text")
    }

    /// AWS's own test suite for signatures.
    #[test]
    fn the_published_suite_holds() {
        type Case = ((&'static str, String), &'static [(&'static str, &'static str)], &'static str, &'static str);
        const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
        let get = |path: &str| ("GET", format!("https://example.amazonaws.com{path}"));
        let cases: &[Case] = &[
            (get("/"), &[], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            (get("/?Param2=value2&Param1=value1"), &[], "", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
            (get("/\u{1234}"), &[], "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
            (get("/example/.."), &[], "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            (
                get("/"),
                &[("my-header1", "value2"), ("my-header1", "value2"), ("my-header1", "value1")],
                "",
                "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
            ),
            (
                ("POST", "https://example.amazonaws.com/".to_owned()),
                &[],
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                ("POST", "https://example.amazonaws.com/".to_owned()),
                FORM,
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ];
        for ((method, url), headers, body, signature) in cases {
            let request = signed(method, url, headers, body, "service", None);
            let found = authorization(&request);
            assert!(found.ends_with(&format!("Signature={signature}")), "{method} {url} {headers:?}: {found}");
        }
    }

    /// The worked example of the IAM guide.
    #[test]
    fn the_documented_example_holds() {
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let request = signed("GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", &headers, "", "iam", None);
        assert_eq!(
            authorization(&request),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn a_session_token_is_signed_and_hidden() {
        let request = signed("POST", "https://example.amazonaws.com/", &[], "", "service", Some("token-1"));
        assert!(authorization(&request).contains("SignedHeaders=host;x-amz-date;x-amz-security-token,"));
        assert_eq!(request.headers()[TOKEN], "token-1");
        assert!(!format!("{:?}", request.headers()).contains("token-1"));
        let mut again = request;
        sign(&mut again, &keys(None), "us-east-1", "service", MOMENT).expect("signs");
        assert!(again.headers().get(TOKEN).is_none(), "the token of the last keys is gone");
        assert!(authorization(&again).ends_with("Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
    }

    #[test]
    fn paths_are_encoded_once_more_than_on_the_wire() {
        assert_eq!(path("/model/anthropic.claude-v2%3A0/converse"), "/model/anthropic.claude-v2%253A0/converse");
        assert_eq!(path("/model/arn%3Aaws%2Fx/invoke"), "/model/arn%253Aaws%252Fx/invoke");
        assert_eq!(path(""), "/");
        assert_eq!(path("//a//b/./c/"), "/a/b/c/");
    }

    #[test]
    fn hosts_leave_out_the_schemes_own_port() {
        for (url, expected) in [("https://a.test:443/", "a.test"), ("http://a.test:8080/", "a.test:8080"), ("http://a.test/", "a.test")] {
            assert_eq!(host(&url.parse().expect("url")), expected);
        }
    }
}
