//! The network. The one file that names reqwest and TLS roots.
#![expect(clippy::disallowed_types, reason = "this is the home of reqwest::Client")]

use std::{
    error::Error as StdError,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{Body, BoxFuture, Transport, TransportError, TransportErrorKind};

/// Sends requests over HTTP/1.1 and HTTP/2, with the system's trust store and proxies.
///
/// Nothing is built before the first request. The pool of connections belongs to this value: after a `fork`, make a new
/// one. No process-wide TLS state is touched.
#[derive(Debug)]
pub struct Reqwest {
    connect_timeout: Duration,
    read_timeout: Option<Duration>,
    client: OnceLock<Result<reqwest::Client, TransportError>>,
}

impl Default for Reqwest {
    fn default() -> Self {
        Self::new()
    }
}

impl Reqwest {
    /// A transport with an empty pool: 10 seconds to connect, and no limit between reads, because a client has its own.
    pub fn new() -> Self {
        Self { connect_timeout: Duration::from_secs(10), read_timeout: None, client: OnceLock::new() }
    }

    /// How long a connection may take to open.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long to wait for the next bytes.
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = Some(timeout);
        self
    }

    fn client(&self) -> Result<&reqwest::Client, TransportError> {
        self.client.get_or_init(|| self.build()).as_ref().map_err(TransportError::clone)
    }

    fn build(&self) -> Result<reqwest::Client, TransportError> {
        let mut builder = reqwest::Client::builder();
        if let Some(timeout) = self.read_timeout {
            builder = builder.read_timeout(timeout);
        }
        builder
            .tls_backend_preconfigured(tls_config()?)
            .user_agent(concat!("junto/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(60))
            .http2_adaptive_window(true)
            // A redirect would carry the key to a host that nobody named.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| TransportError::new(TransportErrorKind::Request, format!("no HTTP client: {}", sentence(&error))))
    }
}

impl Transport for Reqwest {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let client = self.client()?;
            if request.uri().scheme() == Some(&http::uri::Scheme::HTTPS) {
                read_roots_meanwhile();
            }
            let request = reqwest::Request::try_from(request).map_err(from_reqwest)?;
            let mut response = client.execute(request).await.map_err(from_reqwest)?;
            let mut answer = http::Response::new(());
            *answer.status_mut() = response.status();
            *answer.version_mut() = response.version();
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            Ok(answer.map(|()| Body::new(response.bytes_stream().map(|read| read.map_err(from_reqwest)))))
        })
    }
}

fn tls_config() -> Result<ClientConfig, TransportError> {
    let broken = |error: rustls::Error| TransportError::new(TransportErrorKind::Request, format!("no TLS: {error}"));
    let provider = Arc::new(crypto_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().map_err(broken)?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(Roots(provider))).with_no_client_auth())
}

/// The system's trust store. To read it takes 20 ms, so that happens once per process, and for `https://` alone.
#[derive(Debug)]
struct Roots(Arc<CryptoProvider>);

type Verifier = Result<Arc<dyn ServerCertVerifier>, rustls::Error>;

/// Never read inside its lock: a fork in the middle of it must not leave the lock held in the child.
static VERIFIER: OnceLock<Verifier> = OnceLock::new();

impl Roots {
    fn verifier(&self) -> Verifier {
        if let Some(verifier) = VERIFIER.get() {
            return verifier.clone();
        }
        let read = self.read();
        VERIFIER.get_or_init(|| read).clone()
    }

    fn read(&self) -> Verifier {
        if let Ok(verifier) = rustls_platform_verifier::Verifier::new(Arc::clone(&self.0)) {
            return Ok(Arc::new(verifier));
        }
        // No CA files, as in an empty container.
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        match WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.0)).build() {
            Ok(verifier) => Ok(verifier),
            Err(error) => Err(rustls::Error::General(error.to_string())),
        }
    }
}

impl ServerCertVerifier for Roots {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier()?.verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Reads the trust store beside the first connection, which needs it only when the server has answered.
fn read_roots_meanwhile() {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if !BEGUN.swap(true, Ordering::Relaxed) {
        drop(tokio::task::spawn_blocking(|| Roots(Arc::new(crypto_provider())).verifier().is_ok()));
    }
}

#[cfg(feature = "ring")]
fn crypto_provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
fn crypto_provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// reqwest's own kinds are coarse, so the chain of causes is walked too.
fn from_reqwest(error: reqwest::Error) -> TransportError {
    // A URL may hold a key in its query.
    let error = error.without_url();
    let mut kind = if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_connect() {
        TransportErrorKind::Connect
    } else if error.is_builder() || error.is_redirect() {
        TransportErrorKind::Request
    } else if error.is_decode() {
        TransportErrorKind::Decode
    } else {
        TransportErrorKind::Interrupted
    };
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            match cause.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    kind = TransportErrorKind::Connect;
                }
                io::ErrorKind::TimedOut => kind = TransportErrorKind::Timeout,
                // A body that breaks inside its encoding is a broken connection, not bad bytes.
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
                    if kind == TransportErrorKind::Decode =>
                {
                    kind = TransportErrorKind::Interrupted;
                }
                _ => {}
            }
        }
        source = cause.source();
    }
    // Connecting took too long: the vendor never saw the request.
    if error.is_connect() {
        kind = TransportErrorKind::Connect;
    }
    TransportError::new(kind, sentence(&error))
}

/// The error and its causes in one line, each said once.
fn sentence(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_connection_is_a_connect_error_without_the_query() {
        let transport = Reqwest::new();
        let request = http::Request::get("http://127.0.0.1:1/v1?key=sk-hidden").body(Bytes::new()).expect("request");
        let error = transport.send(request).await.expect_err("nobody listens there");
        assert_eq!(error.kind, TransportErrorKind::Connect);
        assert!(!error.message.contains("sk-hidden"), "{}", error.message);
        assert!(CryptoProvider::get_default().is_none(), "no process-wide provider is installed");
    }

    #[tokio::test]
    async fn bytes_that_are_not_http_are_an_error() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}/", listener.local_addr().expect("address"));
        let server = async {
            let (socket, _) = listener.accept().await.expect("connection");
            socket.writable().await.expect("writable");
            socket.try_write(b"this is not HTTP\r\n\r\n").expect("write");
            std::future::pending::<()>().await;
        };
        let transport = Reqwest::new();
        let request = http::Request::get(url).body(Bytes::new()).expect("request");
        let send = transport.send(request);
        let error = match futures_util::future::select(Box::pin(server), send).await {
            futures_util::future::Either::Right((answer, _)) => answer.expect_err("not HTTP"),
            futures_util::future::Either::Left(_) => unreachable!("the server waits forever"),
        };
        assert_ne!(error.kind, TransportErrorKind::Connect, "the vendor saw the request: {}", error.message);
    }
}
