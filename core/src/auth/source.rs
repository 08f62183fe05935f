//! Credentials that are granted for a while: asked for once, kept, and renewed before they end.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{
    FutureExt, StreamExt,
    future::{Either, Shared, WeakShared, select},
};
use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Credential, Secret, sigv4::encoded};
use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    transport::{BoxFuture, Transport},
};

/// Grants credentials: an OAuth endpoint, a metadata service, a file that something else keeps fresh.
pub(crate) trait TokenSource: fmt::Debug + Send + Sync {
    /// Asks for a credential. An error fails the attempt; it holds no secret.
    fn grant(&self, io: Io) -> BoxFuture<'static, Result<Granted>>;
}

/// What a source may use to ask.
#[derive(Clone, Debug)]
pub(crate) struct Io {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Clock,
}

/// A credential and how long it is good; Unix times.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    credential: Credential,
    renew: Duration,
    end: Duration,
}

impl Granted {
    /// A credential that ends at this moment. It is renewed five minutes before, or in its last quarter if that is shorter.
    pub(crate) fn until(credential: impl Into<Credential>, now: Duration, end: Duration) -> Self {
        const EARLY: Duration = Duration::from_secs(300);
        let early = (end.saturating_sub(now) / 4).min(EARLY);
        Self { credential: credential.into(), renew: end.saturating_sub(early), end }
    }
}

type Flight = Shared<BoxFuture<'static, Result<Granted>>>;

/// A source and what it last granted. Whoever comes while it is being asked waits for the same answer; the lock is never
/// held while anybody waits.
#[derive(Debug)]
pub(crate) struct TokenCache {
    source: Arc<dyn TokenSource>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Granted>,
    /// Weak: if all who wait give up, asking ends too.
    flight: Option<WeakShared<BoxFuture<'static, Result<Granted>>>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("held", &self.held).finish_non_exhaustive()
    }
}

impl TokenCache {
    #[cfg(test)]
    pub(crate) fn new(source: impl TokenSource + 'static) -> Self {
        Self::from(Arc::new(source) as Arc<dyn TokenSource>)
    }

    /// A credential that is good now.
    pub(crate) async fn get(&self, io: &Io) -> Result<Credential> {
        let flight = match self.held_or_flight(io) {
            Either::Left(credential) => return Ok(credential),
            Either::Right(flight) => flight,
        };
        let granted = flight.await;
        let mut state = self.state();
        match granted {
            Ok(granted) => {
                let credential = granted.credential.clone();
                state.flight = None;
                state.held = Some(granted);
                Ok(credential)
            }
            // Renewing early failed, and what is there still holds.
            Err(error) => match &state.held {
                Some(held) if io.clock.unix() < held.end => Ok(held.credential.clone()),
                _ => Err(error),
            },
        }
    }

    fn held_or_flight(&self, io: &Io) -> Either<Credential, Flight> {
        let mut state = self.state();
        if let Some(held) = state.held.as_ref().filter(|held| io.clock.unix() < held.renew) {
            return Either::Left(held.credential.clone());
        }
        if let Some(flight) = state.flight.as_ref().and_then(WeakShared::upgrade) {
            return Either::Right(flight);
        }
        let flight = self.source.grant(io.clone()).shared();
        state.flight = flight.downgrade();
        Either::Right(flight)
    }

    /// The vendor refused what was granted: the next attempt asks again.
    pub(crate) fn forget(&self) {
        *self.state() = State::default();
    }

    /// A poisoned lock holds plain values, so they are as good as before.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Arc<dyn TokenSource>> for TokenCache {
    fn from(source: Arc<dyn TokenSource>) -> Self {
        Self { source, state: Mutex::default() }
    }
}

impl Io {
    /// Sends a request and reads the whole answer, within this time.
    pub(crate) async fn ask(&self, what: &str, request: http::Request<Bytes>, limit: Duration) -> Result<(StatusCode, Bytes)> {
        const LARGEST: usize = 1 << 20;
        let work = async {
            let response = self.transport.send(request).await?;
            let (head, mut body) = response.into_parts();
            let mut whole = BytesMut::new();
            while let Some(read) = body.next().await {
                whole.extend_from_slice(&read?);
                if whole.len() > LARGEST {
                    return Err(Error::decode("the answer is larger than 1 MiB"));
                }
            }
            Ok((head.status, whole.freeze()))
        };
        let sleep = self.clock.sleep(limit);
        match select(std::pin::pin!(work), sleep).await {
            Either::Left((answer, _)) => answer.map_err(|error: Error| Error::new(error.kind(), format!("{what}: {}", error.message()))),
            Either::Right(_) => Err(Error::new(ErrorKind::Timeout, format!("{what}: no answer within {} seconds", limit.as_secs_f64()))),
        }
    }

    /// Asks an OAuth token endpoint. These secrets are scrubbed from whatever it answers.
    pub(crate) async fn token(&self, url: &str, form: &Secret, authorization: Option<&Secret>, secrets: &[&Secret]) -> Result<Granted> {
        const LIMIT: Duration = Duration::from_secs(20);
        let unusable = |what: &str| Error::new(ErrorKind::Authentication, format!("the token endpoint cannot be asked: {what}"));
        let mut request = http::Request::post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Bytes::copy_from_slice(form.expose().as_bytes()))
            .map_err(|error| unusable(&error.to_string()))?;
        if let Some(authorization) = authorization {
            let mut value = HeaderValue::from_str(authorization.expose()).map_err(|_| unusable("its secret holds a line end"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let (status, body) = self.ask("the token endpoint", request, LIMIT).await?;
        let answer: TokenAnswer = serde_json::from_slice(&body).unwrap_or_default();
        if let (true, Some(token)) = (status.is_success(), answer.access_token) {
            let now = self.clock.unix();
            let life = Duration::from_secs(answer.expires_in.as_ref().and_then(seconds).unwrap_or(3_600));
            return Ok(Granted::until(Credential::Token(token), now, now + life));
        }
        let code = answer.error.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let told = [code.as_str(), answer.error_description.as_deref().unwrap_or_default()].join(" ");
        let message = format!("the token endpoint answered with status {}: {}", status.as_u16(), told.trim());
        let message = secrets.iter().fold(message, |text, secret| match secret.expose() {
            "" => text,
            secret => text.replace(secret, "***"),
        });
        Err(refused(status, message.trim_end_matches(": ").to_owned()).with_upstream_code(code))
    }
}

/// A refusal of whoever grants credentials, as an error of the endpoint that they are for. A wrong request is wrong
/// credentials here, not the caller's own mistake.
pub(crate) fn refused(status: StatusCode, message: String) -> Error {
    let kind = match ErrorKind::from_status(status.as_u16()) {
        kind @ (ErrorKind::Overloaded | ErrorKind::RateLimited | ErrorKind::Timeout) => kind,
        _ if status.is_server_error() => ErrorKind::Upstream,
        _ => ErrorKind::Authentication,
    };
    Error::new(kind, message).with_upstream_status(status.as_u16())
}

/// `expires_in` is a number, which some write as text.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenAnswer {
    access_token: Option<Secret>,
    expires_in: Option<Value>,
    error: Option<Value>,
    error_description: Option<String>,
}

/// Names and values of a form.
pub(super) type Form<'a> = Vec<(&'a str, &'a str)>;

/// A form as a body; what is in it may be secret.
pub(super) fn form(fields: &Form<'_>) -> Secret {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value.as_bytes()))).collect();
    Secret::new(pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::transport::{Scripted, ScriptedTransport};

    #[derive(Debug, Default)]
    struct Counting {
        asked: AtomicUsize,
        fails_after: usize,
    }

    impl TokenSource for Arc<Counting> {
        fn grant(&self, io: Io) -> BoxFuture<'static, Result<Granted>> {
            let this = Arc::clone(self);
            Box::pin(async move {
                let count = this.asked.fetch_add(1, Ordering::SeqCst);
                for _ in 0..8 {
                    tokio::task::yield_now().await;
                }
                if this.fails_after > 0 && count >= this.fails_after {
                    return Err(Error::new(ErrorKind::Authentication, "no more"));
                }
                let now = io.clock.unix();
                Ok(Granted::until(Secret::new(format!("token-{count}")), now, now + Duration::from_secs(3_600)))
            })
        }
    }

    fn rig(fails_after: usize) -> (Arc<Counting>, TokenCache, Io) {
        let source = Arc::new(Counting { fails_after, ..Counting::default() });
        let clock = Clock::fixed(1_000_000);
        let io = Io { transport: Arc::new(ScriptedTransport::new().clock(clock.clone())), clock };
        (Arc::clone(&source), TokenCache::new(source), io)
    }

    fn token(credential: &Credential) -> &str {
        credential.secrets().next().expect("secret").expose()
    }

    #[tokio::test]
    async fn many_who_ask_at_once_ask_once() {
        let (source, grants, io) = rig(0);
        let all = futures_util::future::join_all((0..50).map(|_| grants.get(&io))).await;
        assert!(all.iter().all(|one| token(one.as_ref().expect("token")) == "token-0"));
        assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn it_is_renewed_before_its_end_and_after_a_refusal() {
        let (_, grants, io) = rig(0);
        assert_eq!(token(&grants.get(&io).await.expect("token")), "token-0");
        io.clock.advance(Duration::from_secs(3_200));
        assert_eq!(token(&grants.get(&io).await.expect("token")), "token-0");
        io.clock.advance(Duration::from_secs(200));
        assert_eq!(token(&grants.get(&io).await.expect("token")), "token-1", "in its last five minutes");
        grants.forget();
        assert_eq!(token(&grants.get(&io).await.expect("token")), "token-2");
    }

    #[tokio::test]
    async fn what_still_holds_is_used_when_renewing_fails() {
        let (_, grants, io) = rig(1);
        grants.get(&io).await.expect("token");
        io.clock.advance(Duration::from_secs(3_400));
        assert_eq!(token(&grants.get(&io).await.expect("still good")), "token-0");
        io.clock.advance(Duration::from_secs(300));
        assert_eq!(grants.get(&io).await.expect_err("ended").message(), "no more");
    }

    #[tokio::test]
    async fn asking_goes_on_for_those_who_stay() {
        let (source, grants, io) = rig(0);
        let now = || std::future::ready(());
        let Either::Right(((), left)) = select(Box::pin(grants.get(&io)), now()).await else { panic!("it takes some turns") };
        let Either::Right(((), stayed)) = select(Box::pin(grants.get(&io)), now()).await else { panic!("it takes some turns") };
        drop(left);
        assert_eq!(token(&stayed.await.expect("token")), "token-0");
        grants.forget();
        let Either::Right(((), left)) = select(Box::pin(grants.get(&io)), now()).await else { panic!("it takes some turns") };
        drop(left);
        assert_eq!(token(&grants.get(&io).await.expect("token")), "token-2", "nobody was left, so it was asked anew");
        assert_eq!(source.asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_refusal_is_typed_and_holds_no_secret() {
        let body = r#"{"error": "invalid_client", "error_description": "hunter2-secret is wrong"}"#;
        for (status, kind) in
            [(400, ErrorKind::Authentication), (401, ErrorKind::Authentication), (500, ErrorKind::Upstream), (429, ErrorKind::RateLimited)]
        {
            let clock = Clock::fixed(0);
            let io = Io { transport: Arc::new(ScriptedTransport::new().then(Scripted::response(status, body))), clock };
            let secret = Secret::new("hunter2-secret");
            let error = io
                .token("https://login.test/token", &form(&vec![("client_secret", secret.expose())]), None, &[&secret])
                .await
                .expect_err("refused");
            assert_eq!((error.kind(), error.upstream_status()), (kind, Some(status)));
            assert!(error.message().contains("invalid_client *** is wrong"), "{error}");
        }
    }
}
