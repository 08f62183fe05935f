//! A test of a program that uses junto: no network, no key, no time.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::sync::Arc;

use junto::{
    ChatRequest, Client, ErrorKind,
    clock::Clock,
    transport::{Scripted, ScriptedTransport},
};

/// The program: a summary, or an apology when the vendor is busy.
async fn summary(junto: &Client, text: &str) -> junto::Result<String> {
    match junto.chat(ChatRequest::new("openai/gpt-4o-mini").system("Summarise.").user(text)).await {
        Err(error) if error.kind() == ErrorKind::RateLimited => Ok("Please try again later.".to_owned()),
        answer => answer.map(|answer| answer.text().to_owned()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = Clock::fixed(1_769_515_200);
    let answer = r#"{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Short."}, "finish_reason": "stop"}]}"#;
    let busy = r#"{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}"#;
    let vendor = ScriptedTransport::new()
        .clock(clock.clone())
        .then(Scripted::response(200, answer))
        .then(Scripted::response(429, busy))
        .then(Scripted::response(429, busy))
        .then(Scripted::response(429, busy));
    let junto = Client::builder().env(false).api_key("openai", "test").transport(Arc::new(vendor.clone())).clock(clock).build()?;

    assert_eq!(summary(&junto, "A long text.").await?, "Short.");
    // Two retries, and the waits before them took no time: the clock is fixed.
    assert_eq!(summary(&junto, "Another one.").await?, "Please try again later.");
    assert_eq!(vendor.requests().len(), 4);
    println!("{} requests, none over a network", vendor.requests().len());
    Ok(())
}
