//! The window as JSON, so that a process starts with what the last one knew. PURE.
//!
//! Between export and import a sample does not age: what was true when the last process ended is the best guess when the
//! next one begins. A cool-down is a moment of the calendar and goes on by itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{Endpoints, Health, Outcome, Sample, State, WINDOW, corrections::Correction, corrections::ModelCorrection};
use crate::{
    catalog::{EndpointKey, Tokenizer},
    error::{Error, Result},
};

const VERSION: u32 = 1;

#[derive(Deserialize, Serialize)]
struct File {
    version: u32,
    #[serde(default)]
    endpoints: Vec<EndpointEntry>,
    #[serde(default)]
    tokens: Vec<TokensEntry>,
}

#[derive(Deserialize, Serialize)]
struct EndpointEntry {
    model: Arc<str>,
    provider: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<Arc<str>>,
    /// Unix time in seconds.
    #[serde(default, deserialize_with = "amount", skip_serializing_if = "Option::is_none")]
    cool_until: Option<f64>,
    /// Oldest first.
    #[serde(default)]
    samples: Vec<SampleEntry>,
}

/// One attempt; one that neither failed nor was rate limited served.
#[derive(Default, Deserialize, Serialize)]
struct SampleEntry {
    /// Seconds before the export.
    #[serde(deserialize_with = "amount")]
    age: Option<f64>,
    /// Seconds to the first content.
    #[serde(default, deserialize_with = "amount", skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
    /// Tokens per second.
    #[serde(default, deserialize_with = "amount", skip_serializing_if = "Option::is_none")]
    throughput: Option<f64>,
    #[serde(default, skip_serializing_if = "is_false")]
    failed: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    rate_limited: bool,
    /// The end of a stream whose beginning is a sample of its own.
    #[serde(default, skip_serializing_if = "is_false")]
    end: bool,
}

/// What estimates of prompt tokens are multiplied by, for a model or a family.
#[derive(Deserialize, Serialize)]
struct TokensEntry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokenizer: Option<Tokenizer>,
    #[serde(deserialize_with = "amount")]
    ratio: Option<f64>,
    count: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A number of at least 0.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number: Option<f64> = Option::deserialize(deserializer)?;
    match number {
        Some(number) if !(0.0..1e12).contains(&number) => Err(D::Error::custom(format!("expected a number of at least 0, not {number}"))),
        number => Ok(number),
    }
}

impl SampleEntry {
    fn of(sample: &Sample, now: Instant) -> Self {
        let mut entry = Self { age: Some(now.saturating_duration_since(sample.at).as_secs_f64()), ..Self::default() };
        match sample.outcome {
            Outcome::Served { latency, throughput } => {
                entry.latency = latency.map(|latency| latency.as_secs_f64());
                entry.throughput = throughput;
            }
            Outcome::Finished(throughput) => (entry.throughput, entry.end) = (Some(throughput), true),
            Outcome::Failed => entry.failed = true,
            Outcome::RateLimited(_) => entry.rate_limited = true,
            Outcome::Refused => {}
        }
        entry
    }

    /// `None` where it is too old for the window.
    fn sample(&self, now: Instant) -> Option<Sample> {
        let seconds = |number: f64| Duration::try_from_secs_f64(number).ok();
        let age = seconds(self.age?).filter(|age| *age <= WINDOW)?;
        let outcome = match self {
            Self { failed: true, .. } => Outcome::Failed,
            Self { rate_limited: true, .. } => Outcome::RateLimited(None),
            Self { end: true, throughput: Some(throughput), .. } => Outcome::Finished(*throughput),
            Self { latency, throughput, .. } => Outcome::Served { latency: latency.and_then(seconds), throughput: *throughput },
        };
        // A computer that was just switched on may not know a moment so long ago.
        Some(Sample { at: now.checked_sub(age).unwrap_or(now), outcome })
    }
}

impl Health {
    /// Everything that was measured; `unix` is the time since 1970.
    pub(crate) fn export(&self, now: Instant, unix: Duration) -> String {
        let endpoints = self.lock();
        let mut entries: Vec<EndpointEntry> = endpoints.states.values().filter_map(|state| state.entry(now, unix)).collect();
        entries.sort_by(|a, b| (&a.model, &a.provider, &a.region).cmp(&(&b.model, &b.provider, &b.region)));
        let entry = |model, tokenizer, correction: Correction| TokensEntry {
            model,
            tokenizer,
            ratio: Some(correction.ratio()),
            count: correction.count,
        };
        let families = Tokenizer::ALL.into_iter().zip(endpoints.corrections.families);
        let mut tokens: Vec<TokensEntry> = families
            .filter(|(_, correction)| correction.count > 0)
            .map(|(tokenizer, correction)| entry(None, Some(tokenizer), correction))
            .chain(endpoints.corrections.models.values().map(|model| entry(Some(Arc::clone(&model.model)), None, model.correction)))
            .collect();
        drop(endpoints);
        tokens.sort_by(|a, b| a.model.cmp(&b.model));
        serde_json::to_string(&File { version: VERSION, endpoints: entries, tokens }).unwrap_or_default()
    }

    /// Takes over what another process measured, as older than what was measured here. Nothing is taken of a text with a mistake.
    pub(crate) fn import(&self, json: &str, now: Instant, unix: Duration) -> Result<()> {
        let file: File = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(json)).map_err(|error| {
            let inner = error.path().to_string();
            let path = if inner == "." { "health".to_owned() } else { format!("health.{inner}") };
            Error::bad_request(path.clone(), format!("{path}: {}", error.inner()))
        })?;
        if file.version != VERSION {
            let message = format!("health.version: {} is not a version that this junto reads; it reads {VERSION}", file.version);
            return Err(Error::bad_request("health.version", message));
        }
        let mut endpoints = self.lock();
        for entry in &file.endpoints {
            endpoints.import(entry, now, unix);
        }
        for entry in &file.tokens {
            endpoints.import_tokens(entry);
        }
        Ok(())
    }
}

impl Endpoints {
    fn import(&mut self, entry: &EndpointEntry, now: Instant, unix: Duration) {
        let key = EndpointKey::new(&entry.model, &entry.provider, entry.region.as_deref());
        let new = || State::new(Arc::clone(&entry.model), Arc::clone(&entry.provider), entry.region.clone());
        let state = self.states.entry(key).or_insert_with(new);
        state.window.merge(entry.samples.iter().filter_map(|sample| sample.sample(now)));
        let left = entry.cool_until.and_then(|until| Duration::try_from_secs_f64(until - unix.as_secs_f64()).ok());
        // A day: whatever is longer is a mistake.
        let until = left.map(|left| now + left.min(Duration::from_secs(86_400)));
        state.cool_until = state.cool_until.max(until);
        self.expires = [self.expires, state.window.expires()].into_iter().flatten().min();
        self.publish(key, now);
    }

    fn import_tokens(&mut self, entry: &TokensEntry) {
        let correction = Correction::new(entry.ratio.filter(|ratio| *ratio > 0.0).unwrap_or(1.0), entry.count);
        let snapshot = Arc::make_mut(&mut self.snapshot);
        if let Some(model) = &entry.model {
            let key = EndpointKey::of_model(model);
            self.corrections.models.insert(key, ModelCorrection { model: Arc::clone(model), correction });
            snapshot.correct_model(key, correction.ratio());
        } else if let Some(tokenizer) = entry.tokenizer {
            if let Some(family) = self.corrections.families.get_mut(tokenizer.index()) {
                *family = correction;
            }
            snapshot.correct_family(tokenizer, correction.ratio());
        }
    }
}

impl State {
    /// `None` where there is nothing to say.
    fn entry(&self, now: Instant, unix: Duration) -> Option<EndpointEntry> {
        let samples = self.window.iter().filter(|sample| now <= sample.at + WINDOW);
        let samples: Vec<SampleEntry> = samples.map(|sample| SampleEntry::of(sample, now)).collect();
        let left = self.cool_until.and_then(|until| until.checked_duration_since(now)).filter(|left| !left.is_zero());
        (!samples.is_empty() || left.is_some()).then(|| EndpointEntry {
            model: Arc::clone(&self.model),
            provider: Arc::clone(&self.provider),
            region: self.region.clone(),
            cool_until: left.map(|left| (unix + left).as_secs_f64()),
            samples,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Endpoint, clock::Clock, plan::EndpointHealth};

    fn endpoint() -> Endpoint {
        Endpoint { region: Some("eu".into()), ..Endpoint::unknown("a/b", "a", "b") }
    }

    fn read(health: &Health, clock: &Clock) -> EndpointHealth {
        *health.snapshot(clock.now()).get(endpoint().key()).expect("was called")
    }

    fn import(health: &Health, json: &str, clock: &Clock) -> Result<()> {
        health.import(json, clock.now(), clock.unix())
    }

    #[test]
    fn a_process_starts_warm_and_forgets_as_ever() {
        let (old, clock) = (Health::default(), Clock::fixed(1_000));
        for millis in [100, 200, 300] {
            let latency = Some(Duration::from_millis(millis));
            old.record(&endpoint(), clock.now(), Outcome::Served { latency, throughput: None });
            old.record(&endpoint(), clock.now(), Outcome::Finished(50.0));
        }
        old.record(&endpoint(), clock.now(), Outcome::Failed);
        old.record(&endpoint(), clock.now(), Outcome::RateLimited(Some(Duration::from_secs(60))));
        clock.advance(Duration::from_secs(40));
        let text = old.export(clock.now(), clock.unix());
        let before = read(&old, &clock);

        let new = Health::default();
        import(&new, &text, &clock).expect("what was exported");
        let after = read(&new, &clock);
        assert_eq!((after.calls, after.latency, after.throughput), (5, before.latency, before.throughput));
        assert_eq!((after.error_rate, after.rate_limited_rate), (Some(0.2), Some(0.2)));
        assert_eq!(after.cooling_down, Some(Duration::from_secs(20)));
        assert_eq!(new.export(clock.now(), clock.unix()), text);

        clock.advance(Duration::from_secs(300));
        assert_eq!(read(&new, &clock), EndpointHealth::default(), "after the window");
    }

    #[test]
    fn a_mistake_is_named_and_nothing_is_taken() {
        let (health, clock) = (Health::default(), Clock::fixed(1_000));
        for (text, param) in [
            ("", "health"),
            ("[]", "health"),
            ("{\"endpoints\": []}", "health"),
            (r#"{"version": 2}"#, "health.version"),
            (r#"{"version": 1, "endpoints": {}}"#, "health.endpoints"),
            (r#"{"version": 1, "endpoints": [{"model": 1, "provider": "a"}]}"#, "health.endpoints[0].model"),
            (
                r#"{"version": 1, "endpoints": [{"model": "a/b", "provider": "a", "region": "eu", "samples": [{"age": 0, "throughput": 9}]},
                    {"model": "a/b", "provider": "a", "samples": [{"age": 1}, {"age": -1}]}]}"#,
                "health.endpoints[1].samples[1].age",
            ),
            (r#"{"version": 1, "tokens": [{"tokenizer": "latin", "ratio": 1, "count": 1}]}"#, "health.tokens[0].tokenizer"),
        ] {
            let error = import(&health, text, &clock).expect_err(param);
            assert_eq!((error.param(), error.status()), (Some(param), 400), "{text}: {error}");
            assert!(error.message().starts_with(param), "{error}");
        }
        assert!(health.snapshot(clock.now()).get(endpoint().key()).is_none());
    }

    #[test]
    fn whatever_is_odd_but_readable_does_no_harm() {
        let (health, clock) = (Health::default(), Clock::fixed(1_000));
        let text = r#"{"version": 1, "later": true, "endpoints": [
            {"model": "no/such", "provider": "nobody", "samples": [{"age": 5, "throughput": 50, "colour": "red"}]},
            {"model": "a/b", "provider": "a", "region": "eu", "cool_until": 99999999999, "samples": [{"age": 301, "throughput": 1}]}],
            "tokens": [{"model": "a/b", "ratio": 1e9, "count": 3}, {"ratio": 2, "count": 1}]}"#;
        import(&health, text, &clock).expect("readable");
        let now = read(&health, &clock);
        assert_eq!((now.calls, now.cooling_down), (0, Some(Duration::from_secs(86_400))));
        assert!((health.snapshot(clock.now()).token_ratio(&endpoint()) - 4.0).abs() < 1e-9, "at most four times");
    }
}
