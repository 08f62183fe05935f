//! Decides *where*: a request, the catalog, the preferences and a health snapshot in, a ranked plan out.
//!
//! Belongs here: filters and ranking, pure in their arguments and a seed. Does not belong here: whether to try again
//! (`route`), how to encode (`protocols`), IO. PURE.

mod estimate;
mod explain;
mod filter;
mod health_snapshot;
mod offers;
mod rank;
mod rejection;
mod survey;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc, time::Duration};

pub use estimate::prompt_tokens;
pub use health_snapshot::{EndpointHealth, HealthSnapshot};
pub use rejection::{Reason, Rejection};
pub(crate) use survey::{Survey, Surveyed};

use crate::{
    catalog::{Catalog, DataPolicy, Endpoint, Parameter, Parameters, Price},
    error::{Error, ErrorKind, Result},
    preferences::Preferences,
    protocols::searches_in_chat,
    providers::{Configured, ProtocolName, ProviderSet},
    slug::ModelSlug,
    types::{ChatRequest, EmbeddingRequest, Plugin, Reasoning},
};

/// Everything a plan depends on. The same inputs give the same plan.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The request, variants still on its slugs.
    pub request: Asked<'a>,
    /// The models and who serves them.
    pub catalog: &'a Catalog,
    /// The providers as the caller configured them.
    pub providers: &'a ProviderSet,
    /// The client's preferences; the request's own go on top.
    pub defaults: &'a Preferences,
    /// How the endpoints fared lately.
    pub health: &'a HealthSnapshot,
    /// What the client may still spend; `None` where nobody set a limit.
    pub allowance: Option<Allowance>,
    /// Whether a search engine is configured, for `:online` where the vendor has no search of its own.
    pub search: bool,
    /// What a search by the engines costs; `None` where one of them has no known price.
    pub search_price: Option<Price>,
    /// Decides the draw among endpoints.
    pub seed: u64,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// An answer.
    Chat(&'a ChatRequest),
    /// Vectors. All endpoints of a plan serve one model, because vectors of two cannot be compared.
    Embedding(&'a EmbeddingRequest),
}

impl<'a> Asked<'a> {
    /// The slug that is asked for.
    pub(crate) fn model(self) -> &'a String {
        match self {
            Self::Chat(request) => &request.model,
            Self::Embedding(request) => &request.model,
        }
    }

    fn fallbacks(self) -> &'a [String] {
        match self {
            Self::Chat(request) => &request.models,
            Self::Embedding(_) => &[],
        }
    }

    /// The plugin that asks for a web search.
    fn web_plugin(self) -> Option<&'a Plugin> {
        match self {
            Self::Chat(request) => request.web_plugin(),
            Self::Embedding(_) => None,
        }
    }

    fn preferences(self) -> Option<&'a Preferences> {
        match self {
            Self::Chat(request) => request.provider.as_ref(),
            Self::Embedding(request) => request.provider.as_ref(),
        }
    }
}

/// What a client may still spend in the current period of its budget.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// US dollars, what is under way taken off.
    pub remaining: f64,
    /// When the next period begins; `None` where there is none.
    pub resets_in: Option<Duration>,
    /// Whether endpoints of unknown price may serve.
    pub allows_unknown: bool,
}

/// Where a request may go, best first, and why not elsewhere. `Display` is a table.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The slug as it was asked for.
    pub requested: String,
    /// The models, in the order of `model` and `models`.
    pub models: Vec<ModelSlug>,
    /// The prompt's estimated size in tokens of the first model.
    pub prompt_tokens: u64,
    /// The answer's size that costs were estimated with, in tokens.
    pub completion_tokens: u64,
    /// The endpoints, best first; never empty.
    pub candidates: Vec<Candidate>,
    /// The endpoints that may not serve.
    pub rejected: Vec<Rejection>,
}

/// An endpoint that may serve.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Who is asked for what.
    pub endpoint: Arc<Endpoint>,
    /// The provider as configured.
    pub provider: Arc<Configured>,
    /// Which of [`Plan::models`] it serves.
    pub model_index: usize,
    /// The prompt's estimated size in this model's tokens, corrected by what vendors reported.
    pub prompt_tokens: u64,
    /// What the request may cost here, in US dollars; `None` where the price is unknown.
    pub estimated_cost: Option<f64>,
    /// Parameters of the request that it does not know; they are left out.
    pub dropped: Parameters,
    /// Whether `:thinking` turns reasoning on.
    pub reasoning: bool,
    /// How the web is searched, where the request asks for it.
    pub search: Option<Search>,
    /// Whether it failed lately.
    pub recent_outage: bool,
    /// How long it should still be left alone; set only where every endpoint should be.
    pub cooling_down: Option<Duration>,
    /// Tokens per second: measured, else expected.
    pub throughput: Option<f64>,
    /// Seconds to the first token: measured, else expected.
    pub latency: Option<f64>,
    /// Whether it comes first only to be measured.
    pub exploring: bool,
    /// The estimate without corrections, where a vendor's count may be compared with it.
    pub(crate) counted_tokens: Option<u64>,
    /// How many calls were measured.
    calls: u32,
}

/// How the web is searched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Search {
    /// By the configured search engine, before the call.
    Engine,
    /// By the vendor, during the call.
    Native,
}

impl Candidate {
    /// What the operator does with prompts: by the caller's agreement, else the endpoint's terms, else the provider's.
    pub fn policy(&self) -> Option<&DataPolicy> {
        policy(&self.endpoint, &self.provider)
    }

    /// The protocol that this endpoint is asked in; some hosts search in another one than they chat.
    pub(crate) fn protocol(&self) -> ProtocolName {
        let row = &self.provider.row;
        let other = row.quirks.search_protocol.filter(|_| self.search == Some(Search::Native));
        other.filter(|_| !searches_in_chat(&self.endpoint.upstream)).unwrap_or(row.protocol)
    }

    /// The request as this endpoint gets it: without what it does not know, with what the variants ask for.
    pub fn request<'a>(&self, request: &'a ChatRequest) -> Cow<'a, ChatRequest> {
        let searches = self.search == Some(Search::Native) && !self.provider.row.quirks.router;
        let asks = |plugin: &Plugin| plugin.engine.is_none();
        let as_it_is = match self.search {
            Some(Search::Native) => request.web_plugin().is_some_and(|plugin| !searches || asks(plugin)),
            Some(Search::Engine) | None => true,
        };
        if self.dropped.is_empty() && !self.reasoning && as_it_is {
            return Cow::Borrowed(request);
        }
        let mut request = request.clone();
        if !as_it_is {
            let mut plugin = request.web_plugin().cloned().unwrap_or_else(|| Plugin { id: "web".to_owned(), ..Plugin::default() });
            // Here there is one way to search, whatever it was called.
            plugin.engine = plugin.engine.filter(|_| !searches);
            request.plugins.retain(|other| other.id != plugin.id);
            request.plugins.push(plugin);
        }
        self.dropped.iter().for_each(|parameter| filter::remove(&mut request, parameter));
        if self.reasoning && !self.dropped.contains(Parameter::Reasoning) {
            request.reasoning = Some(Reasoning::enabled());
        }
        Cow::Owned(request)
    }
}

fn policy<'a>(endpoint: &'a Endpoint, provider: &'a Configured) -> Option<&'a DataPolicy> {
    provider.policy.as_ref().or(endpoint.policy.as_ref()).or(provider.row.policy.as_ref())
}

/// Plans a request. An error where nothing may serve it, with every endpoint's reason in `excluded_by`.
pub fn plan(inputs: &Inputs<'_>) -> Result<Plan> {
    let request = inputs.request;
    let own = request.preferences();
    let preferences = match own {
        _ if *inputs.defaults == Preferences::default() => own.map_or_else(|| Cow::Owned(Preferences::default()), Cow::Borrowed),
        None => Cow::Borrowed(inputs.defaults),
        Some(own) => Cow::Owned(inputs.defaults.merged(own)),
    };
    let rules = filter::Rules::new(&preferences, inputs.providers)?;
    let needs = match request {
        Asked::Chat(request) => filter::Needs::of(request),
        Asked::Embedding(request) => filter::Needs::of_embedding(request),
    };

    let mut models: Vec<ModelSlug> = Vec::with_capacity(1 + request.fallbacks().len());
    let mut found = Vec::with_capacity(1 + request.fallbacks().len());
    let named =
        std::iter::once(request.model()).filter(|model| !model.is_empty() || request.fallbacks().is_empty()).chain(request.fallbacks());
    for text in named {
        let slug: ModelSlug = text.parse()?;
        if models.contains(&slug) {
            continue;
        }
        found.push(offers::of(&slug, inputs, &rules).map(|offers| {
            let wanted = filter::Wanted::of(&slug, &needs, models.len(), offers.iter().next(), inputs.health);
            (offers, wanted)
        }));
        models.push(slug);
    }
    let mut fits = Vec::with_capacity(found.iter().flatten().map(|(offers, _)| offers.len()).sum());
    let mut rejected = Vec::new();
    for (slug, found) in models.iter().zip(&found) {
        match found {
            Ok((offers, wanted)) => {
                for endpoint in offers.iter() {
                    match filter::check(endpoint, inputs, &rules, &needs, wanted) {
                        Ok(fit) => fits.push(fit),
                        Err(reason) => rejected.push(Rejection { model: None, endpoint: Some(Arc::clone(endpoint)), reason }),
                    }
                }
            }
            // A fallback may still serve, so this is one more reason; alone, it is the error.
            Err(error) => {
                let reason = Reason::ModelNotFound(error.message().into());
                rejected.push(Rejection { model: Some(slug.to_string().into()), endpoint: None, reason });
            }
        }
    }
    filter::cool(&mut fits, &mut rejected);
    let candidates = rank::rank(&fits, &mut rejected, &models, &rules, &needs, inputs.seed);
    let prompt_tokens = found.iter().flatten().next().map(|(_, wanted)| wanted.prompt_tokens);
    if candidates.is_empty() {
        drop(fits);
        return Err(match found.pop() {
            Some(Err(error)) if models.len() == 1 => error,
            _ => empty(request.model(), rejected, inputs.allowance),
        });
    }
    Ok(Plan {
        requested: request.model().clone(),
        models,
        prompt_tokens: prompt_tokens.unwrap_or_default(),
        completion_tokens: needs.completion_tokens,
        candidates,
        rejected,
    })
}

/// The error of a plan without candidates: what emptied it, and what to do.
pub(crate) fn empty(requested: &str, rejected: Vec<Rejection>, allowance: Option<Allowance>) -> Error {
    let mut reasons: Vec<String> = Vec::new();
    for rejection in &rejected {
        let reason = rejection.to_string();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let more = reasons.len().saturating_sub(SHOWN_REASONS);
    reasons.truncate(SHOWN_REASONS);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let message = format!("no endpoint may serve `{requested}`: {}{more}", reasons.join("; "));
    // The budget is asked last, so without it there would be an endpoint.
    let spent = allowance.filter(|_| rejected.iter().any(|rejection| matches!(rejection.reason, Reason::Budget { .. })));
    match spent {
        None => Error::new(ErrorKind::NoEndpoint, message),
        Some(Allowance { resets_in: None, .. }) => Error::new(ErrorKind::InsufficientCredits, message),
        Some(Allowance { resets_in: Some(wait), .. }) => {
            let message = format!("{message}; the budget begins anew in {} seconds", wait.as_secs_f64().ceil());
            Error::new(ErrorKind::InsufficientCredits, message).with_retry_after(wait)
        }
    }
    .with_excluded_by(rejected)
}

/// How many reasons the message of an empty plan spells out; `excluded_by` has them all.
const SHOWN_REASONS: usize = 6;
