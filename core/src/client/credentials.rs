//! Which credentials a provider gets: the caller's own, then those of the environment, then whoever grants some.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::config::{Environment, ProviderConfig, bad};
use crate::{
    auth::{
        AwsKeys, AwsWish, ClientCredentials, Credential, Found, GoogleAccount, KeySource, Keys, Places, Secret, TokenCache, find_aws,
        find_google,
    },
    error::Result,
    providers::{Grant, Provider, filled, resolved},
};

/// What a provider is called with, and what is known with it.
pub(super) struct Credentials {
    pub(super) keys: Keys,
    /// Whether they are API keys.
    pub(super) are_keys: bool,
    /// What keeps something that was found from being used.
    pub(super) problem: Option<String>,
    /// The region or project that came with them.
    pub(super) option: Option<(&'static str, String)>,
}

impl Credentials {
    fn new(keys: Keys) -> Self {
        Self { keys, are_keys: false, problem: None, option: None }
    }

    fn token(token: Secret) -> Self {
        Self::new(Keys::one(Credential::Token(token)))
    }

    fn found(found: Found, option: Option<(&'static str, String)>) -> Self {
        let (keys, problem) = match found {
            Found::Credential(credential) => (Keys::one(credential), None),
            Found::Source(source) => (Keys::granted(TokenCache::from(source)), None),
            Found::Nothing(problem) => (Keys::default(), problem),
        };
        Self { problem, option, ..Self::new(keys) }
    }
}

/// Whether a field is a credential of those whom this grants some.
type Belongs = fn(&Grant) -> bool;

/// Fields of a provider's configuration that are credentials, and whose they are.
const FIELDS: [(&str, Belongs); 8] = [
    ("access_key_id", is_aws),
    ("access_token", |_| true),
    ("client_secret", |grant| matches!(grant, Grant::ClientCredentials { .. })),
    ("credentials", is_google),
    ("instance_metadata", |grant| is_aws(grant) || is_google(grant)),
    ("profile", is_aws),
    ("secret_access_key", is_aws),
    ("session_token", is_aws),
];

fn is_aws(grant: &Grant) -> bool {
    matches!(grant, Grant::Aws { .. })
}

fn is_google(grant: &Grant) -> bool {
    matches!(grant, Grant::Google)
}

/// Takes the credentials out of a provider's configuration.
pub(super) fn take(map: &mut Map<String, Value>, path: &str) -> Result<BTreeMap<String, Secret>> {
    let mut taken = BTreeMap::new();
    for (field, _) in FIELDS {
        let value = match (field, map.remove(field)) {
            (_, None | Some(Value::Null)) => continue,
            ("credentials", Some(value @ Value::Object(_))) => value.to_string(),
            ("instance_metadata", Some(Value::Bool(value))) => value.to_string(),
            (_, Some(Value::String(text))) if field != "instance_metadata" => text,
            ("credentials", _) => {
                return Err(bad(&format!("{path}.{field}"), "expected Google's JSON as an object, or the path of its file"));
            }
            ("instance_metadata", _) => return Err(bad(&format!("{path}.{field}"), "expected true or false")),
            _ => return Err(bad(&format!("{path}.{field}"), "expected a string")),
        };
        taken.insert(field.to_owned(), Secret::new(value));
    }
    Ok(taken)
}

/// Looks for the credentials of one provider. Nobody is asked.
pub(super) fn find(
    path: &str,
    row: &Provider,
    given: &ProviderConfig,
    source: Option<&KeySource>,
    environment: &Environment,
    options: &BTreeMap<String, String>,
) -> Result<Credentials> {
    if let Some(source) = source {
        return Ok(Credentials::new(Keys::from_source(source.clone())));
    }
    if !given.api_keys.is_empty() {
        return Ok(Credentials { are_keys: true, ..Credentials::new(Keys::new(given.api_keys.clone())) });
    }
    if let Some(explicit) = explicit(path, row, given, environment, options)? {
        return Ok(explicit);
    }
    if let Some(key) = environment.first(&row.key_env) {
        return Ok(Credentials { are_keys: true, ..Credentials::new(Keys::new(vec![Secret::new(key.trim())])) });
    }
    if let Some(token) = environment.first(&row.token_env) {
        return Ok(Credentials::token(Secret::new(token.trim())));
    }
    let read = |name: &str| environment.variable(name);
    let places = Places { read: &read, is_machine: environment.is_process() };
    Ok(match &row.grant {
        Grant::None => Credentials::new(Keys::default()),
        Grant::Aws { .. } => aws(&places, given),
        Grant::ClientCredentials { secret_env, .. } => {
            let secret = environment.first(secret_env).map(Secret::new);
            let source = secret.and_then(|secret| client_credentials(row, secret, options).ok());
            source.map_or_else(|| Credentials::new(Keys::default()), |source| Credentials::found(Found::source(source), None))
        }
        Grant::Google => {
            let (found, project) = find_google(&places, metadata(given));
            Credentials::found(found, project.map(|project| ("project", project)))
        }
    })
}

/// What the caller's own words make.
fn explicit(
    path: &str,
    row: &Provider,
    given: &ProviderConfig,
    environment: &Environment,
    options: &BTreeMap<String, String>,
) -> Result<Option<Credentials>> {
    let all = &given.credentials;
    for field in all.keys() {
        if !FIELDS.iter().any(|(known, belongs)| known == field && belongs(&row.grant)) {
            let known: Vec<&str> = FIELDS.iter().filter(|(_, belongs)| belongs(&row.grant)).map(|(known, _)| *known).collect();
            let message = format!("is no credential of `{}`; it takes api_key, api_keys and {}", row.slug, known.join(", "));
            return Err(bad(&format!("{path}.{field}"), &message));
        }
    }
    let get = |field: &str| all.get(field).filter(|value| !value.expose().trim().is_empty());
    if let Some(token) = get("access_token") {
        return Ok(Some(Credentials::token(token.clone())));
    }
    match (get("access_key_id"), get("secret_access_key")) {
        (Some(id), Some(secret)) => {
            let keys =
                AwsKeys { access_key_id: id.clone(), secret_access_key: secret.clone(), session_token: get("session_token").cloned() };
            return Ok(Some(Credentials::new(Keys::one(keys.into()))));
        }
        (Some(_), None) => return Err(bad(&format!("{path}.secret_access_key"), "is needed beside access_key_id")),
        (None, Some(_)) => return Err(bad(&format!("{path}.access_key_id"), "is needed beside secret_access_key")),
        (None, None) => {}
    }
    if get("profile").is_some() || metadata(given) == Some(true) {
        let read = |name: &str| environment.variable(name);
        let places = Places { read: &read, is_machine: environment.is_process() };
        return Ok(match &row.grant {
            Grant::Aws { .. } => Some(aws(&places, given)),
            _ => None,
        });
    }
    if let Some(json) = get("credentials") {
        let account = GoogleAccount::read(json.expose()).map_err(|problem| bad(&format!("{path}.credentials"), &problem))?;
        let project = account.project().map(|project| ("project", project.to_owned()));
        return Ok(Some(Credentials::found(Found::source(account), project)));
    }
    if let Some(secret) = get("client_secret") {
        let source = client_credentials(row, secret.clone(), options);
        let source = source.map_err(|missing| bad(&format!("{path}.{missing}"), "is needed beside client_secret"))?;
        return Ok(Some(Credentials::found(Found::source(source), None)));
    }
    Ok(None)
}

fn metadata(given: &ProviderConfig) -> Option<bool> {
    given.credentials.get("instance_metadata").map(|value| value.expose() == "true")
}

fn aws(places: &Places<'_>, given: &ProviderConfig) -> Credentials {
    let profile = given.credentials.get("profile").map(|profile| profile.expose().to_owned());
    let (found, region) = find_aws(places, &AwsWish { profile, instance_metadata: metadata(given) });
    Credentials::found(found, region.map(|region| ("region", region)))
}

/// The source of a row whose tokens a client's secret buys; the option that is missing otherwise.
fn client_credentials(row: &Provider, secret: Secret, options: &BTreeMap<String, String>) -> Result<ClientCredentials, String> {
    let Grant::ClientCredentials { url, scope, basic, .. } = &row.grant else { return Err("grant".to_owned()) };
    let options = resolved(row, options.clone());
    let id = options.get("client_id").ok_or("client_id")?;
    let url = filled(url, &options);
    match row.options.keys().find(|name| url.contains(&format!("{{{name}}}"))) {
        Some(missing) => Err(missing.clone()),
        None => Ok(ClientCredentials::new(url, id.clone(), secret, scope.clone(), *basic)),
    }
}
