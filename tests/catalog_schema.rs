//! `docs/catalog.schema.json`, which editors check overlays with, says what the reader says.

#[cfg(test)]
mod schema {
    use std::{fs, path::Path};

    use junto::catalog::{List, Modality, Parameter, Quantization, Shape};
    use serde_json::{Value, json};

    fn read(path: &str) -> Value {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).expect(path);
        serde_json::from_str(&text).expect("JSON")
    }

    /// Whether schema and reader take it; they must agree.
    fn takes(schema: &jsonschema::Validator, catalog: &Value) -> bool {
        let parsed = List::parse(&catalog.to_string(), Some(Shape::Junto));
        assert_eq!(schema.is_valid(catalog), parsed.is_ok(), "{catalog}\n{:?}", parsed.err());
        parsed.is_ok()
    }

    /// A catalog with every field that there is.
    fn everything() -> Value {
        let rates = json!({"prompt": 1, "completion": "2.5", "cache_read": 0.1, "cache_write": 1.25, "cache_write_1h": 2, "reasoning": 3, "audio": 4,
            "audio_output": 5, "image_token": 6, "image_output": 7, "request": 0.005, "request_medium": 0.008, "request_high": 0.012, "flex": 0.5,
            "priority": 2, "image": 0.001, "search": 0.01, "tiers": [{"above": 200_000, "prompt": 2, "completion": 3, "cache_read": 0.2,
            "cache_write": 2.5, "cache_write_1h": 4}]});
        let model = json!({"slug": "a/b", "name": "B", "aliases": ["a/b-1"], "created": "2025-09-29", "retires": "2026-11-30", "context": 1000,
            "max_output": 100, "input": ["text"], "output": ["text"], "dimensions": 8, "tokenizer": "qwen", "parameters": "p", "reasoning": "r", "price": rates});
        let endpoint = json!({"provider": "p", "upstream": "u", "region": "eu", "context": 900, "max_output": 90, "input": ["image"], "output": ["text"],
            "parameters": "p", "reasoning": "r", "price": null, "quantization": "fp8", "policy": {"trains": false, "retains": true,
            "retention_days": 30, "publishes": null, "region": "us", "source": "a page"}, "search": true, "throughput": 50.5, "latency": 1, "source": "s"});
        let mut model = model;
        model["endpoints"] = json!([endpoint]);
        json!({"$schema": "catalog.schema.json", "authors": {"x": "y"}, "sources": {"s": {"url": "https://a.test", "read": "2026-11-25", "via": "b"}},
            "parameters": {"p": ["tools"]}, "reasoning": {"r": {"mandatory": true, "default_on": true, "efforts": ["low", "high"],
            "default_effort": "low", "budget": [1024, 2048], "adaptive": false}}, "models": [model]})
    }

    /// The places in a value where a field stands.
    fn fields(value: &Value, at: &str, into: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| {
                let path = format!("{at}/{name}");
                into.push(path.clone());
                fields(value, &path, into);
            }),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| fields(value, &format!("{at}/{index}"), into)),
            _ => {}
        }
    }

    #[test]
    fn schema_and_reader_agree_on_every_field() {
        let text = read("docs/catalog.schema.json");
        let schema = jsonschema::validator_for(&text).expect("a schema");
        let whole = everything();
        assert!(takes(&schema, &whole));
        let mut paths = Vec::new();
        fields(&whole, "", &mut paths);
        for path in &paths {
            // What these hold does not matter, or has names of the caller's.
            if path == "/$schema" {
                continue;
            }
            let mut bad = whole.clone();
            *bad.pointer_mut(path).expect(path) = json!({"what": [true]});
            assert!(!takes(&schema, &bad), "{path} may be anything");
            let (parent, name) = path.rsplit_once('/').expect("a path");
            let mut without = whole.clone();
            without.pointer_mut(parent).and_then(Value::as_object_mut).expect(path).remove(name);
            // Names that are used must be there: the reader alone knows.
            if !matches!(path.as_str(), "/sources" | "/sources/s" | "/parameters" | "/parameters/p" | "/reasoning" | "/reasoning/r") {
                takes(&schema, &without);
            }
            let mut more = whole.clone();
            more.pointer_mut(parent).and_then(Value::as_object_mut).expect(path).insert("kontext".to_owned(), json!(1));
            assert!(!takes(&schema, &more), "{parent} takes any field");
        }
        // Nothing is in the schema that the test, and so the reader, does not have.
        let told = |name: &str| paths.iter().any(|path| path.rsplit('/').next() == Some(name));
        let mut known = Vec::new();
        fields(&text, "", &mut known);
        for path in known.iter().filter(|path| path.rsplit('/').nth(1) == Some("properties")) {
            let name = path.rsplit('/').next().expect("a name");
            assert!(told(name), "{path} is not a field");
        }
    }

    #[test]
    fn it_knows_the_same_words() {
        let schema = read("docs/catalog.schema.json");
        let words = |path: &str| -> Vec<String> {
            let list = schema.pointer(path).and_then(Value::as_array).unwrap_or_else(|| panic!("{path}"));
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let names = |all: Vec<&'static str>| all.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let parameters = Parameter::ALL.iter().map(|word| word.as_str()).collect();
        assert_eq!(words("/properties/parameters/additionalProperties/items/enum"), names(parameters));
        let quantizations = Quantization::ALL.iter().map(|word| word.as_str()).collect();
        assert_eq!(words("/$defs/endpoint/properties/quantization/enum"), names(quantizations));
        let modalities: Vec<_> = Modality::ALL.iter().map(|word| word.as_str()).collect();
        for path in ["model/properties/input", "model/properties/output", "endpoint/properties/input", "endpoint/properties/output"] {
            assert_eq!(words(&format!("/$defs/{path}/items/enum")), names(modalities.clone()));
        }
    }

    #[test]
    fn the_built_in_catalog_holds_to_it() {
        let schema = jsonschema::validator_for(&read("docs/catalog.schema.json")).expect("a schema");
        let catalog = read("core/src/catalog/catalog.json");
        let problems: Vec<_> = schema.iter_errors(&catalog).map(|error| format!("{}: {error}", error.instance_path())).take(5).collect();
        assert!(problems.is_empty(), "{problems:#?}");
    }
}
