//! The request: what becomes of each field, and what is repeated in the response.

use serde_json::{Map, Value, json};

use super::input::{Conversation, bad, function, text};
use crate::{
    error::{Error, Result},
    types::{ChatRequest, Role},
};

/// A request of the Responses API.
pub(crate) struct Asked {
    /// The same as a chat request.
    pub(crate) request: ChatRequest,
    /// The fields that the response object repeats.
    pub(super) echo: Map<String, Value>,
    /// Whether reasoning items should carry what only their issuer can read, signed or not.
    pub(super) encrypted: bool,
}

/// Fields that need something stored, with what to do instead.
const STATEFUL: [(&str, &str); 4] = [
    ("previous_response_id", "send the earlier items in `input`"),
    ("conversation", "send the earlier items in `input`"),
    ("background", "wait for the answer, or stream it"),
    ("prompt", "send the prompt itself in `instructions` and `input`"),
];

/// Fields that mean the same in a chat request. Whatever is not named anywhere here travels on too.
const REPEATED: [&str; 9] = [
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "temperature",
    "top_logprobs",
    "top_p",
    "instructions",
];

impl Asked {
    /// Reads a request; an error names the field as the caller wrote it.
    pub(crate) fn from_json(json: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(json)
            .map_err(|error| Error::new(crate::ErrorKind::BadRequest, format!("the request is not valid JSON: {error}")))?;
        let Value::Object(mut map) = value else {
            return Err(Error::new(crate::ErrorKind::BadRequest, "the request is not a JSON object"));
        };
        map.retain(|_, value| !value.is_null());
        refuse_state(&map)?;
        let echo = echo(&map);
        let mut chat = Map::new();

        let mut conversation = Conversation::default();
        if let Some(instructions) = map.remove("instructions") {
            conversation.input("instructions", Role::System, &instructions)?;
        }
        let input = map.remove("input").ok_or_else(|| bad("input", "a request needs input: a string or a list of items"))?;
        conversation.input("input", Role::User, &input)?;

        if let Some(limit) = map.remove("max_output_tokens") {
            let limit = limit.as_u64().filter(|limit| *limit > 0);
            chat.insert(
                "max_completion_tokens".to_owned(),
                limit.ok_or_else(|| bad("max_output_tokens", "expected a number, at least 1"))?.into(),
            );
        }
        let encrypted = include(&mut map, &mut chat)?;
        if let Some(text) = map.remove("text") {
            format(&text, &mut chat)?;
        }
        if let Some(tools) = map.remove("tools") {
            self::tools(&tools, &mut map, &mut chat)?;
        }
        if let Some(choice) = map.remove("tool_choice") {
            chat.insert("tool_choice".to_owned(), tool_choice(&choice)?);
        }
        if !chat.contains_key("tools") {
            // Clients send them anyway, and vendors refuse them.
            map.remove("parallel_tool_calls");
            if chat.get("tool_choice").is_some_and(|choice| choice == "auto" || choice == "none") {
                chat.remove("tool_choice");
            }
        }
        if map.contains_key("top_logprobs") {
            chat.insert("logprobs".to_owned(), true.into());
        }
        // Nothing is stored here, and nobody else is asked to; a stream is one by the method that is called.
        for field in ["store", "stream", "stream_options", "truncation"] {
            map.remove(field);
        }
        chat.append(&mut map);
        let mut request = ChatRequest::from_json(&Value::Object(chat).to_string())?;
        request.messages = conversation.finish();
        if request.messages.is_empty() {
            return Err(bad("input", "at least one item is needed"));
        }
        Ok(Self { request, echo, encrypted })
    }
}

fn refuse_state(map: &Map<String, Value>) -> Result<()> {
    for (field, instead) in STATEFUL {
        if map.get(field).is_some_and(|value| *value != false) {
            return Err(Error::unsupported(field, format!("{field}: junto stores nothing between calls; {instead}")));
        }
    }
    if map.get("truncation").is_some_and(|value| value != "disabled") {
        return Err(Error::unsupported("truncation", "truncation: only `disabled` is supported; shorten `input` instead"));
    }
    if map.contains_key("max_tool_calls") {
        return Err(Error::unsupported("max_tool_calls", "max_tool_calls: the caller runs the tools, so the caller counts their calls"));
    }
    Ok(())
}

/// The fields that a response repeats, with OpenAI's defaults.
fn echo(map: &Map<String, Value>) -> Map<String, Value> {
    let given = |field: &str| map.get(field).cloned();
    let mut echo = Map::new();
    for field in REPEATED {
        echo.insert(field.to_owned(), given(field).unwrap_or_default());
    }
    let reasoning = |field: &str| map.get("reasoning").and_then(|reasoning| reasoning.get(field)).cloned().unwrap_or_default();
    if let Some(user) = given("user") {
        echo.insert("user".to_owned(), user);
    }
    let mut put = |field: &str, value: Value| echo.insert(field.to_owned(), value);
    put("background", false.into());
    put("max_output_tokens", given("max_output_tokens").unwrap_or_default());
    put("max_tool_calls", Value::Null);
    put("metadata", given("metadata").unwrap_or_else(|| json!({})));
    put("parallel_tool_calls", given("parallel_tool_calls").unwrap_or(Value::Bool(true)));
    put("previous_response_id", Value::Null);
    put("reasoning", json!({"effort": reasoning("effort"), "summary": reasoning("summary")}));
    put("store", false.into());
    let mut text = given("text").filter(Value::is_object).unwrap_or_else(|| json!({}));
    if text.get("format").is_none_or(Value::is_null) {
        text["format"] = json!({"type": "text"});
    }
    put("text", text);
    put("tool_choice", given("tool_choice").unwrap_or_else(|| "auto".into()));
    let mut tools = given("tools").unwrap_or_else(|| json!([]));
    for tool in tools.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if tool.get("type").is_some_and(|kind| kind == "function") {
            tool.entry("strict").or_insert(Value::Null);
            tool.entry("parameters").or_insert(Value::Null);
        }
    }
    put("tools", tools);
    put("truncation", "disabled".into());
    echo
}

/// What else the response should hold; whether that is encrypted reasoning.
fn include(map: &mut Map<String, Value>, chat: &mut Map<String, Value>) -> Result<bool> {
    let Some(include) = map.remove("include") else { return Ok(false) };
    let names: Option<Vec<&str>> = include.as_array().and_then(|names| names.iter().map(Value::as_str).collect());
    let names = names.ok_or_else(|| bad("include", "expected a list of strings"))?;
    if names.contains(&"message.output_text.logprobs") {
        chat.insert("logprobs".to_owned(), true.into());
    }
    Ok(names.contains(&"reasoning.encrypted_content"))
}

/// `text`: the form of the answer, and how much to say.
fn format(text: &Value, chat: &mut Map<String, Value>) -> Result<()> {
    let Value::Object(text) = text else { return Err(bad("text", "expected an object")) };
    if let Some(verbosity) = text.get("verbosity").filter(|verbosity| !verbosity.is_null()) {
        chat.insert("verbosity".to_owned(), verbosity.clone());
    }
    let Some(format) = text.get("format").filter(|format| !format.is_null()) else { return Ok(()) };
    let kind = format.get("type").and_then(Value::as_str).ok_or_else(|| bad("text.format.type", "expected a string"))?;
    let response_format = match kind {
        "text" => return Ok(()),
        "json_object" => json!({"type": "json_object"}),
        "json_schema" => {
            let mut schema = format.as_object().cloned().unwrap_or_default();
            schema.remove("type");
            for field in ["name", "schema"] {
                if schema.get(field).is_none_or(Value::is_null) {
                    return Err(bad(&format!("text.format.{field}"), "a schema needs its name and the schema itself"));
                }
            }
            json!({"type": "json_schema", "json_schema": schema})
        }
        other => {
            let message = format!("text.format.type: `{other}` is none of text, json_object, json_schema");
            return Err(Error::bad_request("text.format.type", message));
        }
    };
    chat.insert("response_format".to_owned(), response_format);
    Ok(())
}

/// Functions stay tools; a web search becomes the plugin that searches wherever the request goes.
fn tools(tools: &Value, map: &mut Map<String, Value>, chat: &mut Map<String, Value>) -> Result<()> {
    let tools = tools.as_array().ok_or_else(|| bad("tools", "expected a list of tools"))?;
    let mut functions = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let path = format!("tools[{index}]");
        let Value::Object(tool) = tool else { return Err(bad(&path, "expected an object")) };
        match text(&path, tool, "type")? {
            "function" => {
                text(&path, tool, "name")?;
                functions.push(function(tool));
            }
            kind if kind.starts_with("web_search") => {
                search(tool, map);
            }
            other => {
                let at = format!("{path}.type");
                return Err(Error::unsupported(
                    at.clone(),
                    format!("{at}: `{other}` runs at OpenAI only; junto knows `function` and `web_search`"),
                ));
            }
        }
    }
    if !functions.is_empty() {
        chat.insert("tools".to_owned(), Value::Array(functions));
    }
    Ok(())
}

fn search(tool: &Map<String, Value>, map: &mut Map<String, Value>) {
    let plugins = map.entry("plugins").or_insert_with(|| json!([]));
    if let Value::Array(plugins) = plugins
        && !plugins.iter().any(|plugin| plugin.get("id").is_some_and(|id| id == "web"))
    {
        plugins.push(json!({"id": "web"}));
    }
    let mut options = Map::new();
    if let Some(size) = tool.get("search_context_size").filter(|size| !size.is_null()) {
        options.insert("search_context_size".to_owned(), size.clone());
    }
    if let Some(Value::Object(location)) = tool.get("user_location") {
        let mut place = location.clone();
        place.remove("type");
        options.insert("user_location".to_owned(), json!({"type": "approximate", "approximate": place}));
    }
    if !options.is_empty() {
        map.entry("web_search_options").or_insert(Value::Object(options));
    }
}

fn tool_choice(choice: &Value) -> Result<Value> {
    let Value::Object(map) = choice else { return Ok(choice.clone()) };
    match text("tool_choice", map, "type")? {
        "function" => Ok(json!({"type": "function", "function": {"name": text("tool_choice", map, "name")?}})),
        "allowed_tools" => {
            let tools = map.get("tools").and_then(Value::as_array).ok_or_else(|| bad("tool_choice.tools", "expected a list of tools"))?;
            let tools: Vec<Value> = tools.iter().filter_map(Value::as_object).map(function).collect();
            let mode = map.get("mode").cloned().unwrap_or_else(|| "auto".into());
            Ok(json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}))
        }
        // The search is a plugin that always runs.
        kind if kind.starts_with("web_search") => Ok("auto".into()),
        other => Err(Error::unsupported("tool_choice.type", format!("tool_choice.type: `{other}` runs at OpenAI only"))),
    }
}
