//! Which endpoints may serve. A filter that lacks the fact it needs rejects.

use std::{borrow::Cow, sync::Arc, time::Duration};

use super::{Candidate, EndpointHealth, HealthSnapshot, Inputs, Reason, Rejection, Search, estimate::Size, policy};
use crate::{
    catalog::{Endpoint, EndpointKey, Modalities, Modality, ModelKey, Parameter, Parameters, Price, ServiceTier},
    error::{Error, Result},
    preferences::{DataCollection, Percentiles, Preferences},
    protocols,
    providers::{Configured, ProviderSet},
    slug::{ModelSlug, Variant},
    types::{ChatRequest, Content, EmbeddingRequest, Part, ResponseFormat, SearchSize, Tool},
};

/// An entry of `order`, `only` or `ignore`: a provider, or one endpoint of it by its region or its precision.
#[derive(Clone, Copy, Debug)]
struct Selector<'a> {
    provider: usize,
    region: Option<&'a str>,
}

impl Selector<'_> {
    fn matches(self, provider: usize, endpoint: &Endpoint) -> bool {
        let is = |name: &str, tag: &str| name.eq_ignore_ascii_case(tag);
        let named = |tag: &str| {
            endpoint.region.as_deref().is_some_and(|region| is(region, tag))
                || endpoint.quantization.is_some_and(|quantization| is(quantization.as_str(), tag))
        };
        self.provider == provider && self.region.is_none_or(named)
    }
}

/// The preferences, with provider names looked up.
pub(super) struct Rules<'a> {
    pub(super) preferences: &'a Preferences,
    order: Vec<Selector<'a>>,
    only: Vec<Selector<'a>>,
    ignore: Vec<Selector<'a>>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(preferences: &'a Preferences, providers: &ProviderSet) -> Result<Self> {
        let order = selectors("provider.order", &preferences.order, providers)?;
        let only = selectors("provider.only", &preferences.only, providers)?;
        // A provider that does not exist is never used, so an unknown name here does no harm.
        let ignore: Vec<_> = preferences.ignore.iter().filter_map(|name| selector(name, providers)).collect();
        let ignored = |one: &Selector<'_>| {
            let covers = |other: &&str| one.region.is_some_and(|region| region.eq_ignore_ascii_case(other));
            ignore.iter().any(|other| other.provider == one.provider && other.region.as_ref().is_none_or(covers))
        };
        if !only.is_empty() && only.iter().all(ignored) {
            let message = format!(
                "provider.only: every entry ({}) is also in provider.ignore, so no endpoint is left; take it out of one of them",
                preferences.only.join(", ")
            );
            return Err(Error::bad_request("provider.only", message));
        }
        Ok(Self { preferences, order, only, ignore })
    }

    /// The place in `order`, or its length.
    pub(super) fn order_position(&self, provider: usize, endpoint: &Endpoint) -> usize {
        self.order.iter().position(|selector| selector.matches(provider, endpoint)).unwrap_or(self.order.len())
    }

    pub(super) fn order_len(&self) -> usize {
        self.order.len()
    }

    /// Whether `order` or `only` names this provider.
    pub(super) fn names(&self, provider: usize) -> bool {
        self.order.iter().chain(&self.only).any(|selector| selector.provider == provider)
    }
}

fn selector<'a>(name: &'a str, providers: &ProviderSet) -> Option<Selector<'a>> {
    if let Some(provider) = providers.position_by_any_name(name) {
        return Some(Selector { provider, region: None });
    }
    let (slug, region) = name.split_once('/')?;
    providers.position_by_any_name(slug).map(|provider| Selector { provider, region: Some(region) })
}

fn selectors<'a>(field: &'static str, names: &'a [String], providers: &ProviderSet) -> Result<Vec<Selector<'a>>> {
    let one = |name: &'a String| {
        selector(name, providers).ok_or_else(|| {
            let slug = name.split('/').next().unwrap_or(name);
            let hint = match providers.nearest(slug).first() {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "add its row to the client, or correct the name".to_owned(),
            };
            Error::bad_request(field, format!("{field}: `{name}` is not a known provider; {hint}"))
        })
    };
    names.iter().map(one).collect()
}

/// What a request needs from whoever serves it.
#[derive(Debug)]
pub(super) struct Needs {
    /// Parameters that are set at all; those an endpoint does not know are left out for it.
    present: Parameters,
    /// Parameters that ask for something.
    required: Parameters,
    input: Modalities,
    output: Modalities,
    max_tokens: Option<u64>,
    /// The most that the answer may cost, in US dollars.
    max_cost: Option<f64>,
    size: Size,
    pub(super) completion_tokens: u64,
    /// The caller set `reasoning`; `Some(false)` where to off.
    reasoning: Option<bool>,
    search: Option<SearchWish>,
    /// The search keeps to domains, or away from some.
    search_domains: bool,
    /// How much the search reads.
    search_size: Option<SearchSize>,
    service_tier: ServiceTier,
    /// Vectors are asked for, not an answer.
    embeds: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SearchWish {
    Any,
    Engine,
    Native,
}

/// Tokens of an answer when the request sets no limit, for estimates.
const USUAL_ANSWER: u64 = 500;
impl Needs {
    pub(super) fn of(request: &ChatRequest) -> Self {
        let reasoning = match (&request.reasoning, request.reasoning_effort) {
            (None, None) => None,
            _ => Some(request.reasoning_wanted().is_some_and(|reasoning| reasoning.is_on())),
        };
        let present = present(request);
        let mut required = present;
        if reasoning == Some(false) {
            required = required.without([Parameter::Reasoning].into_iter().collect());
        }
        let mut needs = Self {
            present,
            required,
            input: [Modality::Text].into_iter().collect(),
            output: request.modalities.iter().filter_map(|name| Modality::from_name(name)).collect(),
            max_tokens: request.max_output_tokens(),
            max_cost: request.max_cost,
            size: Size::of(request),
            completion_tokens: request.max_output_tokens().unwrap_or(USUAL_ANSWER).saturating_mul(request.n.unwrap_or(1).max(1)),
            reasoning,
            search: search_wish(request),
            search_domains: request.web_plugin().is_some_and(|plugin| plugin.extra.keys().any(|name| name.ends_with("_domains"))),
            search_size: search_size(request),
            service_tier: ServiceTier::of(request.service_tier.as_deref()),
            embeds: false,
        };
        needs.output.insert(if needs.output.is_empty() { Modality::Text } else { first(needs.output) });
        for message in &request.messages {
            if let Some(Content::Parts(parts)) = &message.content {
                for part in parts {
                    needs.input.insert(modality_of(part));
                }
            }
        }
        needs
    }

    /// Of a list: no request, so nothing that an endpoint could lack.
    pub(super) fn nothing() -> Self {
        Self { input: Modalities::EMPTY, output: Modalities::EMPTY, ..Self::of(&ChatRequest::default()) }
    }

    pub(super) fn of_embedding(request: &EmbeddingRequest) -> Self {
        Self {
            input: [Modality::Text].into_iter().collect(),
            output: [Modality::Embeddings].into_iter().collect(),
            size: Size::of_embedding(request),
            completion_tokens: 0,
            embeds: true,
            ..Self::nothing()
        }
    }

    /// Whether the endpoint lacks tools or an answer format that the request uses.
    pub(super) fn lacks_soft(&self, endpoint: &Endpoint) -> bool {
        let soft = self.required.common(soft());
        !soft.is_empty() && !soft.without(endpoint.parameters.unwrap_or_default()).is_empty()
    }
}

fn modality_of(part: &Part) -> Modality {
    match part {
        Part::Image(..) => Modality::Image,
        Part::File(..) => Modality::File,
        Part::InputAudio(_) => Modality::Audio,
        Part::Video(_) => Modality::Video,
        // An unknown type is the vendor's to refuse.
        Part::Text(_) | Part::Refusal(_) | Part::Other(_) => Modality::Text,
    }
}

fn first(modalities: Modalities) -> Modality {
    modalities.iter().next().unwrap_or(Modality::Text)
}

fn soft() -> Parameters {
    [Parameter::Tools, Parameter::ResponseFormat, Parameter::StructuredOutputs].into_iter().collect()
}

fn search_wish(request: &ChatRequest) -> Option<SearchWish> {
    let web = request.web_plugin()?;
    Some(match web.engine.as_deref() {
        None | Some("auto") => SearchWish::Any,
        Some("native") => SearchWish::Native,
        Some(_) => SearchWish::Engine,
    })
}

/// How much a search should read.
fn search_size(request: &ChatRequest) -> Option<SearchSize> {
    SearchSize::from_name(request.search_options()?.get("search_context_size")?.as_str()?)
}

/// The parameters that a request sets.
fn present(request: &ChatRequest) -> Parameters {
    use Parameter as P;
    let mut set = Parameters::EMPTY;
    let mut put = |parameter: P, is_set: bool| {
        if is_set {
            set.insert(parameter);
        }
    };
    put(P::Audio, request.audio.is_some());
    put(P::FrequencyPenalty, request.frequency_penalty.is_some());
    put(P::LogitBias, request.logit_bias.as_ref().is_some_and(|bias| !bias.is_empty()));
    put(P::Logprobs, request.logprobs == Some(true));
    put(P::MaxTokens, request.max_output_tokens().is_some());
    put(P::MinP, request.min_p.is_some());
    put(P::N, request.n.is_some_and(|n| n > 1));
    put(P::ParallelToolCalls, request.parallel_tool_calls.is_some());
    put(P::Prediction, request.prediction.is_some());
    put(P::PresencePenalty, request.presence_penalty.is_some());
    put(P::Reasoning, request.reasoning.is_some() || request.reasoning_effort.is_some());
    put(P::RepetitionPenalty, request.repetition_penalty.is_some());
    match &request.response_format {
        None | Some(ResponseFormat::Text) => {}
        Some(ResponseFormat::JsonSchema(_)) => put(P::StructuredOutputs, true),
        Some(ResponseFormat::JsonObject | ResponseFormat::Other(_)) => put(P::ResponseFormat, true),
    }
    put(P::Seed, request.seed.is_some());
    put(P::ServiceTier, request.service_tier.is_some());
    put(P::Stop, !request.stop_sequences().is_empty());
    put(P::Temperature, request.temperature.is_some());
    put(P::ToolChoice, request.tool_choice.is_some());
    put(P::Tools, request.tools.iter().any(|tool| matches!(tool, Tool::Function { .. })));
    put(P::TopA, request.top_a.is_some());
    put(P::TopK, request.top_k.is_some());
    put(P::TopLogprobs, request.top_logprobs.is_some());
    put(P::TopP, request.top_p.is_some());
    put(P::Verbosity, request.verbosity.is_some());
    put(P::WebSearchOptions, request.web_search_options.is_some());
    set
}

/// Leaves a parameter out of a request.
pub(super) fn remove(request: &mut ChatRequest, parameter: Parameter) {
    use Parameter as P;
    match parameter {
        P::Audio => request.audio = None,
        P::FrequencyPenalty => request.frequency_penalty = None,
        P::LogitBias => request.logit_bias = None,
        P::Logprobs => request.logprobs = None,
        P::MaxTokens => (request.max_tokens, request.max_completion_tokens) = (None, None),
        P::MinP => request.min_p = None,
        P::N => request.n = None,
        P::ParallelToolCalls => request.parallel_tool_calls = None,
        P::Prediction => request.prediction = None,
        P::PresencePenalty => request.presence_penalty = None,
        P::Reasoning => (request.reasoning, request.reasoning_effort) = (None, None),
        P::RepetitionPenalty => request.repetition_penalty = None,
        P::ResponseFormat | P::StructuredOutputs => request.response_format = None,
        P::Seed => request.seed = None,
        P::ServiceTier => request.service_tier = None,
        P::Stop => request.stop = None,
        P::Temperature => request.temperature = None,
        P::ToolChoice => request.tool_choice = None,
        P::Tools => request.tools.retain(|tool| matches!(tool, Tool::Server(_))),
        P::TopA => request.top_a = None,
        P::TopK => request.top_k = None,
        P::TopLogprobs => request.top_logprobs = None,
        P::TopP => request.top_p = None,
        P::Verbosity => request.verbosity = None,
        P::WebSearchOptions => request.web_search_options = None,
    }
}

/// What one of the request's slugs asks for besides the model.
pub(super) struct Wanted {
    index: usize,
    /// The prompt in this model's tokens.
    pub(super) prompt_tokens: u64,
    counted_tokens: Option<u64>,
    thinking: bool,
    search: Option<SearchWish>,
    /// The model of the offers, and what their keys begin with.
    model: Option<(Arc<str>, ModelKey)>,
}

impl Wanted {
    /// `offer` is any of the model's endpoints: they count alike.
    pub(super) fn of(slug: &ModelSlug, needs: &Needs, index: usize, offer: Option<&Arc<Endpoint>>, health: &HealthSnapshot) -> Self {
        let counted = needs.size.tokens(offer.map(|offer| offer.tokenizer).unwrap_or_default());
        let ratio = offer.map_or(1.0, |offer| health.token_ratio(offer));
        Self {
            index,
            prompt_tokens: (counted as f64 * ratio).round() as u64,
            counted_tokens: needs.size.is_countable().then_some(counted),
            // The caller's own `reasoning` says more than the suffix.
            thinking: slug.has(Variant::Thinking) && needs.reasoning.is_none() && !needs.embeds,
            search: needs.search.or((slug.has(Variant::Online) && !needs.embeds).then_some(SearchWish::Any)),
            model: offer.map(|offer| (Arc::clone(&offer.model), ModelKey::new(&offer.model))),
        }
    }

    fn key(&self, endpoint: &Endpoint) -> EndpointKey {
        match &self.model {
            Some((model, key)) if Arc::ptr_eq(model, &endpoint.model) => key.endpoint(&endpoint.provider, endpoint.region.as_deref()),
            _ => endpoint.key(),
        }
    }
}

/// Whether an endpoint may serve, and how.
#[inline]
pub(super) fn check<'a>(
    endpoint: &'a Arc<Endpoint>,
    inputs: &Inputs<'a>,
    rules: &Rules<'_>,
    needs: &Needs,
    wanted: &'a Wanted,
) -> Result<Fit<'a>, Reason> {
    let preferences = rules.preferences;
    let (position, provider) = inputs
        .providers
        .position(&endpoint.provider)
        .and_then(|position| Some((position, inputs.providers.at(position)?)))
        .ok_or(Reason::UnknownProvider)?;

    // The caller's own lists come first: they say most about what was meant.
    if rules.ignore.iter().any(|selector| selector.matches(position, endpoint)) {
        return Err(Reason::Ignored);
    }
    if !rules.only.is_empty() && !rules.only.iter().any(|selector| selector.matches(position, endpoint)) {
        return Err(Reason::NotInOnly);
    }
    if !provider.is_usable() {
        return Err(Reason::NoCredentials(Arc::clone(provider)));
    }
    if !provider.missing_options.is_empty() {
        return Err(Reason::NotConfigured(Arc::clone(provider)));
    }

    if preferences.zdr == Some(true) || preferences.data_collection == Some(DataCollection::Deny) {
        let policy = policy(endpoint, provider).map_or_else(Cow::default, Cow::Borrowed);
        if preferences.zdr == Some(true) && !policy.is_zero_retention() {
            return Err(Reason::Zdr { retains: policy.retains, days: policy.retention_days, trains: policy.trains });
        }
        if preferences.data_collection == Some(DataCollection::Deny) && !policy.denies_collection() {
            return Err(Reason::DataPolicy { trains: policy.trains, publishes: policy.publishes });
        }
    }
    if let Some(quantizations) = preferences.quantizations
        && !quantizations.admits(endpoint.quantization)
    {
        return Err(Reason::Quantization(endpoint.quantization));
    }
    max_price(endpoint, preferences)?;

    modality(needs.input, endpoint.input, false)?;
    if needs.embeds && protocols::embedder(provider.row.protocol).is_none() {
        return Err(Reason::Modality { missing: needs.output, output: true, known: true });
    }
    // Whether a model that nobody describes embeds, only its vendor knows.
    if !needs.embeds || endpoint.output.is_some() {
        modality(needs.output, endpoint.output, true)?;
    }
    fits(endpoint, needs, wanted.prompt_tokens)?;

    let known = endpoint.parameters;
    if preferences.require_parameters == Some(true) {
        let missing = needs.required.without(known.unwrap_or_default());
        if !missing.is_empty() {
            return Err(Reason::UnsupportedParameter { missing, known: known.is_some() });
        }
    }
    if wanted.thinking && known.is_some_and(|known| !known.contains(Parameter::Reasoning)) {
        return Err(Reason::CannotReason);
    }
    let row = &provider.row;
    let search = match wanted.search {
        None => None,
        // A router takes the plugin as it is.
        Some(_) if row.quirks.router => Some(Search::Native),
        // An engine that keeps to the domains asked for is nearer to what was meant.
        Some(SearchWish::Any) if needs.search_domains && inputs.search && !row.searches_by_domain() => Some(Search::Engine),
        Some(SearchWish::Any | SearchWish::Native) if endpoint.native_search && row.can_search() => Some(Search::Native),
        Some(SearchWish::Any | SearchWish::Engine) if inputs.search => Some(Search::Engine),
        Some(wish) => {
            let named = inputs.request.web_plugin().and_then(|plugin| plugin.engine.as_deref());
            let engine = named.filter(|_| wish == SearchWish::Engine).map(Into::into);
            return Err(Reason::SearchUnavailable { native: wish == SearchWish::Native, engine });
        }
    };

    // Last, so that a rejection by cost means that nothing else is in the way.
    let search_price = match search {
        None => Some(Price::default()),
        Some(Search::Engine) => inputs.search_price,
        Some(Search::Native) => endpoint.pricing.as_ref().and_then(|pricing| pricing.search),
    };
    let estimated_cost = cost(endpoint, wanted.prompt_tokens, needs, search_price);
    let known_cost = estimated_cost.filter(|_| search_price.is_some());
    if let Some(bound) = needs.max_cost
        && known_cost.is_none_or(|cost| cost > bound)
    {
        return Err(Reason::MaxCost { cost: known_cost, bound });
    }
    if let Some(allowance) = inputs.allowance
        && known_cost.map_or(!allowance.allows_unknown, |cost| cost > allowance.remaining)
    {
        return Err(Reason::Budget { cost: known_cost, remaining: allowance.remaining });
    }

    let key = wanted.key(endpoint);
    let health = inputs.health.get(key);
    Ok(Fit {
        endpoint,
        provider,
        wanted,
        health,
        estimated_cost,
        // Of an endpoint whose parameters nobody wrote down, nothing is known to be unsupported.
        dropped: known.map_or(Parameters::EMPTY, |known| needs.present.without(known).without(options_of(search))),
        search,
        key,
        order: rules.order_position(position, endpoint) as u32,
        misses_preferred: misses_preferred(preferences, endpoint, health),
    })
}

/// An endpoint that may serve: all that its place depends on. Only what has a place becomes a [`Candidate`].
pub(super) struct Fit<'a> {
    pub(super) endpoint: &'a Arc<Endpoint>,
    provider: &'a Arc<Configured>,
    wanted: &'a Wanted,
    health: Option<&'a EndpointHealth>,
    pub(super) estimated_cost: Option<f64>,
    dropped: Parameters,
    search: Option<Search>,
    pub(super) key: EndpointKey,
    /// Its place in `provider.order`, or the length of that list.
    pub(super) order: u32,
    /// Whether it is slower than the preferences like.
    pub(super) misses_preferred: bool,
}

impl Fit<'_> {
    pub(super) fn model_index(&self) -> usize {
        self.wanted.index
    }

    /// How many calls were measured.
    pub(super) fn calls(&self) -> u32 {
        self.health.map_or(0, |health| health.calls)
    }

    pub(super) fn recent_outage(&self) -> bool {
        self.health.is_some_and(|health| health.recent_outage)
    }

    pub(super) fn throughput(&self) -> Option<f64> {
        self.health.and_then(|health| health.throughput.p50).or(self.endpoint.throughput)
    }

    pub(super) fn latency(&self) -> Option<f64> {
        self.health.and_then(|health| health.latency.p50).or(self.endpoint.latency)
    }

    fn cooling_down(&self) -> Option<Duration> {
        self.health.and_then(|health| health.cooling_down)
    }

    pub(super) fn rejection(&self, reason: Reason) -> Rejection {
        Rejection { model: None, endpoint: Some(Arc::clone(self.endpoint)), reason }
    }

    pub(super) fn candidate(&self, exploring: bool) -> Candidate {
        Candidate {
            endpoint: Arc::clone(self.endpoint),
            provider: Arc::clone(self.provider),
            model_index: self.wanted.index,
            prompt_tokens: self.wanted.prompt_tokens,
            counted_tokens: self.wanted.counted_tokens,
            estimated_cost: self.estimated_cost,
            dropped: self.dropped,
            reasoning: self.wanted.thinking,
            search: self.search,
            recent_outage: self.recent_outage(),
            cooling_down: self.cooling_down(),
            throughput: self.throughput(),
            latency: self.latency(),
            exploring,
            calls: self.calls(),
        }
    }
}

/// A search of any kind takes the search's own options.
fn options_of(search: Option<Search>) -> Parameters {
    search.map(|_| Parameter::WebSearchOptions).into_iter().collect()
}

/// What the request may cost there in the service tier that it asks for, a search at this price included; `None` where the
/// price of tokens is unknown.
fn cost(endpoint: &Endpoint, prompt_tokens: u64, needs: &Needs, search_price: Option<Price>) -> Option<f64> {
    let pricing = endpoint.pricing.as_ref()?;
    let takes_tiers = endpoint.parameters.is_none_or(|known| known.contains(Parameter::ServiceTier));
    let tier = if takes_tiers { needs.service_tier } else { ServiceTier::Standard };
    let mut cost = pricing.estimate(prompt_tokens, needs.completion_tokens);
    if tier != ServiceTier::Standard {
        cost *= Price::dollars(pricing.factor(tier)?.times(1));
    }
    if pricing.request.is_some() {
        cost += Price::dollars(pricing.fee(needs.search_size).times(1));
    }
    if let Some(price) = search_price.filter(|price| price.pico() > 0) {
        cost += Price::dollars(price.times(1));
    }
    Some(cost)
}

fn modality(needed: Modalities, known: Option<Modalities>, output: bool) -> Result<(), Reason> {
    // Any chat model reads and writes text, known or not.
    let text: Modalities = [Modality::Text].into_iter().collect();
    let missing = needed.without(known.unwrap_or(text));
    if missing.is_empty() { Ok(()) } else { Err(Reason::Modality { missing, output, known: known.is_some() }) }
}

/// An unknown context passes: every prompt needs one, so nothing unknown could ever serve, and the vendor says it clearly.
fn fits(endpoint: &Endpoint, needs: &Needs, prompt_tokens: u64) -> Result<(), Reason> {
    // Each input has the context to itself.
    if needs.embeds {
        return Ok(());
    }
    if let (Some(asked), Some(limit)) = (needs.max_tokens, endpoint.max_completion_tokens)
        && asked > limit
    {
        return Err(Reason::MaxTokens { asked, limit });
    }
    let needed = prompt_tokens.saturating_add(needs.max_tokens.unwrap_or(0));
    match endpoint.context_length {
        Some(limit) if needed > limit => Err(Reason::ContextLength { needed, limit }),
        _ => Ok(()),
    }
}

fn max_price(endpoint: &Endpoint, preferences: &Preferences) -> Result<(), Reason> {
    let Some(max) = &preferences.max_price else { return Ok(()) };
    let pricing = endpoint.pricing.as_ref();
    let per_unit = |price: Option<Price>| Price::dollars(u128::from(price.unwrap_or_default().pico()));
    let bounds = [
        ("prompt", max.prompt, pricing.map(|pricing| pricing.prompt.per_million())),
        ("completion", max.completion, pricing.map(|pricing| pricing.completion.per_million())),
        ("request", max.request, pricing.map(|pricing| per_unit(pricing.request))),
        ("image", max.image, pricing.map(|pricing| per_unit(pricing.image))),
        ("audio", max.audio, pricing.map(|pricing| pricing.audio.unwrap_or(pricing.prompt).per_million())),
    ];
    for (field, bound, price) in bounds {
        if let Some(bound) = bound
            && price.is_none_or(|price| price > bound)
        {
            return Err(Reason::MaxPrice { field, price, bound });
        }
    }
    Ok(())
}

/// Whether an endpoint is slower than the caller likes. What was never measured counts by the catalog's median alone.
fn misses_preferred(preferences: &Preferences, endpoint: &Endpoint, health: Option<&EndpointHealth>) -> bool {
    let missed = |wish: Option<Percentiles>, measured: Option<Percentiles>, expected: Option<f64>, is_met: fn(f64, f64) -> bool| {
        let Some(wish) = wish else { return false };
        let mut known = measured.unwrap_or_default();
        known.p50 = known.p50.or(expected);
        wish.values().into_iter().zip(known.values()).any(|(wish, known)| match (wish, known) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(wish), Some(known)) => !is_met(known, wish),
        })
    };
    missed(preferences.preferred_min_throughput, health.map(|health| health.throughput), endpoint.throughput, |known, wish| known >= wish)
        || missed(preferences.preferred_max_latency, health.map(|health| health.latency), endpoint.latency, |known, wish| known <= wish)
}

/// Takes out endpoints that should be left alone, unless that leaves none.
pub(super) fn cool(fits: &mut Vec<Fit<'_>>, rejected: &mut Vec<Rejection>) {
    if fits.iter().all(|fit| fit.cooling_down().is_some()) {
        return;
    }
    fits.retain(|fit| match fit.cooling_down() {
        None => true,
        Some(remaining) => {
            rejected.push(fit.rejection(Reason::CoolingDown { remaining }));
            false
        }
    });
}
