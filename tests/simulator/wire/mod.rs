//! How the vendors word an answer: one file per wire format.
//!
//! Belongs here: bodies and events. Does not belong here: when they are sent (`server`).

mod anthropic;
mod bedrock;
mod cohere;
pub(crate) mod engines;
mod gemini;
mod ollama;
mod openai_chat;
mod openai_responses;

use bytes::Bytes;
use serde_json::Value;

use crate::behavior::{Behavior, Content};

/// A wire format, told by the path.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Wire {
    Anthropic,
    Bedrock,
    Cohere,
    Gemini,
    Ollama,
    OpenaiChat,
    OpenaiResponses,
}

/// A request as far as the answer depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) wire: Wire,
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// The behaviour after the `@` of the model.
    pub(crate) behavior: Option<String>,
    /// The name of a tool that the request offers.
    pub(crate) tool: Option<String>,
    /// Whether a tool must be called.
    pub(crate) must_call: bool,
    /// The JSON Schema that the answer must follow.
    pub(crate) schema: Option<Value>,
    /// Whether the last message is a tool's result.
    pub(crate) answered: bool,
    /// Whether the request turns reasoning on.
    pub(crate) thinking: bool,
    /// Whether the request asks the vendor to search the web.
    pub(crate) searches: bool,
    /// Whether it brings the results of a search.
    pub(crate) brings_results: bool,
}

/// A page that a simulated search finds.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) url: &'static str,
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

impl Source {
    /// The whole simulated web.
    pub(crate) fn all() -> [Self; 2] {
        [
            Self {
                url: "https://spaceplace.nasa.gov/blue-sky/",
                title: "Why Is the Sky Blue?",
                text: "Blue light is scattered in all directions by the tiny molecules of air.",
            },
            Self {
                url: "https://www.metoffice.gov.uk/why-is-the-sky-blue",
                title: "Why is the sky blue? | Met Office",
                text: "Air scatters short waves far more than long ones: Rayleigh scattering.",
            },
        ]
    }
}

/// What is said, whoever says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) reasoning: Vec<String>,
    pub(crate) text: Vec<String>,
    pub(crate) tools: Vec<Tool>,
    /// Pages that the vendor's own search found.
    pub(crate) sources: Vec<Source>,
    pub(crate) refusal: bool,
    pub(crate) length: bool,
}

/// One tool call; the arguments in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
}

/// A stream, event by event.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Before the first content.
    pub(crate) opening: Vec<Bytes>,
    /// The content.
    pub(crate) content: Vec<Bytes>,
    /// After it, the terminal event last.
    pub(crate) closing: Vec<Bytes>,
}

const PROMPT_TOKENS: usize = 12;

impl Wire {
    /// The wire format of a path such as `/groq/chat/completions`.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        if path.ends_with("/chat/completions") {
            Some(Self::OpenaiChat)
        } else if path.ends_with("/responses") {
            Some(Self::OpenaiResponses)
        } else if path.ends_with("/messages") || path.ends_with(":rawPredict") || path.ends_with(":streamRawPredict") {
            Some(Self::Anthropic)
        } else if path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent") {
            Some(Self::Gemini)
        } else if path.ends_with("/converse") || path.ends_with("/converse-stream") {
            Some(Self::Bedrock)
        } else if path.ends_with("/v2/chat") {
            Some(Self::Cohere)
        } else if path.ends_with("/api/chat") {
            Some(Self::Ollama)
        } else {
            None
        }
    }

    /// What the request asks for; the model is in the body or in the path.
    pub(crate) fn asked(self, path: &str, body: &Value) -> Asked {
        let google = || path.rsplit_once("/models/").map(|(_, rest)| rest.rsplit_once(':').map_or(rest, |(model, _)| model));
        let amazon = || path.rsplit_once("/model/").and_then(|(_, rest)| rest.rsplit_once('/')).map(|(model, _)| model);
        let in_path = google().or_else(amazon);
        let model = body["model"].as_str().or(in_path).unwrap_or("unknown").replace("%40", "@").replace("%3D", "=").replace("%2C", ",");
        let (model, behavior) = match model.split_once('@') {
            Some((model, behavior)) => (model.to_owned(), Some(behavior.to_owned())),
            None => (model, None),
        };
        let first_tool = &body["tools"][0];
        let amazons = &body["toolConfig"]["tools"][0]["toolSpec"]["name"];
        let tool = [&first_tool["function"]["name"], &first_tool["name"], &first_tool["functionDeclarations"][0]["name"], amazons];
        Asked {
            wire: self,
            model,
            stream: body["stream"] == true || path.contains(":stream") || path.ends_with("-stream"),
            behavior,
            tool: tool.iter().find_map(|name| name.as_str()).map(str::to_owned),
            must_call: must_call(body),
            schema: schema(body).cloned(),
            answered: answers_tool(body),
            thinking: matches!(body["thinking"]["type"].as_str(), Some("enabled" | "adaptive"))
                || ["thinking", "reasoningConfig", "reasoning_config"]
                    .iter()
                    .any(|name| matches!(body["additionalModelRequestFields"][name]["type"].as_str(), Some("enabled" | "adaptive")))
                || !matches!(body["think"], Value::Null | Value::Bool(false))
                || body["generationConfig"]["thinkingConfig"]["includeThoughts"] == true
                || body["reasoning_effort"].as_str().is_some_and(|effort| effort != "none")
                || body["enable_thinking"] == true
                || body["chat_template_kwargs"]["enable_thinking"] == true
                || !body["reasoning"]["summary"].is_null(),
            searches: body["tools"].as_array().into_iter().flatten().any(is_search) || !body["web_search_options"].is_null(),
            brings_results: body.to_string().contains("<search_results>"),
        }
    }

    /// The whole answer.
    pub(crate) fn whole(self, asked: &Asked, answer: &Answer) -> Value {
        match self {
            Self::Anthropic => anthropic::whole(asked, answer),
            Self::Bedrock => bedrock::whole(answer),
            Self::Cohere => cohere::whole(answer),
            Self::Gemini => gemini::whole(asked, answer),
            Self::Ollama => ollama::whole(asked, answer),
            Self::OpenaiChat => openai_chat::whole(asked, answer),
            Self::OpenaiResponses => openai_responses::whole(asked, answer),
        }
    }

    /// The answer as a stream.
    pub(crate) fn events(self, asked: &Asked, answer: &Answer) -> Events {
        match self {
            Self::Anthropic => anthropic::events(asked, answer),
            Self::Bedrock => bedrock::events(answer),
            Self::Cohere => cohere::events(answer),
            Self::Gemini => gemini::events(asked, answer),
            Self::Ollama => ollama::events(asked, answer),
            Self::OpenaiChat => openai_chat::events(asked, answer),
            Self::OpenaiResponses => openai_responses::events(asked, answer),
        }
    }

    /// The vendor's error body.
    pub(crate) fn error(self, status: u16, reason: Option<&str>) -> Value {
        match self {
            Self::Anthropic => anthropic::error(status, reason),
            Self::Bedrock => bedrock::error(status, reason),
            Self::Cohere => cohere::error(status, reason),
            Self::Gemini => gemini::error(status, reason),
            Self::Ollama => ollama::error(status, reason),
            Self::OpenaiChat | Self::OpenaiResponses => openai_chat::error(status, reason),
        }
    }

    /// The vendor's error inside a stream.
    pub(crate) fn error_event(self, status: u16, reason: Option<&str>) -> Bytes {
        let error = self.error(status, reason);
        match self {
            Self::Anthropic | Self::OpenaiResponses => named("error", &error),
            Self::Bedrock => bedrock::error_event(status, &error),
            Self::Cohere => cohere::error_event(&error),
            Self::Gemini => crlf(&error),
            Self::Ollama => Bytes::from(format!("{error}\n")),
            Self::OpenaiChat => data(&error),
        }
    }

    /// What a stream says that it is.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Bedrock => "application/vnd.amazon.eventstream",
            Self::Ollama => "application/x-ndjson",
            _ => "text/event-stream; charset=utf-8",
        }
    }

    /// The header that names an error, where the vendor has one.
    pub(crate) fn error_header(self, status: u16) -> Option<(&'static str, &'static str)> {
        let named = (self == Self::Bedrock).then(|| ("x-amzn-errortype", bedrock::error_type(status)));
        named.filter(|(_, name)| !name.is_empty())
    }

    /// An event that does not parse.
    pub(crate) fn malformed_event(self) -> Bytes {
        match self {
            Self::Anthropic => Bytes::from_static(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":\n\n"),
            Self::Bedrock => bedrock::malformed_event(),
            Self::Cohere => Bytes::from_static(b"event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":\n\n"),
            Self::Ollama => Bytes::from_static(b"{\"model\":\"sim\",\"message\":{\"content\n"),
            Self::Gemini => Bytes::from_static(b"data: {\"candidates\": [{\"content\": \r\n\r\n"),
            Self::OpenaiChat => Bytes::from_static(b"data: {\"id\":\"chatcmpl-sim\",\"choices\":[{\"delta\"\n\n"),
            Self::OpenaiResponses => Bytes::from_static(b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text\n\n"),
        }
    }
}

/// Whether a tool is a vendor's own web search.
fn is_search(tool: &Value) -> bool {
    let kind = tool["type"].as_str().unwrap_or_default();
    kind.contains("web_search") || kind == "browser_search" || !tool["googleSearch"].is_null()
}

impl Answer {
    /// What this behaviour says to this request.
    pub(crate) fn of(behavior: &Behavior, asked: &Asked) -> Self {
        let words = |text: &str| text.split_inclusive(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut answer = Self { text: words("Rayleigh scattering: air scatters blue light more than red."), ..Self::default() };
        if asked.searches || asked.brings_results {
            let [page, _] = Source::all();
            answer.text.extend(words(&format!(" ([spaceplace.nasa.gov]({}))", page.url)));
            answer.sources = if asked.searches { vec![page] } else { Vec::new() };
        }
        if asked.thinking || behavior.content == Content::Thinking {
            answer.reasoning = words("Short wavelengths scatter more; blue is short. ");
        }
        match behavior.content {
            Content::Text if asked.must_call => {
                answer.text.clear();
                answer.tools = vec![Tool::number(0, asked)];
            }
            Content::Text | Content::Thinking => {
                if let Some(schema) = &asked.schema {
                    answer.text = vec![instance(schema).to_string()];
                }
            }
            Content::Chunks(count) => answer.text = (0..count).map(|at| format!("word{at} ")).collect(),
            Content::Empty => answer = Self::default(),
            Content::Refusal => answer = Self { text: words("I can't help with that."), refusal: true, ..Self::default() },
            // Who has the tool's result talks.
            Content::Tools(_) if asked.answered => {}
            Content::Json => answer.text = vec!["{\"city\":".to_owned(), "\"Oslo\"".to_owned(), ",\"days\":3}".to_owned()],
            Content::Tools(count) => {
                answer.text = words("Let me look.");
                answer.tools = (0..count).map(|at| Tool::number(at, asked)).collect();
            }
            Content::Length => answer.length = true,
        }
        answer
    }

    /// The sources that the text links to, each with where its link begins and ends, in characters.
    fn citations(&self) -> impl Iterator<Item = (&Source, usize, usize)> {
        let text = self.text.concat();
        self.sources.iter().filter_map(move |source| {
            let end = text.find(source.url)? + source.url.len() + 1;
            let start = text[..end].rfind('[')?;
            let characters = |to: usize| text[..to].chars().count();
            Some((source, characters(start), characters(end)))
        })
    }

    fn completion_tokens(&self) -> usize {
        let tools = self.tools.iter().map(|tool| tool.arguments.len() + 4).sum::<usize>();
        self.text.len() + self.reasoning.len() + tools
    }
}

impl Tool {
    fn number(at: usize, asked: &Asked) -> Self {
        const CITIES: [&str; 4] = ["Oslo", "Zürich", "São Paulo", "東京"];
        Self {
            name: asked.tool.clone().unwrap_or_else(|| "get_weather".to_owned()),
            arguments: vec!["{\"city\":".to_owned(), format!("\"{}\"", CITIES[at % CITIES.len()]), ",\"days\":3}".to_owned()],
        }
    }

    fn value(&self) -> Value {
        serde_json::from_str(&self.arguments.concat()).unwrap_or_default()
    }
}

/// Whether `tool_choice` leaves the model no choice, in any vendor's words.
fn must_call(body: &Value) -> bool {
    let choice = &body["tool_choice"];
    let mode = [choice, &choice["type"], &body["toolConfig"]["functionCallingConfig"]["mode"]];
    let amazons = &body["toolConfig"]["toolChoice"];
    mode.iter().any(|mode| matches!(mode.as_str(), Some("required" | "any" | "tool" | "function" | "ANY" | "REQUIRED")))
        || ["any", "tool"].iter().any(|choice| !amazons[choice].is_null())
}

/// The schema of a structured answer, in any vendor's place for it.
fn schema(body: &Value) -> Option<&Value> {
    let google = &body["generationConfig"];
    [
        &body["response_format"]["json_schema"]["schema"],
        &body["text"]["format"]["schema"],
        &body["output_config"]["format"]["schema"],
        &google["responseJsonSchema"],
        &google["responseSchema"],
        // Cohere, Ollama.
        &body["response_format"]["json_schema"],
        &body["format"],
    ]
    .into_iter()
    .find(|schema| schema.is_object())
}

/// The plainest value that follows a schema.
fn instance(schema: &Value) -> Value {
    match schema["type"].as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
        "object" => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields.map(|(name, schema)| (name.clone(), instance(schema))).collect::<serde_json::Map<_, _>>().into()
        }
        "array" => Value::Array(vec![instance(&schema["items"])]),
        "integer" | "number" => 36.into(),
        "boolean" => true.into(),
        _ => schema["enum"].get(0).cloned().unwrap_or_else(|| "Ada".into()),
    }
}

fn answers_tool(body: &Value) -> bool {
    let last = ["messages", "contents", "input"].iter().find_map(|field| body[field].as_array()?.last());
    let words = ["\"role\":\"tool\"", "\"tool_result\"", "\"toolResult\"", "\"functionResponse\"", "\"function_call_output\""];
    last.is_some_and(|message| words.iter().any(|word| message.to_string().contains(word)))
}

/// `data: {..}`.
fn data(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// `data: {..}` with CRLF.
fn crlf(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\r\n\r\n"))
}

/// `event: name` and `data: {..}`.
fn named(event: &str, value: &Value) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {value}\n\n"))
}
