//! A provider of your own: the same row that the built-in ones have.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use junto::{ChatRequest, Client};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A real one has its own URL; this one borrows OpenAI's, so that there is something to ask.
    let url = std::env::var_os("OPENAI_BASE_URL").and_then(|url| url.into_string().ok());
    let config = serde_json::json!({"providers": {"in-house": {
        "base_url": url.unwrap_or_else(|| "https://llm.example.com/v1".to_owned()),
        "api_key": "key-of-ours",
        "authors": ["acme"], // serves `acme/..`
        "quirks": {"max_tokens_field": "max_tokens", "drops": ["logit_bias"]},
        "policy": {"trains": false, "retains": false, "source": "our own machines"},
    }}});
    let junto = Client::builder().config_json(&config.to_string()).build()?;
    let answer = junto.chat(ChatRequest::new("acme/large-model").user("Hello!")).await?;
    println!("{} via {}, cost {:?}", answer.text(), answer.provider, answer.usage.cost);
    Ok(())
}
