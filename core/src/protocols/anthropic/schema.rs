//! JSON Schemas as structured outputs take them: objects are closed, and constraints on values are told to the model in
//! words instead, as the vendor's own SDKs do it.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Keywords that the vendor refuses.
const REFUSED: &[&str] = &[
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "uniqueItems",
];

/// The schema itself where it is accepted as it is, else one that is.
pub(in crate::protocols) fn accepted(schema: &Value) -> Cow<'_, Value> {
    if is_accepted(schema) {
        return Cow::Borrowed(schema);
    }
    let mut schema = schema.clone();
    fit(&mut schema);
    Cow::Owned(schema)
}

fn is_accepted(schema: &Value) -> bool {
    let Value::Object(map) = schema else { return true };
    let closed = !is_object(map) || map.get("additionalProperties") == Some(&Value::Bool(false));
    closed && !map.iter().any(|(key, value)| is_refused(key, value)) && children(map).all(is_accepted)
}

fn is_object(map: &Map<String, Value>) -> bool {
    map.get("type").is_some_and(|kind| kind == "object" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "object")))
        || map.contains_key("properties")
}

fn is_refused(key: &str, value: &Value) -> bool {
    REFUSED.contains(&key) || (key == "minItems" && value.as_u64().is_none_or(|items| items > 1))
}

fn children(map: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    map.iter().flat_map(|(key, value)| -> Box<dyn Iterator<Item = &Value>> {
        match (key.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(map)) => Box::new(map.values()),
            ("anyOf" | "allOf" | "oneOf" | "prefixItems", Value::Array(list)) => Box::new(list.iter()),
            ("items", value) => Box::new(std::iter::once(value)),
            _ => Box::new(std::iter::empty()),
        }
    })
}

fn fit(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    let refused: Vec<String> = map.iter().filter(|(key, value)| is_refused(key, value)).map(|(key, _)| key.clone()).collect();
    let mut told = Vec::new();
    for key in refused {
        if let Some(value) = map.remove(&key) {
            told.push(format!("{key}: {value}"));
        }
    }
    if !told.is_empty() {
        let description = map.get("description").and_then(Value::as_str).map(|text| format!("{text} ")).unwrap_or_default();
        map.insert("description".to_owned(), format!("{description}({})", told.join(", ")).into());
    }
    if is_object(map) {
        map.insert("additionalProperties".to_owned(), false.into());
    }
    // Alternatives of which exactly one holds are not known; alternatives are.
    if let Some(one_of) = map.remove("oneOf") {
        map.entry("anyOf").or_insert(one_of);
    }
    for (key, value) in map.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(map)) => map.values_mut().for_each(fit),
            ("anyOf" | "allOf" | "prefixItems", Value::Array(list)) => list.iter_mut().for_each(fit),
            ("items", value) => fit(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn constraints_become_words_and_objects_are_closed() {
        let schema = json!({"type": "object", "properties": {
            "age": {"type": "integer", "minimum": 1, "description": "Years."},
            "tags": {"type": "array", "minItems": 1, "items": {"type": "string", "maxLength": 9}},
            "minimum": {"type": "number"},
        }});
        assert_eq!(
            *accepted(&schema),
            json!({"type": "object", "additionalProperties": false, "properties": {
                "age": {"type": "integer", "description": "Years. (minimum: 1)"},
                "tags": {"type": "array", "minItems": 1, "items": {"type": "string", "description": "(maxLength: 9)"}},
                "minimum": {"type": "number"},
            }})
        );
        let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
        assert!(matches!(accepted(&closed), Cow::Borrowed(_)));
    }
}
