//! Google's application default credentials: a service account's key, a person's own login, or the metadata server.
//!
//! Sources: <https://developers.google.com/identity/protocols/oauth2/service-account>,
//! <https://cloud.google.com/docs/authentication/application-default-credentials>.

use std::{fmt, fs, path::Path, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{
    Credential, Found, Granted, Io, Places, Secret, TokenSource,
    crypto::SigningKey,
    source::{Form, form, refused},
};
use crate::{
    error::{Error, ErrorKind, Result},
    transport::BoxFuture,
};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// What the caller says, or the environment, in Google's JSON.
#[derive(Clone)]
pub(crate) struct Account(Arc<Kind>);

enum Kind {
    Service { email: String, key: Box<SigningKey>, key_id: Option<String>, token_url: String, project: Option<String> },
    User { client_id: String, client_secret: Secret, refresh_token: Secret, token_url: String, project: Option<String> },
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type", default)]
    kind: String,
    client_email: Option<String>,
    private_key: Option<Secret>,
    private_key_id: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    refresh_token: Option<Secret>,
    token_uri: Option<String>,
    project_id: Option<String>,
    quota_project_id: Option<String>,
}

impl Account {
    /// Reads Google's JSON, or the file at this path. An error says what is wrong without quoting anything.
    pub(crate) fn read(json_or_path: &str) -> Result<Self, String> {
        let text = json_or_path.trim();
        if text.starts_with('{') {
            return Self::from_json(text);
        }
        let text = fs::read_to_string(text).map_err(|error| format!("is neither JSON nor a file that can be read: {error}"))?;
        Self::from_json(&text)
    }

    fn from_json(json: &str) -> Result<Self, String> {
        // serde would quote what it read.
        let file: File = serde_json::from_str(json).map_err(|_| "is not the JSON that Google gives out".to_owned())?;
        let missing = |field: &str| format!("has no `{field}`");
        let token_url = file.token_uri.unwrap_or_else(|| TOKEN_URL.to_owned());
        let kind = match file.kind.as_str() {
            "service_account" => Kind::Service {
                email: file.client_email.ok_or_else(|| missing("client_email"))?,
                key: SigningKey::from_pem(file.private_key.ok_or_else(|| missing("private_key"))?.expose())
                    .map(Box::new)
                    .ok_or_else(|| "has a `private_key` that is no RSA key in PEM form".to_owned())?,
                key_id: file.private_key_id,
                token_url,
                project: file.project_id,
            },
            "authorized_user" => Kind::User {
                client_id: file.client_id.ok_or_else(|| missing("client_id"))?,
                client_secret: file.client_secret.ok_or_else(|| missing("client_secret"))?,
                refresh_token: file.refresh_token.ok_or_else(|| missing("refresh_token"))?,
                token_url,
                project: file.quota_project_id,
            },
            "" => return Err(missing("type")),
            kind => return Err(format!("has the type `{kind}`; known are service_account and authorized_user, others need a callback")),
        };
        Ok(Self(Arc::new(kind)))
    }

    /// The project that it belongs to.
    pub(crate) fn project(&self) -> Option<&str> {
        match &*self.0 {
            Kind::Service { project, .. } | Kind::User { project, .. } => project.as_deref(),
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &*self.0 {
            Kind::Service { .. } => "service_account",
            Kind::User { .. } => "authorized_user",
        };
        f.debug_tuple("Account").field(&kind).finish()
    }
}

/// Looks where Google's own libraries look, and for the project. Nobody is asked.
pub(crate) fn find(places: &Places<'_>, metadata: Option<bool>) -> (Found, Option<String>) {
    let file = |path: &Path| path.is_file().then(|| path.to_string_lossy().into_owned());
    let gcloud = || {
        let folder = places.path("CLOUDSDK_CONFIG").or_else(|| places.path("APPDATA").map(|data| data.join("gcloud")));
        let folder = folder.or_else(|| places.home().map(|home| home.join(".config").join("gcloud")))?;
        file(&folder.join("application_default_credentials.json"))
    };
    let named = ["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS_JSON"]
        .into_iter()
        .find_map(|name| places.variable(name).map(|value| (name, value)));
    if let Some((name, value)) = named.or_else(|| gcloud().map(|path| ("gcloud's application default credentials", path))) {
        return match Account::read(&value) {
            Ok(account) => {
                let project = account.project().map(str::to_owned);
                (Found::source(account), project)
            }
            Err(problem) => (Found::Nothing(Some(format!("{name} {problem}"))), None),
        };
    }
    let host = places.variable("GCE_METADATA_HOST");
    let is_there = || host.is_some() || places.variable("K_SERVICE").is_some() || (places.is_machine && is_google());
    if metadata.unwrap_or_else(is_there) {
        return (Found::source(Metadata { host: host.as_deref().unwrap_or("metadata.google.internal").to_owned() }), None);
    }
    (Found::Nothing(None), None)
}

/// Whether this machine's firmware says it is one of Google's; no network.
fn is_google() -> bool {
    fs::read_to_string("/sys/class/dmi/id/product_name").is_ok_and(|name| name.starts_with("Google"))
}

impl TokenSource for Account {
    fn grant(&self, io: Io) -> BoxFuture<'static, Result<Granted>> {
        let Self(kind) = self.clone();
        Box::pin(async move {
            match &*kind {
                Kind::Service { email, key, key_id, token_url, .. } => {
                    let claims = assertion(email, key, key_id.as_deref(), token_url, io.clock.unix());
                    let claims = claims.ok_or_else(|| Error::new(ErrorKind::Authentication, "the service account's key does not sign"))?;
                    let fields: Form<'_> =
                        vec![("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", claims.expose())];
                    io.token(token_url, &form(&fields), None, &[&claims]).await
                }
                Kind::User { client_id, client_secret, refresh_token, token_url, .. } => {
                    let fields: Form<'_> = vec![
                        ("grant_type", "refresh_token"),
                        ("client_id", client_id),
                        ("client_secret", client_secret.expose()),
                        ("refresh_token", refresh_token.expose()),
                    ];
                    io.token(token_url, &form(&fields), None, &[client_secret, refresh_token]).await
                }
            }
        })
    }
}

/// The signed JSON web token that a service account trades for an access token, good for an hour.
fn assertion(email: &str, key: &SigningKey, key_id: Option<&str>, token_url: &str, now: Duration) -> Option<Secret> {
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(key_id) = key_id {
        header["kid"] = key_id.into();
    }
    let now = now.as_secs();
    let claims = json!({"iss": email, "scope": SCOPE, "aud": token_url, "iat": now, "exp": now + 3_600});
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.rs256(signed.as_bytes())?);
    Some(Secret::new(format!("{signed}.{signature}")))
}

/// The metadata server of Compute Engine, GKE and Cloud Run.
#[derive(Clone, Debug)]
struct Metadata {
    host: String,
}

impl TokenSource for Metadata {
    fn grant(&self, io: Io) -> BoxFuture<'static, Result<Granted>> {
        let this = self.clone();
        Box::pin(async move {
            #[derive(Deserialize)]
            struct Answer {
                access_token: Secret,
                expires_in: u64,
            }
            let what = "Google's metadata server";
            let problem = |text: &dyn fmt::Display| Error::new(ErrorKind::Authentication, format!("{what} {text}"));
            let url = format!("http://{}/computeMetadata/v1/instance/service-accounts/default/token", this.host);
            let request = http::Request::get(url).header("metadata-flavor", "Google").body(Bytes::new());
            let request = request.map_err(|error| problem(&format!("cannot be asked: {error}")))?;
            let (status, body) = io.ask(what, request, Duration::from_secs(2)).await?;
            if !status.is_success() {
                return Err(refused(status, format!("{what} answered with status {}", status.as_u16())));
            }
            let answer: Answer = serde_json::from_slice(&body).map_err(|_| problem(&"answered with something that is no token"))?;
            let now = io.clock.unix();
            Ok(Granted::until(Credential::Token(answer.access_token), now, now + Duration::from_secs(answer.expires_in)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::{TokenCache, crypto::tests::PEM},
        clock::Clock,
        transport::{Scripted, ScriptedTransport},
    };

    const TOKEN: &str = r#"{"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"}"#;

    fn service() -> String {
        json!({"type": "service_account", "client_email": "a@b.iam.gserviceaccount.com", "private_key": PEM, "private_key_id": "k-1",
            "project_id": "p-1", "token_uri": "https://oauth2.googleapis.com/token"})
        .to_string()
    }

    async fn token(source: impl TokenSource + 'static, script: &ScriptedTransport) -> Result<Credential> {
        let clock = Clock::fixed(1_769_515_200);
        TokenCache::new(source).get(&Io { transport: Arc::new(script.clone()), clock }).await
    }

    #[tokio::test]
    async fn a_service_account_trades_a_signed_token_for_an_access_token() {
        let script = ScriptedTransport::new().then(Scripted::response(200, TOKEN).to("https://oauth2.googleapis.com/token"));
        let account = Account::read(&service()).expect("account");
        assert_eq!(account.project(), Some("p-1"));
        let credential = token(account, &script).await.expect("token");
        assert!(matches!(credential, Credential::Token(token) if token.expose() == "ya29.token"));

        let body = String::from_utf8(script.requests()[0].body.to_vec()).expect("text");
        let assertion =
            body.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=").expect("assertion");
        let mut parts = assertion.split('.');
        let mut json = || -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next().expect("part")).expect("base64")).expect("JSON")
        };
        assert_eq!(json(), json!({"alg": "RS256", "typ": "JWT", "kid": "k-1"}));
        let claims = json!({"iss": "a@b.iam.gserviceaccount.com", "scope": SCOPE, "aud": "https://oauth2.googleapis.com/token",
            "iat": 1_769_515_200, "exp": 1_769_518_800});
        assert_eq!(json(), claims);
    }

    #[tokio::test]
    async fn a_persons_login_trades_its_refresh_token() {
        let script = ScriptedTransport::new().then(Scripted::response(200, TOKEN).to("https://oauth2.googleapis.com/token"));
        let login =
            r#"{"type": "authorized_user", "client_id": "c", "client_secret": "s/1", "refresh_token": "r", "quota_project_id": "q"}"#;
        let account = Account::read(login).expect("account");
        assert_eq!(account.project(), Some("q"));
        token(account, &script).await.expect("token");
        assert_eq!(script.requests()[0].body, "grant_type=refresh_token&client_id=c&client_secret=s%2F1&refresh_token=r");
    }

    #[test]
    fn what_is_wrong_is_said_without_quoting() {
        let cases = [
            ("{}", "has no `type`"),
            ("{oops hunter2}", "is not the JSON that Google gives out"),
            (r#"{"type": "service_account", "client_email": "a"}"#, "has no `private_key`"),
            (r#"{"type": "service_account", "client_email": "a", "private_key": "hunter2"}"#, "no RSA key in PEM form"),
            (r#"{"type": "external_account"}"#, "others need a callback"),
            ("/nowhere/at/all.json", "is neither JSON nor a file that can be read"),
            ("aHVudGVyMg/hunter2==", "is neither JSON nor a file that can be read"),
        ];
        for (text, expected) in cases {
            let problem = Account::read(text).expect_err(text);
            assert!(problem.contains(expected) && !problem.contains("hunter2"), "{problem}");
        }
    }

    #[tokio::test]
    async fn the_environment_and_the_metadata_server() {
        let find_in = |variables: &[(&'static str, String)], metadata| {
            let variables = variables.to_vec();
            let read = move |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
            find(&Places { read: &read, is_machine: false }, metadata)
        };
        let (found, project) = find_in(&[("GOOGLE_APPLICATION_CREDENTIALS", service())], None);
        assert!(matches!(found, Found::Source(_)));
        assert_eq!(project.as_deref(), Some("p-1"));
        let (found, _) = find_in(&[("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json".to_owned())], None);
        assert!(
            matches!(found, Found::Nothing(Some(problem)) if problem.starts_with("GOOGLE_APPLICATION_CREDENTIALS is neither JSON nor"))
        );
        assert!(matches!(find_in(&[], None).0, Found::Nothing(None)));

        let script = ScriptedTransport::new().then(Scripted::response(200, TOKEN).to("http://10.0.0.1/computeMetadata/v1/instance"));
        let (found, _) = find_in(&[("GCE_METADATA_HOST", "10.0.0.1".to_owned())], None);
        let Found::Source(source) = found else { panic!("a source") };
        let io = Io { transport: Arc::new(script.clone()), clock: Clock::fixed(0) };
        source.grant(io).await.expect("token");
        assert_eq!(script.requests()[0].headers["metadata-flavor"], "Google");
    }
}
