//! The simulator as a program: `junto-simulator [ADDRESS]`, `127.0.0.1:8089` unless told.

use std::{env, error::Error, io::Write, net::SocketAddr};

use junto_simulator::Simulator;

fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = env::args().nth(1).as_deref().unwrap_or("127.0.0.1:8089").parse()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let sim = Simulator::start_on(address).await?;
        let mut out = std::io::stdout();
        for provider in ["openai", "anthropic", "google-ai-studio", "groq"] {
            writeln!(out, "{provider:<18} {}", sim.base_url(provider))?;
        }
        writeln!(out, "behave with the header `x-sim: status=503,retry-after=2` or a model such as `gpt-4o@cut=3`; see the README")?;
        tokio::signal::ctrl_c().await?;
        Ok(())
    })
}
