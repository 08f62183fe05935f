//! Preferences: who may serve, and in which order.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use junto::{ChatRequest, Client, Preferences, preferences::DataCollection};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Defaults of every request; what protects data only tightens.
    let defaults = Preferences { data_collection: Some(DataCollection::Deny), ..Preferences::default() };
    let junto = Client::builder().preferences(defaults).build()?;

    let preferences = Preferences { order: vec!["azure".into(), "openai".into()], allow_fallbacks: Some(false), ..Preferences::default() };
    let answer = junto.chat(ChatRequest::new("openai/gpt-4o").user("Hello!").provider(preferences)).await?;
    println!("served by {}", answer.provider);

    // The same as JSON, where a misspelt field is an error that names it.
    let wrong = r#"{"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello!"}], "provider": {"ordr": ["azure"]}}"#;
    let error = ChatRequest::from_json(wrong).err().ok_or("a misspelt preference passed")?;
    println!("{}: {error}", error.param().unwrap_or_default());
    Ok(())
}
