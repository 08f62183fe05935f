//! A plan as a table for people and as JSON for programs.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::json;

use super::{Candidate, Plan, Search};
use crate::catalog::{DataPolicy, Parameter};

const COLUMNS: usize = 9;
const HEAD: [&str; COLUMNS] = ["", "endpoint", "model there", "$/M in", "$/M out", "data", "health", "est. cost", "left out"];

impl Plan {
    /// The plan as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  (about {} tokens in, {} out)", self.requested, self.prompt_tokens, self.completion_tokens)?;
        let rows: Vec<[String; COLUMNS]> = self.candidates.iter().enumerate().map(|(index, candidate)| row(index, candidate)).collect();
        let mut head = HEAD;
        if self.candidates.iter().all(|candidate| candidate.dropped.is_empty()) {
            head[COLUMNS - 1] = "";
        }
        let mut widths = head.map(str::len);
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        line(f, &head, &widths)?;
        for row in &rows {
            line(f, &row.each_ref().map(String::as_str), &widths)?;
        }
        if !self.rejected.is_empty() {
            write!(f, "\n\nnot used:")?;
        }
        self.rejected.iter().try_for_each(|rejection| write!(f, "\n  {rejection}"))
    }
}

fn line(f: &mut fmt::Formatter<'_>, cells: &[&str; COLUMNS], widths: &[usize; COLUMNS]) -> fmt::Result {
    let mut text = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        // Numbers end under each other.
        let cell = if matches!(column, 0 | 3 | 4 | 7) { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
        text.push_str("  ");
        text.push_str(&cell);
    }
    write!(f, "\n{}", text.trim_end())
}

fn row(index: usize, candidate: &Candidate) -> [String; COLUMNS] {
    let price = |per_million: Option<f64>| per_million.map_or_else(|| "?".to_owned(), |price| price.to_string());
    let pricing = candidate.endpoint.pricing.as_ref();
    [
        (index + 1).to_string(),
        candidate.endpoint.tag(),
        candidate.endpoint.upstream.to_string(),
        price(pricing.map(|pricing| pricing.prompt.per_million())),
        price(pricing.map(|pricing| pricing.completion.per_million())),
        data(candidate.policy()),
        health(candidate),
        candidate.estimated_cost.map_or_else(|| "?".to_owned(), |cost| format!("${cost:.6}")),
        candidate.dropped.iter().map(Parameter::as_str).collect::<Vec<_>>().join(", "),
    ]
}

/// An operator's policy in two words.
fn data(policy: Option<&DataPolicy>) -> String {
    match policy {
        Some(policy) if policy.is_zero_retention() => "keeps nothing".to_owned(),
        Some(DataPolicy { trains: Some(true), .. }) => "may train".to_owned(),
        Some(policy) if policy.denies_collection() => match policy.retention_days {
            Some(days) => format!("keeps {days} days"),
            None if policy.retains == Some(true) => "keeps prompts".to_owned(),
            None => "no training".to_owned(),
        },
        _ => "unknown".to_owned(),
    }
}

fn health(candidate: &Candidate) -> String {
    let mut words = Vec::new();
    if let Some(remaining) = candidate.cooling_down {
        words.push(format!("cooling {:.0} s", remaining.as_secs_f64()));
    }
    if candidate.recent_outage {
        words.push("failed lately".to_owned());
    }
    if candidate.exploring {
        words.push("to be measured".to_owned());
    }
    // What nobody measured here is the catalog's word.
    let about = if candidate.calls == 0 { "~" } else { "" };
    if let Some(throughput) = candidate.throughput {
        words.push(format!("{about}{throughput:.0} tok/s"));
    }
    if let Some(latency) = candidate.latency {
        words.push(format!("{about}{latency:.2} s"));
    }
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Plan", 6)?;
        fields.serialize_field("requested", &self.requested)?;
        fields.serialize_field("models", &self.models)?;
        fields.serialize_field("prompt_tokens", &self.prompt_tokens)?;
        fields.serialize_field("completion_tokens", &self.completion_tokens)?;
        fields.serialize_field("candidates", &self.candidates)?;
        fields.serialize_field("rejected", &self.rejected)?;
        fields.end()
    }
}

impl Serialize for Candidate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let endpoint = &*self.endpoint;
        let search = self.search.map(|search| match search {
            Search::Engine => "engine",
            Search::Native => "native",
        });
        json!({
            "model": &*endpoint.model,
            "endpoint": endpoint.tag(),
            "provider": &*endpoint.provider,
            "upstream": &*endpoint.upstream,
            "context_length": endpoint.context_length,
            "max_completion_tokens": endpoint.max_completion_tokens,
            "pricing": endpoint.pricing,
            "quantization": endpoint.quantization,
            "policy": self.policy(),
            "health": {
                "recent_outage": self.recent_outage,
                "cooling_down": self.cooling_down.map(|remaining| remaining.as_secs_f64()),
                "throughput": self.throughput,
                "latency": self.latency,
                "exploring": self.exploring,
            },
            "prompt_tokens": self.prompt_tokens,
            "estimated_cost": self.estimated_cost,
            "dropped_parameters": self.dropped,
            "reasoning": self.reasoning,
            "search": search,
        })
        .serialize(serializer)
    }
}
