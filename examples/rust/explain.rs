//! The plan of a request, without a network: who would serve it, in which order, and why not the others.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use junto::{ChatRequest, Client};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let junto = Client::from_env()?;
    let request = ChatRequest::from_json(
        r#"{"model": "openai/gpt-4o:floor", "models": ["anthropic/claude-haiku-4-5"], "provider": {"zdr": true},
            "messages": [{"role": "user", "content": "Hello!"}]}"#,
    )?;
    let plan = junto.explain(&request)?;
    println!("{plan}\n");
    for rejection in &plan.rejected {
        println!("{:<28} {rejection}", rejection.reason().code());
    }
    Ok(())
}
