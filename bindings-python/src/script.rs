//! The scripted transport, for tests without a network.
//!
//! Belongs here: arguments in, recorded requests out. Does not belong here: how a script is matched (`junto::transport`).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use junto::{
    clock::Clock,
    transport::{Scripted, ScriptedTransport, Transport, TransportErrorKind},
};
use pyo3::{exceptions::PyValueError, prelude::*};
use serde_json::{Map, Value, json};

/// Answers that are given in order, and the requests that came for them.
#[pyclass(frozen, module = "junto._native")]
#[derive(Clone)]
pub(crate) struct Script {
    transport: ScriptedTransport,
    clock: Clock,
    began: Instant,
}

impl Script {
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.transport.clone())
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

/// When a script's own clock begins; any date that no key and no answer expires by.
const BEGINNING: u64 = 1_760_000_000;

#[pymethods]
impl Script {
    #[new]
    #[pyo3(signature = (real_time = false))]
    fn new(real_time: bool) -> Self {
        let clock = if real_time { Clock::real() } else { Clock::fixed(BEGINNING) };
        Self { transport: ScriptedTransport::new().clock(clock.clone()), began: clock.now(), clock }
    }

    /// How many seconds have passed on the script's clock.
    fn elapsed(&self) -> f64 {
        self.clock.now().saturating_duration_since(self.began).as_secs_f64()
    }

    /// Adds an answer: a status, headers and reads of `(seconds to wait, bytes)`; or, with `error`, a failure to connect
    /// (no reads) or of the body after its reads.
    #[pyo3(signature = (status, headers, reads, *, delay = 0.0, url = None, repeat = false, error = None))]
    #[expect(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "keywords of a private Python method")]
    fn then(
        &self,
        status: u16,
        headers: Vec<(String, String)>,
        reads: Vec<(f64, Vec<u8>)>,
        delay: f64,
        url: Option<String>,
        repeat: bool,
        error: Option<(String, String)>,
    ) -> PyResult<()> {
        let error = error.map(|(kind, message)| error_kind(&kind).map(|kind| (kind, message))).transpose()?;
        let mut answer = match &error {
            Some((kind, message)) if status == 0 => Scripted::error(*kind, message.clone()),
            _ => Scripted::reads(status, Vec::<Vec<u8>>::new()),
        };
        for (name, value) in &headers {
            answer = answer.header(name, value);
        }
        for (wait, read) in reads {
            answer = answer.then(seconds(wait)?, read);
        }
        if let Some((kind, message)) = error.filter(|_| status != 0) {
            answer = answer.then_error(Duration::ZERO, kind, message);
        }
        answer = answer.delay(seconds(delay)?);
        if let Some(url) = url {
            answer = answer.to(url);
        }
        if repeat {
            answer = answer.repeated();
        }
        // Clones share the script, so this one gains the answer too.
        _ = self.transport.clone().then(answer);
        Ok(())
    }

    /// What was asked so far: `[{method, url, headers, body}]`.
    fn requests(&self) -> String {
        let requests = self.transport.requests().into_iter().map(|request| {
            let text = |value: &[u8]| Value::from(String::from_utf8_lossy(value));
            let headers: Map<_, _> = request.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
            let body = serde_json::from_slice(&request.body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&request.body)));
            json!({ "method": request.method.as_str(), "url": request.url, "headers": headers, "body": body })
        });
        Value::Array(requests.collect()).to_string()
    }

    /// How many answers were not asked for.
    fn remaining(&self) -> usize {
        self.transport.remaining()
    }
}

fn seconds(value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| PyValueError::new_err(format!("delay must be a number of seconds, not {value}")))
}

fn error_kind(name: &str) -> PyResult<TransportErrorKind> {
    Ok(match name {
        "connect" => TransportErrorKind::Connect,
        "interrupted" => TransportErrorKind::Interrupted,
        "timeout" => TransportErrorKind::Timeout,
        "decode" => TransportErrorKind::Decode,
        _ => return Err(PyValueError::new_err(format!("error must be connect, interrupted, timeout or decode, not {name:?}"))),
    })
}
