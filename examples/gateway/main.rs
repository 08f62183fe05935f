//! An OpenAI-compatible HTTP server around the in-process router, in one file.
//!
//! ```sh
//! gateway keys create --name alice --budget 5.00 --models "openai/*"   # prints the key, once
//! gateway serve                                                        # vendors' keys from the environment
//! ```
//!
//! Clients speak OpenAI's API with a key of ours; the vendors' keys never leave this process. What a key may ask for and
//! what it has spent is in an SQLite file that holds only the keys' hashes.
#![expect(clippy::print_stdout, reason = "a command line talks to a person")]

use std::{
    error::Error as StdError,
    net::SocketAddr,
    path::{Path as FilePath, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, FromRequestParts, Path, State, rejection::BytesRejection},
    http::{HeaderName, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use clap::{Parser, Subcommand};
use futures_util::stream;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use junto::{ChatRequest, ChatStream, Client, Error, ErrorKind, ResponseEvent, ResponseStream, Usage};
use junto_simulator::{Behavior, Simulator};
use rusqlite::{Connection, params};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

type Failure = Box<dyn StdError + Send + Sync>;

/// Images and files travel inside requests.
const LARGEST_BODY: usize = 32 << 20;
const LARGEST_HEADERS: usize = 64 << 10;

// -- The command line ---------------------------------------------------------------------------------------------------

/// An OpenAI-compatible server around the junto router.
#[derive(Parser)]
#[command(name = "gateway")]
struct Arguments {
    /// The file that keys are kept in.
    #[arg(long, global = true, default_value = "gateway.db")]
    db: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers requests; the vendors' keys come from the environment.
    Serve {
        #[arg(long, default_value = "127.0.0.1:8787")]
        address: SocketAddr,
        /// Make a key and print a ready-made request with it. Without any vendor's key, a simulated vendor answers.
        #[arg(long)]
        demo: bool,
    },
    /// Makes, lists and revokes keys.
    #[command(subcommand)]
    Keys(KeysCommand),
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Makes a key and prints it: it cannot be shown again.
    Create {
        #[arg(long)]
        name: String,
        /// US dollars it may spend.
        #[arg(long)]
        budget: Option<f64>,
        /// Models it may ask for, such as `openai/*`; any number. Without it: every model.
        #[arg(long)]
        models: Vec<String>,
    },
    /// Lists the keys with their budgets and spend.
    List,
    /// Ends a key.
    Revoke { name: String },
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let keys = Keys::open(&arguments.db)?;
    match arguments.command {
        Command::Keys(KeysCommand::Create { name, budget, models }) => println!("{}", keys.create(&name, budget, &models)?),
        Command::Keys(KeysCommand::List) => keys.list()?.iter().for_each(|line| println!("{line}")),
        Command::Keys(KeysCommand::Revoke { name }) => keys.revoke(&name)?,
        Command::Serve { address, demo } => {
            let (junto, _simulator) = if demo && !has_vendor_key() { simulated().await? } else { (Client::from_env()?, None) };
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            println!("junto gateway on http://{address}/api/v1");
            if demo {
                println!("\n{}\n", curl(address, &keys.fresh()?));
            }
            serve(listener, Gateway { junto, keys: Arc::new(keys) }).await?;
        }
    }
    Ok(())
}

fn has_vendor_key() -> bool {
    junto::providers::built_in().iter().flat_map(|row| &row.key_env).any(|name| std::env::var_os(name).is_some())
}

/// A client whose vendors are doubles on loopback that answer at a reader's pace.
async fn simulated() -> Result<(Client, Option<Simulator>), Failure> {
    let simulator = Simulator::start().await?;
    let mut builder = Client::builder().env(false);
    for provider in ["openai", "anthropic", "google-ai-studio", "groq"] {
        simulator.behave(provider, Behavior::default().tokens_per_second(20.0));
        builder = builder.api_key(provider, "sk-simulated").base_url(provider, simulator.base_url(provider));
    }
    println!("no vendor's key in the environment: a simulated vendor answers");
    Ok((builder.build()?, Some(simulator)))
}

fn curl(address: SocketAddr, key: &str) -> String {
    format!(
        "curl -N http://{address}/api/v1/chat/completions \\\n  -H 'Authorization: Bearer {key}' \\\n  -H 'Content-Type: application/json' \\\n  \
         -d '{{\"model\": \"openai/gpt-4o-mini\", \"stream\": true, \"messages\": [{{\"role\": \"user\", \"content\": \"Hello!\"}}]}}'"
    )
}

// -- The server ---------------------------------------------------------------------------------------------------------

#[derive(Clone)]
struct Gateway {
    junto: Client,
    keys: Arc<Keys>,
}

fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/api/v1/chat/completions", post(chat))
        .route("/api/v1/responses", post(responses))
        .route("/api/v1/embeddings", post(embeddings))
        .route("/api/v1/models", get(models))
        .route("/api/v1/models/{author}/{slug}/endpoints", get(endpoints))
        .fallback(async || Refusal(Error::new(ErrorKind::ModelNotFound, "no such path; the API is below /api/v1"), StatusCode::NOT_FOUND))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(gateway)
}

/// Serves until Ctrl-C, then lets the answers under way finish.
async fn serve(listener: TcpListener, gateway: Gateway) -> Result<(), Failure> {
    let service = TowerToHyperService::new(router(gateway));
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10)).max_buf_size(LARGEST_HEADERS);
    server.http2().max_header_list_size(LARGEST_HEADERS as u32);
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((socket, _)) = accepted else { continue };
                let connection = server.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
                let connection = graceful.watch(connection);
                #[expect(clippy::disallowed_methods, reason = "a connection lives beside the others; its end drops what it asked for")]
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "connection ended");
                    }
                });
            }
            _ = &mut stop => break,
        }
    }
    drop(listener);
    tracing::info!("finishing the answers under way");
    graceful.shutdown().await;
    Ok(())
}

/// A request's body, or why there is none, such as its size.
type Posted = Result<Bytes, BytesRejection>;

/// What every request says, whatever else it holds.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Asked {
    model: String,
    models: Vec<String>,
    stream: bool,
}

async fn chat(State(gateway): State<Gateway>, key: Key, body: Posted) -> Result<Response, Refusal> {
    let request = ChatRequest::from_json(text(&body?)?)?;
    key.may_ask_for(std::iter::once(&request.model).chain(&request.models).map(String::as_str))?;
    if !request.stream {
        let answer = gateway.junto.chat(request).await?;
        gateway.bill(&key, answer.usage.cost);
        return Ok(json(answer.to_json()));
    }
    let estimate = gateway.junto.explain(&request)?.candidates.first().and_then(|candidate| candidate.estimated_cost);
    let stream = gateway.junto.stream(request).await?;
    Ok(events(stream, Bill { gateway, key, due: estimate }))
}

/// A stream of either API.
trait Frames: Send + 'static {
    /// Server-sent events of one read of the vendor's connection, and what they say is due. `None` at the end.
    fn next(&mut self, due: &mut Option<f64>) -> impl Future<Output = Option<String>> + Send;

    /// What comes behind the last event.
    const END: &'static str;
}

impl Frames for ChatStream {
    // The last chunk has told what went wrong, if anything did.
    async fn next(&mut self, due: &mut Option<f64>) -> Option<String> {
        let chunks = self.next_batch().await?.ok()?;
        if let Some(usage) = chunks.last().and_then(|chunk| chunk.usage.as_ref()) {
            *due = usage.cost;
        }
        Some(chunks.iter().fold(String::new(), |frame, chunk| frame + "data: " + &chunk.to_json() + "\n\n"))
    }

    const END: &'static str = "data: [DONE]\n\n";
}

impl Frames for ResponseStream {
    async fn next(&mut self, due: &mut Option<f64>) -> Option<String> {
        #[derive(Deserialize)]
        struct Ended {
            response: Billed,
        }
        let events = self.next_batch().await?.ok()?;
        let last = events.last().and_then(|event| serde_json::from_str::<Ended>(event.json()).ok());
        *due = last.and_then(|ended| ended.response.usage?.cost).or(*due);
        Some(events.iter().map(ResponseEvent::to_sse).collect())
    }

    const END: &'static str = "";
}

/// The stream as a body. A client that leaves drops it, and with it the vendor's connection.
fn events<S: Frames>(stream: S, bill: Bill) -> Response {
    let frames = stream::unfold(Some((stream, bill)), async |state| {
        let (mut stream, mut bill) = state?;
        match stream.next(&mut bill.due).await {
            Some(frame) => Some((Ok::<_, Error>(frame), Some((stream, bill)))),
            None => Some((Ok(S::END.to_owned()), None)),
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")], Body::from_stream(frames)).into_response()
}

async fn responses(State(gateway): State<Gateway>, key: Key, body: Posted) -> Result<Response, Refusal> {
    let body = body?;
    let asked = key.allows(text(&body)?)?;
    if !asked.stream {
        let answer = gateway.junto.respond_json(text(&body)?).await?;
        gateway.bill(&key, cost_of(&answer));
        return Ok(json(answer));
    }
    let stream = gateway.junto.respond_stream_json(text(&body)?).await?;
    Ok(events(stream, Bill { gateway, key, due: None }))
}

async fn embeddings(State(gateway): State<Gateway>, key: Key, body: Posted) -> Result<Response, Refusal> {
    let body = body?;
    key.allows(text(&body)?)?;
    let answer = gateway.junto.embed_json(text(&body)?).await?;
    gateway.bill(&key, cost_of(&answer));
    Ok(json(answer))
}

async fn endpoints(State(gateway): State<Gateway>, _key: Key, Path((author, slug)): Path<(String, String)>) -> Result<Response, Refusal> {
    Ok(json(gateway.junto.endpoints_json(&format!("{author}/{slug}"))?))
}

async fn models(State(gateway): State<Gateway>, _key: Key) -> Result<Response, Refusal> {
    Ok(json(gateway.junto.models_json(r#"{"available": true}"#).await?))
}

/// What is due for a stream: its cost once it is known, until then the estimate, because a vendor bills a reader who left.
struct Bill {
    gateway: Gateway,
    key: Key,
    due: Option<f64>,
}

impl Drop for Bill {
    fn drop(&mut self) {
        self.gateway.bill(&self.key, self.due);
    }
}

impl Gateway {
    fn bill(&self, key: &Key, cost: Option<f64>) {
        tracing::info!(key = key.name, cost, "served");
        if let Err(error) = self.keys.spend(key.id, cost.unwrap_or(0.0)) {
            tracing::error!(key = key.name, %error, "the spend could not be written");
        }
    }
}

fn text(body: &Bytes) -> Result<&str, Refusal> {
    Ok(std::str::from_utf8(body).map_err(|_| Error::new(ErrorKind::BadRequest, "the body is not UTF-8"))?)
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// An error as OpenAI's clients expect it.
struct Refusal(Error, StatusCode);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        Self(error, status)
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        Self(Error::new(ErrorKind::BadRequest, rejection.body_text()), rejection.status())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(error, status) = self;
        tracing::info!(status = status.as_u16(), kind = error.kind().name(), "refused");
        let retry_after = error.retry_after().map(|delay| (header::RETRY_AFTER, delay.as_secs_f64().ceil().to_string()));
        // junto has tried again where that made sense.
        let headers = [(HeaderName::from_static("x-should-retry"), "false"), (header::CONTENT_TYPE, "application/json")];
        let mut response = (status, headers, error.to_json().to_string()).into_response();
        if let Some((name, value)) = retry_after.and_then(|(name, value)| Some((name, value.parse().ok()?))) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

// -- Keys ---------------------------------------------------------------------------------------------------------------

/// A key that a request came with.
struct Key {
    id: i64,
    name: String,
    models: Vec<String>,
}

impl Key {
    /// Whether the key may ask for every model that the request names.
    fn allows(&self, body: &str) -> Result<Asked, Error> {
        let asked: Asked = serde_json::from_str(body)?;
        self.may_ask_for(std::iter::once(&asked.model).chain(&asked.models).map(String::as_str))?;
        Ok(asked)
    }

    fn may_ask_for<'a>(&self, mut models: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        let is_allowed = |model: &str| {
            self.models.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => model.starts_with(start),
                None => model == pattern || model.strip_prefix(pattern.as_str()).is_some_and(|rest| rest.starts_with(':')),
            })
        };
        if self.models.is_empty() {
            return Ok(());
        }
        match models.find(|model| !model.is_empty() && !is_allowed(model)) {
            None => Ok(()),
            Some(model) => {
                let message = format!("this key may not ask for `{model}`; it may ask for {}", self.models.join(", "));
                Err(Error::new(ErrorKind::PermissionDenied, message).with_param("model"))
            }
        }
    }
}

impl FromRequestParts<Gateway> for Key {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        Ok(gateway.keys.find(bearer.unwrap_or_default().trim())?)
    }
}

/// The key file.
struct Keys(Mutex<Connection>);

impl Keys {
    fn open(path: &FilePath) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE IF NOT EXISTS keys (
                 id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash BLOB NOT NULL UNIQUE, models TEXT NOT NULL,
                 budget REAL, spent REAL NOT NULL DEFAULT 0, revoked INTEGER NOT NULL DEFAULT 0)",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a key. Only its hash is kept.
    fn create(&self, name: &str, budget: Option<f64>, models: &[String]) -> Result<String, Failure> {
        if budget.is_some_and(|budget| !(budget.is_finite() && budget >= 0.0)) {
            return Err("--budget takes US dollars, such as 5.00".into());
        }
        let key = new_key()?;
        self.lock()
            .execute(
                "INSERT INTO keys (name, hash, models, budget) VALUES (?1, ?2, ?3, ?4)",
                params![name, hash(&key), models.join(" "), budget],
            )
            .map_err(|error| match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::ConstraintViolation) => Failure::from(format!("there is a key named `{name}` already")),
                _ => error.into(),
            })?;
        Ok(key)
    }

    /// A key with a name of its own.
    fn fresh(&self) -> Result<String, Failure> {
        let count: i64 = self.lock().query_row("SELECT COALESCE(MAX(id), 0) FROM keys", [], |row| row.get(0))?;
        self.create(&format!("demo-{}", count + 1), None, &[])
    }

    fn list(&self) -> rusqlite::Result<Vec<String>> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT name, budget, spent, models, revoked FROM keys ORDER BY id")?;
        let lines = statement.query_map([], |row| {
            let (name, budget, spent): (String, Option<f64>, f64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (models, revoked): (String, bool) = (row.get(3)?, row.get(4)?);
            let budget = budget.map_or_else(|| "no limit".to_owned(), |budget| format!("${budget:.2}"));
            let models = if models.is_empty() { "every model" } else { &models };
            Ok(format!("{name:<20} ${spent:.6} of {budget:<10} {models}{}", if revoked { "  (revoked)" } else { "" }))
        })?;
        lines.collect()
    }

    fn revoke(&self, name: &str) -> Result<(), Failure> {
        match self.lock().execute("UPDATE keys SET revoked = 1 WHERE name = ?1", [name])? {
            0 => Err(format!("there is no key named `{name}`").into()),
            _ => Ok(()),
        }
    }

    fn spend(&self, id: i64, cost: f64) -> rusqlite::Result<()> {
        self.lock().execute("UPDATE keys SET spent = spent + ?2 WHERE id = ?1", params![id, cost]).map(drop)
    }

    /// The key, if it is one of ours and may still be used.
    fn find(&self, key: &str) -> Result<Key, Error> {
        let hash = hash(key);
        let found = self.lock().prepare_cached("SELECT id, name, models, budget, spent, revoked, hash FROM keys").and_then(|mut all| {
            let mut rows = all.query([])?;
            let mut found = None;
            // Every key is compared, each in constant time: how long it takes tells nothing of a key.
            while let Some(row) = rows.next()? {
                if bool::from(row.get_ref(6)?.as_blob()?.ct_eq(&hash)) {
                    let models = row.get::<_, String>(2)?.split_whitespace().map(str::to_owned).collect();
                    let key = Key { id: row.get(0)?, name: row.get(1)?, models };
                    found = Some((key, row.get::<_, Option<f64>>(3)?, row.get::<_, f64>(4)?, row.get::<_, bool>(5)?));
                }
            }
            Ok(found)
        });
        let found = found.map_err(|error| {
            tracing::error!(%error, "the key file cannot be read");
            Error::new(ErrorKind::Upstream, "the key file cannot be read")
        })?;
        match found {
            None => Err(Error::new(ErrorKind::Authentication, "no such key; send `Authorization: Bearer sk-junto-...`")),
            Some((_, _, _, true)) => Err(Error::new(ErrorKind::PermissionDenied, "this key was revoked")),
            Some((_, Some(budget), spent, _)) if spent >= budget => {
                Err(Error::new(ErrorKind::InsufficientCredits, format!("this key's budget of ${budget:.2} is used up")))
            }
            Some((key, ..)) => Ok(key),
        }
    }
}

/// `sk-junto-` and 32 random base62 characters: 190 bits.
fn new_key() -> Result<String, Failure> {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut key = "sk-junto-".to_owned();
    while key.len() < "sk-junto-".len() + 32 {
        let mut byte = [0];
        getrandom::fill(&mut byte).map_err(|error| error.to_string())?;
        // Bytes above the last multiple of 62 would make some characters likelier than others.
        if byte[0] < 248 {
            key.push(char::from(BASE62[usize::from(byte[0]) % 62]));
        }
    }
    Ok(key)
}

/// A key has more than enough randomness for a fast hash.
fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// What an answer of any API says it cost.
#[derive(Deserialize)]
struct Billed {
    usage: Option<Usage>,
}

fn cost_of(answer: &str) -> Option<f64> {
    serde_json::from_str::<Billed>(answer).ok()?.usage?.cost
}
