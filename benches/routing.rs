//! What routing costs before a byte is sent: slugs and plans.
#![expect(clippy::expect_used, reason = "one that fails should stop")]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use junto::{
    ChatRequest, Preferences,
    catalog::Catalog,
    plan::{Asked, HealthSnapshot, Inputs, plan},
    providers::{Configured, ProviderSet, built_in},
    slug::ModelSlug,
};
use junto_benches::{CpuTime, criterion};
use serde_json::{Value, json};

/// A model with this many endpoints, spread over the built-in providers.
fn catalog(endpoints: usize) -> Catalog {
    let providers: Vec<&str> = built_in().iter().map(|row| row.slug.as_str()).collect();
    let endpoints: Vec<Value> = (0..endpoints)
        .map(|at| {
            json!({
                "provider": providers[at % providers.len()], "region": format!("r{}", at / providers.len()), "upstream": "m",
                "price": {"prompt": (100 + at) as f64 / 100.0, "completion": 4},
            })
        })
        .collect();
    let model = json!({
        "slug": "author/model", "name": "Model", "context": 128_000, "max_output": 16_384, "input": ["text", "image"], "output": ["text"],
        "parameters": "usual", "endpoints": endpoints,
    });
    let parameters = json!({"usual": ["temperature", "max_tokens", "tools", "tool_choice", "response_format"]});
    Catalog::from_json(&json!({"parameters": parameters, "models": [model]}).to_string()).expect("a catalog")
}

fn routing(c: &mut Criterion<CpuTime>) {
    c.bench_function("slug/parse", |b| b.iter(|| black_box("anthropic/claude-sonnet-4-5:thinking:nitro").parse::<ModelSlug>()));

    let mut providers = ProviderSet::default();
    for row in built_in() {
        let mut provider = Configured::with(Arc::clone(row), "http://localhost", std::collections::BTreeMap::new());
        provider.has_key = true;
        providers.insert(provider);
    }
    let request = ChatRequest::new("author/model").system("Be brief.").user("What is the airspeed velocity of an unladen swallow?");
    let strict = r#"{"data_collection": "deny", "require_parameters": true, "sort": "price", "max_price": {"prompt": 100}}"#;
    let strict: Preferences = serde_json::from_str(strict).expect("preferences");
    for count in [5, 50, 500] {
        let catalog = catalog(count);
        for (name, preferences) in [("default", Preferences::default()), ("strict", strict.clone())] {
            let inputs = Inputs {
                request: Asked::Chat(&request),
                catalog: &catalog,
                providers: &providers,
                defaults: &preferences,
                health: &HealthSnapshot::default(),
                allowance: None,
                search: false,
                search_price: None,
                seed: 7,
            };
            assert!(!plan(&inputs).expect("a plan").candidates.is_empty());
            c.bench_function(&format!("plan/{name}/{count}"), |b| b.iter(|| plan(black_box(&inputs)).expect("a plan")));
        }
    }
}

/// What the built-in catalog costs: once per process to unpack and read, and then to find a model in it.
fn built_in_catalog(c: &mut Criterion<CpuTime>) {
    c.bench_function("catalog/first use", |b| b.iter_with_large_drop(|| Catalog::unpack().expect("the catalog")));
    let catalog = Catalog::built_in();
    for slug in ["anthropic/claude-sonnet-4-5", "xai/grok-4.7", "gpt-4o-mini"] {
        let parsed: ModelSlug = slug.parse().expect("a slug");
        c.bench_function(&format!("catalog/find {slug}"), |b| b.iter(|| catalog.find(black_box(&parsed)).expect("known")));
    }
    let mut providers = ProviderSet::default();
    for row in built_in() {
        let mut provider = Configured::with(Arc::clone(row), "http://localhost", std::collections::BTreeMap::new());
        provider.has_key = true;
        providers.insert(provider);
    }
    let request = ChatRequest::new("anthropic/claude-sonnet-4-5").user("What is the airspeed velocity of an unladen swallow?");
    let inputs = Inputs {
        request: Asked::Chat(&request),
        catalog,
        providers: &providers,
        defaults: &Preferences::default(),
        health: &HealthSnapshot::default(),
        allowance: None,
        search: false,
        search_price: None,
        seed: 7,
    };
    c.bench_function("plan/whole catalog", |b| b.iter(|| plan(black_box(&inputs)).expect("a plan")));
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = routing, built_in_catalog
}
criterion_main!(benches);
