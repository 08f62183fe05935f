//! What each generation of Claude accepts: how it thinks, which sampling it takes, whether it follows a schema.
//!
//! Hosts rename models, but all keep the family's numbers: `claude-sonnet-4-5-20250929`, `claude-3-5-haiku@20241022`,
//! `us.anthropic.claude-opus-4-1-20250805-v1:0`, `claude-4.6-sonnet`.

use super::wire::Thinking;
use crate::{
    protocols::Call,
    types::{Effort, Reasoning, ToolChoice},
};

/// Major and minor number of a Claude model.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::protocols) struct Generation(u8, u8);

impl Generation {
    /// A model of which no number is known, but that speaks this protocol: it is asked in the form that most know.
    const UNKNOWN: Self = Self(4, 5);
    const LATEST: Self = Self(u8::MAX, 0);

    pub(in crate::protocols) fn of(call: &Call<'_>) -> Self {
        Self::parse(&call.endpoint.upstream).or_else(|| Self::parse(&call.endpoint.model)).unwrap_or(Self::UNKNOWN)
    }

    fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (_, tail) = name.split_once("claude")?;
        let mut tokens = tail.split(|c: char| !c.is_ascii_alphanumeric()).filter(|token| !token.is_empty());
        // Numbers of three and more digits are dates.
        let number = |token: &str| token.parse::<u8>().ok().filter(|number| *number < 100);
        let major = tokens.by_ref().find_map(|token| number(token.strip_prefix('v').unwrap_or(token)));
        let minor = tokens.next().and_then(number).unwrap_or(0);
        Some(major.map_or(Self::LATEST, |major| Self(major, minor)))
    }

    fn thinks(self) -> bool {
        self >= Self(3, 7)
    }

    /// Thinks as much as it sees fit, steered by an effort.
    fn is_adaptive(self) -> bool {
        self >= Self(4, 6)
    }

    /// Takes neither a thinking budget nor sampling parameters.
    fn is_adaptive_only(self) -> bool {
        self >= Self(4, 7)
    }

    fn thinks_by_default(self) -> bool {
        self >= Self(5, 0)
    }

    /// Takes `output_config.format` and strict tools.
    pub(in crate::protocols) fn follows_schemas(self, name: &str) -> bool {
        self >= Self(4, 5) || (self == Self(4, 1) && name.contains("opus"))
    }

    fn default_max_tokens(self) -> u64 {
        match self {
            Self(..3, _) | Self(3, ..5) => 4_096,
            Self(3, 5..7) => 8_192,
            _ => 32_000,
        }
    }
}

/// Thinking, sampling and limits of one call, as its generation takes them.
#[derive(Debug, PartialEq)]
pub(in crate::protocols) struct Settings {
    pub(in crate::protocols) max_tokens: u64,
    pub(in crate::protocols) thinking: Option<Thinking>,
    pub(in crate::protocols) effort: Option<&'static str>,
    pub(in crate::protocols) temperature: Option<f64>,
    pub(in crate::protocols) top_p: Option<f64>,
    pub(in crate::protocols) top_k: Option<u64>,
}

impl Settings {
    /// Whether the model will think in this call.
    pub(in crate::protocols) fn thinks(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Adaptive { .. } | Thinking::Enabled { .. }))
    }

    pub(in crate::protocols) fn of(call: &Call<'_>, dropped: &mut Vec<String>) -> Self {
        let (request, generation) = (call.request, Generation::of(call));
        let limit = call.endpoint.max_completion_tokens;
        let mut drop = |name: &str| dropped.push(name.to_owned());
        let mut settings = Self {
            max_tokens: request.max_output_tokens().or(limit).unwrap_or_else(|| generation.default_max_tokens()),
            thinking: None,
            effort: None,
            // OpenAI's scale ends at 2.
            temperature: request.temperature.map(|temperature| temperature.clamp(0.0, 1.0)),
            top_p: request.top_p,
            top_k: request.top_k,
        };
        match request.reasoning_wanted() {
            // Without a signed block in the last tool turn the vendor refuses to think on.
            Some(reasoning)
                if reasoning.is_on() && (!generation.thinks() || (!generation.is_adaptive() && resumes_without_thinking(call))) =>
            {
                drop("reasoning");
            }
            Some(reasoning) if reasoning.is_on() => {
                if generation.is_adaptive_only() && reasoning.max_tokens.is_some() {
                    drop("reasoning.max_tokens");
                }
                let wanted = settings.max_tokens;
                settings.think(generation, &reasoning, limit);
                if settings.max_tokens != wanted && request.max_output_tokens().is_some() {
                    drop("max_tokens");
                }
            }
            Some(_) if generation.thinks_by_default() => settings.thinking = Some(Thinking::Disabled),
            _ => {}
        }
        if let Some(verbosity) = &request.verbosity {
            let effort = match verbosity.as_str() {
                "low" => Some(Effort::Low),
                "medium" => Some(Effort::Medium),
                "high" => Some(Effort::High),
                "xhigh" => Some(Effort::XHigh),
                "max" => Some(Effort::Max),
                _ => None,
            };
            match effort.filter(|_| generation.is_adaptive()) {
                Some(effort) => settings.effort = Some(effort_name(generation, effort)),
                None => drop("verbosity"),
            }
        }
        settings.sample(generation, drop);
        settings
    }

    fn think(&mut self, generation: Generation, reasoning: &Reasoning, limit: Option<u64>) {
        let effort = reasoning.effort.unwrap_or(Effort::Medium);
        let budget = reasoning.max_tokens.filter(|_| !generation.is_adaptive_only());
        if generation.is_adaptive() && budget.is_none() {
            // Later generations leave the text out unless it is asked for.
            let display = match (reasoning.exclude, generation.is_adaptive_only()) {
                (true, _) => Some("omitted"),
                (false, true) => Some("summarized"),
                (false, false) => None,
            };
            self.thinking = Some(Thinking::Adaptive { display });
            self.effort = Some(effort_name(generation, effort));
            return;
        }
        let share = || (self.max_tokens.saturating_mul(effort.percent()) / 100).min(128_000);
        let mut budget_tokens = budget.unwrap_or_else(share).max(1024);
        if self.max_tokens <= budget_tokens {
            // The budget counts as output, and some has to be left for the answer.
            let wanted = budget_tokens.saturating_add(self.max_tokens);
            self.max_tokens = limit.map_or(wanted, |limit| wanted.min(limit)).max(1025);
            budget_tokens = budget_tokens.min(self.max_tokens - 1);
        }
        self.thinking = Some(Thinking::Enabled { budget_tokens });
    }

    fn sample(&mut self, generation: Generation, mut drop: impl FnMut(&str)) {
        let mut forbid = |field: bool, name: &str| {
            if field {
                drop(name);
            }
            field
        };
        let (thinks, none) = (self.thinks(), generation.is_adaptive_only());
        if forbid(self.temperature.is_some_and(|value| none || (thinks && value < 1.0)), "temperature") {
            self.temperature = None;
        }
        // From 4.1 on, one of the two at most.
        let both = generation >= Generation(4, 1) && self.temperature.is_some();
        if forbid(self.top_p.is_some_and(|value| none || both || (thinks && value < 0.95)), "top_p") {
            self.top_p = None;
        }
        if forbid(self.top_k.is_some() && (none || thinks), "top_k") {
            self.top_k = None;
        }
    }
}

/// Whether a forced choice of tools must be left to the model: thinking forbids it.
pub(in crate::protocols) fn is_forced(choice: Option<&ToolChoice>) -> bool {
    matches!(choice, Some(ToolChoice::Required | ToolChoice::Function(_)))
}

fn effort_name(generation: Generation, effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::XHigh if generation.is_adaptive_only() => "xhigh",
        Effort::High | Effort::XHigh => "high",
        Effort::Max => "max",
    }
}

/// Whether the conversation goes on in the middle of a tool loop whose assistant turn has no block of ours to show.
fn resumes_without_thinking(call: &Call<'_>) -> bool {
    use crate::types::Role;
    let mut turn = call.request.messages.iter().rev();
    if turn.clone().next().is_none_or(|last| last.role != Role::Tool) {
        return false;
    }
    let asked = turn.by_ref().find(|message| message.role == Role::Assistant);
    asked.is_some_and(|message| !super::encode::own_reasoning(call, message).any(|_| true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_host_parse() {
        for (name, want) in [
            ("claude-sonnet-4-5-20250929", Generation(4, 5)),
            ("claude-sonnet-4-20250514", Generation(4, 0)),
            ("claude-opus-4-1@20250805", Generation(4, 1)),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Generation(3, 7)),
            ("anthropic/claude-4.6-sonnet", Generation(4, 6)),
            ("anthropic.claude-v2:1", Generation(2, 1)),
            ("claude-3-opus-20240229", Generation(3, 0)),
            ("claude-sonnet-5", Generation(5, 0)),
            ("claude-latest", Generation::LATEST),
        ] {
            assert_eq!(Generation::parse(name), Some(want), "{name}");
        }
        assert_eq!(Generation::parse("glm-4.6"), None);
    }
}
