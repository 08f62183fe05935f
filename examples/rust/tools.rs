//! Tools: the model asks for a call, the program answers it, the model goes on.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use junto::{
    ChatRequest, Client, Message,
    types::{Tool, ToolChoice},
};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let junto = Client::from_env()?;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let mut request = ChatRequest::new("anthropic/claude-haiku-4-5").user("How warm is it in Oslo?").tool(Tool::function(
        "get_weather",
        "The weather of a city today.",
        schema,
    ));
    request.tool_choice = Some(ToolChoice::Required);

    let answer = junto.chat(request.clone()).await?;
    let message = answer.choices.into_iter().next().ok_or("no choice")?.message;
    let calls = message.tool_calls.clone();
    // The message goes back as it came: reasoning that the vendor signed is in it.
    request = request.message(Message::from(message));
    for call in &calls {
        let arguments: Value = serde_json::from_str(&call.function.arguments)?;
        println!("{}({arguments})", call.function.name);
        request = request.message(Message::tool(&call.id, r#"{"celsius": 21}"#));
    }

    request.tool_choice = None;
    println!("{}", junto.chat(request).await?.text());
    Ok(())
}
