//! The usual places of AWS keys: variables, shared files with profiles, a container's endpoint, an instance's metadata.
//!
//! Sources: <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html> and the pages it leads to. What
//! signs on or takes a role (SSO, `role_arn`, `credential_process`, web identity) is left to the caller's callback.

use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use serde::Deserialize;

use super::{AwsKeys, Credential, Found, Granted, Io, Places, Secret, TokenSource, source::refused};
use crate::{
    date,
    error::{Error, ErrorKind, Result},
    transport::BoxFuture,
};

/// How long a metadata endpoint on this machine may take.
const LIMIT: Duration = Duration::from_secs(1);

/// What the caller says about AWS keys.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    pub(crate) profile: Option<String>,
    pub(crate) instance_metadata: Option<bool>,
}

/// Looks for keys, in the order of AWS's own libraries, and for the profile's region. Nobody is asked.
pub(crate) fn find(places: &Places<'_>, wish: &Wish) -> (Found, Option<String>) {
    let files = Files::new(places, wish.profile.clone().or_else(|| places.variable("AWS_PROFILE")));
    let profile = files.read();
    let region = profile.region.clone();
    if wish.profile.is_none()
        && let (Some(id), Some(secret)) = (places.variable("AWS_ACCESS_KEY_ID"), places.variable("AWS_SECRET_ACCESS_KEY"))
    {
        let session_token = places.variable("AWS_SESSION_TOKEN").map(Secret::new);
        let keys = AwsKeys { access_key_id: Secret::new(id), secret_access_key: Secret::new(secret), session_token };
        return (Found::Credential(keys.into()), region);
    }
    let named = files.is_named;
    let found = match profile.keys {
        Ok(Some(_)) => Found::source(files),
        Err(problem) => Found::Nothing(Some(problem)),
        Ok(None) if named => Found::Nothing(Some(format!("profile `{}` has no keys", files.profile))),
        Ok(None) => elsewhere(places, wish),
    };
    (found, region)
}

fn elsewhere(places: &Places<'_>, wish: &Wish) -> Found {
    let relative = places.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("http://169.254.170.2{path}"));
    if let Some(url) = relative.or_else(|| places.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
        if !is_trusted(&url) {
            let problem = "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of this machine or of AWS";
            return Found::Nothing(Some(problem.to_owned()));
        }
        let token = places.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Secret::new);
        return Found::source(Container { url, token, token_file: places.path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") });
    }
    let endpoint = places.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let allowed = places.variable("AWS_EC2_METADATA_DISABLED").map(|disabled| !disabled.eq_ignore_ascii_case("true"));
    let is_there = || endpoint.is_some() || (places.is_machine && is_ec2());
    if allowed != Some(false) && wish.instance_metadata.or(allowed).unwrap_or_else(is_there) {
        let endpoint = endpoint.as_deref().unwrap_or("http://169.254.169.254").trim_end_matches('/').to_owned();
        return Found::source(Instance { endpoint });
    }
    Found::Nothing(None)
}

/// Whether this machine's firmware says it is one of EC2's; no network.
fn is_ec2() -> bool {
    ["sys_vendor", "board_vendor", "bios_vendor", "bios_version"]
        .iter()
        .filter_map(|name| fs::read_to_string(Path::new("/sys/devices/virtual/dmi/id").join(name)).ok())
        .any(|text| text.to_ascii_lowercase().contains("amazon"))
}

/// An https URL, this machine, or the addresses of ECS and EKS.
fn is_trusted(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    if uri.scheme_str() == Some("https") {
        return true;
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(&host),
        Err(_) => host == "localhost",
    }
}

/// The shared files, read again every five minutes, because other programs renew what is in them.
#[derive(Clone, Debug)]
struct Files {
    credentials: Option<PathBuf>,
    config: Option<PathBuf>,
    profile: String,
    is_named: bool,
}

struct Profile {
    keys: Result<Option<AwsKeys>, String>,
    region: Option<String>,
}

impl Files {
    fn new(places: &Places<'_>, profile: Option<String>) -> Self {
        let shared = |name: &str| places.home().map(|home| home.join(".aws").join(name));
        Self {
            credentials: places.path("AWS_SHARED_CREDENTIALS_FILE").or_else(|| shared("credentials")),
            config: places.path("AWS_CONFIG_FILE").or_else(|| shared("config")),
            is_named: profile.is_some(),
            profile: profile.unwrap_or_else(|| "default".to_owned()),
        }
    }

    /// The profile as the files have it now; that of the credentials file wins.
    fn read(&self) -> Profile {
        let read = |path: &Option<PathBuf>| path.as_ref().and_then(|path| fs::read_to_string(path).ok());
        let config = read(&self.config).map(|text| section(&text, &self.profile, true)).unwrap_or_default();
        let credentials = read(&self.credentials).map(|text| section(&text, &self.profile, false)).unwrap_or_default();
        let region = config.get("region").or_else(|| credentials.get("region")).cloned();
        let mut all = config;
        all.extend(credentials);
        let secret = |name: &str| all.get(name).filter(|value| !value.is_empty()).map(Secret::new);
        let keys = match (secret("aws_access_key_id"), secret("aws_secret_access_key")) {
            (Some(access_key_id), Some(secret_access_key)) => {
                Ok(Some(AwsKeys { access_key_id, secret_access_key, session_token: secret("aws_session_token") }))
            }
            _ => match all.keys().find(|key| ["credential_process", "role_arn"].contains(&key.as_str()) || key.starts_with("sso_")) {
                Some(key) => Err(format!("profile `{}` has `{key}`, which needs a callback of yours", self.profile)),
                None => Ok(None),
            },
        };
        Profile { keys, region }
    }
}

/// One section of a file in AWS's INI form. In the config file all but the default one are called `profile NAME`.
fn section(text: &str, profile: &str, is_config: bool) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut is_inside = false;
    for line in text.lines() {
        // Indented lines belong to a setting of their own kind.
        if line.starts_with([' ', '\t']) || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let name = name.trim();
            let named = name.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])).map(str::trim);
            is_inside = if is_config {
                named == Some(profile) || (named.is_none() && name == "default" && profile == "default")
            } else {
                name == profile
            };
        } else if let (true, Some((key, value))) = (is_inside, line.split_once('=')) {
            let value = [" #", " ;", "\t#", "\t;"].iter().fold(value, |value, comment| value.split(comment).next().unwrap_or_default());
            values.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    values
}

impl TokenSource for Files {
    fn grant(&self, io: Io) -> BoxFuture<'static, Result<Granted>> {
        const FRESH: Duration = Duration::from_secs(400);
        let now = io.clock.unix();
        let granted = match self.read().keys {
            Ok(Some(keys)) => Ok(Granted::until(keys, now, now + FRESH)),
            Ok(None) => Err(Error::new(ErrorKind::Authentication, format!("profile `{}` has no keys any more", self.profile))),
            Err(problem) => Err(Error::new(ErrorKind::Authentication, problem)),
        };
        Box::pin(std::future::ready(granted))
    }
}

/// The endpoint that ECS and EKS give a container.
#[derive(Clone, Debug)]
struct Container {
    url: String,
    token: Option<Secret>,
    token_file: Option<PathBuf>,
}

impl TokenSource for Container {
    fn grant(&self, io: Io) -> BoxFuture<'static, Result<Granted>> {
        let this = self.clone();
        Box::pin(async move {
            let what = "the container's credentials endpoint";
            let read = this.token_file.as_ref().and_then(|path| fs::read_to_string(path).ok());
            let token = read.map(|token| Secret::new(token.trim())).or(this.token);
            let headers = token.iter().map(|token| (AUTHORIZATION.as_str(), token.expose()));
            let body = get(&io, what, Method::GET, &this.url, headers).await?;
            keys(&io, what, &body)
        })
    }
}

/// Version 2 of the metadata service of an EC2 instance.
#[derive(Clone, Debug)]
struct Instance {
    endpoint: String,
}

impl TokenSource for Instance {
    fn grant(&self, io: Io) -> BoxFuture<'static, Result<Granted>> {
        let this = self.clone();
        Box::pin(async move {
            let what = "the instance's metadata service";
            let at = |path: &str| format!("{}/latest/{path}", this.endpoint);
            let life = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")].into_iter();
            let token = text(&get(&io, what, Method::PUT, &at("api/token"), life).await?);
            let headers = || [("x-aws-ec2-metadata-token", token.as_str())].into_iter();
            let roles = at("meta-data/iam/security-credentials/");
            let role = text(&get(&io, what, Method::GET, &roles, headers()).await?);
            let role = role.lines().next().unwrap_or_default().trim();
            if role.is_empty() {
                return Err(Error::new(ErrorKind::Authentication, format!("{what}: the instance has no role")));
            }
            let body = get(&io, what, Method::GET, &format!("{roles}{role}"), headers()).await?;
            keys(&io, what, &body)
        })
    }
}

async fn get<'a>(io: &Io, what: &str, method: Method, url: &str, headers: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Bytes> {
    let unusable = |error: &dyn std::fmt::Display| Error::new(ErrorKind::Authentication, format!("{what} cannot be asked: {error}"));
    let mut request = http::Request::builder().method(method).uri(url).body(Bytes::new()).map_err(|error| unusable(&error))?;
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).map_err(|error| unusable(&error))?;
        let mut value = HeaderValue::from_str(value).map_err(|error| unusable(&error))?;
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
    let (status, body) = io.ask(what, request, LIMIT).await?;
    if status == StatusCode::OK { Ok(body) } else { Err(refused(status, format!("{what} answered with status {}", status.as_u16()))) }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().to_owned()
}

/// The keys in an answer of either endpoint.
fn keys(io: &Io, what: &str, body: &[u8]) -> Result<Granted> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        access_key_id: Secret,
        secret_access_key: Secret,
        token: Option<Secret>,
        expiration: Option<String>,
    }
    // serde would quote what it read.
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| Error::new(ErrorKind::Authentication, format!("{what} answered with something that is not AWS keys")))?;
    let Answer { access_key_id, secret_access_key, token, expiration } = answer;
    let now = io.clock.unix();
    let end = expiration.as_deref().and_then(date::rfc3339).unwrap_or(now + Duration::from_secs(3_600));
    let keys = AwsKeys { access_key_id, secret_access_key, session_token: token };
    Ok(Granted::until(Credential::Aws(Arc::new(keys)), now, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::TokenCache,
        clock::Clock,
        transport::{Scripted, ScriptedTransport},
    };

    /// 2026-01-27T12:00:00Z.
    const NOW: u64 = 1_769_515_200;

    fn find_in(variables: &[(&str, &str)], wish: &Wish) -> (Found, Option<String>) {
        let read = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        find(&Places { read: &read, is_machine: false }, wish)
    }

    async fn granted(found: Found, script: ScriptedTransport) -> Result<(String, Option<String>)> {
        let credential = match found {
            Found::Credential(credential) => credential,
            Found::Source(source) => {
                let clock = Clock::fixed(NOW);
                TokenCache::from(source).get(&Io { transport: Arc::new(script.clock(clock.clone())), clock }).await?
            }
            Found::Nothing(problem) => panic!("nothing found: {problem:?}"),
        };
        let Credential::Aws(keys) = credential else { panic!("not AWS keys") };
        Ok((keys.access_key_id.expose().to_owned(), keys.session_token.as_ref().map(|token| token.expose().to_owned())))
    }

    fn problem(found: Found) -> Option<String> {
        match found {
            Found::Nothing(problem) => problem,
            _ => panic!("found some"),
        }
    }

    /// A folder of its own with these files in `.aws`.
    fn home(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let home = std::env::temp_dir().join(format!("junto-aws-{name}-{}", std::process::id()));
        fs::create_dir_all(home.join(".aws")).expect("folder");
        for (file, text) in files {
            fs::write(home.join(".aws").join(file), text).expect("file");
        }
        home
    }

    const CREDENTIALS: &str = "# keys\n[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = one # mine\n\n[work]\n\
                               aws_access_key_id=AKIDWORK\naws_secret_access_key=two\naws_session_token = token-two\n";
    const CONFIG: &str = "[default]\nregion = us-west-2\n[profile work]\nregion = eu-central-1\ns3 =\n  region = no\n\
                          [profile login]\nsso_session = x\nregion = us-east-1\n[work]\nregion = wrong\n";

    #[tokio::test]
    async fn variables_come_before_files() {
        let home = home("order", &[("credentials", CREDENTIALS), ("config", CONFIG)]);
        let home = home.to_str().expect("path");
        let variables = [("HOME", home), ("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "three"), ("AWS_SESSION_TOKEN", "t")];
        let none = ScriptedTransport::new;
        let (found, region) = find_in(&variables, &Wish::default());
        assert_eq!(granted(found, none()).await.expect("keys"), ("AKIDENV".to_owned(), Some("t".to_owned())));
        assert_eq!(region.as_deref(), Some("us-west-2"));

        let (found, _) = find_in(&variables, &Wish { profile: Some("work".to_owned()), ..Wish::default() });
        assert_eq!(granted(found, none()).await.expect("keys").0, "AKIDWORK", "a profile that the caller names wins");
    }

    #[tokio::test]
    async fn profiles_of_the_shared_files_with_their_region() {
        let home = home("files", &[("credentials", CREDENTIALS), ("config", CONFIG)]);
        let home = home.to_str().expect("path");
        let none = ScriptedTransport::new;
        let (found, region) = find_in(&[("HOME", home)], &Wish::default());
        assert_eq!(granted(found, none()).await.expect("keys"), ("AKIDDEFAULT".to_owned(), None));
        assert_eq!(region.as_deref(), Some("us-west-2"));

        let (found, region) = find_in(&[("HOME", home), ("AWS_PROFILE", "work")], &Wish::default());
        assert_eq!(granted(found, none()).await.expect("keys"), ("AKIDWORK".to_owned(), Some("token-two".to_owned())));
        assert_eq!(region.as_deref(), Some("eu-central-1"));

        let (found, region) = find_in(&[("HOME", home), ("AWS_PROFILE", "login")], &Wish::default());
        assert!(problem(found).expect("why").contains("`sso_session`, which needs a callback"));
        assert_eq!(region.as_deref(), Some("us-east-1"));
        let (found, _) = find_in(&[("HOME", home), ("AWS_PROFILE", "typo")], &Wish::default());
        assert_eq!(problem(found).as_deref(), Some("profile `typo` has no keys"));

        let moved = format!("{home}/.aws/credentials");
        let (found, _) = find_in(&[("AWS_SHARED_CREDENTIALS_FILE", &moved)], &Wish::default());
        assert_eq!(granted(found, none()).await.expect("keys").0, "AKIDDEFAULT");
        assert_eq!(problem(find_in(&[], &Wish::default()).0), None, "nothing at all is no problem, just nothing");
    }

    const ANSWER: &str =
        r#"{"Code": "Success", "AccessKeyId": "ASIAROLE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-01-27T18:00:00Z"}"#;

    #[tokio::test]
    async fn a_containers_endpoint_with_its_token() {
        let variables = [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1"), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic x")];
        let script = ScriptedTransport::new().then(Scripted::response(200, ANSWER).to("http://169.254.170.2/v2/credentials/1"));
        let keys = granted(find_in(&variables, &Wish::default()).0, script.clone()).await.expect("keys");
        assert_eq!(keys, ("ASIAROLE".to_owned(), Some("t".to_owned())));
        assert_eq!(script.requests()[0].headers["authorization"], "***");

        let far = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.test/keys")];
        assert!(problem(find_in(&far, &Wish::default()).0).expect("why").contains("neither https"));
        for near in ["http://localhost:8080/x", "http://127.0.0.1/x", "http://[::1]:1/x", "http://169.254.170.23/v1", "https://a.test/x"] {
            assert!(is_trusted(near), "{near}");
        }
    }

    #[tokio::test]
    async fn an_instances_metadata_with_a_session() {
        let wish = Wish { instance_metadata: Some(true), ..Wish::default() };
        let script = ScriptedTransport::new()
            .then(Scripted::response(200, "session").to("169.254.169.254/latest/api/token"))
            .then(Scripted::response(200, "my-role").to("/latest/meta-data/iam/security-credentials/"))
            .then(Scripted::response(200, ANSWER).to("/latest/meta-data/iam/security-credentials/my-role"));
        assert_eq!(granted(find_in(&[], &wish).0, script.clone()).await.expect("keys").0, "ASIAROLE");
        let requests = script.requests();
        assert_eq!((requests[0].method.as_str(), requests.len()), ("PUT", 3));
        assert_eq!(requests[2].headers["x-aws-ec2-metadata-token"], "***");

        let (found, _) = find_in(&[("AWS_EC2_METADATA_DISABLED", "true")], &wish);
        assert_eq!(problem(found), None, "the variable wins");
        let slow = ScriptedTransport::new().then(Scripted::response(200, "session").delay(Duration::from_secs(60)));
        let clock = Clock::fixed(NOW);
        let error = granted(find_in(&[], &wish).0, slow.clock(clock)).await.expect_err("too slow");
        assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Transport), "{error:?}");
    }

    #[tokio::test]
    async fn an_answer_that_is_not_keys_is_not_shown() {
        let wish = Wish { instance_metadata: Some(true), ..Wish::default() };
        let script = ScriptedTransport::new()
            .then(Scripted::response(200, "session"))
            .then(Scripted::response(200, "my-role"))
            .then(Scripted::response(200, r#"{"AccessKeyId": 5, "SecretAccessKey": "hunter2"}"#));
        let error = granted(find_in(&[], &wish).0, script).await.expect_err("not keys");
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
