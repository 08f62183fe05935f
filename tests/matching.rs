//! How a conformance case compares what it expects with what is: `conformance/README.md` states the rules.

use serde_json::Value;

/// Adds to `wrong` what is not as expected, each with its path.
pub(crate) fn compare(path: &str, expected: &Value, actual: Option<&Value>, wrong: &mut Vec<String>) {
    let shown = || actual.map_or_else(|| "nothing".to_owned(), short);
    let mut fail = |what: String| wrong.push(format!("{path}: {what}, found {}", shown()));
    match expected {
        Value::Object(map) if map.len() == 1 && map.keys().all(|key| key.starts_with('$')) => {
            for (test, argument) in map {
                if let Err(what) = special(test, argument, actual) {
                    fail(what);
                }
            }
        }
        Value::Object(map) => match actual {
            Some(Value::Object(there)) => {
                map.iter().for_each(|(key, value)| compare(&format!("{path}.{key}"), value, there.get(key), wrong));
            }
            _ => fail("expected an object".to_owned()),
        },
        Value::Array(items) => match actual {
            Some(Value::Array(there)) if there.len() == items.len() => {
                items
                    .iter()
                    .zip(there)
                    .enumerate()
                    .for_each(|(at, (item, there))| compare(&format!("{path}[{at}]"), item, Some(there), wrong));
            }
            _ => fail(format!("expected {} items", items.len())),
        },
        Value::Null if actual.is_none_or(Value::is_null) => {}
        Value::Number(number) if number.as_f64().is_some() && actual.and_then(Value::as_f64) == number.as_f64() => {}
        value if Some(value) == actual => {}
        value => fail(format!("expected {}", short(value))),
    }
}

fn special(test: &str, argument: &Value, actual: Option<&Value>) -> Result<(), String> {
    let whole = || match actual {
        Some(Value::String(plain)) => plain.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let holds = |word: &Value| word.as_str().is_some_and(|word| whole().contains(word));
    let words = || argument.as_array().map_or_else(|| vec![argument.clone()], Clone::clone);
    let ok = match test {
        "$absent" => actual.is_none(),
        "$any" => actual.is_some_and(|value| !value.is_null()),
        "$contains" => words().iter().all(holds),
        "$lacks" => !words().iter().any(holds),
        "$near" => match (argument.as_f64(), actual.and_then(Value::as_f64)) {
            (Some(near), Some(actual)) => (near - actual).abs() <= near.abs() * 1e-6,
            _ => false,
        },
        "$json" => {
            let parsed: Option<Value> = actual.and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
            let mut wrong = Vec::new();
            compare("", argument, parsed.as_ref(), &mut wrong);
            parsed.is_some() && wrong.is_empty()
        }
        _ => return Err(format!("no such test `{test}`")),
    };
    if ok { Ok(()) } else { Err(format!("expected {test} {argument}")) }
}

fn short(value: &Value) -> String {
    const LONGEST: usize = 300;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ..", &text[..end]),
        None => text,
    }
}
