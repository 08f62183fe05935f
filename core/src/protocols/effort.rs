//! Which efforts of reasoning each generation of models takes in OpenAI's words, and the nearest to the one wanted.
//!
//! Hosts rename models, but all keep the family's name: `gpt-5.2`, `openai/gpt-oss-120b`, `grok-4.3-latest`.

use super::Call;
use crate::types::{Effort, Reasoning};

/// The share of the output that a budget in tokens is of where no limit is known.
const USUAL_OUTPUT: u64 = 32_000;

/// The effort to ask for, in the model's own words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// This one.
    Effort(Effort),
    /// The model takes no effort: it always reasons, or never.
    Nothing,
}

/// What to ask this model for. `default` is the effort of reasoning that is merely on.
pub(super) fn asked(call: &Call<'_>, wanted: &Reasoning) -> Asked {
    let effort = match wanted.effort {
        _ if !wanted.is_on() => Effort::None,
        Some(effort) => effort,
        None => wanted.max_tokens.map_or(Effort::Medium, |tokens| share(call, tokens)),
    };
    let Some(levels) = levels(&call.endpoint.upstream) else { return unknown(wanted, effort) };
    // Of two that are as near, the higher.
    let distance = |level: &Effort| ((*level as u8).abs_diff(effort as u8), std::cmp::Reverse(*level));
    // Off is no effort: a little of it is not near.
    let near = levels.iter().copied().filter(|level| *level != Effort::None || effort == Effort::None).min_by_key(distance);
    near.map_or(Asked::Nothing, Asked::Effort)
}

/// Whether the model is known to take efforts.
pub(super) fn takes_effort(model: &str) -> bool {
    levels(model).is_some_and(|levels| !levels.is_empty())
}

/// A model that nobody knows gets what was asked for, as far as OpenAI has a word for it.
fn unknown(wanted: &Reasoning, effort: Effort) -> Asked {
    match effort {
        Effort::Max => Asked::Effort(Effort::XHigh),
        // Only newer models know that word, so it has to be the caller's own.
        Effort::None if wanted.effort != Some(Effort::None) => Asked::Nothing,
        effort => Asked::Effort(effort),
    }
}

/// The effort whose share of the output is nearest to this many tokens.
fn share(call: &Call<'_>, tokens: u64) -> Effort {
    let output = call.request.max_output_tokens().or(call.endpoint.max_completion_tokens).unwrap_or(USUAL_OUTPUT).max(1);
    let percent = tokens.saturating_mul(100) / output;
    let all = [Effort::Minimal, Effort::Low, Effort::Medium, Effort::High, Effort::XHigh];
    all.into_iter().min_by_key(|effort| effort.percent().abs_diff(percent)).unwrap_or(Effort::Medium)
}

/// The budget in tokens that this reasoning may take: the caller's own, or the effort's share of the output, as far as the
/// output is known. At least 1,024 and at most 128,000.
pub(super) fn budget(call: &Call<'_>, wanted: &Reasoning) -> Option<u64> {
    let share = |effort: Effort| {
        let output = call.request.max_output_tokens().or(call.endpoint.max_completion_tokens)?;
        Some((output.saturating_mul(effort.percent()) / 100).clamp(1_024, 128_000))
    };
    wanted.max_tokens.or_else(|| wanted.effort.and_then(share)).filter(|_| wanted.is_on())
}

/// The efforts that a model takes, lowest first; `None` for a model that nobody knows. Read 2026-11 from OpenAI's, xAI's
/// and DeepSeek's pages.
fn levels(model: &str) -> Option<&'static [Effort]> {
    use Effort::{High, Low, Max, Medium, Minimal, None as Off, XHigh};
    let model = model.to_ascii_lowercase();
    let name = model.rsplit('/').next().unwrap_or_default();
    if model.contains("gpt-oss") {
        return Some(&[Low, Medium, High]);
    }
    if name.starts_with("o1-mini") || name.starts_with("o1-preview") {
        return Some(&[]);
    }
    if ["o1", "o3", "o4"].iter().any(|family| name == *family || name.starts_with(&format!("{family}-"))) {
        return Some(&[Low, Medium, High]);
    }
    if let Some(rest) = name.strip_prefix("gpt-5") {
        let minor = rest.strip_prefix('.').and_then(|rest| rest.split('-').next()).map_or(Some(0), |minor| minor.parse::<u32>().ok())?;
        let has = |word: &str| rest.contains(word);
        return Some(match minor {
            _ if has("-chat") => {
                if minor == 0 {
                    &[]
                } else {
                    &[Medium]
                }
            }
            0 if has("-pro") => &[High],
            0 if has("-codex") => &[Low, Medium, High],
            0 => &[Minimal, Low, Medium, High],
            1 if has("-codex-max") => &[Low, Medium, High, XHigh],
            1 if has("-codex") => &[Low, Medium, High],
            1 => &[Off, Low, Medium, High],
            _ if has("-pro") => &[Medium, High, XHigh],
            _ if has("-codex") => &[Low, Medium, High, XHigh],
            2..=5 => &[Off, Low, Medium, High, XHigh],
            _ => &[Off, Low, Medium, High, XHigh, Max],
        });
    }
    if let Some(rest) = name.strip_prefix("grok-") {
        let mut numbers = rest.split(['-', '.']).map_while(|part| part.parse::<u32>().ok());
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        return Some(match version {
            _ if rest.contains("multi-agent") => &[Low, Medium, High, XHigh],
            (3, _) if rest.contains("mini") => &[Low, High],
            // Two digits are a date-like beta of 4.
            (4, 3..10) | (5.., _) => &[Off, Low, Medium, High],
            _ => &[],
        });
    }
    if name.starts_with("deepseek") {
        return Some(if name.contains("v4") { &[Low, High, Max] } else { &[] });
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        protocols::{by_name, test_wire::Wire},
        providers::ProtocolName,
    };

    #[test]
    fn an_effort_becomes_the_nearest_that_the_generation_takes() {
        let cases = [
            ("o3", "minimal", Some("low")),
            ("o4-mini-2025-04-16", "max", Some("high")),
            ("o1-mini", "high", None),
            ("gpt-5", "xhigh", Some("high")),
            ("gpt-5-mini", "minimal", Some("minimal")),
            ("gpt-5-pro-2025-10-06", "low", Some("high")),
            ("gpt-5.1", "minimal", Some("low")),
            ("gpt-5.1", "none", Some("none")),
            ("gpt-5.2", "max", Some("xhigh")),
            ("gpt-5.3-codex", "none", Some("low")),
            ("gpt-5.6-terra", "max", Some("max")),
            ("openai/gpt-oss-120b", "xhigh", Some("high")),
            ("gpt-oss:20b", "minimal", Some("low")),
            ("grok-3-mini", "medium", Some("high")),
            ("grok-4", "high", None),
            ("grok-4-fast-reasoning", "high", None),
            ("grok-4.3", "xhigh", Some("high")),
            ("deepseek-v4-pro", "xhigh", Some("max")),
            ("some-new-model", "max", Some("xhigh")),
        ];
        for (model, effort, want) in cases {
            let wire = Wire { protocol: by_name(ProtocolName::OpenaiChat), provider: "vendor", model };
            let body =
                wire.body(&json!({"messages": [{"role": "user", "content": "Hi"}], "reasoning": {"effort": effort}, "max_tokens": 10_000}));
            assert_eq!(body["reasoning_effort"].as_str(), want, "{model} {effort}");
        }
    }

    #[test]
    fn a_budget_becomes_the_effort_of_its_share() {
        let wire = Wire { protocol: by_name(ProtocolName::OpenaiChat), provider: "vendor", model: "gpt-5.2" };
        for (tokens, want) in [(500, "low"), (2_000, "low"), (5_000, "medium"), (7_900, "high"), (9_900, "xhigh")] {
            let body = wire
                .body(&json!({"messages": [{"role": "user", "content": "Hi"}], "reasoning": {"max_tokens": tokens}, "max_tokens": 10_000}));
            assert_eq!(body["reasoning_effort"], want, "{tokens}");
        }
    }
}
