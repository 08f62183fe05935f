//! How long a vendor asks to wait, in all the forms it may say so. PURE.

use std::time::Duration;

use http::HeaderMap;

/// A day: whatever is longer is a mistake or as good as forever.
const LONGEST: Duration = Duration::from_secs(86_400);

/// How long the headers ask to wait; `now` is Unix time. `Retry-After` in milliseconds, seconds or as a date first, then
/// the reset of whichever limit is used up.
pub(super) fn parse(headers: &HeaderMap, now: Duration) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(delay) = text("retry-after-ms").and_then(|value| seconds(value, 1000.0)) {
        return Some(delay);
    }
    if let Some(value) = text("retry-after") {
        let date = || httpdate::parse_http_date(value).ok().map(|date| until(date, now));
        if let Some(delay) = seconds(value, 1.0).or_else(|| span(value)).or_else(date) {
            return Some(delay);
        }
    }
    let mut longest = None;
    for (name, value) in headers {
        let name = name.as_str();
        // `x-ratelimit-reset-requests`, `x-ratelimit-reset`, `anthropic-ratelimit-tokens-reset`, `ratelimit-reset`.
        if !name.contains("ratelimit") || !name.contains("reset") {
            continue;
        }
        let left = headers.get(name.replace("reset", "remaining")).and_then(|left| left.to_str().ok());
        if left.and_then(|left| left.trim().parse::<f64>().ok()).is_some_and(|left| left > 0.0) {
            continue;
        }
        let reset = value.to_str().ok().map(str::trim).and_then(|value| reset(value, now));
        longest = longest.max(reset);
    }
    longest
}

/// `1.5`, in units of which there are `per_second`.
fn seconds(text: &str, per_second: f64) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(number / per_second).ok().map(|delay| delay.min(LONGEST))
}

/// A reset is seconds from now, a span, or a moment: Unix time in seconds or milliseconds, or RFC 3339.
fn reset(text: &str, now: Duration) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        let seconds = match number {
            1e12.. => number / 1e3 - now.as_secs_f64(),
            1e9.. => number - now.as_secs_f64(),
            _ => number,
        };
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok().map(|delay| delay.min(LONGEST));
    }
    span(text).or_else(|| crate::date::rfc3339(text).map(|moment| moment.saturating_sub(now).min(LONGEST)))
}

/// `1m30s`, `6m0s`, `7.66s`, `20ms`, `1h`, `1d2h`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match unit {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = tail;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(total).ok()).flatten().map(|delay| delay.min(LONGEST))
}

fn until(date: std::time::SystemTime, now: Duration) -> Duration {
    date.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().saturating_sub(now).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-27T12:00:00Z.
    const NOW: Duration = Duration::from_secs(1_769_515_200);

    fn wait(headers: &[(&'static str, &'static str)]) -> Option<f64> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse::<http::HeaderName>().expect("name"), value.parse::<http::HeaderValue>().expect("value")))
            .collect();
        parse(&headers, NOW).map(|delay| (delay.as_secs_f64() * 1000.0).round() / 1000.0)
    }

    #[test]
    fn every_form_is_read() {
        type Headers = &'static [(&'static str, &'static str)];
        let cases: &[(Headers, Option<f64>)] = &[
            (&[], None),
            (&[("retry-after", "7")], Some(7.0)),
            (&[("retry-after", "0.5")], Some(0.5)),
            (&[("retry-after", "Tue, 27 Jan 2026 12:00:30 GMT")], Some(30.0)),
            (&[("retry-after", "Tue, 27 Jan 2026 11:00:00 GMT")], Some(0.0)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "999999999999")], Some(86_400.0)),
            (&[("retry-after", "9"), ("retry-after-ms", "250")], Some(0.25)),
            (&[("x-ratelimit-reset-requests", "1m30s")], Some(90.0)),
            (&[("x-ratelimit-reset-tokens", "20ms"), ("x-ratelimit-reset-requests", "6m0s")], Some(360.0)),
            (
                &[("x-ratelimit-reset-requests", "6m0s"), ("x-ratelimit-remaining-requests", "9"), ("x-ratelimit-reset-tokens", "7.66s")],
                Some(7.66),
            ),
            (&[("x-ratelimit-reset", "1769515212")], Some(12.0)),
            (&[("x-ratelimit-reset", "1769515212500")], Some(12.5)),
            (&[("x-ratelimit-reset", "3")], Some(3.0)),
            (&[("anthropic-ratelimit-requests-reset", "2026-01-27T12:00:40Z")], Some(40.0)),
            (&[("anthropic-ratelimit-tokens-reset", "2026-01-27T14:00:40.5+02:00")], Some(40.5)),
            (&[("x-ratelimit-reset-tokens", "later")], None),
        ];
        for (headers, expected) in cases {
            assert_eq!(wait(headers), *expected, "{headers:?}");
        }
    }
}
