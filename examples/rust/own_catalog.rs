//! Facts of your own: a model, who serves it, its price. Filters and costs go by them.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::sync::Arc;

use junto::{ChatRequest, Client, catalog::Catalog};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let catalog = Catalog::from_json(
        r#"{"models": [{
            "slug": "acme/large", "name": "Large", "context": 32000, "input": ["text"], "output": ["text"],
            "endpoints": [
                {"provider": "openai", "upstream": "ft:gpt-4o:acme", "price": {"prompt": 3.75, "completion": 15}},
                {"provider": "groq", "upstream": "acme-large", "price": {"prompt": 0.5, "completion": 0.8}}
            ]
        }]}"#,
    )?;
    let junto = Client::builder().env(false).api_key("openai", "key").api_key("groq", "key").catalog(Arc::new(catalog)).build()?;
    let plan = junto.explain(&ChatRequest::new("acme/large:floor").user("Hello!"))?;
    println!("{plan}\n");
    let cheapest = plan.candidates.first().ok_or("nobody")?;
    println!("{} for about ${}", cheapest.endpoint.tag(), cheapest.estimated_cost.ok_or("no price")?);
    Ok(())
}
