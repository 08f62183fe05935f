//! A stream: OpenAI-shaped chunks, whoever serves. Dropping it closes the vendor's connection.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::io::{Write, stdout};

use futures_util::StreamExt;
use junto::{ChatRequest, Client};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let junto = Client::from_env()?;
    let mut stream = junto.stream(ChatRequest::new("anthropic/claude-haiku-4-5").user("Why is the sky blue?")).await?;
    let mut last = None;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        print!("{}", chunk.text());
        stdout().flush()?;
        last = Some(chunk);
    }
    // The last chunk has the usage with its cost, asked for or not.
    let usage = last.and_then(|chunk| chunk.usage).ok_or("no usage")?;
    println!("\n{} tokens, ${}", usage.total_tokens.ok_or("no count")?, usage.cost.ok_or("no price")?);
    Ok(())
}
