//! What is wrong with a request whoever serves it, found before anyone is asked. PURE.

use crate::{
    error::{Error, Result},
    types::{ChatRequest, Content, EmbeddingInput, EmbeddingRequest, Message, ResponseFormat, Role, Tool, ToolChoice},
};

/// The first thing that is wrong with the request; the error names the field and what to do.
pub(super) fn validate(request: &ChatRequest) -> Result<()> {
    if request.messages.is_empty() {
        return Err(bad("messages", "at least one message is needed"));
    }
    for (index, message) in request.messages.iter().enumerate() {
        check_message(message).map_err(|(field, problem)| bad(&format!("messages[{index}].{field}"), problem))?;
    }
    for (index, tool) in request.tools.iter().enumerate() {
        check_tool(tool).map_err(|(field, problem)| bad(&format!("tools[{index}].{field}"), problem))?;
    }
    check_choice(request)?;
    if request.reasoning.as_ref().is_some_and(|reasoning| reasoning.effort.is_some() && reasoning.max_tokens.is_some()) {
        return Err(bad("reasoning", "`effort` and `max_tokens` exclude each other; set one of them"));
    }
    if let Some(ResponseFormat::JsonSchema(schema)) = &request.response_format {
        match &schema.schema {
            Some(schema) if !schema.is_object() => return Err(bad("response_format.json_schema.schema", "must be a JSON Schema object")),
            _ if schema.name.is_empty() => return Err(bad("response_format.json_schema.name", "a schema needs a name")),
            _ => {}
        }
    }
    let ranges = [
        ("temperature", request.temperature, 0.0, 2.0),
        ("top_p", request.top_p, 0.0, 1.0),
        ("min_p", request.min_p, 0.0, 1.0),
        ("top_a", request.top_a, 0.0, 1.0),
        ("frequency_penalty", request.frequency_penalty, -2.0, 2.0),
        ("presence_penalty", request.presence_penalty, -2.0, 2.0),
        ("repetition_penalty", request.repetition_penalty, 0.0, 2.0),
    ];
    for (field, value, least, most) in ranges {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            return Err(bad(field, &format!("must be a number from {least} to {most}")));
        }
    }
    if request.max_cost.is_some_and(|dollars| !(dollars.is_finite() && dollars >= 0.0)) {
        return Err(bad("max_cost", "must be an amount in US dollars, at least 0"));
    }
    for (field, value) in [("max_tokens", request.max_tokens), ("max_completion_tokens", request.max_completion_tokens), ("n", request.n)] {
        if value == Some(0) {
            return Err(bad(field, "must be at least 1"));
        }
    }
    if request.top_logprobs.is_some_and(|count| count > 20) {
        return Err(bad("top_logprobs", "must be a number from 0 to 20"));
    }
    Ok(())
}

/// The first thing that is wrong with a request for embeddings.
pub(super) fn embedding(request: &EmbeddingRequest) -> Result<()> {
    if request.input.0.is_empty() {
        return Err(bad("input", "at least one text is needed"));
    }
    for (index, input) in request.input.0.iter().enumerate() {
        let is_empty = match input {
            EmbeddingInput::Text(text) => text.is_empty(),
            EmbeddingInput::Tokens(tokens) => tokens.is_empty(),
        };
        if is_empty {
            return Err(bad(&format!("input[{index}]"), "an input must not be empty"));
        }
    }
    if request.dimensions == Some(0) {
        return Err(bad("dimensions", "must be at least 1"));
    }
    if request.extra.contains_key("models") {
        return Err(bad("models", "embeddings have no fallback models, because vectors of two models cannot be compared"));
    }
    Ok(())
}

type Problem = (&'static str, &'static str);

fn check_message(message: &Message) -> Result<(), Problem> {
    let is_empty = match &message.content {
        None => true,
        Some(Content::Text(_)) => false,
        Some(Content::Parts(parts)) => parts.is_empty(),
    };
    match message.role {
        Role::Tool if message.tool_call_id.as_deref().unwrap_or_default().is_empty() => {
            Err(("tool_call_id", "a tool message names the call that it answers"))
        }
        Role::Developer | Role::System | Role::User if is_empty => {
            Err(("content", "the message needs content: a string or a list of parts"))
        }
        _ => Ok(()),
    }
}

fn check_tool(tool: &Tool) -> Result<(), Problem> {
    let Tool::Function { function, .. } = tool else { return Ok(()) };
    if function.name.is_empty() {
        return Err(("function.name", "a tool needs a name"));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if function.name.len() > 128 || !function.name.chars().all(allowed) {
        return Err(("function.name", "a tool's name has at most 128 letters, digits, `_` and `-`"));
    }
    match &function.parameters {
        Some(schema) if !schema.is_object() => Err(("function.parameters", "must be a JSON Schema object")),
        Some(schema) if schema.get("type").is_some_and(|kind| kind != "object") => {
            Err(("function.parameters.type", "the arguments of a function are an object: `\"type\": \"object\"`"))
        }
        _ => Ok(()),
    }
}

fn check_choice(request: &ChatRequest) -> Result<()> {
    match &request.tool_choice {
        Some(ToolChoice::Required) if request.tools.is_empty() => Err(bad("tool_choice", "\"required\" needs `tools`")),
        Some(ToolChoice::Function(name)) => {
            let known = request.tools.iter().any(|tool| match tool {
                Tool::Function { function, .. } => function.name == *name,
                Tool::Server(_) => true,
            });
            if known { Ok(()) } else { Err(bad("tool_choice", &format!("names `{name}`, which is not in `tools`"))) }
        }
        _ => Ok(()),
    }
}

fn bad(path: &str, problem: &str) -> Error {
    Error::bad_request(path, format!("{path}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_names_its_field() {
        let cases = [
            (r#"{"model": "a/b", "messages": []}"#, "messages"),
            (r#"{"model": "a/b", "messages": [{"role": "user"}]}"#, "messages[0].content"),
            (
                r#"{"model": "a/b", "messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "y"}]}"#,
                "messages[1].tool_call_id",
            ),
            (r#"{"model": "a/b", "messages": [{"role": "user", "content": "x"}], "temperature": 3}"#, "temperature"),
            (r#"{"model": "a/b", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0}"#, "max_tokens"),
            (r#"{"model": "a/b", "messages": [{"role": "user", "content": "x"}], "tool_choice": "required"}"#, "tool_choice"),
            (
                r#"{"model": "a/b", "messages": [{"role": "user", "content": "x"}],
                    "tools": [{"type": "function", "function": {"name": "get weather"}}]}"#,
                "tools[0].function.name",
            ),
            (
                r#"{"model": "a/b", "messages": [{"role": "user", "content": "x"}],
                    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}]}"#,
                "tools[0].function.parameters.type",
            ),
        ];
        for (json, field) in cases {
            let error = validate(&ChatRequest::from_json(json).expect("parses")).expect_err(field);
            assert_eq!((error.param(), error.status()), (Some(field), 400));
            assert!(error.message().starts_with(field), "{error}");
        }
    }
}
