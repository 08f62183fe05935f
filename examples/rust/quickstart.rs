//! The main job in one screen: a plan, an answer, and a stream that falls over to another provider.
//!
//! Without keys it runs on a simulated set of vendors. With keys in the environment:
//! `make demo MODEL=openai/gpt-4o-mini PROMPT="Why is the sky blue?"`.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::io::{Write, stdout};

use futures_util::StreamExt;
use junto::{ChatRequest, Client, types::Routing};
use junto_simulator::{Behavior, Simulator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted = |name| std::env::args().skip_while(|arg| arg != name).nth(1).filter(|value| !value.is_empty());
    let prompt = wanted("--prompt").unwrap_or_else(|| "Why is the sky blue? One sentence.".to_owned());

    if let Some(model) = wanted("--model") {
        let junto = Client::from_env()?; // keys by the vendors' own variable names
        return run(&junto, ChatRequest::new(model).user(prompt)).await;
    }

    // Five vendors on loopback; the cheapest one is down.
    let simulator = Simulator::start().await?;
    simulator.behave("azure", Behavior::status(503));
    let mut builder = Client::builder().env(false).seed(7);
    for provider in ["openai", "azure", "anthropic", "google-ai-studio", "groq"] {
        builder = builder.api_key(provider, "sk-simulated").base_url(provider, simulator.base_url(provider));
    }
    let junto = builder.build()?;

    let request = ChatRequest::from_json(
        r#"{"model": "openai/gpt-4o", "messages": [], "provider": {"order": ["azure"], "data_collection": "deny"}}"#,
    )?;
    println!("{}", dim("No key given: the vendors below are simulated, and azure is down.\n"));
    run(&junto, request.user(prompt)).await
}

async fn run(junto: &Client, request: ChatRequest) -> Result<(), Box<dyn std::error::Error>> {
    println!("{}\n{}\n", title("The plan, without a network"), junto.explain(&request)?);

    println!("{}", title("One answer"));
    let answer = junto.chat(request.clone()).await?;
    println!("{}\n", answer.text().trim());
    let cost = answer.usage.cost.map_or("cost unknown".to_owned(), |cost| format!("${cost}"));
    println!("{}", dim(&format!("{} via {}, {cost}", answer.model, answer.provider)));
    show(answer.routing.as_ref());

    println!("{}", title("One stream"));
    let mut stream = junto.stream(request).await?;
    let mut routing = None;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        print!("{}", chunk.text());
        stdout().flush()?;
        routing = chunk.routing.or(routing);
    }
    println!("\n");
    show(routing.as_deref());
    Ok(())
}

fn show(routing: Option<&Routing>) {
    for attempt in routing.iter().flat_map(|routing| &routing.attempts) {
        let outcome = match &attempt.error {
            Some(error) => format!("\x1b[31m✗ {} ({})\x1b[0m", error.message, error.kind),
            None => "\x1b[32m✓ served\x1b[0m".to_owned(),
        };
        let first = attempt.ttft_ms.map_or(String::new(), |ms| format!(", first token after {ms} ms"));
        let cost = attempt.cost.map_or(String::new(), |cost| format!(", ${cost}"));
        println!(
            "  {:>5} ms  {:<18} {outcome}  {}",
            attempt.started,
            attempt.provider,
            dim(&format!("{} ms{first}{cost}", attempt.duration_ms))
        );
    }
    println!();
}

fn title(text: &str) -> String {
    format!("\x1b[1m{text}\x1b[0m\n")
}

fn dim(text: &str) -> String {
    format!("\x1b[2m{text}\x1b[0m")
}
