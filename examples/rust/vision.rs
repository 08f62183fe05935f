//! Vision: an image beside the text. Endpoints that cannot see are left out.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use junto::{
    ChatRequest, Client, Message,
    types::{Content, Part, Role},
};

/// One red pixel.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let junto = Client::from_env()?;
    let parts = vec![Part::text("What colour is this?"), Part::image(PIXEL)];
    let message = Message { role: Role::User, content: Some(Content::Parts(parts)), ..Message::default() };
    let answer = junto.chat(ChatRequest::new("anthropic/claude-haiku-4-5").message(message)).await?;
    println!("{}", answer.text());
    Ok(())
}
