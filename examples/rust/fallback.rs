//! Fallback: one vendor is down, the next one serves, and the attempts tell.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::sync::Arc;

use junto::{
    ChatRequest, Client, Preferences,
    clock::Clock,
    transport::{Scripted, ScriptedTransport},
};

const HELLO: &str =
    r#"{"model": "gpt-4o", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}]}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In place of the network: an Azure that is down, an OpenAI that is not.
    let clock = Clock::fixed(1_769_515_200);
    let vendors = ScriptedTransport::new()
        .clock(clock.clone())
        .then(Scripted::response(503, r#"{"error": {"message": "the deployment is down"}}"#).to("azure.test"))
        .then(Scripted::response(200, HELLO).to("openai.test"));
    let junto = Client::builder()
        .env(false)
        .api_key("azure", "key")
        .base_url("azure", "https://azure.test")
        .api_key("openai", "key")
        .base_url("openai", "https://openai.test/v1")
        .transport(Arc::new(vendors))
        .clock(clock)
        .build()?;

    let preferences = Preferences { order: vec!["azure".into(), "openai".into()], ..Preferences::default() };
    let answer = junto.chat(ChatRequest::new("openai/gpt-4o").user("Hello!").provider(preferences)).await?;
    println!("{}", answer.text());
    for attempt in &answer.routing.ok_or("no routing")?.attempts {
        let outcome = attempt.error.as_ref().map_or("served", |error| &error.message);
        println!("{:<8} {:?}  {outcome}", attempt.provider, attempt.status);
    }
    Ok(())
}
