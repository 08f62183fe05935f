//! What a plan says, on a small world of its own.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::catalog::Endpoint;

const MODELS: &str = r#"{
 "parameters": {
  "full": ["max_tokens", "reasoning", "response_format", "seed", "structured_outputs", "temperature", "tool_choice", "tools"],
  "plain": ["max_tokens", "temperature"]
 },
 "models": [
  {"slug": "maker/one", "name": "One", "context": 8000, "max_output": 4000, "input": ["text", "image"], "output": ["text"], "parameters": "full",
   "endpoints": [
    {"provider": "alpha", "upstream": "one", "price": {"prompt": 1, "completion": 1}, "search": true, "throughput": 50, "latency": 1, "quantization": "fp8"},
    {"provider": "beta", "upstream": "maker-one", "price": {"prompt": 2, "completion": 2}, "throughput": 100, "latency": 2, "quantization": "mxfp8"},
    {"provider": "gamma", "upstream": "one-v1", "region": "eu", "price": {"prompt": 3, "completion": 3}, "parameters": "plain", "context": 4000,
     "throughput": 200, "latency": 0.5}]},
  {"slug": "maker/two", "name": "Two", "context": 8000, "input": ["text"], "output": ["text"], "parameters": "plain",
   "endpoints": [
    {"provider": "beta", "upstream": "two", "price": {"prompt": 0.5, "completion": 0.5}},
    {"provider": "delta", "upstream": "two"}]}
 ]}"#;

const PROVIDERS: &str = r#"[
 {"slug": "alpha", "name": "Alpha", "base_url": "https://alpha.test", "key_env": ["ALPHA_KEY", "ALPHA_TOKEN"], "authors": ["maker"],
  "policy": {"trains": false, "retains": true, "retention_days": 30}},
 {"slug": "beta", "name": "Beta Cloud", "base_url": "https://beta.test", "key_env": ["BETA_KEY"], "policy": {"trains": false, "retains": false}},
 {"slug": "gamma", "name": "Gamma", "base_url": "https://gamma.test", "key_env": ["GAMMA_KEY"], "policy": {"trains": true, "retains": true}},
 {"slug": "delta", "name": "Delta", "base_url": "https://{account}.delta.test", "key_env": ["DELTA_KEY"],
  "options": {"account": {"env": ["DELTA_ACCOUNT"]}}},
 {"slug": "router", "name": "Router", "base_url": "https://router.test", "key_env": ["ROUTER_KEY"], "serves_any": true},
 {"slug": "local", "name": "Local", "base_url": "http://localhost:1", "keyless": true}
]"#;

/// The inputs of a plan, owned.
struct World {
    request: ChatRequest,
    catalog: Catalog,
    providers: ProviderSet,
    defaults: Preferences,
    health: HealthSnapshot,
    search: bool,
    seed: u64,
}

/// A world in which alpha, beta and gamma have keys, asked this.
fn world(request: Value) -> World {
    let mut request = request;
    if request.get("messages").is_none() {
        request["messages"] = json!([{"role": "user", "content": "hello"}]);
    }
    let rows: Vec<crate::providers::Provider> = serde_json::from_str(PROVIDERS).expect("rows");
    let providers = rows.into_iter().map(|row| {
        let has_key = ["alpha", "beta", "gamma"].contains(&&*row.slug);
        Configured { has_key, ..Configured::new(Arc::new(row)) }
    });
    World {
        request: ChatRequest::from_json(&request.to_string()).expect("request"),
        catalog: Catalog::from_json(MODELS).expect("catalog"),
        providers: providers.collect(),
        defaults: Preferences::default(),
        health: HealthSnapshot::default(),
        search: false,
        seed: 1,
    }
}

impl World {
    fn plan(&self) -> Result<Plan> {
        plan(&Inputs {
            request: Asked::Chat(&self.request),
            catalog: &self.catalog,
            providers: &self.providers,
            defaults: &self.defaults,
            health: &self.health,
            allowance: None,
            search: self.search,
            search_price: None,
            seed: self.seed,
        })
    }

    /// Changes one provider.
    fn configure(&mut self, slug: &str, change: impl FnOnce(&mut Configured)) {
        let mut provider = (**self.providers.get(slug).expect("a provider")).clone();
        change(&mut provider);
        self.providers.insert(provider);
    }

    fn fares(&mut self, provider: &str, health: EndpointHealth) {
        let endpoint = self.catalog.models().flat_map(|model| &model.endpoints).find(|endpoint| &*endpoint.provider == provider);
        self.health.insert(endpoint.expect("an endpoint").key(), health);
    }
}

fn order(plan: &Plan) -> Vec<String> {
    plan.candidates.iter().map(|candidate| candidate.endpoint.tag()).collect()
}

/// Plans `maker/one` with these preferences and further fields.
fn ask(provider: Value, more: Value) -> Result<Plan> {
    world(request("maker/one", provider, more)).plan()
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at every call")]
fn request(model: &str, provider: Value, more: Value) -> Value {
    let mut request = json!({"model": model, "provider": provider});
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        request[key] = value;
    }
    request
}

fn why(rejected: &[Rejection]) -> Vec<String> {
    rejected.iter().map(|rejection| format!("[{}] {rejection}", rejection.code())).collect()
}

#[test]
fn order_comes_first_and_the_rest_follows() {
    let plan = ask(json!({"order": ["gamma", "delta", "beta"]}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["gamma/eu", "beta", "alpha"]);
    let plan = ask(json!({"order": ["gamma/eu"], "sort": "price"}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["gamma/eu", "alpha", "beta"]);
    let plan = ask(json!({"order": ["Beta Cloud"], "sort": "price"}), json!({})).expect("names for people count too");
    assert_eq!(order(&plan), ["beta", "alpha", "gamma/eu"]);
    let plan = ask(json!({"order": ["gamma/us"], "sort": "price"}), json!({})).expect("another endpoint is not meant");
    assert_eq!(order(&plan), ["alpha", "beta", "gamma/eu"]);
}

#[test]
fn without_fallbacks_only_the_first_or_the_listed_serve() {
    let plan = ask(json!({"sort": "price", "allow_fallbacks": false}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["alpha"]);
    assert_eq!(
        why(&plan.rejected),
        [
            "[fallbacks_off] beta would be a fallback, and `allow_fallbacks` is false",
            "[fallbacks_off] gamma/eu would be a fallback, and `allow_fallbacks` is false"
        ]
    );
    let plan = ask(json!({"order": ["delta", "gamma", "alpha"], "allow_fallbacks": false}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["gamma/eu", "alpha"]);
    let error = ask(json!({"order": ["delta"], "allow_fallbacks": false}), json!({})).expect_err("nobody left");
    assert_eq!((error.kind(), error.status(), error.excluded_by().len()), (ErrorKind::NoEndpoint, 404, 3));
}

#[test]
fn only_and_ignore_leave_out() {
    let plan = ask(json!({"only": ["beta", "gamma"], "ignore": ["gamma/eu"]}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["beta"]);
    assert_eq!(why(&plan.rejected), ["[not_in_only] alpha is not in `provider.only`", "[ignored] gamma/eu is in `provider.ignore`"]);
}

#[test]
fn mistaken_lists_are_errors_that_say_what_to_do() {
    let error = ask(json!({"order": ["alpa"]}), json!({})).expect_err("misspelt");
    assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some("provider.order")));
    assert_eq!(error.message(), "provider.order: `alpa` is not a known provider; did you mean `alpha`?");
    let error = ask(json!({"only": ["nowhere-near/eu"]}), json!({})).expect_err("unknown");
    assert_eq!(error.param(), Some("provider.only"));
    let error = ask(json!({"only": ["alpha", "gamma/eu"], "ignore": ["alpha", "gamma"]}), json!({})).expect_err("contradiction");
    assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some("provider.only")));
    assert!(error.message().contains("alpha, gamma/eu"), "{error}");
    assert!(ask(json!({"ignore": ["nobody"]}), json!({})).is_ok());
}

#[test]
fn data_policies_fail_closed() {
    let plan = ask(json!({"zdr": true}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["beta"]);
    assert_eq!(
        why(&plan.rejected),
        ["[zdr] alpha keeps prompts for 30 days, and `zdr` is true", "[zdr] gamma/eu keeps prompts, and `zdr` is true"]
    );
    let plan = ask(json!({"data_collection": "deny", "sort": "price"}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["alpha", "beta"]);
    assert_eq!(why(&plan.rejected), ["[data_policy] gamma/eu trains on prompts, or may, and `data_collection` is \"deny\""]);

    let mut unknown = world(request("maker/two", json!({"zdr": true}), json!({})));
    unknown.configure("delta", |delta| (delta.has_key, delta.missing_options) = (true, Vec::new()));
    let plan = unknown.plan().expect("a plan");
    assert_eq!(why(&plan.rejected), ["[zdr] delta is not known to keep nothing, and `zdr` is true"]);
}

#[test]
fn an_account_with_an_agreement_overrides_the_catalog() {
    let mut world = world(request("maker/one", json!({"zdr": true, "sort": "price"}), json!({})));
    let agreed = DataPolicy { trains: Some(false), retains: Some(false), ..DataPolicy::default() };
    world.configure("alpha", |alpha| alpha.policy = Some(agreed));
    assert_eq!(order(&world.plan().expect("a plan")), ["alpha", "beta"]);
    world.configure("beta", |beta| beta.policy = Some(DataPolicy::default()));
    assert_eq!(order(&world.plan().expect("a plan")), ["alpha"]);
}

#[test]
fn client_defaults_hold_for_every_request() {
    let mut world = world(request("maker/one", json!({"zdr": false, "sort": "price"}), json!({})));
    world.defaults.zdr = Some(true);
    assert_eq!(order(&world.plan().expect("a plan")), ["beta"]);
}

#[test]
fn prices_bound_inclusively() {
    let plan = ask(json!({"max_price": {"prompt": "2", "completion": 2}, "sort": "price"}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["alpha", "beta"]);
    assert_eq!(why(&plan.rejected), ["[max_price] gamma/eu charges $3 for `prompt`, more than the $2 of `max_price`"]);
    let mut unpriced = world(request("maker/two", json!({"max_price": {"completion": 9}}), json!({})));
    unpriced.configure("delta", |delta| (delta.has_key, delta.missing_options) = (true, Vec::new()));
    let plan = unpriced.plan().expect("a plan");
    assert_eq!(why(&plan.rejected), ["[max_price] delta has no known price for `completion`, and `max_price` allows $9"]);
}

#[test]
fn precisions_are_matched_with_their_kinds() {
    let plan = ask(json!({"quantizations": ["fp8"], "sort": "price"}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["alpha", "beta"]);
    assert_eq!(why(&plan.rejected), ["[quantization] gamma/eu does not say in which precision it serves, and `quantizations` names some"]);
    assert_eq!(order(&ask(json!({"quantizations": ["unknown"]}), json!({})).expect("a plan")), ["gamma/eu"]);
}

#[test]
fn what_does_not_fit_is_left_out() {
    let long = "word ".repeat(4_000);
    let plan = ask(json!({"sort": "price"}), json!({"messages": [{"role": "user", "content": long}]})).expect("a plan");
    assert_eq!(order(&plan), ["alpha", "beta"]);
    assert_eq!(why(&plan.rejected), ["[context_length] gamma/eu has a context of 4000 tokens, and the request needs about 4433"]);
    let error = ask(json!({}), json!({"max_tokens": 5_000})).expect_err("too long an answer");
    assert_eq!(error.excluded_by()[0].code(), "max_tokens");
    assert_eq!(error.excluded_by()[0].message(), "gives answers of at most 4000 tokens, fewer than the 5000 asked for");
}

#[test]
fn content_that_nobody_reads_is_named() {
    let image = json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]}]});
    assert!(ask(json!({}), image.clone()).is_ok());
    let error = world(request("maker/two", json!({}), image)).plan().expect_err("no eyes");
    assert_eq!(error.excluded_by()[0].code(), "modality");
    assert_eq!(error.excluded_by()[0].to_string(), "beta does not take image input");
}

#[test]
fn unknown_parameters_are_dropped_or_required() {
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}], "seed": 3, "temperature": 0.5});
    let plan = ask(json!({"sort": "throughput"}), tools.clone()).expect("a plan");
    assert_eq!(order(&plan), ["beta", "alpha", "gamma/eu"], "gamma is fastest, but has no tools");
    let gamma = &plan.candidates[2];
    assert_eq!(gamma.dropped.iter().map(Parameter::as_str).collect::<Vec<_>>(), ["seed", "tools"]);
    let whole = world(request("maker/one", json!({}), tools.clone())).request;
    let sent = gamma.request(&whole);
    assert_eq!((sent.tools.len(), sent.seed, sent.temperature), (0, None, Some(0.5)));
    assert!(matches!(plan.candidates[0].request(&whole), Cow::Borrowed(_)));

    let plan = ask(json!({"require_parameters": true, "sort": "price"}), tools).expect("a plan");
    assert_eq!(order(&plan), ["alpha", "beta"]);
    assert_eq!(
        why(&plan.rejected),
        ["[unsupported_parameter:seed,tools] gamma/eu does not support seed and tools, and `require_parameters` is true"]
    );
}

#[test]
fn sorts_by_price_throughput_and_latency() {
    for (sort, expected) in [
        (json!("price"), ["alpha", "beta", "gamma/eu"]),
        (json!({"by": "throughput"}), ["gamma/eu", "beta", "alpha"]),
        (json!("latency"), ["gamma/eu", "alpha", "beta"]),
    ] {
        assert_eq!(order(&ask(json!({"sort": sort}), json!({})).expect("a plan")), expected);
    }
    assert_eq!(order(&world(json!({"model": "maker/one:nitro"})).plan().expect("a plan")), ["gamma/eu", "beta", "alpha"]);
    assert_eq!(order(&world(json!({"model": "maker/one:nitro:floor"})).plan().expect("a plan")), ["alpha", "beta", "gamma/eu"]);
    let explicit = world(request("maker/one:nitro", json!({"sort": "price"}), json!({}))).plan().expect("a plan");
    assert_eq!(order(&explicit), ["alpha", "beta", "gamma/eu"]);
    let ordered = world(request("maker/one:nitro", json!({"order": ["alpha"]}), json!({}))).plan().expect("a plan");
    assert_eq!(order(&ordered)[0], "alpha");
}

#[test]
fn measured_beats_expected() {
    let mut world = world(json!({"model": "maker/one:nitro"}));
    let measured = crate::preferences::Percentiles { p50: Some(500.0), ..Default::default() };
    world.fares("alpha", EndpointHealth { throughput: measured, ..EndpointHealth::default() });
    assert_eq!(order(&world.plan().expect("a plan")), ["alpha", "gamma/eu", "beta"]);
}

#[test]
fn an_unknown_price_comes_last() {
    let mut world = world(request("maker/two", json!({"sort": "price"}), json!({})));
    world.configure("delta", |delta| (delta.has_key, delta.missing_options) = (true, Vec::new()));
    assert_eq!(order(&world.plan().expect("a plan")), ["beta", "delta"]);
    assert_eq!(world.plan().expect("a plan").candidates[1].estimated_cost, None);
}

#[test]
fn slow_endpoints_are_put_last_but_never_out() {
    let plan = ask(json!({"sort": "price", "preferred_min_throughput": 100}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["beta", "gamma/eu", "alpha"]);
    let plan = ask(json!({"sort": "price", "preferred_max_latency": {"p50": 0.1}}), json!({})).expect("a plan");
    assert_eq!(order(&plan), ["alpha", "beta", "gamma/eu"]);
    let plan = ask(json!({"sort": "price", "preferred_max_latency": {"p50": 1, "p90": 3}}), json!({})).expect("p90 is unknown");
    assert_eq!(order(&plan), ["alpha", "beta", "gamma/eu"]);
}

#[test]
fn the_draw_follows_the_seed_and_the_odds() {
    let mut world = world(json!({"model": "maker/one"}));
    world.fares("beta", EndpointHealth { recent_outage: true, ..EndpointHealth::default() });
    let mut first = 0;
    for seed in 0..4_000 {
        world.seed = seed;
        let tags = order(&world.plan().expect("a plan"));
        assert_eq!(tags, order(&world.plan().expect("the same plan")));
        assert_eq!(tags[2], "beta", "an outage comes last");
        first += u32::from(tags[0] == "alpha");
    }
    // At prices 1 and 3 the odds are 9 to 1.
    assert!((3_500..3_700).contains(&first), "{first} of 4000");
}

#[test]
fn an_endpoint_that_cools_down_is_left_alone_while_another_may_serve() {
    let mut world = world(request("maker/one", json!({"sort": "price"}), json!({})));
    let cooling = EndpointHealth { cooling_down: Some(Duration::from_millis(2_500)), ..EndpointHealth::default() };
    world.fares("alpha", cooling);
    let plan = world.plan().expect("a plan");
    assert_eq!(order(&plan), ["beta", "gamma/eu"]);
    assert_eq!(why(&plan.rejected), ["[cooling_down] alpha is left alone for another 2.5 s after failures or a rate limit"]);
    world.fares("gamma", cooling);
    world.health.insert(world.catalog.models().next().expect("a model").endpoints[1].key(), cooling);
    let plan = world.plan().expect("better late than never");
    assert_eq!(order(&plan), ["alpha", "beta", "gamma/eu"]);
    assert_eq!(plan.candidates[0].cooling_down, Some(Duration::from_millis(2_500)));
}

#[test]
fn fallback_models_keep_their_order_unless_pooled() {
    let models = json!({"models": ["maker/two", "maker/one"]});
    let plan = ask(json!({"sort": "price"}), models.clone()).expect("a plan");
    let served: Vec<_> = plan.candidates.iter().map(|one| format!("{} {}", one.model_index, one.endpoint.tag())).collect();
    assert_eq!(served, ["0 alpha", "0 beta", "0 gamma/eu", "1 beta"]);
    let plan = ask(json!({"sort": {"by": "price", "partition": "none"}}), models).expect("a plan");
    assert_eq!(&*plan.candidates[0].endpoint.model, "maker/two");
    let plan = ask(json!({"sort": "price"}), json!({"models": ["nobody/nothing"]})).expect("the first serves");
    assert_eq!(plan.rejected.last().expect("one").code(), "model_not_found");
}

#[test]
fn thinking_turns_reasoning_on_where_it_can() {
    let world_of = |more: Value| world(request("maker/one:thinking", json!({"sort": "price"}), more));
    let thinking = world_of(json!({}));
    let plan = thinking.plan().expect("a plan");
    assert_eq!(order(&plan), ["alpha", "beta"]);
    assert_eq!(why(&plan.rejected), ["[unsupported_parameter:reasoning] gamma/eu cannot reason, which `:thinking` asks for"]);
    let sent = plan.candidates[0].request(&thinking.request).into_owned();
    assert_eq!(sent.reasoning.and_then(|reasoning| reasoning.enabled), Some(true));

    let own = world_of(json!({"reasoning": {"effort": "low"}}));
    let sent = own.plan().expect("a plan").candidates[0].request(&own.request).into_owned();
    assert_eq!(sent.reasoning, own.request.reasoning, "the caller's own word stands");
}

#[test]
fn online_searches_natively_or_by_an_engine() {
    let mut online = world(request("maker/one:online", json!({"sort": "price"}), json!({})));
    let plan = online.plan().expect("a plan");
    assert_eq!(plan.candidates.iter().map(|one| one.search).collect::<Vec<_>>(), [Some(Search::Native)]);
    assert_eq!(plan.rejected[0].code(), "search_unavailable");
    online.search = true;
    let plan = online.plan().expect("a plan");
    assert_eq!(
        plan.candidates.iter().map(|one| one.search).collect::<Vec<_>>(),
        [Some(Search::Native), Some(Search::Engine), Some(Search::Engine)]
    );
    let error = world(json!({"model": "maker/two:online"})).plan().expect_err("no search");
    assert!(error.message().contains("set EXA_API_KEY"), "{error}");
    let plan = ask(json!({}), json!({"plugins": [{"id": "web"}]})).expect("a plan");
    assert_eq!(order(&plan), ["alpha"]);
}

#[test]
fn an_unknown_model_goes_to_its_authors_own_provider() {
    let plan = world(json!({"model": "maker/brand-new", "temperature": 1})).plan().expect("a plan");
    assert_eq!(order(&plan), ["alpha"]);
    let candidate = &plan.candidates[0];
    assert_eq!((&*candidate.endpoint.upstream, candidate.estimated_cost), ("brand-new", None));
    assert!(candidate.dropped.is_empty());
    assert_eq!(&*world(json!({"model": "local/llama3.2:3b:nitro"})).plan().expect("a plan").candidates[0].endpoint.upstream, "llama3.2:3b");

    let error =
        world(request("maker/brand-new", json!({"require_parameters": true}), json!({"temperature": 1}))).plan().expect_err("unknown");
    assert_eq!(error.excluded_by()[0].to_string(), "alpha is not known to support temperature, and `require_parameters` is true");
    assert!(world(request("maker/brand-new", json!({"max_price": {"prompt": 100}}), json!({}))).plan().is_err());
}

#[test]
fn a_router_with_a_key_serves_what_others_do_not() {
    let mut world = world(json!({"model": "nobody/nothing:free:nitro"}));
    let error = world.plan().expect_err("nobody");
    assert_eq!((error.kind(), error.param()), (ErrorKind::ModelNotFound, Some("model")));
    world.configure("router", |router| router.has_key = true);
    let plan = world.plan().expect("a plan");
    assert_eq!((&*order(&plan)[0], &*plan.candidates[0].endpoint.upstream), ("router", "nobody/nothing:free"));
    world.request.model = "router/maker/one".to_owned();
    assert_eq!(&*world.plan().expect("a plan").candidates[0].endpoint.upstream, "maker/one");
    world.request.model = "router/auto".to_owned();
    assert_eq!(&*world.plan().expect("a plan").candidates[0].endpoint.upstream, "router/auto");
    world.request.model = "maker/one".to_owned();
    assert_eq!(order(&world.plan().expect("a plan")).last().map(String::as_str), Some("router"), "an unknown price comes last");
}

#[test]
fn a_row_that_the_catalog_lacks_does_not_fall_back_to_the_paid_one() {
    let error = world(json!({"model": "maker/one:free"})).plan().expect_err("no such row");
    assert_eq!(error.kind(), ErrorKind::ModelNotFound);
    assert_eq!(error.message(), "model: `maker/one` has no `:free` row; ask for `maker/one` itself");
}

#[test]
fn a_callers_own_provider_serves_its_authors_models() {
    let mut world = world(json!({"model": "maker/two"}));
    let row = crate::providers::Provider {
        slug: "proxy".into(),
        base_url: "https://proxy.test".into(),
        authors: vec!["maker".into()],
        keyless: true,
        ..Default::default()
    };
    world.providers.insert(Configured { custom: true, ..Configured::new(Arc::new(row)) });
    let plan = world.plan().expect("a plan");
    assert_eq!(order(&plan), ["beta", "proxy"]);
    assert_eq!(&*plan.candidates[1].endpoint.upstream, "two");
}

#[test]
fn an_empty_plan_says_what_to_do() {
    let mut world = world(json!({"model": "maker/two"}));
    world.configure("beta", |beta| beta.has_key = false);
    let error = world.plan().expect_err("no keys");
    assert_eq!((error.kind(), error.status()), (ErrorKind::NoEndpoint, 404));
    assert_eq!(
        error.message(),
        "no endpoint may serve `maker/two`: beta has no API key (set BETA_KEY); delta has no API key (set DELTA_KEY)"
    );
    assert_eq!(
        error.to_json()["error"]["metadata"]["excluded_by"][0],
        json!({"model": "maker/two", "endpoint": "beta", "code": "no_credentials", "message": "beta has no API key (set BETA_KEY)"})
    );
    world.configure("delta", |delta| delta.has_key = true);
    let error = world.plan().expect_err("no account");
    assert_eq!(error.excluded_by()[1].to_string(), "delta does not know its URL (set DELTA_ACCOUNT)");
}

#[test]
fn a_plan_reads_as_a_table_and_as_json() {
    let plan = ask(json!({"sort": "price", "ignore": ["beta"]}), json!({"max_tokens": 100})).expect("a plan");
    assert_eq!(
        plan.to_string(),
        "\
maker/one  (about 8 tokens in, 100 out)

     endpoint  model there  $/M in  $/M out  data           health               est. cost
  1  alpha     one               1        1  keeps 30 days  ~50 tok/s, ~1.00 s   $0.000108
  2  gamma/eu  one-v1            3        3  may train      ~200 tok/s, ~0.50 s  $0.000324

not used:
  beta is in `provider.ignore`"
    );
    let json = serde_json::to_value(&plan).expect("json");
    assert_eq!(json["candidates"][1]["endpoint"], "gamma/eu");
    assert_eq!(json["candidates"][0]["pricing"]["prompt"], "0.000001");
    assert_eq!(json["rejected"][0]["code"], "ignored");
    let plan = ask(json!({"only": ["alpha", "gamma"], "sort": "price"}), json!({"seed": 7, "max_tokens": 100})).expect("a plan");
    assert_eq!(
        plan.to_string().lines().skip(2).take(3).collect::<Vec<_>>(),
        [
            "     endpoint  model there  $/M in  $/M out  data           health               est. cost  left out",
            "  1  alpha     one               1        1  keeps 30 days  ~50 tok/s, ~1.00 s   $0.000108",
            "  2  gamma/eu  one-v1            3        3  may train      ~200 tok/s, ~0.50 s  $0.000324  seed",
        ]
    );
}

/// A model with this many endpoints, and what it takes to plan it.
fn crowd(count: usize) -> World {
    let mut world = world(json!({"model": "maker/one", "temperature": 0.5, "max_tokens": 100}));
    let mut model = crate::catalog::Model::clone(world.catalog.models().next().expect("a model"));
    model.endpoints = (0..count)
        .map(|index| {
            let known = &model.endpoints[index % 2];
            Arc::new(Endpoint { region: Some(format!("r{index}").into()), ..(**known).clone() })
        })
        .collect();
    world.catalog.insert(model);
    world
}

#[test]
fn a_crowd_is_planned_whole() {
    let world = crowd(500);
    assert_eq!(world.plan().expect("a plan").candidates.len(), 500);
}
