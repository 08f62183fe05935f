//! Reasoning: asked for once, in each vendor's own way, and seen apart from the answer.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use junto::{
    ChatRequest, Client,
    types::{Effort, Reasoning},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let junto = Client::from_env()?;
    let mut request = ChatRequest::new("anthropic/claude-sonnet-4-5").user("Why is the sky blue?");
    request.reasoning = Some(Reasoning { effort: Some(Effort::Low), ..Reasoning::default() });
    let answer = junto.chat(request).await?;
    let message = &answer.choices.first().ok_or("no choice")?.message;
    println!("thought: {}\nsaid: {}", message.reasoning.as_deref().unwrap_or("nothing"), answer.text());

    // `:thinking` is the short form.
    let answer = junto.chat(ChatRequest::new("anthropic/claude-sonnet-4-5:thinking").user("And at sunset?")).await?;
    println!("{:?}", answer.usage.completion_tokens_details);
    Ok(())
}
