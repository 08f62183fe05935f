//! Who serves: rows, not code.
//!
//! Belongs here: hosts, environment variables, header schemes, a vendor's habits as named fields, data policies.
//! Does not belong here: wire formats (`protocols`), which endpoint to use (`plan`). PURE.

mod set;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

pub use set::{Configured, ProviderSet};
pub(crate) use set::{filled, resolved};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::DataPolicy;

/// One provider: where it is, how it wants its key, which protocol it speaks, which habits it has. A caller adds one at
/// run time with the same row.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Provider {
    /// The slug, for instance `together`.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// The URL that the protocol's paths are put behind. `{name}` stands for an option of the provider.
    pub base_url: String,
    /// The wire protocol.
    pub protocol: ProtocolName,
    /// How the key is sent.
    pub auth: Auth,
    /// Environment variables of the key; the first that is set counts.
    pub key_env: Vec<String>,
    /// Environment variables of the base URL.
    pub base_url_env: Vec<String>,
    /// Used instead of `base_url` by those who have a key rather than a token.
    pub key_base_url: Option<String>,
    /// Who grants a credential where there is no key.
    pub grant: Grant,
    /// Environment variables of an access token, which is sent as a bearer.
    pub token_env: Vec<String>,
    /// The provider whose credentials and options count where this one has none: another door to the same account.
    pub account: Option<String>,
    /// Options for `{name}` in URLs: environment variables and defaults by name.
    pub options: BTreeMap<String, ProviderOption>,
    /// Authors whose models this provider serves first-hand: `openai` for `openai/..`.
    pub authors: Vec<String>,
    /// Serves any slug by its own name, as another router does.
    pub serves_any: bool,
    /// Works without a key, as a local server does.
    pub keyless: bool,
    /// Headers sent with every request.
    pub headers: BTreeMap<String, String>,
    /// Habits.
    pub quirks: Quirks,
    /// What the operator does with prompts.
    pub policy: Option<DataPolicy>,
    /// Where its documentation is.
    pub docs: String,
}

/// Where the value of a URL option comes from.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderOption {
    /// Environment variables; the first that is set counts.
    pub env: Vec<String>,
    /// Used where none is set. `{name}` stands for another option.
    pub default: Option<String>,
    /// The option that decides this one by `values`.
    pub by: Option<String>,
    /// Values by that of the deciding option; `us-*` stands for all that begin with `us-`, and the longest counts.
    pub values: BTreeMap<String, String>,
    /// Whether it is the region of an endpoint, as in `google-vertex/us-east5`.
    pub is_region: bool,
    /// What may stand before the first dot of an upstream id; this option's value takes its place. The first of them is good
    /// everywhere and gives way only to the caller's own value.
    pub prefixes: Vec<String>,
}

/// Who grants a credential where there is no key.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Grant {
    /// AWS keys from the usual places; they sign each request for this service.
    Aws {
        /// The service's name in signatures, for instance `bedrock`.
        service: String,
    },
    /// An OAuth token endpoint, for the option `client_id` and a secret.
    ClientCredentials {
        /// The endpoint; `{name}` stands for an option.
        url: String,
        /// What the token is for.
        scope: String,
        /// Environment variables of the secret.
        secret_env: Vec<String>,
        /// Whether name and secret go into a header rather than into the form.
        #[serde(default)]
        basic: bool,
    },
    /// Google's application default credentials.
    Google,
    /// Nobody.
    #[default]
    None,
}

impl Grant {
    /// Variables that lead to a grant, the first of them where there are many.
    pub(crate) fn variables(&self) -> Vec<&str> {
        match self {
            Self::Aws { .. } => vec!["AWS_ACCESS_KEY_ID"],
            Self::ClientCredentials { secret_env, .. } => secret_env.iter().map(String::as_str).collect(),
            Self::Google => vec!["GOOGLE_APPLICATION_CREDENTIALS"],
            Self::None => Vec::new(),
        }
    }
}

/// A wire protocol.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProtocolName {
    /// Anthropic Messages.
    Anthropic,
    /// Amazon Bedrock Converse.
    Bedrock,
    /// Cohere Chat v2.
    Cohere,
    /// Google Gemini generateContent.
    Gemini,
    /// Ollama's own chat.
    Ollama,
    /// OpenAI chat completions.
    #[default]
    OpenaiChat,
    /// OpenAI responses.
    OpenaiResponses,
}

/// How the key is sent.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    #[default]
    Bearer,
    /// The key in the named header.
    Header(String),
    /// No key.
    None,
}

/// Habits of one provider, as fields that its protocol reads.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Replaces the protocol's path of chat requests. `{model}` stands for the upstream id.
    pub chat_path: Option<String>,
    /// Replaces the path of streamed chat requests; absent: as `chat_path`.
    pub stream_path: Option<String>,
    /// Replaces the protocol's path of embeddings.
    pub embeddings_path: Option<String>,
    /// The most inputs of one request for embeddings, where it is not the protocol's own.
    pub embeddings_batch: Option<usize>,
    /// Whether embeddings are asked for as base64, which is smaller and quicker to read than numbers.
    pub embeddings_base64: bool,
    /// Whether embeddings in base64 are 8-bit integers.
    pub embeddings_int8: bool,
    /// Whether a request for embeddings may say `input_type`.
    pub embeddings_input_type: bool,
    /// Replaces the protocol's path of the list of models.
    pub models_path: Option<String>,
    /// The field that limits the answer: `max_tokens` or `max_completion_tokens`.
    pub max_tokens_field: String,
    /// Request fields it refuses; left out and recorded.
    pub drops: Vec<String>,
    /// Whether `stream_options: {include_usage: true}` is sent.
    pub stream_usage: bool,
    /// How reasoning is asked for in an OpenAI-shaped request.
    pub reasoning: ReasoningField,
    /// How the assistant's earlier reasoning goes back in an OpenAI-shaped request.
    pub message_reasoning: MessageReasoning,
    /// Whether it is a router itself: it takes `plugins`, `cache_control` and `reasoning_details`.
    pub router: bool,
    /// Whether text may hold `<think>..</think>` that is reasoning.
    pub think_tags: bool,
    /// Whether `developer` messages are known; otherwise they are sent as `system`.
    pub developer_role: bool,
    /// How the host's own web search is asked for in an OpenAI-shaped request.
    pub search: SearchField,
    /// The protocol in which the host searches the web, where that is another one than its chat.
    pub search_protocol: Option<ProtocolName>,
    /// The name of the filter that keeps a search away from domains, where the Responses API of the host has one.
    pub search_excludes: Option<String>,
    /// Whether unknown fields of the request travel on.
    pub passthrough: bool,
    /// The word for `tool_choice: "required"`.
    pub tool_choice_required: String,
    /// Renames of request fields, such as `seed` to `random_seed`.
    pub renames: BTreeMap<String, String>,
    /// Whether the model goes into the body; not where it is in the path.
    pub model_in_body: bool,
    /// Whose schema of OpenAI-shaped requests it holds to.
    pub dialect: Dialect,
    /// Which ids of tool calls it takes in an OpenAI-shaped request.
    pub tool_ids: ToolIds,
    /// Constant fields added to the body, such as `anthropic_version`.
    pub body: Map<String, Value>,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            chat_path: None,
            stream_path: None,
            embeddings_path: None,
            embeddings_batch: None,
            embeddings_base64: false,
            embeddings_int8: false,
            embeddings_input_type: false,
            models_path: None,
            max_tokens_field: "max_tokens".to_owned(),
            drops: Vec::new(),
            stream_usage: true,
            reasoning: ReasoningField::Effort,
            message_reasoning: MessageReasoning::None,
            router: false,
            think_tags: false,
            developer_role: false,
            search: SearchField::Options,
            search_protocol: None,
            search_excludes: None,
            passthrough: true,
            tool_choice_required: "required".to_owned(),
            renames: BTreeMap::new(),
            model_in_body: true,
            dialect: Dialect::Open,
            tool_ids: ToolIds::Any,
            body: Map::new(),
        }
    }
}

/// How reasoning is asked for in an OpenAI-shaped request.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReasoningField {
    /// There is no word for it: its models always reason.
    Always,
    /// `reasoning_effort: "high"`.
    #[default]
    Effort,
    /// `reasoning_effort` and `reasoning_format: "parsed"`.
    EffortAndFormat,
    /// `enable_thinking: true` and `thinking_budget`.
    EnableThinking,
    /// Not at all.
    None,
    /// `reasoning: {effort, max_tokens, enabled, exclude}`.
    Object,
    /// `reasoning_effort: "high"` or `"none"`.
    Switch,
    /// `chat_template_kwargs: {enable_thinking: true}`.
    Template,
    /// `thinking: {"type": "enabled"}`, and `reasoning_effort` where the model takes one.
    Thinking,
}

/// How a host's own web search is asked for in an OpenAI-shaped request.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SearchField {
    /// It always searches; `web_search_options` say how, and the text cites its sources as `[1]`.
    Always,
    /// `tools: [{"type": "browser_search"}]`; on systems that search by themselves only `search_settings`.
    Browser,
    /// Not at all.
    None,
    /// `web_search_options: {}`.
    #[default]
    Options,
}

impl Provider {
    /// Whether the host's own web search can be asked for in its protocol.
    pub(crate) fn can_search(&self) -> bool {
        match self.quirks.search_protocol.unwrap_or(self.protocol) {
            ProtocolName::Bedrock | ProtocolName::Cohere | ProtocolName::Ollama => false,
            ProtocolName::Anthropic | ProtocolName::Gemini | ProtocolName::OpenaiResponses => true,
            ProtocolName::OpenaiChat => self.quirks.search != SearchField::None,
        }
    }

    /// Whether that search can keep to domains.
    pub(crate) fn searches_by_domain(&self) -> bool {
        self.protocol != ProtocolName::Gemini
    }
}

/// How the assistant's earlier reasoning goes back in an OpenAI-shaped request.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageReasoning {
    /// As `reasoning_content`.
    Content,
    /// As `reasoning` and `reasoning_details`, signatures included.
    Details,
    /// Not at all.
    #[default]
    None,
    /// As `reasoning`.
    Text,
}

/// Whose schema of OpenAI-shaped requests a provider holds to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dialect {
    /// Mistral's: files as `document_url`, audio as bare base64; no names and refusals in messages, and no field that it
    /// does not know.
    Mistral,
    /// OpenAI's own: of tools functions and custom ones, `allowed_tools`, no video.
    Openai,
    /// Nobody's in particular: parts and tools of types that OpenAI does not have travel on, `allowed_tools` does not.
    #[default]
    Open,
}

/// Which ids of tool calls a provider takes. Others are changed, in the call and in its result alike.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolIds {
    /// Any.
    #[default]
    Any,
    /// Nine letters and digits.
    Nine,
    /// At most 40 characters.
    Short,
    /// At most 64 letters, digits, `_` and `-`.
    Word,
}

static ROWS: LazyLock<Vec<Arc<Provider>>> = LazyLock::new(|| {
    let rows: Vec<Provider> = serde_json::from_str(include_str!("rows.json")).unwrap_or_default();
    rows.into_iter().map(Arc::new).collect()
});

/// The built-in rows, in alphabetical order of their slugs.
pub fn built_in() -> &'static [Arc<Provider>] {
    &ROWS
}

/// The built-in row of this slug.
pub fn by_slug(slug: &str) -> Option<&'static Arc<Provider>> {
    ROWS.iter().find(|row| row.slug == slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_parse_and_are_sorted() {
        let rows: Vec<Provider> = serde_json::from_str(include_str!("rows.json")).expect("rows.json");
        assert!(rows.is_sorted_by(|a, b| a.slug < b.slug), "rows.json is sorted by slug, each once");
        for row in rows {
            assert!(!row.name.is_empty() && !row.base_url.is_empty(), "{} needs a name and a base URL", row.slug);
            let variables = row.key_env.len() + row.token_env.len();
            assert!(row.keyless || variables > 0, "{} needs the variable of its key", row.slug);
        }
    }
}
