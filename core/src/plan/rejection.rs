//! Why an endpoint is not in the plan. Words are made only when somebody reads them.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    catalog::{Endpoint, Modalities, Parameter, Parameters, Quantization},
    providers::Configured,
    types::PassedOver,
};

/// An endpoint that may not serve, and why.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The model, where there is no endpoint at all.
    pub(super) model: Option<Arc<str>>,
    pub(super) endpoint: Option<Arc<Endpoint>>,
    pub(super) reason: Reason,
}

/// Why an endpoint may not serve.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// It may cost more than the client's budget has left, or nobody knows what it costs.
    Budget {
        /// What it may cost in US dollars, where that is known.
        cost: Option<f64>,
        /// What is left.
        remaining: f64,
    },
    /// `:thinking` on an endpoint that cannot reason.
    CannotReason,
    /// The prompt and the answer do not fit.
    ContextLength {
        /// Tokens needed, roughly.
        needed: u64,
        /// Tokens there are.
        limit: u64,
    },
    /// It was rate limited or failed repeatedly, and should be left alone.
    CoolingDown {
        /// For how long.
        remaining: Duration,
    },
    /// `data_collection` is `deny`.
    DataPolicy {
        /// Whether the operator trains on prompts.
        trains: Option<bool>,
        /// Whether the operator publishes prompts.
        publishes: Option<bool>,
    },
    /// `allow_fallbacks` is false and another endpoint comes first.
    FallbacksOff,
    /// It is in `ignore`.
    Ignored,
    /// It may cost more than `max_cost`, or nobody knows what it costs.
    MaxCost {
        /// What it may cost in US dollars, where that is known.
        cost: Option<f64>,
        /// The bound.
        bound: f64,
    },
    /// The answer asked for is longer than it gives.
    MaxTokens {
        /// Tokens asked for.
        asked: u64,
        /// Tokens it gives.
        limit: u64,
    },
    /// It charges more than `max_price`.
    MaxPrice {
        /// Which price.
        field: &'static str,
        /// The price, where it is known.
        price: Option<f64>,
        /// The bound.
        bound: f64,
    },
    /// It is not known to take or give this kind of content.
    Modality {
        /// What is missing.
        missing: Modalities,
        /// Whether in the answer rather than in the prompt.
        output: bool,
        /// Whether the endpoint's kinds are known at all.
        known: bool,
    },
    /// Nobody is known to serve the model; the sentence says more.
    ModelNotFound(Box<str>),
    /// There is no key for it.
    NoCredentials(Arc<Configured>),
    /// An option of its URL has no value.
    NotConfigured(Arc<Configured>),
    /// It is not in `only`.
    NotInOnly,
    /// Its weights have another precision than `quantizations`.
    Quantization(Option<Quantization>),
    /// The web cannot be searched.
    SearchUnavailable {
        /// Whether the request asked for the vendor's own search.
        native: bool,
        /// The search engine that the request asked for by name.
        engine: Option<Box<str>>,
    },
    /// The catalog names a provider that this client does not know.
    UnknownProvider,
    /// `require_parameters`, and it does not know these.
    UnsupportedParameter {
        /// The parameters it lacks.
        missing: Parameters,
        /// Whether its parameters are known at all.
        known: bool,
    },
    /// `zdr`, and it is not known to keep nothing.
    Zdr {
        /// Whether the operator keeps prompts.
        retains: Option<bool>,
        /// For how many days.
        days: Option<u32>,
        /// Whether the operator trains on prompts.
        trains: Option<bool>,
    },
}

impl Rejection {
    /// An endpoint that the plan did not leave out, but the moment does.
    pub(crate) fn of(endpoint: &Arc<Endpoint>, reason: Reason) -> Self {
        Self { model: None, endpoint: Some(Arc::clone(endpoint)), reason }
    }

    /// What the answer says of an endpoint that was left out for its cost.
    pub(crate) fn passed_over(&self) -> Option<PassedOver> {
        let (Reason::MaxCost { cost, .. } | Reason::Budget { cost, .. }) = self.reason else { return None };
        let (model, endpoint) = (self.model().to_owned(), self.endpoint());
        Some(PassedOver { model, endpoint, code: self.code().into_owned(), estimated_cost: cost })
    }

    /// The model that would have been served.
    pub fn model(&self) -> &str {
        match (&self.endpoint, &self.model) {
            (Some(endpoint), _) => &endpoint.model,
            (None, model) => model.as_deref().unwrap_or_default(),
        }
    }

    /// The endpoint: `provider` or `provider/region`; empty where nobody serves the model.
    pub fn endpoint(&self) -> String {
        self.endpoint.as_ref().map(|endpoint| endpoint.tag()).unwrap_or_default()
    }

    /// Why, as a value.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Why, for a program: `no_credentials`, `zdr`, `unsupported_parameter:tools`, ...
    pub fn code(&self) -> Cow<'static, str> {
        self.reason.code()
    }

    /// Why, for a person: a sentence about the endpoint.
    pub fn message(&self) -> String {
        self.reason.to_string()
    }
}

impl Reason {
    /// The code that a program reads.
    pub fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Budget { .. } => "budget",
            Self::CannotReason => "unsupported_parameter:reasoning",
            Self::ContextLength { .. } => "context_length",
            Self::CoolingDown { .. } => "cooling_down",
            Self::DataPolicy { .. } => "data_policy",
            Self::FallbacksOff => "fallbacks_off",
            Self::Ignored => "ignored",
            Self::MaxCost { .. } => "max_cost",
            Self::MaxPrice { .. } => "max_price",
            Self::MaxTokens { .. } => "max_tokens",
            Self::Modality { .. } => "modality",
            Self::ModelNotFound(_) => "model_not_found",
            Self::NoCredentials(_) => "no_credentials",
            Self::NotConfigured(_) => "not_configured",
            Self::NotInOnly => "not_in_only",
            Self::Quantization(_) => "quantization",
            Self::SearchUnavailable { .. } => "search_unavailable",
            Self::UnknownProvider => "unknown_provider",
            Self::UnsupportedParameter { missing, .. } => {
                return Cow::Owned(format!("unsupported_parameter:{}", names(missing.iter().map(Parameter::as_str), ",", ",")));
            }
            Self::Zdr { .. } => "zdr",
        })
    }
}

/// `a, b and c`.
fn names<'a>(names: impl Iterator<Item = &'a str>, comma: &str, last: &str) -> String {
    let names: Vec<_> = names.collect();
    match names.split_last() {
        Some((one, [])) => (*one).to_owned(),
        Some((end, rest)) => format!("{}{last}{end}", rest.join(comma)),
        None => String::new(),
    }
}

fn and<'a>(all: impl Iterator<Item = &'a str>) -> String {
    names(all, ", ", " and ")
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget { cost: Some(cost), remaining } => {
                write!(f, "may cost ${cost:.6}, more than the ${remaining:.6} that the client's budget has left")
            }
            Self::Budget { cost: None, .. } => {
                f.write_str("has no known price, and the client has a budget (`budget.allow_unknown_prices` lets it serve)")
            }
            Self::CannotReason => f.write_str("cannot reason, which `:thinking` asks for"),
            Self::ContextLength { needed, limit } => {
                write!(f, "has a context of {limit} tokens, and the request needs about {needed}")
            }
            Self::CoolingDown { remaining } => {
                write!(f, "is left alone for another {:.1} s after failures or a rate limit", remaining.as_secs_f64())
            }
            Self::DataPolicy { trains, publishes } => f.write_str(match (trains, publishes) {
                (Some(true), _) => "trains on prompts, or may, and `data_collection` is \"deny\"",
                (_, Some(true)) => "may publish prompts, and `data_collection` is \"deny\"",
                _ => "is not known to keep from training on prompts, and `data_collection` is \"deny\"",
            }),
            Self::FallbacksOff => f.write_str("would be a fallback, and `allow_fallbacks` is false"),
            Self::Ignored => f.write_str("is in `provider.ignore`"),
            Self::MaxCost { cost: Some(cost), bound } => write!(f, "may cost ${cost:.6}, more than the ${bound} of `max_cost`"),
            Self::MaxCost { cost: None, bound } => write!(f, "has no known price, and `max_cost` allows ${bound}"),
            Self::MaxPrice { field, price: Some(price), bound } => {
                write!(f, "charges ${price} for `{field}`, more than the ${bound} of `max_price`")
            }
            Self::MaxPrice { field, price: None, bound } => {
                write!(f, "has no known price for `{field}`, and `max_price` allows ${bound}")
            }
            Self::MaxTokens { asked, limit } => write!(f, "gives answers of at most {limit} tokens, fewer than the {asked} asked for"),
            Self::Modality { missing, output, known } => {
                let missing = and(missing.iter().map(crate::catalog::Modality::as_str));
                let known = if *known { "does not" } else { "is not known to" };
                if *output { write!(f, "{known} give {missing} output") } else { write!(f, "{known} take {missing} input") }
            }
            Self::ModelNotFound(message) => f.write_str(message),
            Self::NoCredentials(provider) if provider.problem.is_some() => {
                write!(f, "has no usable credentials ({})", provider.problem.as_deref().unwrap_or_default())
            }
            Self::NoCredentials(provider) => {
                let row = &provider.row;
                let variables: Vec<&str> =
                    row.key_env.iter().chain(&row.token_env).map(String::as_str).chain(row.grant.variables()).collect();
                match variables.as_slice() {
                    [] => f.write_str("has no API key (give one to the client)"),
                    variables => write!(f, "has no API key (set {})", names(variables.iter().copied(), ", ", " or ")),
                }
            }
            Self::NotConfigured(provider) => {
                let variables = |option: &String| provider.row.options.get(option).into_iter().flat_map(|option| &option.env);
                let needs = provider.missing_options.iter().map(|option| {
                    let named: Vec<_> = variables(option).chain(&provider.row.base_url_env).map(String::as_str).collect();
                    if named.is_empty() { format!("its option `{option}`") } else { names(named.into_iter(), ", ", " or ") }
                });
                let needs: Vec<_> = needs.collect();
                write!(f, "does not know its URL (set {})", names(needs.iter().map(String::as_str), ", and ", ", and "))
            }
            Self::NotInOnly => f.write_str("is not in `provider.only`"),
            Self::Quantization(Some(quantization)) => write!(f, "serves weights in {quantization}, which `quantizations` leaves out"),
            Self::Quantization(None) => f.write_str("does not say in which precision it serves, and `quantizations` names some"),
            Self::SearchUnavailable { engine: Some(engine), .. } => {
                write!(f, "needs the search engine `{engine}`, which the request names and this client has not (add it to `search`)")
            }
            Self::SearchUnavailable { native: false, .. } => f.write_str(
                "cannot search the web itself, and no search engine is configured (set EXA_API_KEY, TAVILY_API_KEY, BRAVE_API_KEY or \
                 SEARXNG_URL, or `search` in the client's configuration)",
            ),
            Self::SearchUnavailable { native: true, .. } => f.write_str("cannot search the web itself, which the `native` engine asks for"),
            Self::UnknownProvider => f.write_str("is in the catalog, but not among this client's providers"),
            Self::UnsupportedParameter { missing, known } => {
                let missing = and(missing.iter().map(Parameter::as_str));
                let known = if *known { "does not support" } else { "is not known to support" };
                write!(f, "{known} {missing}, and `require_parameters` is true")
            }
            Self::Zdr { retains: Some(true), days: Some(days), .. } => write!(f, "keeps prompts for {days} days, and `zdr` is true"),
            Self::Zdr { retains: Some(true), .. } => f.write_str("keeps prompts, and `zdr` is true"),
            Self::Zdr { retains: Some(false), trains: Some(true), .. } => f.write_str("trains on prompts, and `zdr` is true"),
            Self::Zdr { .. } => f.write_str("is not known to keep nothing, and `zdr` is true"),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Some(endpoint) => write!(f, "{} {}", endpoint.tag(), self.reason),
            None => write!(f, "{}", self.reason),
        }
    }
}

impl Serialize for Rejection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Rejection", 4)?;
        fields.serialize_field("model", self.model())?;
        fields.serialize_field("endpoint", &self.endpoint())?;
        fields.serialize_field("code", &self.code())?;
        fields.serialize_field("message", &self.to_string())?;
        fields.end()
    }
}
