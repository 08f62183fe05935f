//! The `provider` object: which endpoints may serve, in which order.
//!
//! Belongs here: its fields and their validation. Does not belong here: what they do to a plan (`plan`). PURE.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::catalog::{Quantization, Quantizations};

/// Which endpoints may serve, in which order. Lists match a provider (`amazon-bedrock`) or one endpoint
/// (`google-vertex/us-east5`). An empty list and `null` mean the same as leaving the field out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preferences {
    /// Try these first, in this order.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
    /// Use no other than these.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Never use these.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Whether another endpoint may serve when the first, or those in `order`, fail. True unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_fallbacks: Option<bool>,
    /// Whether every parameter of the request must be known to the endpoint. False unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_parameters: Option<bool>,
    /// Whether operators that train on prompts, or publish them, may serve. `allow` unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_collection: Option<DataCollection>,
    /// Whether only operators that keep nothing at all may serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zdr: Option<bool>,
    /// What to sort by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Sort>,
    /// Weights of no other precision than these.
    #[serde(deserialize_with = "nullable_quantizations", skip_serializing_if = "Option::is_none")]
    pub quantizations: Option<Quantizations>,
    /// The most that may be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_price: Option<MaxPrice>,
    /// Endpoints slower than this, in tokens per second, come last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_min_throughput: Option<Percentiles>,
    /// Endpoints with a longer time to the first token than this, in seconds, come last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_max_latency: Option<Percentiles>,
}

impl Preferences {
    /// These as defaults under a request's own. The request wins, except that what protects data only tightens:
    /// `ignore` adds up, and `zdr` and `data_collection: "deny"` stay.
    #[must_use]
    pub fn merged(&self, request: &Self) -> Self {
        let list = |ours: &Vec<String>, theirs: &Vec<String>| if theirs.is_empty() { ours.clone() } else { theirs.clone() };
        let mut ignore = self.ignore.clone();
        ignore.extend(request.ignore.iter().filter(|name| !self.ignore.contains(name)).cloned());
        let deny = [self.data_collection, request.data_collection].contains(&Some(DataCollection::Deny));
        Self {
            order: list(&self.order, &request.order),
            only: list(&self.only, &request.only),
            ignore,
            allow_fallbacks: request.allow_fallbacks.or(self.allow_fallbacks),
            require_parameters: request.require_parameters.or(self.require_parameters),
            data_collection: if deny { Some(DataCollection::Deny) } else { request.data_collection.or(self.data_collection) },
            zdr: if self.zdr == Some(true) { self.zdr } else { request.zdr.or(self.zdr) },
            sort: request.sort.or(self.sort),
            quantizations: request.quantizations.or(self.quantizations),
            max_price: request.max_price.or(self.max_price),
            preferred_min_throughput: request.preferred_min_throughput.or(self.preferred_min_throughput),
            preferred_max_latency: request.preferred_max_latency.or(self.preferred_max_latency),
        }
    }

    /// Whether another endpoint may serve after a failure.
    pub fn allows_fallbacks(&self) -> bool {
        self.allow_fallbacks.unwrap_or(true)
    }
}

/// Whether operators that train on prompts may serve.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataCollection {
    /// They may.
    Allow,
    /// They may not.
    Deny,
}

/// What to sort endpoints by: `"price"`, or `{"by": "price", "partition": "none"}`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Sort {
    /// The measure; `None` where only a partition is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<SortBy>,
    /// What is sorted together.
    pub partition: Partition,
}

/// A measure to sort by.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SortBy {
    /// Shortest time to the first token first.
    Latency,
    /// Lowest price first.
    Price,
    /// Most tokens per second first.
    Throughput,
}

/// What is sorted together where a request names several models.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Partition {
    /// Each model's endpoints apart, the models in their order.
    #[default]
    Model,
    /// The endpoints of all models in one pool.
    None,
}

impl From<SortBy> for Sort {
    fn from(by: SortBy) -> Self {
        Self { by: Some(by), partition: Partition::Model }
    }
}

impl<'de> Deserialize<'de> for Sort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SortVisitor;
        impl<'de> Visitor<'de> for SortVisitor {
            type Value = Sort;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"price\", \"throughput\", \"latency\" or an object with `by` and `partition`")
            }
            fn visit_str<E: serde::de::Error>(self, by: &str) -> Result<Sort, E> {
                SortBy::deserialize(serde::de::value::StrDeserializer::new(by)).map(Sort::from)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Sort, A::Error> {
                #[derive(Default, Deserialize)]
                #[serde(default, deny_unknown_fields)]
                struct Fields {
                    by: Option<SortBy>,
                    partition: Option<Partition>,
                }
                let Fields { by, partition } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Sort { by, partition: partition.unwrap_or_default() })
            }
        }
        deserializer.deserialize_any(SortVisitor)
    }
}

/// The most that may be paid, in US dollars; each bound is inclusive.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaxPrice {
    /// Per million prompt tokens.
    #[serde(deserialize_with = "amount", skip_serializing_if = "Option::is_none")]
    pub prompt: Option<f64>,
    /// Per million completion tokens.
    #[serde(deserialize_with = "amount", skip_serializing_if = "Option::is_none")]
    pub completion: Option<f64>,
    /// Per request.
    #[serde(deserialize_with = "amount", skip_serializing_if = "Option::is_none")]
    pub request: Option<f64>,
    /// Per input image.
    #[serde(deserialize_with = "amount", skip_serializing_if = "Option::is_none")]
    pub image: Option<f64>,
    /// Per million audio input tokens.
    #[serde(deserialize_with = "amount", skip_serializing_if = "Option::is_none")]
    pub audio: Option<f64>,
}

/// A measure at several percentiles; a bare number is the median. `p90` is what nine of ten requests do at least as well
/// as: a low throughput, a high latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<f64>,
    /// Three of four do at least as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p75: Option<f64>,
    /// Nine of ten do at least as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90: Option<f64>,
    /// All but one of a hundred do at least as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
}

impl Percentiles {
    /// The four values, from `p50` to `p99`.
    pub fn values(&self) -> [Option<f64>; 4] {
        [self.p50, self.p75, self.p90, self.p99]
    }
}

impl<'de> Deserialize<'de> for Percentiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PercentilesVisitor;
        impl<'de> Visitor<'de> for PercentilesVisitor {
            type Value = Percentiles;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or an object with `p50`, `p75`, `p90` or `p99`")
            }
            fn visit_f64<E: serde::de::Error>(self, p50: f64) -> Result<Percentiles, E> {
                not_negative(p50).map(|p50| Percentiles { p50: Some(p50), ..Percentiles::default() })
            }
            fn visit_u64<E: serde::de::Error>(self, p50: u64) -> Result<Percentiles, E> {
                self.visit_f64(p50 as f64)
            }
            fn visit_i64<E: serde::de::Error>(self, p50: i64) -> Result<Percentiles, E> {
                self.visit_f64(p50 as f64)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Percentiles, A::Error> {
                #[derive(Default, Deserialize)]
                #[serde(default, deny_unknown_fields)]
                struct Fields {
                    #[serde(deserialize_with = "amount")]
                    p50: Option<f64>,
                    #[serde(deserialize_with = "amount")]
                    p75: Option<f64>,
                    #[serde(deserialize_with = "amount")]
                    p90: Option<f64>,
                    #[serde(deserialize_with = "amount")]
                    p99: Option<f64>,
                }
                let Fields { p50, p75, p90, p99 } = Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Percentiles { p50, p75, p90, p99 })
            }
        }
        deserializer.deserialize_any(PercentilesVisitor)
    }
}

fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// An empty list is no wish.
fn nullable_quantizations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Quantizations>, D::Error> {
    let list: Option<Vec<Quantization>> = Option::deserialize(deserializer)?;
    Ok(list.filter(|list| !list.is_empty()).map(|list| list.into_iter().collect()))
}

/// A number, or a number as a string; at least 0.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    struct Amount;
    impl<'de> Visitor<'de> for Amount {
        type Value = Option<f64>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of at least 0, or one as a string")
        }
        fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
            not_negative(value).map(Some)
        }
        fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
            self.visit_f64(value as f64)
        }
        fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
            self.visit_f64(value as f64)
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text.trim().parse() {
                Ok(value) => self.visit_f64(value),
                Err(_) => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
            }
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_any(self)
        }
    }
    deserializer.deserialize_any(Amount)
}

fn not_negative<E: serde::de::Error>(value: f64) -> Result<f64, E> {
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(E::custom(format!("expected a number of at least 0, not {value}"))) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ChatRequest, ErrorKind};

    fn read(provider: &serde_json::Value) -> crate::Result<Preferences> {
        let request = json!({"model": "a/b", "messages": [{"role": "user", "content": "hi"}], "provider": provider});
        ChatRequest::from_json(&request.to_string()).map(|request| request.provider.unwrap_or_default())
    }

    #[test]
    fn every_field_reads() {
        let preferences = read(&json!({
            "order": ["openai", "azure"], "only": ["openai", "azure"], "ignore": ["groq"], "allow_fallbacks": false,
            "require_parameters": true, "data_collection": "deny", "zdr": true, "sort": {"by": "latency", "partition": "none"},
            "quantizations": ["fp8", "unknown"], "max_price": {"prompt": 1, "completion": "2.5", "request": 0.01, "image": 0, "audio": null},
            "preferred_min_throughput": 50, "preferred_max_latency": {"p50": 1, "p90": 3.5},
        }))
        .expect("all fields");
        assert_eq!(preferences.order, ["openai", "azure"]);
        assert_eq!(preferences.data_collection, Some(DataCollection::Deny));
        assert_eq!(preferences.sort, Some(Sort { by: Some(SortBy::Latency), partition: Partition::None }));
        assert_eq!(
            preferences.max_price,
            Some(MaxPrice { prompt: Some(1.0), completion: Some(2.5), request: Some(0.01), image: Some(0.0), audio: None })
        );
        assert_eq!(preferences.preferred_min_throughput, Some(Percentiles { p50: Some(50.0), ..Percentiles::default() }));
        assert_eq!(preferences.preferred_max_latency.and_then(|latency| latency.p90), Some(3.5));
        let quantizations = preferences.quantizations.expect("some");
        assert!(
            quantizations.admits(Some(Quantization::Mxfp8))
                && quantizations.admits(None)
                && !quantizations.admits(Some(Quantization::Int4))
        );
    }

    #[test]
    fn null_is_as_good_as_absent() {
        let preferences = read(&json!({
            "order": null, "only": null, "ignore": null, "allow_fallbacks": null, "require_parameters": null, "data_collection": null,
            "zdr": null, "sort": null, "quantizations": null, "max_price": null, "preferred_min_throughput": null,
            "preferred_max_latency": null,
        }));
        assert_eq!(preferences.expect("nulls"), Preferences::default());
    }

    #[test]
    fn a_mistake_is_named() {
        for (provider, param, words) in [
            (json!({"sorts": "price"}), "provider.sorts", "unknown field"),
            (json!({"sort": "cheap"}), "provider.sort", "`latency`, `price`, `throughput`"),
            (json!({"sort": 3}), "provider.sort", "or an object with `by` and `partition`"),
            (json!({"sort": {"by": "price", "partition": "all"}}), "provider.sort.partition", "`model` or `none`"),
            (json!({"order": "openai"}), "provider.order", "expected a sequence"),
            (json!({"order": [1]}), "provider.order[0]", "expected a string"),
            (json!({"zdr": "yes"}), "provider.zdr", "expected a boolean"),
            (json!({"data_collection": "never"}), "provider.data_collection", "`allow` or `deny`"),
            (json!({"quantizations": ["fp9"]}), "provider.quantizations[0]", "fp9"),
            (json!({"max_price": {"prompt": "cheap"}}), "provider.max_price.prompt", "a number of at least 0"),
            (json!({"max_price": {"prompt": -1}}), "provider.max_price.prompt", "at least 0"),
            (json!({"max_price": {"tokens": 1}}), "provider.max_price.tokens", "unknown field"),
            (json!({"max_price": 3}), "provider.max_price", "invalid type"),
            (json!({"preferred_min_throughput": {"p42": 1}}), "provider.preferred_min_throughput.p42", "unknown field"),
            (json!({"preferred_max_latency": "fast"}), "provider.preferred_max_latency", "a number or an object"),
            (json!("openai"), "provider", "expected struct Preferences"),
        ] {
            let error = read(&provider).expect_err(param);
            assert_eq!(error.kind(), ErrorKind::BadRequest, "{provider}");
            assert_eq!(error.param(), Some(param), "{provider}: {error}");
            assert!(error.message().starts_with(param) && error.message().contains(words), "{provider}: {error}");
        }
    }

    #[test]
    fn a_request_wins_over_defaults_except_where_data_is_protected() {
        let defaults = Preferences {
            order: vec!["azure".into()],
            ignore: vec!["groq".into()],
            zdr: Some(true),
            data_collection: Some(DataCollection::Deny),
            sort: Some(SortBy::Price.into()),
            ..Preferences::default()
        };
        let own = Preferences {
            order: vec!["openai".into()],
            ignore: vec!["together".into()],
            zdr: Some(false),
            data_collection: Some(DataCollection::Allow),
            allow_fallbacks: Some(false),
            ..Preferences::default()
        };
        let merged = defaults.merged(&own);
        assert_eq!(merged.order, ["openai"]);
        assert_eq!(merged.ignore, ["groq", "together"]);
        assert_eq!((merged.zdr, merged.data_collection), (Some(true), Some(DataCollection::Deny)));
        assert_eq!((merged.allow_fallbacks, merged.sort), (Some(false), Some(SortBy::Price.into())));
    }

    #[test]
    fn what_is_written_reads_back() {
        let preferences =
            read(&json!({"order": ["openai"], "sort": "price", "max_price": {"prompt": 1}, "quantizations": ["fp8"]})).expect("read");
        let text = serde_json::to_value(&preferences).expect("write");
        assert_eq!(read(&text).expect("again"), preferences);
    }
}
