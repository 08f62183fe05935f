//! The fixtures were written for these tests after the lists themselves: models.dev's as of 2026-05, LiteLLM's of its release
//! 1.110.2, and OpenRouter's answers as its API reference (2026-08) describes them.

use super::*;
use crate::catalog::{Modality, Parameter, Quantization};

const MODELS_DEV: &str = include_str!("fixtures/models_dev.json");
const LITELLM: &str = include_str!("fixtures/litellm.json");
const ROUTER_MODELS: &str = include_str!("fixtures/openrouter_models.json");
const ROUTER_ENDPOINTS: &str = include_str!("fixtures/openrouter_endpoints.json");

fn merged_with(json: &str) -> Catalog {
    let mut catalog = (**Catalog::built_in()).clone();
    catalog.merge(&List::parse(json, None).expect("a list"));
    catalog
}

fn offer(catalog: &Catalog, slug: &str, provider: &str) -> Arc<Endpoint> {
    let model = catalog.get(slug).unwrap_or_else(|| panic!("{slug} is missing"));
    Arc::clone(model.endpoints.iter().find(|offer| *offer.provider == *provider).unwrap_or_else(|| panic!("{slug} at {provider}")))
}

fn dollars(price: Option<crate::catalog::Price>) -> Option<String> {
    price.map(|price| price.to_string())
}

#[test]
fn each_shape_is_recognised() {
    for (json, shape) in [
        (MODELS_DEV, Shape::ModelsDev),
        (LITELLM, Shape::Litellm),
        (ROUTER_MODELS, Shape::Openrouter),
        (ROUTER_ENDPOINTS, Shape::Openrouter),
        (r#"{"models": []}"#, Shape::Junto),
    ] {
        assert_eq!(List::parse(json, None).expect("a list").shape, shape);
    }
    let error = List::parse(r#"{"what": 1}"#, None).expect_err("no list");
    assert!(error.message().starts_with("catalog: expected a catalog of junto, models.dev"), "{error}");
}

#[test]
fn models_dev_speaks_of_known_endpoints_and_of_new_ones() {
    let catalog = merged_with(MODELS_DEV);
    let gemini = offer(&catalog, "google/gemini-2.5-pro", "google-ai-studio");
    let pricing = gemini.pricing.as_ref().expect("a price");
    assert_eq!(dollars(Some(pricing.prompt)).as_deref(), Some("0.0000015"));
    assert_eq!(pricing.tiers.len(), 1);
    assert_eq!((pricing.tiers[0].above, dollars(pricing.tiers[0].completion)), (200_000, Some("0.000015".to_owned())));
    assert!(gemini.native_search && gemini.parameters.expect("known").contains(Parameter::TopK), "what it does not say stays");
    assert!(gemini.input.expect("known").contains(Modality::File), "pdf is a file");
    // Known by the name that Together calls it, though the list's slug is another.
    let llama = offer(&catalog, "meta-llama/llama-3.3-70b-instruct", "together");
    assert_eq!(dollars(llama.pricing.as_ref().map(|pricing| pricing.prompt)).as_deref(), Some("0.000000025"), "a float's remains");
    let new = offer(&catalog, "somebody/new-model", "together");
    assert_eq!((&*new.upstream, new.pricing.is_none(), new.context_length), ("somebody/new-model", true, Some(8192)));
}

#[test]
fn litellm_speaks_in_dollars_per_token() {
    let catalog = merged_with(LITELLM);
    let claude = offer(&catalog, "anthropic/claude-sonnet-4-5", "anthropic");
    let pricing = claude.pricing.as_ref().expect("a price");
    assert_eq!(dollars(pricing.cache_write_1h).as_deref(), Some("0.000006"));
    assert_eq!(dollars(pricing.search).as_deref(), Some("0.01"));
    assert_eq!(dollars(pricing.tiers[0].prompt).as_deref(), Some("0.000006"), "and not that of another service tier");
    let groq = offer(&catalog, "openai/gpt-oss-120b", "groq");
    assert_eq!((&*groq.upstream, groq.context_length), ("openai/gpt-oss-120b", Some(131_072)));
    assert_eq!(dollars(groq.pricing.as_ref().map(|pricing| pricing.prompt)).as_deref(), Some("0.00000016"));
    assert_eq!(offer(&catalog, "openai/text-embedding-3-small", "openai").dimensions, Some(1536));
    assert!(catalog.get("openai/dall-e-9").is_none() && catalog.get("sample_spec").is_none());
    let alone = Catalog::from_json(LITELLM).expect("a catalog of its own");
    assert_eq!(offer(&alone, "deepseek/deepseek-v4-pro", "deepseek").pricing, None, "a price by the hour is not known");
}

#[test]
fn openrouter_speaks_of_itself_and_of_the_speed_of_others() {
    let catalog = merged_with(ROUTER_MODELS);
    let claude = offer(&catalog, "anthropic/claude-4.5-sonnet-20250929", "openrouter");
    assert_eq!((&*claude.model, &*claude.upstream), ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4.5"));
    let known = claude.parameters.expect("known");
    assert!(known.contains(Parameter::Reasoning) && !known.contains(Parameter::Temperature), "its list is all there is");
    assert_eq!(offer(&catalog, "openrouter/auto", "openrouter").pricing, None, "-1 is no price");

    let catalog = merged_with(ROUTER_ENDPOINTS);
    let before = offer(Catalog::built_in(), "meta-llama/llama-3.3-70b-instruct", "deepinfra");
    let llama = offer(&catalog, "meta-llama/llama-3.3-70b-instruct", "deepinfra");
    assert_eq!(llama.upstream, before.upstream);
    assert_eq!((llama.throughput, llama.latency, llama.quantization), (Some(61.5), Some(0.42), Some(Quantization::Fp8)));
    assert_eq!(dollars(llama.pricing.as_ref().map(|pricing| pricing.prompt)).as_deref(), Some("0.00000011"));
    let model = catalog.get("meta-llama/llama-3.3-70b-instruct").expect("known");
    assert!(!model.endpoints.iter().any(|offer| &*offer.provider == "nobody"), "no one can call what has no name");
}

#[test]
fn a_fact_reaches_every_model_of_the_same_endpoint() {
    let shared = r#"{"models": [
      {"slug": "a/plain", "endpoints": [{"provider": "groq", "upstream": "same", "price": {"prompt": 1, "completion": 1}}]},
      {"slug": "a/preset", "endpoints": [
        {"provider": "groq", "upstream": "same", "region": "eu"}, {"provider": "groq", "upstream": "same", "region": "us"}]},
      {"slug": "groq/same", "endpoints": [{"provider": "together", "upstream": "other"}]}]}"#;
    let list = r#"{"groq": {"models": {"same": {"name": "Same", "cost": {"input": 7, "output": 9}}}}}"#;
    let mut catalog = Catalog::from_json(shared).expect("a catalog");
    catalog.merge(&List::parse(list, None).expect("a list"));
    for (slug, count) in [("a/plain", 1), ("a/preset", 2)] {
        let model = catalog.get(slug).expect(slug);
        assert_eq!(model.endpoints.len(), count, "{slug}");
        for offer in &model.endpoints {
            let price = offer.pricing.as_ref().map(|pricing| pricing.prompt);
            assert_eq!(dollars(price).as_deref(), Some("0.000007"), "{slug} in {:?}", offer.region);
        }
    }
    assert_eq!(catalog.get("groq/same").expect("known").endpoints.len(), 1, "its name is a coincidence");
}

#[test]
fn a_model_of_the_callers_own_stays_one_where_it_shares_an_endpoint() {
    let catalog = merged_with(
        r#"{"models": [{"slug": "acme/ours", "endpoints": [
        {"provider": "openai", "upstream": "gpt-4o", "price": {"prompt": 1, "completion": 1}}]}]}"#,
    );
    assert_eq!(dollars(offer(&catalog, "acme/ours", "openai").pricing.as_ref().map(|own| own.prompt)).as_deref(), Some("0.000001"));
    assert_eq!(offer(&catalog, "openai/gpt-4o", "openai").pricing, offer(Catalog::built_in(), "openai/gpt-4o", "openai").pricing);
}

#[test]
fn an_overlay_has_the_last_word() {
    let overlay = r#"{"models": [
      {"slug": "openai/gpt-4o", "endpoints": [
        {"provider": "azure", "upstream": "my-deployment", "price": {"prompt": 2, "completion": 8}, "policy": {"trains": false, "retains": false}},
        {"provider": "my-gpus", "upstream": "gpt-at-home"}]},
      {"slug": "mine/model", "context": 4096, "endpoints": [{"provider": "my-gpus", "upstream": "m"}]}]}"#;
    let catalog = merged_with(overlay);
    let azure = offer(&catalog, "openai/gpt-4o", "azure");
    assert_eq!(&*azure.upstream, "my-deployment");
    assert_eq!(azure.context_length, Some(128_000), "the rest stays");
    assert!(azure.policy.as_ref().is_some_and(crate::catalog::DataPolicy::is_zero_retention));
    assert_eq!(dollars(azure.pricing.as_ref().map(|pricing| pricing.completion)).as_deref(), Some("0.000008"));
    let home = offer(&catalog, "openai/gpt-4o", "my-gpus");
    assert_eq!((home.context_length, home.pricing.is_none()), (Some(128_000), true));
    assert_eq!(offer(&catalog, "mine/model", "my-gpus").context_length, Some(4096));
    assert_eq!(offer(&catalog, "openai/gpt-4o", "openai").pricing, offer(Catalog::built_in(), "openai/gpt-4o", "openai").pricing);
}

#[test]
fn a_bad_field_is_named_by_its_path() {
    for (json, from, to, message) in [
        (
            MODELS_DEV,
            "\"input\": 1.5",
            "\"input\": [1.5]",
            "catalog.google.models.gemini-2.5-pro.cost.input: expected a price, found a list",
        ),
        (
            MODELS_DEV,
            "\"size\": 200000",
            "\"size\": \"big\"",
            "catalog.google.models.gemini-2.5-pro.cost.tiers[0].tier.size: expected a number of tokens, found a text",
        ),
        (LITELLM, "3.75e-06", "-1", "catalog.claude-sonnet-4-5.cache_creation_input_token_cost: a price is a decimal number"),
        (
            LITELLM,
            "\"max_input_tokens\": 200000",
            "\"max_input_tokens\": \"lots\"",
            "catalog.claude-sonnet-4-5.max_input_tokens: expected a number of tokens, found a text",
        ),
        (ROUTER_MODELS, "\"0.000015\"", "\"cheap\"", "catalog.data[0].pricing.completion: a price is a decimal number"),
        (
            ROUTER_ENDPOINTS,
            "[\"max_tokens\", \"temperature\", \"seed\"]",
            "\"all\"",
            "catalog.data.endpoints[0].supported_parameters: expected a list, found a text",
        ),
        (
            r#"{"models": [{"slug": "a/b", "endpoints": [{"provider": "x", "upstream": "y", "price": {"prompt": -1, "completion": 1}}]}]}"#,
            "",
            "",
            "catalog.models[0].endpoints[0].price.prompt: a price is a decimal number",
        ),
        (r#"{"models": [{"slug": "a/b", "kontext": 1}]}"#, "", "", "catalog.models[0].kontext: unknown field"),
        (r#"{"models": [{"slug": "a/b", "parameters": "none"}]}"#, "", "", "catalog.models[0].parameters: there is no `none` among"),
        ("{", "", "", "catalog: EOF"),
    ] {
        assert!(json.contains(from), "{from}");
        let error = List::parse(&json.replacen(from, to, 1), None).expect_err(message);
        assert!(error.message().starts_with(message), "{error}\nexpected {message}");
        assert_eq!(error.kind(), crate::ErrorKind::BadRequest);
    }
}
