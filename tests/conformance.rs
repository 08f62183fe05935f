//! Runs `conformance/<area>/<case>.json`: what junto does, stated once for every language. The README beside the cases
//! describes them. `JUNTO_CASE=text` runs the cases whose path contains that text.
#![expect(clippy::disallowed_methods, reason = "tests read the environment and the disk")]

mod matching;

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

use matching::compare;
use serde_json::{Value, json};

macro_rules! areas {
    ($($area:ident)*) => {
        const AREAS: &[&str] = &[$(stringify!($area)),*];
        $(#[test] fn $area() { run(stringify!($area)); })*
    };
}

areas! { answers errors fallback input plans preferences slugs streams }

#[test]
fn every_folder_is_run() {
    let mut folders: Vec<String> = fs::read_dir(root())
        .expect("conformance")
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir() && entry.file_name() != "configs")
        .map(|entry| entry.file_name().into_string().expect("name"))
        .collect();
    folders.sort();
    assert_eq!(folders, AREAS);
    let count: usize = AREAS.iter().map(|area| cases(area).len()).sum();
    assert!(count >= 150, "{count} cases");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn cases(area: &str) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join(area)).expect(area).map(|entry| entry.expect(area).path()).collect();
    cases.sort();
    cases
}

fn run(area: &str) {
    let only = std::env::var("JUNTO_CASE").unwrap_or_default();
    let mut report = String::new();
    let mut count = 0;
    for path in cases(area) {
        let name = format!("{area}/{}", path.file_stem().unwrap_or_default().to_string_lossy());
        if !name.contains(&only) {
            continue;
        }
        count += 1;
        let case: Value = serde_json::from_str(&fs::read_to_string(&path).expect("read")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let wrong = runner::case(&case);
        if !wrong.is_empty() {
            report.push_str(&format!("\n{name}: {}\n  {}\n", case["name"].as_str().unwrap_or_default(), wrong.join("\n  ")));
        }
    }
    let failed = report.matches("\n\n").count() + usize::from(!report.is_empty());
    assert!(report.is_empty(), "{failed} of {count} cases of {area} are not as they say:\n{report}");
}

/// The configuration: a base by name, with the case's own fields on top.
fn config(case: &Value) -> Value {
    let Some(own) = case.get("config") else { return json!({"env": false}) };
    let mut config = match own["base"].as_str() {
        Some(base) => {
            let text = fs::read_to_string(root().join("configs").join(format!("{base}.json"))).expect(base);
            serde_json::from_str(&text).expect(base)
        }
        None => json!({"env": false}),
    };
    for (key, value) in own.as_object().expect("config").iter().filter(|(key, _)| *key != "base") {
        merge(&mut config[key], value);
    }
    config
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value))
        }
        (into, from) => *into = from.clone(),
    }
}

mod runner {
    use super::*;
    use junto::{
        ChatRequest, Error, ModelSlug,
        catalog::Catalog,
        plan,
        providers::{Configured, Provider, ProviderSet},
    };
    use std::sync::Arc;

    pub(super) fn case(case: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(text) = case["slug"].as_str() {
            slug(text, &case["expect"], &mut wrong);
            return wrong;
        }
        let config = config(case);
        if case.get("exchanges").is_none() && case.get("steps").is_none() {
            explain(&config, &case["request"], &case["expect"], &mut wrong);
        }
        wrong
    }

    fn slug(text: &str, expect: &Value, wrong: &mut Vec<String>) {
        match text.parse::<ModelSlug>() {
            Ok(slug) => {
                let variants: Vec<_> = slug.variants.iter().map(|variant| variant.as_str()).collect();
                let actual = json!({"slug": {"author": slug.author, "name": slug.name, "variants": variants, "display": slug.to_string(),
                    "sort": slug.sort_variant().map(|variant| variant.as_str())}});
                compare("expect", expect, Some(&actual), wrong);
                let again: ModelSlug = slug.to_string().parse().expect("canonical");
                if again != slug {
                    wrong.push(format!("round trip: {slug} reads as {again}"));
                }
            }
            Err(error) => self::error(&error, expect, wrong),
        }
    }

    fn error(error: &Error, expect: &Value, wrong: &mut Vec<String>) {
        let excluded: BTreeMap<String, String> = error.excluded_by().iter().map(|r| (r.endpoint(), r.code().into_owned())).collect();
        let actual = json!({"kind": error.kind().name(), "status": error.status(), "message": error.message(), "param": error.param(),
            "provider": error.provider(), "upstream_status": error.upstream_status(), "retry_after": error.retry_after().map(|d| d.as_secs_f64()),
            "excluded_by": excluded, "json": error.to_json().to_string(), "body": error.to_json()});
        if expect.get("error").is_none() {
            wrong.push(format!("error: {error:?}"));
        }
        compare("error", &expect["error"], Some(&actual), wrong);
    }

    fn explain(config: &Value, request: &Value, expect: &Value, wrong: &mut Vec<String>) {
        match plan_of(config, request, config["seed"].as_u64().unwrap_or(0)) {
            Ok(actual) => {
                let models: Vec<String> = actual.models.iter().map(|m| m.base()).collect();
                let _ = models;
                super::plan(&serde_json::to_value(&actual).expect("plan"), expect, wrong, |seed| {
                    serde_json::to_value(plan_of(config, request, seed).expect("plan")).expect("plan")
                })
            }
            Err(error) => self::error(&error, expect, wrong),
        }
    }

    fn plan_of(config: &Value, request: &Value, seed: u64) -> Result<plan::Plan, Error> {
        let request = ChatRequest::from_json(&request.to_string())?;
        let catalog = Catalog::from_json(&config["catalog"].to_string())?;
        let providers: ProviderSet = config["providers"]
            .as_object()
            .expect("providers")
            .iter()
            .map(|(slug, p)| {
                let mut row = p.clone();
                let map = row.as_object_mut().expect("p");
                let has_key = map.remove("api_key").is_some() | map.remove("api_keys").is_some();
                let policy = map.remove("policy").map(|p| serde_json::from_value(p).expect("policy"));
                map.insert("slug".into(), slug.clone().into());
                let row: Provider = serde_json::from_value(row).expect("row");
                let base = row.base_url.clone();
                let mut c = Configured::with(Arc::new(row), &base, Default::default());
                c.has_key = has_key;
                c.custom = true;
                c.policy = policy;
                c
            })
            .collect();
        plan::plan(&plan::Inputs {
            request: &request,
            catalog: &catalog,
            providers: &providers,
            defaults: &Default::default(),
            health: &Default::default(),
            search: false,
            seed,
        })
    }
}

/// A plan as it is, against a plan as expected.
fn plan(actual: &Value, expect: &Value, wrong: &mut Vec<String>, again: impl Fn(u64) -> Value) {
    let Some(expect) = expect.get("plan") else {
        wrong.push(format!("expected {expect}, found a plan"));
        return;
    };
    let order = |plan: &Value, with_model: bool| -> Vec<String> {
        let tag = |candidate: &Value| match with_model {
            true => format!("{} {}", candidate["model"].as_str().unwrap_or_default(), candidate["endpoint"].as_str().unwrap_or_default()),
            false => candidate["endpoint"].as_str().unwrap_or_default().to_owned(),
        };
        plan["candidates"].as_array().expect("candidates").iter().map(tag).collect()
    };
    for (key, value) in expect.as_object().expect("plan") {
        let names: Vec<String> = value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let order_here = order(actual, names.first().is_some_and(|name| name.contains(' ')));
        let ok = match key.as_str() {
            "candidates" => order_here == names,
            "first" => order_here.starts_with(&names),
            "last" => order_here.ends_with(&names),
            "contains" => names.iter().all(|name| order_here.contains(name)),
            "models" => {
                let mut models: Vec<&str> =
                    actual["candidates"].as_array().expect("candidates").iter().filter_map(|one| one["model"].as_str()).collect();
                models.dedup();
                models == names
            }
            "rejected" => {
                let rejected: BTreeMap<&str, &str> = actual["rejected"]
                    .as_array()
                    .expect("rejected")
                    .iter()
                    .filter_map(|one| Some((one["endpoint"].as_str()?, one["code"].as_str()?)))
                    .collect();
                compare("plan.rejected", value, Some(&json!(rejected)), wrong);
                true
            }
            "cost" => actual["candidates"][0]["estimated_cost"].as_f64().is_some_and(|cost| cost > 0.0),
            "same_again" => again(42)["candidates"] == again(42)["candidates"],
            // Of a hundred plans with different seeds, how many does it lead?
            "led_by" => {
                let mut led: BTreeMap<String, u64> = BTreeMap::new();
                (0..100).for_each(|seed| *led.entry(order(&again(seed), false).swap_remove(0)).or_default() += 1);
                value.as_object().expect("led_by").iter().all(|(name, range)| {
                    let count = led.get(name).copied().unwrap_or(0);
                    range[0].as_u64() <= Some(count) && Some(count) <= range[1].as_u64()
                })
            }
            _ => false,
        };
        if !ok {
            wrong.push(format!("plan.{key}: expected {value}, found {order_here:?}, rejected {}", actual["rejected"]));
        }
    }
}
