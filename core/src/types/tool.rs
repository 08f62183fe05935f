//! Tools, calls of them, and the choice among them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};
use serde_json::{Map, Value};

use super::open::open_struct;

/// A tool the model may use.
#[derive(Clone, Debug, PartialEq)]
pub enum Tool {
    /// A function that the caller runs.
    Function {
        /// The function.
        function: Function,
        /// Marks the end of a cacheable prefix; Anthropic's `cache_control`.
        cache_control: Option<Value>,
    },
    /// A tool that the vendor runs, such as `{"type": "web_search"}`; sent to vendors that know its type.
    Server(Map<String, Value>),
}

open_struct! {
    /// A function that the caller runs.
    pub struct Function requires "name" {
        /// Its name: letters, digits, `_` and `-`, at most 64.
        pub name: String = "name",
        /// What it does, for the model.
        pub description: Option<String> = "description",
        /// Its arguments as a JSON Schema object.
        pub parameters: Option<Value> = "parameters",
        /// Whether arguments must follow the schema exactly.
        pub strict: Option<bool> = "strict",
    }
}

impl Tool {
    /// A function tool.
    pub fn function(name: impl Into<String>, description: impl Into<String>, parameters: Value) -> Self {
        let function =
            Function { name: name.into(), description: Some(description.into()), parameters: Some(parameters), ..Function::default() };
        Self::Function { function, cache_control: None }
    }
}

impl<'de> Deserialize<'de> for Tool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        match map.get("type").and_then(Value::as_str) {
            Some("function") => {
                let function = map.remove("function").ok_or_else(|| D::Error::missing_field("function"))?;
                let function: Function =
                    serde_json::from_value(function).map_err(|error| D::Error::custom(format!("function: {error}")))?;
                if function.name.is_empty() {
                    return Err(D::Error::custom("function.name: a tool needs a name"));
                }
                if function.parameters.as_ref().is_some_and(|schema| !schema.is_object()) {
                    return Err(D::Error::custom("function.parameters: must be a JSON Schema object"));
                }
                Ok(Self::Function { function, cache_control: map.remove("cache_control").filter(|value| !value.is_null()) })
            }
            Some(_) => Ok(Self::Server(map)),
            None => Err(D::Error::custom("type: a tool needs a type, such as \"function\"")),
        }
    }
}

impl Serialize for Tool {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Function { function, cache_control } => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("type", "function")?;
                map.serialize_entry("function", function)?;
                if let Some(cache_control) = cache_control {
                    map.serialize_entry("cache_control", cache_control)?;
                }
                map.end()
            }
            Self::Server(map) => map.serialize(serializer),
        }
    }
}

/// A call of a function that the model asked for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ToolCall {
    /// The call's id; the result names it as `tool_call_id`.
    #[serde(default)]
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type", default = "function_type")]
    pub call_type: String,
    /// What to call with what.
    pub function: FunctionCall,
    /// The issuing host's signature over the reasoning before this call, such as Gemini's thought signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_content: Option<Value>,
}

/// A function's name and arguments.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct FunctionCall {
    /// The function's name.
    pub name: String,
    /// Its arguments, as JSON text.
    #[serde(default)]
    pub arguments: String,
}

impl ToolCall {
    /// A call of the named function with arguments as JSON text.
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            call_type: function_type(),
            function: FunctionCall { name: name.into(), arguments: arguments.into() },
            extra_content: None,
        }
    }
}

fn function_type() -> String {
    "function".to_owned()
}

/// Which tool the model must use, if any.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// Only the named function.
    Function(String),
    /// No tool.
    None,
    /// Any other form, such as OpenAI's `allowed_tools`; sent on to OpenAI-compatible endpoints.
    Other(Value),
    /// Some tool.
    Required,
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match &value {
            Value::String(choice) => match choice.as_str() {
                "auto" => Ok(Self::Auto),
                "none" => Ok(Self::None),
                "required" | "any" => Ok(Self::Required),
                other => Err(D::Error::unknown_variant(other, &["auto", "none", "required", "{\"type\": \"function\", ..}"])),
            },
            Value::Object(map) => {
                let name = map.get("name").and_then(Value::as_str);
                match (map.get("type").and_then(Value::as_str), value.pointer("/function/name").and_then(Value::as_str)) {
                    (Some("function"), Some(name)) => Ok(Self::Function(name.to_owned())),
                    // As OpenAI's responses and as Anthropic write it.
                    (Some("function" | "tool"), None) if name.is_some() => Ok(Self::Function(name.unwrap_or_default().to_owned())),
                    (Some("any"), _) => Ok(Self::Required),
                    (Some("auto"), _) => Ok(Self::Auto),
                    (Some("none"), _) => Ok(Self::None),
                    (Some("function"), None) => Err(D::Error::custom("function.name: the chosen function needs a name")),
                    (Some(_), _) => Ok(Self::Other(value)),
                    (None, _) => Err(D::Error::missing_field("type")),
                }
            }
            _ => Err(D::Error::custom("expected \"auto\", \"none\", \"required\" or an object that names a function")),
        }
    }
}

impl Serialize for ToolChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::None => serializer.serialize_str("none"),
            Self::Required => serializer.serialize_str("required"),
            Self::Function(name) => serde_json::json!({"type": "function", "function": {"name": name}}).serialize(serializer),
            Self::Other(value) => value.serialize(serializer),
        }
    }
}
