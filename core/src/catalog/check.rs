//! What must be true of the built-in catalog's file.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Value, json};

use super::{Catalog, Price, Pricing, ServiceTier};
use crate::{providers, types::Usage};

const TEXT: &str = include_str!("catalog.json");

fn file() -> Value {
    serde_json::from_str(TEXT).expect("catalog.json is JSON")
}

fn models(file: &Value) -> impl Iterator<Item = (&str, &Value)> {
    file["models"].as_array().expect("models").iter().map(|model| (model["slug"].as_str().expect("a slug"), model))
}

fn endpoints(model: &Value) -> &[Value] {
    model["endpoints"].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn it_parses_and_every_field_of_it_is_known() {
    Catalog::from_json(TEXT).expect("catalog.json");
    assert_eq!(Catalog::unpack().expect("packed").models().len(), models(&file()).count());
}

#[test]
fn each_model_reads_alone_as_in_the_whole_file() {
    let whole = Catalog::from_json(TEXT).expect("catalog.json");
    assert!(whole.models().len() > 0);
    for (alone, read) in Catalog::built_in().models().zip(whole.models()) {
        assert_eq!(format!("{alone:?}"), format!("{read:?}"));
    }
}

#[test]
fn it_is_as_large_as_promised() {
    let catalog = Catalog::built_in();
    let offers: usize = catalog.models().map(|model| model.endpoints.len()).sum();
    let serving: BTreeSet<&str> = catalog.models().flat_map(|model| &model.endpoints).map(|offer| &*offer.provider).collect();
    assert!(catalog.models().len() >= 200 && offers >= 500 && serving.len() >= 30);
    let packed = include_bytes!(concat!(env!("OUT_DIR"), "/catalog.json.deflate")).len();
    assert!(packed < 40_000, "{packed} bytes in the library");
}

#[test]
fn every_slug_and_alias_is_there_once() {
    let file = file();
    let mut seen = BTreeMap::new();
    for (slug, model) in models(&file) {
        let aliases = model["aliases"].as_array().into_iter().flatten().map(|alias| alias.as_str().expect("a text"));
        for name in std::iter::once(slug).chain(aliases) {
            let (author, rest) = name.split_once('/').unwrap_or_else(|| panic!("{name} has no author"));
            assert!(author == author.to_lowercase() && !rest.is_empty(), "{name}");
            assert_eq!(seen.insert(name.to_lowercase(), slug), None, "{name} is there twice");
        }
    }
}

#[test]
fn every_endpoint_has_a_row_a_source_limits_and_modalities() {
    for model in Catalog::built_in().models() {
        let mut tags = BTreeSet::new();
        for offer in &model.endpoints {
            let name = format!("{} at {}", model.slug, offer.tag());
            assert!(tags.insert(offer.tag()), "{name} is there twice");
            assert!(providers::by_slug(&offer.provider).is_some(), "{name}: the provider has no row");
            assert!(offer.source.is_some(), "{name}: where was it read?");
            assert!(offer.context_length.is_some_and(|tokens| tokens > 0), "{name}: no context length");
            assert!(offer.parameters.is_some(), "{name}: no parameters");
            assert!(offer.input.is_some_and(|input| !input.is_empty()) && offer.output.is_some_and(|output| !output.is_empty()), "{name}");
            assert!(offer.max_completion_tokens.is_none_or(|tokens| Some(tokens) <= offer.context_length), "{name}: answers too long");
        }
        assert!(!model.endpoints.is_empty(), "{} has no endpoint", model.slug);
    }
}

#[test]
fn every_date_is_a_date() {
    let file = file();
    let date = |value: &Value, of: &str| {
        let Some(text) = value.as_str() else { return };
        let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).collect::<Vec<_>>();
        assert!([&b"0000-00-00"[..], b"0000-00"].contains(&shape.as_slice()), "{of}: {text}");
    };
    for (name, source) in file["sources"].as_object().expect("sources") {
        date(&source["read"], name);
        assert!(source["url"].as_str().is_some_and(|url| url.starts_with("https://")), "{name} has no page");
    }
    for (slug, model) in models(&file) {
        date(&model["created"], slug);
        date(&model["retires"], slug);
    }
}

/// Numbers are written out, so that a person can compare them with the vendor's page: no exponents, and no float's remains.
#[test]
fn prices_are_plain_decimals() {
    fn walk(value: &Value, check: &mut dyn FnMut(&serde_json::Number)) {
        match value {
            Value::Number(number) => check(number),
            Value::Array(items) => items.iter().for_each(|item| walk(item, check)),
            Value::Object(fields) => fields.values().for_each(|field| walk(field, check)),
            _ => {}
        }
    }
    let file = file();
    for (slug, model) in models(&file) {
        let prices = endpoints(model).iter().chain([model]).map(|entry| &entry["price"]);
        prices.for_each(|price| {
            walk(price, &mut |number| {
                let text = number.to_string();
                assert!(!text.contains(['e', 'E', '-']), "{slug}: {text}");
                assert!(text.split_once('.').is_none_or(|(_, decimals)| decimals.len() <= 6), "{slug}: {text}");
                assert!(text.parse::<Price>().is_ok(), "{slug}: {text}");
            });
        });
    }
    let number_then_exponent = |text: &str| {
        text.as_bytes().windows(3).any(|w| w[0].is_ascii_digit() && matches!(w[1], b'e' | b'E') && matches!(w[2], b'-' | b'+'))
    };
    assert!(!TEXT.lines().any(|line| line.split(['"']).step_by(2).any(number_then_exponent)), "a number with an exponent");
}

#[test]
fn every_named_set_is_used() {
    let file = file();
    for kind in ["parameters", "reasoning"] {
        for name in file[kind].as_object().expect("sets").keys() {
            let used = models(&file).any(|(_, model)| model[kind] == **name || endpoints(model).iter().any(|offer| offer[kind] == **name));
            assert!(used, "nothing uses the {kind} `{name}`");
        }
    }
}

#[test]
fn the_promised_models_are_complete() {
    for (slug, serving) in [
        ("openai/gpt-4o", &["openai", "azure", "openrouter"][..]),
        ("openai/gpt-4o-mini", &["openai", "azure", "openrouter"]),
        ("anthropic/claude-sonnet-4-5", &["anthropic", "amazon-bedrock", "azure-anthropic", "google-vertex-anthropic", "openrouter"]),
        ("anthropic/claude-haiku-4-5", &["anthropic", "amazon-bedrock", "azure-anthropic", "google-vertex-anthropic", "openrouter"]),
        ("google/gemini-2.0-flash", &["google-ai-studio", "google-vertex", "openrouter"]),
        ("google/gemini-2.0-pro", &["google-ai-studio", "google-vertex"]),
    ] {
        let model = Catalog::built_in().get(slug).unwrap_or_else(|| panic!("{slug} is missing"));
        for provider in serving {
            let offer =
                model.endpoints.iter().find(|offer| *offer.provider == **provider).unwrap_or_else(|| panic!("{slug} at {provider}"));
            assert!(offer.pricing.is_some() && offer.max_completion_tokens.is_some(), "{slug} at {provider}");
        }
    }
}

/// `costs.json`: the rates of a vendor's page, of one service tier, a usage, and what that comes to by hand.
#[test]
fn costs_are_those_of_the_vendors_pages_to_the_last_digit() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("costs.json")).expect("costs.json");
    assert!(cases.len() >= 40);
    for case in &cases {
        let (slug, provider) = (case["model"].as_str().expect("a model"), case["provider"].as_str().expect("a provider"));
        let model = Catalog::built_in().get(slug).unwrap_or_else(|| panic!("{slug} is missing"));
        let offer = model.endpoints.iter().find(|offer| *offer.provider == *provider).unwrap_or_else(|| panic!("{slug} at {provider}"));
        let page = json!({"models": [{"slug": "a/b", "endpoints": [{"provider": "p", "upstream": "u", "price": case["rates"]}]}]});
        let page = Catalog::from_json(&page.to_string()).expect("rates");
        let rates = page.get("a/b").expect("a model").endpoints[0].pricing.clone();
        let tier = ServiceTier::of(case["service_tier"].as_str());
        let served = offer.pricing.as_ref().and_then(|pricing| pricing.in_tier(tier)).map(Cow::into_owned);
        // A page has a table for each tier.
        let table = served.clone().map(|served| Pricing { flex: None, priority: None, ..served });
        assert_eq!(rates, table, "{slug} at {provider}: not as {} has it", case["page"]);
        let usage: Usage = serde_json::from_value(case["usage"].clone()).expect("usage");
        let cost = served.and_then(|pricing| pricing.cost(&usage)).unwrap_or_else(|| panic!("{slug}: no cost"));
        assert_eq!(cost.total.to_string(), case["cost"].as_str().expect("a cost"), "{slug} at {provider}: {}", case["usage"]);
    }
}
