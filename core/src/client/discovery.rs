//! Which models there are, who serves them, and how those fared here.
//!
//! Belongs here: asking the catalog, the plan's filters, the health window and local servers. Does not belong here: the
//! shape of the lists (`types::model`), who may serve (`plan`), a server's own list (`protocols`).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, join_all, select};

use super::Client;
use crate::{
    catalog::{Catalog, Endpoint, Model, unknown_model},
    date,
    error::{Error, Result},
    plan::{Asked, EndpointHealth, HealthSnapshot, Survey, Surveyed},
    preferences::{Percentiles, Preferences},
    protocols::{self, Listed},
    providers::Configured,
    route,
    slug::ModelSlug,
    types::{Architecture, ChatRequest, EndpointInfo, ModelEndpoints, ModelInfo, ModelList, ModelQuery, PriceList, TopProvider},
};

/// How long a local server may take to list its models.
const LOCAL: Duration = Duration::from_secs(1);

impl Client {
    /// The models that there are, or those that this client may use. Only `local`, and overlays that are still to be
    /// fetched, ask the network.
    pub async fn models(&self, query: ModelQuery) -> Result<ModelList> {
        self.open_catalogs().await;
        let local = if query.local { self.local_models().await } else { Vec::new() };
        let preferences = self.0.preferences.merged(&query.provider.clone().unwrap_or_default());
        let only_available = query.available || query.provider.is_some();
        let lists = Lists::new(self);
        let survey = lists.survey(self, &preferences)?;
        let mut data = Vec::new();
        for model in lists.catalog.models() {
            data.extend(info(model, &survey, only_available)?);
        }
        for (provider, listed) in local {
            let slug = format!("{}/{}", provider.slug(), listed.id);
            if lists.catalog.get(&slug).is_none() {
                data.extend(local_info(&slug, &provider, &listed, &survey, only_available));
            }
        }
        Ok(ModelList { object: "list", data })
    }

    /// One model; routing variants on the slug do not matter.
    pub fn model(&self, slug: &str) -> Result<ModelInfo> {
        let (_, model) = self.known(slug)?;
        let lists = Lists::new(self);
        info(&model, &lists.survey(self, &self.0.preferences)?, false)?.ok_or_else(|| unknown_model(slug, &[]))
    }

    /// A model with everyone who serves it, and how they fared here.
    pub fn endpoints(&self, slug: &str) -> Result<ModelEndpoints> {
        let (slug, model) = self.known(slug)?;
        let lists = Lists::new(self);
        let surveyed = lists.survey(self, &self.0.preferences)?.endpoints(&slug)?;
        Ok(ModelEndpoints {
            id: model.slug.to_string(),
            name: model.name.clone(),
            created: published(&model),
            architecture: architecture(surveyed.iter().map(|one| &*one.endpoint)),
            endpoints: surveyed.iter().map(|one| endpoint(&model, one)).collect(),
        })
    }

    /// [`Client::models`] of `{available, provider, local}` in JSON: `{"object": "list", "data": [..]}`.
    pub async fn models_json(&self, query: &str) -> Result<String> {
        let query = ModelQuery::from_json(if query.trim().is_empty() { "{}" } else { query })?;
        Ok(serde_json::to_string(&self.models(query).await?)?)
    }

    /// [`Client::model`] in JSON.
    pub fn model_json(&self, slug: &str) -> Result<String> {
        Ok(serde_json::to_string(&self.model(slug)?)?)
    }

    /// [`Client::endpoints`] in JSON: `{"data": {.., "endpoints": [..]}}`.
    pub fn endpoints_json(&self, slug: &str) -> Result<String> {
        Ok(serde_json::json!({ "data": self.endpoints(slug)? }).to_string())
    }

    /// The model of the catalog that a slug means.
    fn known(&self, slug: &str) -> Result<(ModelSlug, Arc<Model>)> {
        let slug: ModelSlug = slug.parse()?;
        let base = slug.base();
        let catalog = self.catalog();
        let model = catalog.find(&slug)?.ok_or_else(|| unknown_model(&base, &catalog.nearest(&base)))?;
        Ok((slug, Arc::clone(model)))
    }

    /// What the local servers of this client serve. All are asked at once; one that is not there is no error.
    async fn local_models(&self) -> Vec<(Arc<Configured>, Listed)> {
        let local = self.0.providers.iter().filter(|provider| provider.row.keyless && provider.missing_options.is_empty());
        let asked = local.map(|provider| async move {
            let answer = Box::pin(self.local_list(provider));
            let listed = match select(answer, self.0.clock.sleep(LOCAL)).await {
                Either::Left((listed, _)) => listed,
                Either::Right(_) => Err(Error::new(crate::ErrorKind::Timeout, "no list of models in time")),
            };
            let listed = listed.inspect_err(|error| tracing::debug!(provider = provider.slug(), %error, "local server left out"));
            listed.unwrap_or_default().into_iter().map(|listed| (Arc::clone(provider), listed)).collect::<Vec<_>>()
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn local_list(&self, provider: &Configured) -> Result<Vec<Listed>> {
        let Some(listing) = protocols::listing(provider.row.protocol) else { return Ok(Vec::new()) };
        let path = provider.row.quirks.models_path.as_deref().unwrap_or(listing.path);
        let mut request = http::Request::get(format!("{}{path}", provider.base_url))
            .body(Bytes::new())
            .map_err(|error| Error::bad_request("base_url", format!("`{}` has no usable URL: {error}", provider.slug())))?;
        if let Some(account) = self.0.accounts.get(provider.slug()) {
            self.0.sign(&mut request, provider, account, account.keys.first()).await?;
        }
        let response = self.0.transport.send(request).await?;
        if !response.status().is_success() {
            return Err(Error::new(crate::ErrorKind::from_status(response.status().as_u16()), "the server lists no models"));
        }
        (listing.read)(&route::read_all(response.into_body()).await?)
    }
}

/// What a survey borrows.
struct Lists {
    request: ChatRequest,
    catalog: Arc<Catalog>,
    health: Arc<HealthSnapshot>,
}

impl Lists {
    fn new(client: &Client) -> Self {
        let shared = &*client.0;
        Self { request: ChatRequest::default(), catalog: client.catalog(), health: shared.health.snapshot(shared.clock.now()) }
    }

    fn survey<'a>(&'a self, client: &'a Client, preferences: &'a Preferences) -> Result<Survey<'a>> {
        Survey::new(client.inputs(Asked::Chat(&self.request), &self.health, &self.catalog), preferences)
    }
}

/// A model as a list shows it; `None` where only what is available is wanted and nothing is.
fn info(model: &Model, survey: &Survey<'_>, only_available: bool) -> Result<Option<ModelInfo>> {
    let mut surveyed = survey.endpoints(&model.slug.parse()?)?;
    if only_available {
        surveyed.retain(|one| one.rejected.is_none());
        if surveyed.is_empty() {
            return Ok(None);
        }
    }
    let first = surveyed.first().map(|one| &*one.endpoint);
    let owner = model.slug.split_once('/').map_or(&*model.slug, |(author, _)| author);
    Ok(Some(ModelInfo {
        id: model.slug.to_string(),
        object: "model",
        created: published(model),
        owned_by: owner.to_owned(),
        canonical_slug: model.slug.to_string(),
        name: model.name.clone(),
        context_length: first.and_then(|endpoint| endpoint.context_length),
        expiration_date: model.retires.as_deref().map(str::to_owned),
        architecture: architecture(surveyed.iter().map(|one| &*one.endpoint)),
        pricing: first.and_then(|endpoint| endpoint.pricing.as_ref()).map(PriceList::from),
        top_provider: TopProvider {
            context_length: first.and_then(|endpoint| endpoint.context_length),
            max_completion_tokens: first.and_then(|endpoint| endpoint.max_completion_tokens),
            is_moderated: None,
        },
        per_request_limits: None,
        supported_parameters: surveyed
            .iter()
            .filter_map(|one| one.endpoint.parameters)
            .reduce(crate::catalog::Parameters::with)
            .unwrap_or_default(),
    }))
}

/// A model that a local server says it has.
fn local_info(slug: &str, provider: &Configured, listed: &Listed, survey: &Survey<'_>, only_available: bool) -> Option<ModelInfo> {
    if only_available {
        let slug: ModelSlug = slug.parse().ok()?;
        let surveyed = survey.endpoints(&slug).ok()?;
        surveyed.iter().find(|one| *one.endpoint.provider == *provider.slug() && one.rejected.is_none())?;
    }
    Some(ModelInfo {
        id: slug.to_owned(),
        object: "model",
        created: listed.created.unwrap_or(0),
        owned_by: provider.slug().to_owned(),
        canonical_slug: slug.to_owned(),
        name: format!("{} ({})", listed.id, provider.row.name),
        context_length: listed.context_length,
        expiration_date: None,
        architecture: Architecture::default(),
        pricing: None,
        top_provider: TopProvider { context_length: listed.context_length, ..TopProvider::default() },
        per_request_limits: None,
        supported_parameters: crate::catalog::Parameters::EMPTY,
    })
}

/// When a model came out, in Unix seconds; 0 where nobody knows.
fn published(model: &Model) -> u64 {
    model.created.as_deref().and_then(|day| date::rfc3339(&format!("{day}T00:00:00Z"))).map_or(0, |published| published.as_secs())
}

/// What the first endpoint of which it is known reads and writes.
fn architecture<'a>(mut endpoints: impl Iterator<Item = &'a Endpoint>) -> Architecture {
    let known = endpoints.find(|endpoint| endpoint.output.is_some());
    known.map(|endpoint| Architecture::of(endpoint.input, endpoint.output, endpoint.tokenizer)).unwrap_or_default()
}

fn endpoint(model: &Model, one: &Surveyed) -> EndpointInfo {
    let endpoint = &*one.endpoint;
    let provider_name = one.provider.as_ref().map_or(&*endpoint.provider, |provider| &provider.row.name);
    let measured = |percentiles: fn(&EndpointHealth) -> Percentiles| {
        one.health.as_ref().map(percentiles).filter(|percentiles| *percentiles != Percentiles::default())
    };
    EndpointInfo {
        name: format!("{provider_name} | {}", endpoint.upstream),
        model_id: model.slug.to_string(),
        model_name: model.name.clone(),
        provider_name: provider_name.to_owned(),
        tag: endpoint.tag(),
        upstream_id: endpoint.upstream.to_string(),
        context_length: endpoint.context_length,
        max_prompt_tokens: None,
        max_completion_tokens: endpoint.max_completion_tokens,
        pricing: endpoint.pricing.as_ref().map(PriceList::from),
        quantization: endpoint.quantization,
        supported_parameters: endpoint.parameters.unwrap_or_default(),
        status: match &one.health {
            Some(health) if health.cooling_down.is_some() => -2,
            Some(health) if health.recent_outage => -1,
            _ => 0,
        },
        uptime_last_30m: one.health.as_ref().and_then(uptime),
        latency_last_30m: measured(|health| health.latency),
        throughput_last_30m: measured(|health| health.throughput),
        supports_implicit_caching: endpoint
            .pricing
            .as_ref()
            .is_some_and(|pricing| pricing.cache_read.is_some() && pricing.cache_write.is_none()),
        data_policy: one.policy.clone(),
        available: one.rejected.is_none(),
        unavailable_reason: one.rejected.as_ref().map(|rejection| rejection.code().into_owned()),
    }
}

/// Of the calls that were not rate limited, the share that did not fail, in percent.
fn uptime(health: &EndpointHealth) -> Option<f64> {
    let counted = 1.0 - health.rate_limited_rate?;
    (counted > 0.0).then(|| 100.0 * (1.0 - health.error_rate.unwrap_or(0.0) / counted))
}
