//! What to do after a failure: again, next, or stop. PURE.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// What the failure allows, whoever else is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    /// The request is wrong: every endpoint of the model will say so.
    Caller,
    /// This key: another one may do.
    Key,
    /// This endpoint, for as long as nobody changes it.
    Endpoint,
    /// This endpoint, for now.
    Transient,
    /// The caller gave up.
    Canceled,
}

/// Where the attempt loop stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// Whether the provider has a key that was not tried.
    pub(super) other_key: bool,
    /// Whether another endpoint can take over: a healthy one, or one not yet tried.
    pub(super) other_endpoint: bool,
    /// Whether an endpoint of another model can.
    pub(super) other_model: bool,
    /// How often this endpoint may still be tried again.
    pub(super) retries_left: u32,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The same endpoint with its next key, at once.
    NextKey,
    /// The next endpoint, at once.
    Next,
    /// The next endpoint that serves another model, at once.
    NextModel,
    /// The same endpoint, after backoff, but not sooner than this.
    Retry {
        /// What the vendor asked for.
        after: Duration,
    },
    /// The error is the answer.
    Stop,
}

/// Why the attempt failed. The vendor's code decides first (it made the kind), then its status.
pub(super) fn cause(error: &Error) -> Cause {
    match (error.kind(), error.upstream_status()) {
        (ErrorKind::Canceled, _) => Cause::Canceled,
        (ErrorKind::Authentication | ErrorKind::InsufficientCredits | ErrorKind::RateLimited, _) | (_, Some(401 | 402)) => Cause::Key,
        (ErrorKind::ContentFilter | ErrorKind::ContextLength, _)
        | (ErrorKind::BadRequest, None | Some(400 | 413 | 422))
        | (ErrorKind::Unsupported, Some(_)) => Cause::Caller,
        (_, Some(501 | 505)) => Cause::Endpoint,
        (ErrorKind::Overloaded | ErrorKind::Timeout | ErrorKind::Transport | ErrorKind::Upstream, _)
        | (_, Some(408 | 409 | 421 | 423 | 424 | 425 | 498)) => Cause::Transient,
        // Among them a protocol that refused to encode: nothing was sent, and another one may not refuse.
        _ => Cause::Endpoint,
    }
}

/// Whether the endpoint is well and refused: the request, or, by 403 and 451, this caller's key, region or content.
pub(super) fn is_refusal(error: &Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied || cause(error) == Cause::Caller
}

/// What comes next after this failure.
pub(super) fn classify(error: &Error, situation: Situation) -> Verdict {
    let after = error.retry_after().unwrap_or_default();
    let may_retry = situation.retries_left > 0;
    match cause(error) {
        Cause::Caller if situation.other_model => Verdict::NextModel,
        Cause::Caller | Cause::Canceled => Verdict::Stop,
        Cause::Key if situation.other_key => Verdict::NextKey,
        _ if situation.other_endpoint => Verdict::Next,
        Cause::Endpoint => Verdict::Stop,
        Cause::Key if error.kind() != ErrorKind::RateLimited => Verdict::Stop,
        _ if may_retry => Verdict::Retry { after },
        _ => Verdict::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(status: u16) -> Error {
        Error::new(ErrorKind::from_status(status), "no").with_upstream_status(status)
    }

    const ALONE: Situation = Situation { other_key: false, other_endpoint: false, other_model: false, retries_left: 2 };
    const AMONG: Situation = Situation { other_endpoint: true, ..ALONE };

    #[test]
    fn each_listed_status_moves_on_at_once() {
        for status in [401, 402, 403, 404, 408, 409, 421, 423, 424, 425, 429, 451, 498, 500, 502, 503, 504, 529] {
            assert_eq!(classify(&upstream(status), AMONG), Verdict::Next, "{status}");
        }
    }

    #[test]
    fn the_callers_fault_goes_to_the_next_model_only() {
        for status in [400, 413, 422] {
            assert_eq!(classify(&upstream(status), AMONG), Verdict::Stop, "{status}");
            assert_eq!(classify(&upstream(status), Situation { other_model: true, ..AMONG }), Verdict::NextModel, "{status}");
        }
        let filtered = upstream(403).with_kind(ErrorKind::ContentFilter);
        assert_eq!(classify(&filtered, AMONG), Verdict::Stop, "the vendor's code decides, not the status alone");
    }

    #[test]
    fn only_what_may_pass_is_retried_in_place_and_only_the_last() {
        for (status, again) in [
            (429, true),
            (500, true),
            (503, true),
            (529, true),
            (408, true),
            (409, true),
            (401, false),
            (403, false),
            (451, false),
            (404, false),
            (400, false),
        ] {
            let verdict = classify(&upstream(status), ALONE);
            assert_eq!(matches!(verdict, Verdict::Retry { .. }), again, "{status}: {verdict:?}");
            assert_eq!(classify(&upstream(status), Situation { retries_left: 0, ..ALONE }), Verdict::Stop, "{status}");
        }
        let slow = upstream(429).with_retry_after(Duration::from_secs(3));
        assert_eq!(classify(&slow, ALONE), Verdict::Retry { after: Duration::from_secs(3) });
    }

    #[test]
    fn who_refuses_is_well() {
        for (status, refuses) in
            [(400, true), (403, true), (413, true), (422, true), (451, true), (401, false), (404, false), (429, false), (500, false)]
        {
            assert_eq!(is_refusal(&upstream(status)), refuses, "{status}");
        }
    }

    #[test]
    fn another_key_comes_before_another_endpoint() {
        for status in [401, 402, 429] {
            assert_eq!(classify(&upstream(status), Situation { other_key: true, ..AMONG }), Verdict::NextKey, "{status}");
        }
        assert_eq!(classify(&upstream(503), Situation { other_key: true, ..AMONG }), Verdict::Next);
    }
}
