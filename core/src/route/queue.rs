//! The candidates that are left, healthy ones first. PURE.

use std::{collections::VecDeque, time::Instant};

use super::health::Health;
use crate::plan::{Candidate, Search};

/// The candidates that are left, in the plan's order. One whose breaker is open, or that asked to be left alone, waits
/// until the others have failed.
#[derive(Debug)]
pub(super) struct Queue {
    ready: VecDeque<Candidate>,
    unwell: VecDeque<Candidate>,
}

impl Queue {
    pub(super) fn new(candidates: Vec<Candidate>) -> Self {
        Self { ready: candidates.into(), unwell: VecDeque::new() }
    }

    /// Takes the next candidate.
    pub(super) fn next(&mut self, health: &Health, now: Instant) -> Option<Candidate> {
        while let Some(candidate) = self.ready.pop_front() {
            if health.admit(&candidate.endpoint, now) {
                return Some(candidate);
            }
            self.unwell.push_back(candidate);
        }
        self.unwell.pop_front()
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.unwell.is_empty()
    }

    /// Whether one of another model is left.
    pub(super) fn has_other_model(&self, than: &Candidate) -> bool {
        self.ready.iter().chain(&self.unwell).any(|candidate| candidate.endpoint.model != than.endpoint.model)
    }

    /// Whether one that searches the web itself is left.
    pub(super) fn has_native_search(&self) -> bool {
        self.ready.iter().chain(&self.unwell).any(|candidate| candidate.search == Some(Search::Native))
    }

    /// Drops the candidates that need a search engine: it has failed.
    pub(super) fn skip_engine_search(&mut self) {
        let searches = |candidate: &Candidate| candidate.search != Some(Search::Engine);
        self.ready.retain(searches);
        self.unwell.retain(searches);
    }

    /// Drops the candidates of this one's model.
    pub(super) fn skip_model(&mut self, of: &Candidate) {
        let other = |candidate: &Candidate| candidate.endpoint.model != of.endpoint.model;
        self.ready.retain(other);
        self.unwell.retain(other);
    }
}
