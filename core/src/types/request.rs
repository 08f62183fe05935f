//! The request: OpenAI's chat completions, plus `models`, `provider`, `plugins` and `reasoning`.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

use super::{Content, Message, Role, Tool, ToolChoice, open::open_struct};
use crate::{
    error::{Error, Result},
    preferences::Preferences,
};

open_struct! {
    /// A chat request. Unknown fields travel on to OpenAI-compatible endpoints.
    pub struct ChatRequest {
        /// The slug, for instance `anthropic/claude-sonnet-4-5:thinking`.
        pub model: String = "model",
        /// Fallback slugs, tried in order after `model`.
        pub models: Vec<String> = "models",
        /// The conversation.
        pub messages: Vec<Message> = "messages",
        /// Which endpoints may serve, in which order.
        pub provider: Option<Preferences> = "provider",
        /// The most that the answer may cost, in US dollars: an endpoint where it is expected to cost more, by the estimated
        /// prompt and `max_tokens` (else 500), or where the price is unknown, is passed over.
        pub max_cost: Option<f64> = "max_cost",
        /// Plugins, such as `{"id": "web"}`.
        pub plugins: Vec<Plugin> = "plugins",
        /// Whether to stream; set by the method that is called.
        pub stream: bool = "stream",
        /// Options of a stream.
        pub stream_options: Option<StreamOptions> = "stream_options",
        /// The most tokens to produce, in OpenAI's older word.
        pub max_tokens: Option<u64> = "max_tokens",
        /// The most tokens to produce, reasoning included.
        pub max_completion_tokens: Option<u64> = "max_completion_tokens",
        /// Randomness, 0 to 2.
        pub temperature: Option<f64> = "temperature",
        /// Nucleus sampling, 0 to 1.
        pub top_p: Option<f64> = "top_p",
        /// Sample among this many tokens.
        pub top_k: Option<u64> = "top_k",
        /// Least probability relative to the likeliest token.
        pub min_p: Option<f64> = "min_p",
        /// Like `min_p`, by the square of the likeliest.
        pub top_a: Option<f64> = "top_a",
        /// -2 to 2.
        pub frequency_penalty: Option<f64> = "frequency_penalty",
        /// -2 to 2.
        pub presence_penalty: Option<f64> = "presence_penalty",
        /// 0 to 2; 1 is none.
        pub repetition_penalty: Option<f64> = "repetition_penalty",
        /// Bias by token id.
        pub logit_bias: Option<Map<String, Value>> = "logit_bias",
        /// Whether to return log probabilities.
        pub logprobs: Option<bool> = "logprobs",
        /// How many alternatives per token, 0 to 20.
        pub top_logprobs: Option<u64> = "top_logprobs",
        /// How many answers.
        pub n: Option<u64> = "n",
        /// Makes sampling repeatable where the vendor can.
        pub seed: Option<i64> = "seed",
        /// Strings that end the answer; a single string counts as a list of one.
        pub stop: Option<Stop> = "stop",
        /// The form of the answer.
        pub response_format: Option<ResponseFormat> = "response_format",
        /// Tools the model may use.
        pub tools: Vec<Tool> = "tools",
        /// Which tool it must use.
        pub tool_choice: Option<ToolChoice> = "tool_choice",
        /// Whether it may call several at once.
        pub parallel_tool_calls: Option<bool> = "parallel_tool_calls",
        /// How to reason.
        pub reasoning: Option<Reasoning> = "reasoning",
        /// Shorthand for `reasoning.effort`.
        pub reasoning_effort: Option<Effort> = "reasoning_effort",
        /// How much to say.
        pub verbosity: Option<String> = "verbosity",
        /// The vendor's own web search.
        pub web_search_options: Option<Map<String, Value>> = "web_search_options",
        /// What to produce, such as `["text", "audio"]`.
        pub modalities: Vec<String> = "modalities",
        /// Voice and format of audio output.
        pub audio: Option<Value> = "audio",
        /// Text that much of the answer is known to repeat.
        pub prediction: Option<Value> = "prediction",
        /// The vendor's service tier.
        pub service_tier: Option<String> = "service_tier",
        /// Whether the vendor may keep the answer.
        pub store: Option<bool> = "store",
        /// A stable id of the end user.
        pub user: Option<String> = "user",
        /// Labels for the caller's own records at the vendor.
        pub metadata: Option<BTreeMap<String, String>> = "metadata",
        /// Groups requests that share a prefix, for the vendor's cache.
        pub prompt_cache_key: Option<String> = "prompt_cache_key",
        /// Marks the whole prompt as cacheable; Anthropic's `cache_control`.
        pub cache_control: Option<Value> = "cache_control",
    }
}

impl ChatRequest {
    /// A request for this slug.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), ..Self::default() }
    }

    /// Adds a system message.
    pub fn system(self, text: impl Into<String>) -> Self {
        self.message(Message::new(Role::System, text))
    }

    /// Adds a user message.
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Message::new(Role::User, text))
    }

    /// Adds an assistant message.
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(Message::new(Role::Assistant, text))
    }

    /// Adds a message.
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds a tool.
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Sets the provider preferences.
    pub fn provider(mut self, preferences: Preferences) -> Self {
        self.provider = Some(preferences);
        self
    }

    /// Parses OpenAI JSON. An error names the path of the bad field.
    pub fn from_json(json: &str) -> Result<Self> {
        if let Ok(request) = serde_json::from_str(json) {
            return Ok(request);
        }
        // The second parse is slower, but knows where it is.
        let mut deserializer = serde_json::Deserializer::from_str(json);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            match path.as_str() {
                "." => Error::new(crate::ErrorKind::BadRequest, format!("the request is not valid JSON: {}", error.inner())),
                _ => Error::bad_request(path.clone(), format!("{path}: {}", error.inner())),
            }
        })
    }

    /// The request as OpenAI JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The most tokens to produce, by either name.
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// The strings that end the answer.
    pub fn stop_sequences(&self) -> &[String] {
        self.stop.as_ref().map_or(&[], |stop| &stop.0)
    }

    /// The web search that the request asks for; not one that is switched off.
    pub fn web_plugin(&self) -> Option<&Plugin> {
        self.plugins.iter().find(|plugin| plugin.id == "web" && plugin.enabled != Some(false))
    }

    /// What a web search is told, by the plugin, by `web_search_options` or by both; none where the request asks for no search.
    pub(crate) fn search_options(&self) -> Option<Cow<'_, Map<String, Value>>> {
        match (&self.web_search_options, self.web_plugin()) {
            (None, None) => None,
            (None, Some(plugin)) => Some(Cow::Borrowed(&plugin.extra)),
            (Some(options), None) => Some(Cow::Borrowed(options)),
            (Some(options), Some(plugin)) => {
                let mut options = options.clone();
                options.extend(plugin.extra.clone());
                Some(Cow::Owned(options))
            }
        }
    }

    /// How to reason, with `reasoning_effort` folded in.
    pub fn reasoning_wanted(&self) -> Option<Reasoning> {
        match (&self.reasoning, self.reasoning_effort) {
            (None, None) => None,
            (Some(reasoning), None) => Some(reasoning.clone()),
            (reasoning, Some(effort)) => {
                let mut reasoning = reasoning.clone().unwrap_or_default();
                reasoning.effort.get_or_insert(effort);
                Some(reasoning)
            }
        }
    }
}

/// Strings that end the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stop(pub Vec<String>);

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(stop) => Ok(Self(vec![stop])),
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(stop) => Ok(stop),
                    _ => Err(D::Error::custom("expected a string or a list of strings")),
                })
                .collect::<Result<_, _>>()
                .map(Self),
            _ => Err(D::Error::custom("expected a string or a list of strings")),
        }
    }
}

impl Serialize for Stop {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Options of a stream. Usage is on the last chunk whatever they say.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct StreamOptions {
    /// OpenAI's switch for usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_usage: Option<bool>,
}

/// How hard to reason.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Not at all.
    None,
    /// A tenth of the output.
    Minimal,
    /// A fifth of the output.
    Low,
    /// Half of the output.
    Medium,
    /// Four fifths of the output.
    High,
    /// Nearly all of the output.
    XHigh,
    /// As much as the model can.
    Max,
}

impl Effort {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The share of the output tokens that reasoning may take, in percent.
    pub fn percent(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal => 10,
            Self::Low => 20,
            Self::Medium => 50,
            Self::High => 80,
            Self::XHigh | Self::Max => 95,
        }
    }
}

open_struct! {
    /// How to reason. `effort` and `max_tokens` exclude each other.
    pub struct Reasoning {
        /// How hard.
        pub effort: Option<Effort> = "effort",
        /// The most tokens to reason with.
        pub max_tokens: Option<u64> = "max_tokens",
        /// Reason, but do not return it.
        pub exclude: bool = "exclude",
        /// On or off; on alone means effort `medium`.
        pub enabled: Option<bool> = "enabled",
        /// `auto`, `concise` or `detailed`.
        pub summary: Option<String> = "summary",
    }
}

impl Reasoning {
    /// Reasoning on, with the vendor's default effort.
    pub fn enabled() -> Self {
        Self { enabled: Some(true), ..Self::default() }
    }

    /// Whether this asks for reasoning at all.
    pub fn is_on(&self) -> bool {
        self.enabled.unwrap_or(true) && self.effort != Some(Effort::None) && self.max_tokens != Some(0)
    }
}

/// The form of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseFormat {
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema(JsonSchema),
    /// A form that only some OpenAI-compatible endpoints know, such as a grammar.
    Other(Map<String, Value>),
    /// Plain text.
    Text,
}

open_struct! {
    /// A named JSON Schema.
    pub struct JsonSchema {
        /// Its name: letters, digits, `_` and `-`, at most 64.
        pub name: String = "name",
        /// What it is for, for the model.
        pub description: Option<String> = "description",
        /// The schema.
        pub schema: Option<Value> = "schema",
        /// Whether the answer must follow it exactly.
        pub strict: Option<bool> = "strict",
    }
}

impl<'de> Deserialize<'de> for ResponseFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        match map.get("type").and_then(Value::as_str) {
            Some("text") => Ok(Self::Text),
            Some("json_object") => Ok(Self::JsonObject),
            Some("json_schema") => {
                let schema = map.remove("json_schema").ok_or_else(|| D::Error::missing_field("json_schema"))?;
                serde_json::from_value(schema).map(Self::JsonSchema).map_err(|error| D::Error::custom(format!("json_schema: {error}")))
            }
            Some(_) => Ok(Self::Other(map)),
            None => Err(D::Error::custom("type: expected \"text\", \"json_object\" or \"json_schema\"")),
        }
    }
}

impl Serialize for ResponseFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text => serde_json::json!({"type": "text"}).serialize(serializer),
            Self::JsonObject => serde_json::json!({"type": "json_object"}).serialize(serializer),
            Self::JsonSchema(schema) => serde_json::json!({"type": "json_schema", "json_schema": schema}).serialize(serializer),
            Self::Other(map) => map.serialize(serializer),
        }
    }
}

open_struct! {
    /// A plugin of the router, such as web search.
    pub struct Plugin requires "id" {
        /// `web`.
        pub id: String = "id",
        /// Off only when `false`.
        pub enabled: Option<bool> = "enabled",
        /// The search engine: `native`, `exa`, `tavily`, ...
        pub engine: Option<String> = "engine",
        /// How many results.
        pub max_results: Option<u64> = "max_results",
        /// What to tell the model about the results.
        pub search_prompt: Option<String> = "search_prompt",
    }
}

impl Message {
    /// A user message of parts.
    pub fn user_parts(parts: Vec<super::Part>) -> Self {
        Self { role: Role::User, content: Some(Content::Parts(parts)), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ChatRequest;

    #[test]
    fn a_search_is_told_what_either_field_says_and_the_plugin_wins() {
        let options = |request: serde_json::Value| {
            let request = ChatRequest::from_json(&request.to_string()).unwrap();
            request.search_options().map(|options| serde_json::to_value(options.as_ref()).unwrap())
        };
        let low = json!({"search_context_size": "low", "user_location": {"city": "Oslo"}});
        let high = json!([{"id": "web", "search_context_size": "high"}]);
        assert_eq!(options(json!({"model": "a/b"})), None);
        assert_eq!(options(json!({"model": "a/b", "plugins": [{"id": "web", "enabled": false}]})), None);
        assert_eq!(options(json!({"model": "a/b", "plugins": high})), Some(json!({"search_context_size": "high"})));
        assert_eq!(options(json!({"model": "a/b", "web_search_options": low})), Some(low.clone()));
        let both = json!({"search_context_size": "high", "user_location": {"city": "Oslo"}});
        assert_eq!(options(json!({"model": "a/b", "plugins": high, "web_search_options": low})), Some(both));
    }
}
