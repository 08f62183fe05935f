//! Structured output: an answer that follows a JSON Schema, on every vendor that can.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use junto::{ChatRequest, Client, Preferences};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Person {
    name: String,
    age: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let junto = Client::from_env()?;
    let request = ChatRequest::from_json(
        r#"{
            "model": "google/gemini-2.0-flash",
            "messages": [{"role": "user", "content": "Ada is 36 years old."}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                "required": ["name", "age"],
                "additionalProperties": false
            }}}
        }"#,
    )?;
    // Endpoints that do not know `response_format` are left out instead of answering in prose.
    let request = request.provider(Preferences { require_parameters: Some(true), ..Preferences::default() });
    let person: Person = serde_json::from_str(junto.chat(request).await?.text())?;
    println!("{} is {}", person.name, person.age);
    Ok(())
}
