//! What holds of every plan, whatever the catalog and the preferences: nothing that was rejected is called, the same seed
//! gives the same plan, every endpoint is either a candidate or rejected, and what `explain` says is what `chat` does.

#[cfg(test)]
mod properties {
    use std::sync::Arc;

    use junto::{
        ChatRequest, Client,
        clock::Clock,
        transport::{Scripted, ScriptedTransport},
    };
    use proptest::{prelude::*, sample::select};
    use serde_json::{Map, Value, json};

    const PROVIDERS: usize = 6;
    const PARAMETERS: &[&str] = &["temperature", "max_tokens", "tools", "tool_choice", "seed", "stop", "response_format"];
    const ANSWER: &str = r#"{"id": "c", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"},
        "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}"#;

    /// A value, or nothing said about it.
    fn maybe(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
        prop_oneof![1 => Just(Value::Null), 2 => value].boxed()
    }

    fn one_of<T: Into<Value> + Copy + std::fmt::Debug + 'static>(values: &'static [T]) -> BoxedStrategy<Value> {
        select(values).prop_map(Into::into).boxed()
    }

    /// An object without what is null, so that absent and null are both tried.
    fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
        let (names, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
        values
            .prop_map(move |values| {
                let said = names.iter().zip(values).filter(|(_, value)| !value.is_null());
                Value::Object(said.map(|(name, value)| ((*name).to_owned(), value)).collect::<Map<_, _>>())
            })
            .boxed()
    }

    fn policy() -> BoxedStrategy<Value> {
        let flag = || maybe(any::<bool>().prop_map(Value::from));
        object(vec![("trains", flag()), ("retains", flag()), ("publishes", flag())])
    }

    /// What differs between endpoints; who and where is added later.
    fn offer() -> BoxedStrategy<Value> {
        object(vec![
            ("context", maybe(one_of(&[10_u64, 4_000, 100_000]))),
            ("max_output", maybe(one_of(&[10_u64, 4_000]))),
            ("parameters", maybe(one_of(&["all", "few"]))),
            ("price", maybe(one_of(&[0_u64, 1, 5, 50]).prop_map(|rate| json!({"prompt": rate, "completion": rate})))),
            ("quantization", maybe(one_of(&["int4", "fp8", "mxfp8", "bf16"]))),
            ("policy", maybe(policy())),
            ("throughput", maybe(one_of(&[5_u64, 50, 500]))),
            ("latency", maybe(one_of(&[1_u64, 2, 9]))),
        ])
    }

    fn catalog() -> impl Strategy<Value = Value> {
        let model = prop::collection::vec(prop::collection::vec(offer(), 0..3), PROVIDERS);
        prop::collection::vec(model, 1..3).prop_map(|models| {
            let model = |(at, providers): (usize, Vec<Vec<Value>>)| {
                let mut endpoints = Vec::new();
                for (provider, offers) in providers.into_iter().enumerate() {
                    for (region, mut offer) in offers.into_iter().enumerate() {
                        offer["provider"] = format!("p{provider}").into();
                        offer["upstream"] = format!("m{at}-p{provider}-r{region}").into();
                        if region > 0 {
                            offer["region"] = format!("r{region}").into();
                        }
                        endpoints.push(offer);
                    }
                }
                json!({"slug": format!("maker/m{at}"), "name": "M", "endpoints": endpoints})
            };
            let models: Vec<Value> = models.into_iter().enumerate().map(model).collect();
            json!({"parameters": {"all": PARAMETERS, "few": ["max_tokens"]}, "models": models})
        })
    }

    fn names() -> BoxedStrategy<Value> {
        prop::collection::vec(select(vec!["p0", "p1", "P2", "p3", "p3/r1", "p4/r1", "p5"]), 1..4).prop_map(Value::from).boxed()
    }

    fn preferences() -> BoxedStrategy<Value> {
        // Seldom set, so that most plans have something left.
        let seldom = |value: BoxedStrategy<Value>| prop_oneof![4 => Just(Value::Null), 1 => value].boxed();
        let price = select(vec![0_u64, 1, 5]).prop_map(|bound| json!({"prompt": bound})).boxed();
        let speed = || one_of(&[1_u64, 2, 50]);
        object(vec![
            ("order", seldom(names())),
            ("only", seldom(names())),
            ("ignore", seldom(names())),
            ("allow_fallbacks", seldom(one_of(&[true, false]))),
            ("require_parameters", seldom(one_of(&[true, false]))),
            ("data_collection", seldom(one_of(&["allow", "deny"]))),
            ("zdr", seldom(one_of(&[true, false]))),
            (
                "sort",
                seldom(
                    prop_oneof![
                        one_of(&["price", "throughput", "latency"]),
                        select(vec!["price", "throughput", "latency"]).prop_map(|by| json!({"by": by, "partition": "none"})),
                    ]
                    .boxed(),
                ),
            ),
            ("quantizations", seldom(one_of(&["fp8", "unknown"]).prop_map(|one| json!([one])).boxed())),
            ("max_price", seldom(price)),
            ("preferred_min_throughput", seldom(speed())),
            ("preferred_max_latency", seldom(speed().prop_map(|p90| json!({"p90": p90})).boxed())),
        ])
    }

    #[derive(Clone, Debug)]
    struct World {
        catalog: Value,
        request: Value,
        seed: u64,
        /// What each call of a vendor comes to.
        statuses: Vec<u16>,
    }

    fn world() -> impl Strategy<Value = World> {
        let suffix = select(vec!["", "", ":nitro", ":floor"]);
        let statuses = prop::collection::vec(select(vec![200_u16, 401, 404, 429, 500, 503, 400]), 1..8);
        let max_cost = prop_oneof![4 => Just(Value::Null), 1 => one_of(&[0.0, 0.000_2, 0.01])];
        (catalog(), preferences(), suffix, any::<bool>(), any::<u64>(), statuses, max_cost).prop_map(
            |(catalog, provider, suffix, fallback, seed, statuses, max_cost)| {
                let mut request = json!({"model": format!("maker/m0{suffix}"), "messages": [{"role": "user", "content": "What is this?"}],
                    "provider": provider, "temperature": 0.5, "max_cost": max_cost});
                if fallback {
                    request["models"] = json!(["maker/m1"]);
                }
                World { catalog, request, seed, statuses }
            },
        )
    }

    impl World {
        fn client(&self) -> (Client, ScriptedTransport) {
            let providers: Map<String, Value> = (0..PROVIDERS)
                .map(|at| (format!("p{at}"), json!({"base_url": format!("https://p{at}.test/v1"), "api_key": "k"})))
                .collect();
            let config = json!({"env": false, "providers": providers, "catalog": self.catalog, "seed": self.seed, "max_retries": 1});
            let clock = Clock::fixed(1_760_000_000);
            let mut vendors = ScriptedTransport::new().clock(clock.clone());
            for status in &self.statuses {
                let body = if *status == 200 { ANSWER } else { r#"{"error": {"message": "no"}}"# };
                vendors = vendors.then(Scripted::response(*status, body));
            }
            let vendors = vendors.then(Scripted::response(200, ANSWER).repeated());
            let client = Client::builder().config_json(&config.to_string()).transport(Arc::new(vendors.clone())).clock(clock);
            (client.build().expect("a client"), vendors)
        }

        fn request(&self) -> ChatRequest {
            ChatRequest::from_json(&self.request.to_string()).expect("a request")
        }

        /// The endpoints that the request might go to, by the names they have upstream.
        fn offered(&self) -> Vec<(String, Value)> {
            let models = self.catalog["models"].as_array().expect("models");
            let asked = if self.request.get("models").is_some() { models.len() } else { 1 };
            let endpoints = models.iter().take(asked).flat_map(|model| model["endpoints"].as_array().expect("endpoints"));
            endpoints.map(|endpoint| (endpoint["upstream"].as_str().expect("upstream").to_owned(), endpoint.clone())).collect()
        }
    }

    fn upstreams(list: &Value) -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|one| one["upstream"].as_str()).map(str::to_owned).collect()
    }

    /// `model endpoint` of everything that was left out.
    fn rejected(list: &Value) -> Vec<String> {
        let name = |one: &Value| format!("{} {}", one["model"].as_str().unwrap_or_default(), one["endpoint"].as_str().unwrap_or_default());
        list.as_array().into_iter().flatten().filter(|one| one["endpoint"] != "").map(name).collect()
    }

    fn tag(model: &str, endpoint: &Value) -> String {
        let provider = endpoint["provider"].as_str().unwrap_or_default();
        match endpoint["region"].as_str() {
            Some(region) => format!("{model} {provider}/{region}"),
            None => format!("{model} {provider}"),
        }
    }

    fn check(world: &World) -> Result<(), TestCaseError> {
        let (client, vendors) = world.client();
        let request = world.request();
        let planned = client.explain(&request);
        let (twin, _) = world.client();
        let again = twin.explain(&request);
        let (candidates, left_out) = match (&planned, &again) {
            (Ok(plan), Ok(again)) => {
                let (plan, again) = (json!(plan), json!(again));
                prop_assert_eq!(&plan, &again, "the same seed gives the same plan");
                (upstreams(&plan["candidates"]), rejected(&plan["rejected"]))
            }
            (Err(error), Err(again)) => {
                prop_assert_eq!(error.message(), again.message());
                (Vec::new(), error.excluded_by().iter().map(|one| format!("{} {}", one.model(), one.endpoint())).collect())
            }
            _ => return Err(TestCaseError::fail("a plan and an error from the same seed")),
        };

        // `only` that is all ignored, and a model that nobody serves, are errors about the request itself.
        if planned.is_ok() || !left_out.is_empty() {
            let model = |upstream: &str| format!("maker/{}", upstream.split('-').next().unwrap_or_default());
            let mut all: Vec<String> = world.offered().iter().map(|(upstream, endpoint)| tag(&model(upstream), endpoint)).collect();
            let offered = world.offered();
            let of =
                |upstream: &String| offered.iter().find(|(name, _)| name == upstream).map(|(name, endpoint)| tag(&model(name), endpoint));
            let mut split: Vec<String> =
                candidates.iter().filter_map(of).chain(left_out.into_iter().filter(|name| !name.ends_with(' '))).collect();
            all.sort();
            split.sort();
            prop_assert_eq!(split, all, "candidates and rejections are all endpoints, each once");
        }

        let provider = &world.request["provider"];
        for (upstream, endpoint) in world.offered().iter().filter(|(upstream, _)| candidates.contains(upstream)) {
            let policy = &endpoint["policy"];
            if provider["zdr"] == true {
                prop_assert!(policy["retains"] == false && policy["trains"] == false, "{upstream} passed zdr with {policy}");
            }
            if provider["data_collection"] == "deny" {
                prop_assert!(policy["trains"] == false && policy["publishes"] != true, "{upstream} passed deny with {policy}");
            }
            if world.request["max_cost"].is_number() || provider["max_price"].is_object() {
                prop_assert!(endpoint.get("price").is_some(), "{upstream} passed a cap without a price");
            }
        }

        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let answer = runtime.block_on(client.chat(request));
        let asked: Vec<String> = vendors
            .requests()
            .iter()
            .map(|sent| serde_json::from_slice::<Value>(&sent.body).expect("JSON")["model"].as_str().expect("a model").to_owned())
            .collect();
        if let Err(error) = &planned {
            prop_assert!(asked.is_empty(), "asked {asked:?} without a plan");
            let refused = answer.expect_err("no plan");
            prop_assert_eq!(refused.message(), error.message());
            return Ok(());
        }
        prop_assert_eq!(asked.first(), candidates.first(), "the plan's first is asked first");
        prop_assert!(asked.iter().all(|name| candidates.contains(name)), "{asked:?} are not all of {candidates:?}");
        let mut order: Vec<usize> = asked.iter().filter_map(|name| candidates.iter().position(|candidate| candidate == name)).collect();
        // The last one left may be an earlier one that failed only for now.
        order.dedup();
        let walked =
            order.windows(2).take(candidates.len().saturating_sub(1)).all(|pair| pair[0] < pair[1] || order.last() == Some(&pair[1]));
        prop_assert!(walked, "{asked:?} is not the order of {candidates:?}");
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
        #[test]
        fn every_plan_keeps_its_word(world in world()) {
            check(&world)?;
        }
    }
}
