//! The four variants in one run: `:nitro`, `:floor`, `:online` and `:thinking`.
//!
//! Without keys it runs on a simulated set of vendors and a simulated search engine. With keys in the environment:
//! `cargo run -p junto-examples --example variants -- --model anthropic/claude-sonnet-4-5 --prompt "Who won yesterday?"`.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::{
    io::{Write, stdout},
    time::Duration,
};

use futures_util::StreamExt;
use junto::{
    ChatRequest, Client,
    auth::Secret,
    search::SearchConfig,
    types::{Annotation, Fold, Routing, Usage},
};
use junto_simulator::{Behavior, Simulator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted = |name| std::env::args().skip_while(|arg| arg != name).nth(1).filter(|value| !value.is_empty());
    let prompt = wanted("--prompt").unwrap_or_else(|| "Why is the sky blue? One sentence.".to_owned());

    if let Some(model) = wanted("--model") {
        // Keys by the vendors' own variable names, those of search engines too: EXA_API_KEY, TAVILY_API_KEY, ...
        let junto = Client::from_env()?;
        for (variant, what) in VARIANTS {
            show(&junto, variant, what, &format!("{model}:{variant}"), &prompt).await?;
        }
        return Ok(());
    }

    println!("{}", dim("No model given: the vendors and the search engine below are simulated.\n"));
    let (junto, _vendors) = simulated().await?;
    let [nitro, floor, online, thinking] = VARIANTS;
    for (variant, what) in [nitro, floor] {
        show(&junto, variant, what, &format!("{LLAMA}:{variant}"), &prompt).await?;
    }
    show(&junto, online.0, "web search by the vendor itself", "anthropic/claude-sonnet-4-5:online", &prompt).await?;
    show(&junto, online.0, "web search by an engine, where the vendor has none", &format!("{LLAMA}:online"), &prompt).await?;
    show(&junto, thinking.0, thinking.1, "anthropic/claude-sonnet-4-5:thinking", &prompt).await
}

/// An open model that many serve, at different prices and speeds.
const LLAMA: &str = "meta-llama/llama-3.3-70b-instruct";

const VARIANTS: [(&str, &str); 4] = [
    ("nitro", "the fastest endpoint first"),
    ("floor", "the cheapest endpoint first"),
    ("online", "with web search"),
    ("thinking", "with extended reasoning"),
];

/// A client whose vendors are on loopback, each about as fast as it is.
async fn simulated() -> Result<(Client, Simulator), Box<dyn std::error::Error>> {
    let simulator = Simulator::start().await?;
    let exa = SearchConfig {
        engine: "exa".to_owned(),
        api_key: Some(Secret::new("sk-simulated")),
        base_url: Some(simulator.base_url("exa")),
        ..SearchConfig::default()
    };
    let mut builder = Client::builder().env(false).seed(7).search(exa);
    for (provider, speed) in [("anthropic", 65.0), ("deepinfra", 40.0), ("groq", 280.0), ("nebius", 50.0), ("together", 90.0)] {
        simulator.behave(provider, Behavior::ok().ttft(Duration::from_millis(20)).tokens_per_second(speed));
        builder = builder.api_key(provider, "sk-simulated").base_url(provider, simulator.base_url(provider));
    }
    let junto = builder.build()?;
    // What is not measured yet is not known to be fast: one answer each.
    for provider in ["deepinfra", "groq", "nebius", "together"] {
        let only = format!(r#"{{"model": "{LLAMA}", "messages": [], "provider": {{"only": ["{provider}"]}}}}"#);
        let mut stream = junto.stream(ChatRequest::from_json(&only)?.user("Say something.")).await?;
        while stream.next().await.transpose()?.is_some() {}
    }
    Ok((junto, simulator))
}

/// The plan, the answer as it comes, and what came with it.
async fn show(junto: &Client, variant: &str, what: &str, slug: &str, prompt: &str) -> Result<(), Box<dyn std::error::Error>> {
    println!("\x1b[1m:{variant}\x1b[0m  {what}\n{}\n", dim(slug));
    let request = ChatRequest::new(slug).user(prompt);
    for (place, candidate) in (1..).zip(junto.explain(&request)?.candidates.iter().take(3)) {
        let speed = candidate.throughput.map_or_else(String::new, |speed| format!("{speed:>5.0} tokens/s"));
        let cost = candidate.estimated_cost.map_or_else(String::new, |cost| format!("about ${cost:.6}"));
        let search = candidate.search.map_or_else(String::new, |search| format!("search: {search:?}").to_lowercase());
        println!("  {place}. {:<18} {cost:<16} {speed:<14} {search}", candidate.endpoint.tag());
    }
    println!();

    let mut stream = junto.stream(request).await?;
    let (mut whole, mut thinks) = (Fold::new(), false);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        for delta in chunk.choices.iter().map(|choice| &choice.delta) {
            if let Some(thought) = &delta.reasoning {
                print!("{}", dim(thought));
                thinks = true;
            }
            if let Some(text) = &delta.content {
                print!("{}{text}", if std::mem::take(&mut thinks) { "\n" } else { "" });
            }
        }
        stdout().flush()?;
        whole.push(chunk);
    }
    let answer = whole.finish();
    println!("\n");
    for Annotation::UrlCitation { url_citation: source } in answer.choices.iter().flat_map(|choice| &choice.message.annotations) {
        println!(
            "  source  {}  {}",
            source.title,
            dim(&format!("{} (characters {} to {})", source.url, source.start_index, source.end_index))
        );
    }
    print_costs(&answer.usage, answer.routing.as_ref());
    Ok(())
}

fn print_costs(usage: &Usage, routing: Option<&Routing>) {
    for attempt in routing.iter().flat_map(|routing| &routing.attempts) {
        let outcome = match &attempt.error {
            Some(error) => format!("\x1b[31m✗ {}\x1b[0m", error.message),
            None => "\x1b[32m✓\x1b[0m".to_owned(),
        };
        let first = attempt.ttft_ms.map_or_else(String::new, |ms| format!(", first content after {ms} ms"));
        println!("  {outcome} {:<16} {}", attempt.provider, dim(&format!("{} ms{first}", attempt.duration_ms)));
    }
    let searches = usage.server_tool_use_details.as_ref().and_then(|tools| tools.web_search_requests);
    let searches = searches.map_or_else(String::new, |count| format!(", {count} search"));
    let reasoning = usage.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens).filter(|count| *count > 0);
    let reasoning = reasoning.map_or_else(String::new, |count| format!(", {count} of them reasoning"));
    let tokens = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let cost = usage.cost.map_or_else(|| "an unknown price".to_owned(), |cost| format!("${cost}"));
    let (input, output) = (tokens(usage.prompt_tokens), tokens(usage.completion_tokens));
    println!("  {}\n\n", dim(&format!("{cost} for {input} tokens in and {output} out{reasoning}{searches}")));
}

fn dim(text: &str) -> String {
    format!("\x1b[2m{text}\x1b[0m")
}
