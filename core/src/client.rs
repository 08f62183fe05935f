//! The client: what a program holds.
//!
//! Belongs here: the methods and the builder, thin. Does not belong here: decisions (`plan`, `route`), the environment
//! (`client::config`).

mod catalogs;
mod config;
mod credentials;
mod discovery;
mod options;
mod validate;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

pub(crate) use config::Account;
pub use config::ProviderConfig;
pub use options::CallOptions;

use bytes::Bytes;
use http::HeaderMap;

pub use crate::route::{Budget, Period};

use self::{
    catalogs::{Catalogs, Overlay},
    config::{Accounts, Config, Environment},
};
use crate::{
    auth::{self, Io, KeySource, Scope, Secret},
    catalog::{Catalog, List},
    clock::Clock,
    error::Result,
    plan::{self, Asked, HealthSnapshot, Plan},
    preferences::Preferences,
    providers::{Configured, Provider, ProviderSet},
    response_stream::ResponseStream,
    responses,
    route::{self, Ask, Health, Limits, Observers, Served, Spending, Watch},
    search::{Engines, SearchConfig, SearchEngine, SearchSource},
    stream::ChatStream,
    transport::{Reqwest, Transport},
    types::{Attempt, ChatRequest, ChatResponse, EmbeddingRequest, EmbeddingResponse, Spend, Summary},
};

/// A router inside this process. Cheap to clone; clones share connections and health.
///
/// Its futures need a tokio runtime. Dropping one cancels the request, down to the vendor's socket.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

/// What every request of a client needs. Cheap to clone, for handles with other options.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) health: Arc<Health>,
    pub(crate) spending: Arc<Spending>,
    pub(crate) limits: Limits,
    /// Headers of every request to a vendor.
    pub(crate) headers: HeaderMap,
    pub(crate) observers: Arc<Observers>,
    pub(crate) engines: Engines,
    providers: Arc<ProviderSet>,
    catalogs: Arc<Catalogs>,
    preferences: Arc<Preferences>,
    seed: Option<u64>,
}

impl Shared {
    /// Puts the account's credential at this place on a request to the provider; the last thing before it is sent.
    pub(crate) async fn sign(
        &self,
        request: &mut http::Request<Bytes>,
        provider: &Configured,
        account: &Account,
        place: usize,
    ) -> Result<()> {
        let io = Io { transport: Arc::clone(&self.transport), clock: self.clock.clone() };
        let credential = account.keys.get(place, &io).await?;
        auth::apply(request, &provider.row, credential.as_deref(), Scope { region: provider.region(), now: self.clock.unix() })
    }
}

impl Client {
    /// A client whose keys come from the environment, by the names that each vendor documents.
    pub fn from_env() -> Result<Self> {
        Self::builder().build()
    }

    /// A client to be told more.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Asks for a whole answer.
    ///
    /// Fails with what the last endpoint said, and with every attempt; without an attempt where the request is wrong or
    /// no endpoint may serve it.
    pub async fn chat(&self, request: ChatRequest) -> Result<ChatResponse> {
        let mut watch = self.watch(&request, false);
        let answer = self.run(&request, false).await.and_then(|served| match served {
            Served::Whole(answer) => Ok(*answer),
            _ => Err(crate::Error::decode("the endpoint streamed a whole answer")),
        });
        match &answer {
            Ok(answer) => watch.answered(&answer.id, answer.routing.as_ref(), Some(&answer.usage)),
            Err(error) => watch.failed(error),
        }
        answer
    }

    /// Asks for a stream. It is returned at its first content: a failure before that goes to the next endpoint.
    pub async fn stream(&self, request: ChatRequest) -> Result<ChatStream> {
        let mut watch = self.watch(&request, true);
        let opened = self.run(&request, true).await.and_then(|served| match served {
            Served::Stream(opened) => Ok(opened),
            _ => Err(crate::Error::decode("the endpoint did not stream")),
        });
        match opened {
            Ok(opened) => Ok(ChatStream::new(*opened, watch)),
            Err(error) => {
                watch.failed(&error);
                Err(error)
            }
        }
    }

    /// Asks for the vectors of texts. Inputs beyond what a vendor takes at once go out in batches, several at a time; all
    /// vectors come from one endpoint.
    ///
    /// Fails as [`Client::chat`].
    pub async fn embed(&self, request: EmbeddingRequest) -> Result<EmbeddingResponse> {
        let mut watch = Watch::new(&self.0.observers, &self.0.clock, &request.model, false);
        let answer = self.run_embedding(&request).await;
        match &answer {
            Ok(answer) => watch.answered(&answer.id, answer.routing.as_ref(), Some(&answer.usage)),
            Err(error) => watch.failed(error),
        }
        answer
    }

    /// Answers a request of OpenAI's Responses API, translated to a routed call; its response object. What needs something
    /// stored between calls (`previous_response_id`, `conversation`, `background`, file ids) is an error that names the
    /// field; `store` is ignored. Reasoning items carry what the next request needs in `encrypted_content`.
    ///
    /// Fails as [`Client::chat`].
    pub async fn respond_json(&self, request: &str) -> Result<String> {
        let asked = responses::Asked::from_json(request)?;
        let writer = responses::Writer::new(&asked);
        Ok(writer.whole(self.chat(asked.request).await?))
    }

    /// [`Client::respond_json`] as a stream of events.
    pub async fn respond_stream_json(&self, request: &str) -> Result<ResponseStream> {
        let asked = responses::Asked::from_json(request)?;
        let writer = responses::Writer::new(&asked);
        Ok(ResponseStream::new(self.stream(asked.request).await?, writer))
    }

    /// [`Client::embed`] in OpenAI JSON.
    pub async fn embed_json(&self, request: &str) -> Result<String> {
        self.embed(EmbeddingRequest::from_json(request)?).await.map(|answer| answer.to_json())
    }

    /// A client with these options for its calls. It shares connections, health and hooks with this one; to make it for a
    /// single call costs next to nothing.
    #[must_use]
    pub fn with(&self, options: &CallOptions) -> Self {
        let mut shared = Shared::clone(&self.0);
        shared.limits.call = options.timeout.or(shared.limits.call);
        for (name, value) in &options.headers {
            shared.headers.insert(name, value.clone());
        }
        Self(Arc::new(shared))
    }

    /// Where the request would go now, and why not elsewhere. No network.
    pub fn explain(&self, request: &ChatRequest) -> Result<Plan> {
        validate::validate(request)?;
        self.plan(Asked::Chat(request))
    }

    /// [`Client::chat`] in OpenAI JSON.
    pub async fn chat_json(&self, request: &str) -> Result<String> {
        self.chat(ChatRequest::from_json(request)?).await.map(|answer| answer.to_json())
    }

    /// [`Client::stream`] of a request in OpenAI JSON.
    pub async fn stream_json(&self, request: &str) -> Result<ChatStream> {
        self.stream(ChatRequest::from_json(request)?).await
    }

    /// [`Client::explain`] in JSON.
    pub fn explain_json(&self, request: &str) -> Result<String> {
        self.explain(&ChatRequest::from_json(request)?).map(|plan| plan.to_json())
    }

    /// What was spent since the client was made, and what its budget has left.
    pub fn spend(&self) -> Spend {
        self.0.spending.spend(self.0.clock.unix())
    }

    /// [`Client::spend`] in JSON.
    pub fn spend_json(&self) -> String {
        serde_json::to_string(&self.spend()).unwrap_or_default()
    }

    /// What was measured in the last 5 minutes (latency, throughput, failures, cool-downs), and how far estimates of
    /// prompts were off, as JSON for [`Client::import_health_json`].
    pub fn export_health_json(&self) -> String {
        self.0.health.export(self.0.clock.now(), self.0.clock.unix())
    }

    /// Takes over what another client exported, as older than what was measured here; between the two it does not age.
    /// Endpoints that this client does not know do no harm. An error names the path of what does not read, and then
    /// nothing was taken over.
    pub fn import_health_json(&self, json: &str) -> Result<()> {
        self.0.health.import(json, self.0.clock.now(), self.0.clock.unix())
    }

    fn watch(&self, request: &ChatRequest, stream: bool) -> Watch {
        Watch::new(&self.0.observers, &self.0.clock, &request.model, stream)
    }

    async fn run(&self, request: &ChatRequest, stream: bool) -> Result<Served> {
        validate::validate(request)?;
        self.open_catalogs().await;
        let plan = self.plan(Asked::Chat(request))?;
        // Boxed: whoever spawns a call or waits for it moves its future about, which is several kilobytes otherwise.
        Box::pin(route::run(&self.0, Ask::Chat { request, stream }, plan)).await
    }

    async fn run_embedding(&self, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        validate::embedding(request)?;
        self.open_catalogs().await;
        let plan = self.plan(Asked::Embedding(request))?;
        match route::run(&self.0, Ask::Embedding(request), plan).await? {
            Served::Embedded(answer) => Ok(*answer),
            _ => Err(crate::Error::decode("the endpoint gave no vectors")),
        }
    }

    fn plan(&self, request: Asked<'_>) -> Result<Plan> {
        let health = self.0.health.snapshot(self.0.clock.now());
        plan::plan(&self.inputs(request, &health, &self.catalog()))
    }

    /// What a plan of this client depends on.
    fn inputs<'a>(&'a self, request: Asked<'a>, health: &'a HealthSnapshot, catalog: &'a Catalog) -> plan::Inputs<'a> {
        let shared = &*self.0;
        let serves = |engine: &&Arc<SearchEngine>| matches!(request, Asked::Chat(request) if engine.serves(request));
        let engines = || shared.engines.iter().filter(serves);
        plan::Inputs {
            request,
            catalog,
            providers: &shared.providers,
            defaults: &shared.preferences,
            health,
            allowance: shared.spending.allowance(shared.clock.unix()),
            search: engines().next().is_some(),
            search_price: engines().map(|engine| engine.price).reduce(|a, b| Some(a?.max(b?))).flatten(),
            seed: shared.seed.unwrap_or_else(|| shared.clock.random_u64()),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

/// Builds a [`Client`]. Later calls win over earlier ones; errors surface in [`ClientBuilder::build`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ClientBuilder {
    config: Config,
    transport: Option<Arc<dyn Transport>>,
    clock: Option<Clock>,
    observers: Observers,
    error: Option<crate::Error>,
}

impl ClientBuilder {
    /// Sets the only key of a provider.
    pub fn api_key(self, provider: impl Into<String>, key: impl Into<String>) -> Self {
        self.configure(provider, ProviderConfig::key(key))
    }

    /// Sets several keys of a provider, tried in order and rotated on 401, 402 and 429.
    pub fn api_keys<K: Into<String>>(self, provider: impl Into<String>, keys: impl IntoIterator<Item = K>) -> Self {
        let api_keys = keys.into_iter().map(Secret::new).collect();
        self.configure(provider, ProviderConfig { api_keys, ..ProviderConfig::default() })
    }

    /// Asks for the provider's key before each attempt, instead of keeping one. The source may give an access token or AWS
    /// keys as well, for sign-ons that junto does not do itself.
    pub fn api_key_from(mut self, provider: impl Into<String>, source: KeySource) -> Self {
        self.config.sources.insert(provider.into(), source);
        self
    }

    /// Sets where a provider is.
    pub fn base_url(self, provider: impl Into<String>, url: impl Into<String>) -> Self {
        self.configure(provider, ProviderConfig { base_url: Some(url.into()), ..ProviderConfig::default() })
    }

    /// Adds a provider, or replaces a built-in row.
    pub fn provider(mut self, row: Provider) -> Self {
        self.config.rows.push(row);
        self
    }

    /// Changes a provider: whatever the configuration says counts, the rest stays.
    pub fn configure(mut self, provider: impl Into<String>, config: ProviderConfig) -> Self {
        self.config.providers.entry(provider.into()).or_default().merge(config);
        self
    }

    /// Preferences of every request; a request's own go on top.
    pub fn preferences(mut self, preferences: Preferences) -> Self {
        self.config.preferences = preferences;
        self
    }

    /// How long a whole call may take, a stream's end included. Without it: 10 minutes, for a stream to its first content.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.limits.timeout = Some(timeout);
        self
    }

    /// How long a stream may take to its first content. Without it: 2 minutes, while another endpoint is left.
    pub fn first_content_timeout(mut self, timeout: Duration) -> Self {
        self.config.limits.first_content = Some(timeout);
        self
    }

    /// How long a stream may be silent after its first content; 3 minutes.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.config.limits.idle = timeout;
        self
    }

    /// How often the last endpoint left is tried again; 2.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.config.limits.max_retries = retries;
        self
    }

    /// Makes plans repeatable: the same request, health and seed give the same order.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = Some(seed);
        self
    }

    /// The most that this client and its clones may spend. A request that may cost more than is left goes to a cheaper
    /// endpoint, or fails with [`crate::ErrorKind::InsufficientCredits`] before anybody is asked. What an answer may cost is
    /// estimated from the prompt and `max_tokens` (else 500), so set that where the limit must hold to the cent.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.config.budget = Some(budget);
        self
    }

    /// What [`Client::export_health_json`] gave, to start with.
    pub fn health(mut self, json: impl Into<String>) -> Self {
        self.config.health = Some(json.into());
        self
    }

    /// Whether keys and URLs that nobody named come from the environment; they do.
    pub fn env(mut self, read: bool) -> Self {
        self.config.environment = if read { Environment::Process } else { Environment::Given(BTreeMap::new()) };
        self
    }

    /// Variables to read instead of the process's environment.
    pub fn env_map(mut self, variables: BTreeMap<String, String>) -> Self {
        self.config.environment = Environment::Given(variables);
        self
    }

    /// Adds a search engine for `:online` on endpoints that cannot search themselves; the first one that is added is asked
    /// first. Without any: those whose key is in the environment (`EXA_API_KEY`, `TAVILY_API_KEY`, `BRAVE_API_KEY`,
    /// `SEARXNG_URL`).
    pub fn search(mut self, engine: SearchConfig) -> Self {
        self.config.search.get_or_insert_default().push(engine);
        self
    }

    /// A search of the caller's own: of the first engine that the configuration has under this name and without a source,
    /// else of one that is added as by [`ClientBuilder::search`].
    pub fn search_with(mut self, name: impl Into<String>, source: SearchSource) -> Self {
        let name = name.into();
        match self.config.search.iter_mut().flatten().find(|engine| engine.engine == name && engine.source.is_none()) {
            Some(engine) => {
                engine.source = Some(source);
                self
            }
            None => self.search(SearchConfig { engine: name, source: Some(source), ..SearchConfig::default() }),
        }
    }

    /// The same settings as JSON: `{providers: {slug: {api_key, api_keys, base_url, headers, policy, protocol, options,
    /// deployments, regions, the names of [`ProviderConfig::credentials`] and of the row's options, such as `region`,
    /// first_content_timeout, idle_timeout, or any field of a row}}, preferences, timeout, first_content_timeout,
    /// idle_timeout, max_retries, seed, budget, health, catalog, catalog_overlay, search, env}`. Times are seconds; `budget` is
    /// `{limit, period, allow_unknown_prices}` with a limit in US dollars and a period of "hour", "day", "month" or seconds;
    /// `health` is what [`Client::export_health_json`] gave; `env` is true, false or an object of variables; `catalog` replaces
    /// the built-in one, and each of the list `catalog_overlay` goes on top: in the built-in one's format or another
    /// [`Shape`](crate::catalog::Shape), `{"file": path}`, or of an overlay `{"url": address, "shape": name}` as in
    /// [`ClientBuilder::catalog_overlay_url`]; `search` is one engine or a list of them: `{engine, api_key,
    /// base_url, max_results, price, timeout, allow_empty, search_prompt}`, a price in US dollars a search.
    pub fn config_json(mut self, json: &str) -> Self {
        if let Err(error) = self.config.merge_json(json) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Another catalog than the built-in one.
    pub fn catalog(mut self, catalog: Arc<Catalog>) -> Self {
        self.config.catalog = Some(catalog);
        self
    }

    /// [`ClientBuilder::catalog`] from a file, in the format of the built-in one or another [`Shape`](crate::catalog::Shape).
    pub fn catalog_file(self, path: impl AsRef<std::path::Path>) -> Self {
        let text = config::read_catalog("catalog", path.as_ref());
        self.tried(text.and_then(|text| Catalog::from_json(&text)), |config, catalog| config.catalog = Some(Arc::new(catalog)))
    }

    /// [`ClientBuilder::catalog`] from its text.
    pub fn catalog_text(self, json: &str) -> Self {
        self.tried(Catalog::from_json(json), |config, catalog| config.catalog = Some(Arc::new(catalog)))
    }

    /// The caller's own word on models: prices, policies, private deployments. It goes on top of the catalog, and of every
    /// [`Client::refresh_catalog`]; of several the last one counts.
    pub fn catalog_overlay(self, json: &str) -> Self {
        self.tried(List::parse(json, None), |config, list| config.overlays.push(Overlay::of(list)))
    }

    /// [`ClientBuilder::catalog_overlay`] from a URL. It is fetched when the first call needs it (an answer, vectors, or
    /// [`Client::models`]), which waits at most 10 seconds; one that cannot be had is left out with a warning in the log.
    /// [`Client::refresh_catalog`] with the same URL fetches it again.
    pub fn catalog_overlay_url(self, url: impl Into<String>) -> Self {
        self.tried(Overlay::at(url.into(), None), |config, overlay| config.overlays.push(overlay))
    }

    fn tried<T>(mut self, value: Result<T>, keep: impl FnOnce(&mut Config, T)) -> Self {
        match value {
            Ok(value) => keep(&mut self.config, value),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }

    /// What moves the bytes, instead of the network.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Time and chance, instead of the computer's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Is told of every attempt when it ends: the endpoint, how long it took, what it cost, why it failed. Runs where the
    /// call runs, so it should be quick; a panic in it is contained.
    pub fn on_attempt(mut self, hook: impl Fn(&Attempt) + Send + Sync + 'static) -> Self {
        self.observers.add_attempt(hook);
        self
    }

    /// Is told of every call, a chat or embeddings, when it has ended: with an answer, with a stream read to its end, with an
    /// error, or because the caller left. As [`ClientBuilder::on_attempt`].
    pub fn on_response(mut self, hook: impl Fn(&Summary) + Send + Sync + 'static) -> Self {
        self.observers.add_response(hook);
        self
    }

    /// Builds the client. Nothing is connected and no TLS is set up before the first request.
    pub fn build(self) -> Result<Client> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let (providers, accounts) = self.config.providers()?;
        let engines = self.config.engines()?;
        let (clock, health) = (self.clock.unwrap_or_default(), Health::default());
        if let Some(json) = &self.config.health {
            health.import(json, clock.now(), clock.unix())?;
        }
        Ok(Client(Arc::new(Shared {
            clock,
            transport: self.transport.unwrap_or_else(|| Arc::new(Reqwest::new())),
            accounts: Arc::new(accounts),
            providers: Arc::new(providers),
            health: Arc::new(health),
            spending: Arc::new(Spending::new(self.config.budget)),
            limits: self.config.limits,
            headers: HeaderMap::new(),
            observers: Arc::new(self.observers),
            engines,
            catalogs: Arc::new(Catalogs::new(self.config.catalog.unwrap_or_else(|| Arc::clone(Catalog::built_in())), self.config.overlays)),
            preferences: Arc::new(self.config.preferences),
            seed: self.config.seed,
        })))
    }
}
