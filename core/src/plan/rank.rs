//! Which endpoint comes first. Stable: the same candidates and seed give the same order.

use std::sync::Arc;

use super::{Candidate, Reason, Rejection, filter::Needs, filter::Rules};
use crate::{
    preferences::{Partition, SortBy},
    slug::{ModelSlug, Variant},
};

/// Where a candidate stands; the lower, the better.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    standing: u64,
    /// The measure, as a number of the same order.
    value: u64,
    index: u32,
}

/// What counts more than the measure: the model, unless all are one pool; the place in `order`; then missing features,
/// missed wishes, outages, unknown prices.
fn standing(group: usize, order: u32, class: u8) -> u64 {
    (group as u64) << 40 | u64::from(order) << 8 | u64::from(class)
}

/// A number that is ordered as the float is.
fn ordered(float: f64) -> u64 {
    let bits = float.to_bits();
    if float.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

const LACKS_FEATURE: u8 = 8;
const MISSES_PREFERRED: u8 = 4;
const OUTAGE: u8 = 2;
const UNKNOWN_PRICE: u8 = 1;

/// Puts candidates in order, best first; takes out fallbacks where they are not allowed.
pub(super) fn rank(
    candidates: &mut Vec<Candidate>,
    rejected: &mut Vec<Rejection>,
    models: &[ModelSlug],
    rules: &Rules<'_>,
    needs: &Needs,
    seed: u64,
) {
    let sort = rules.preferences.sort;
    let explicit = sort.and_then(|sort| sort.by);
    let pooled = sort.is_some_and(|sort| sort.partition == Partition::None);
    let by_model: Vec<Option<SortBy>> = models
        .iter()
        .map(|slug| {
            explicit.or_else(|| match slug.sort_variant() {
                Some(Variant::Floor) => Some(SortBy::Price),
                Some(Variant::Nitro) => Some(SortBy::Throughput),
                _ => None,
            })
        })
        .collect();

    let mut places: Vec<Place> = Vec::with_capacity(candidates.len());
    for (index, candidate) in candidates.iter().enumerate() {
        // One pool has one measure: the first model's.
        let by = by_model.get(if pooled { 0 } else { candidate.model_index }).copied().flatten();
        let mut class = 0;
        if needs.lacks_soft(&candidate.endpoint) {
            class |= LACKS_FEATURE;
        }
        if candidate.misses_preferred {
            class |= MISSES_PREFERRED;
        }
        let value = match by {
            Some(SortBy::Price) => candidate.estimated_cost.unwrap_or(f64::INFINITY),
            Some(SortBy::Throughput) => -candidate.throughput.unwrap_or(0.0),
            Some(SortBy::Latency) => candidate.latency.unwrap_or(f64::INFINITY),
            None => {
                if candidate.recent_outage {
                    class |= OUTAGE;
                }
                if candidate.estimated_cost.is_none() {
                    class |= UNKNOWN_PRICE;
                }
                draw(seed ^ candidate.key.value(), candidate.estimated_cost.unwrap_or(1.0))
            }
        };
        let group = if pooled { 0 } else { candidate.model_index };
        places.push(Place { standing: standing(group, candidate.order, class), value: ordered(value), index: index as u32 });
    }
    places.sort_unstable();

    let explored = explore(&mut places, candidates, &by_model, pooled, seed);
    arrange(candidates, &mut places);
    if let (true, Some(first)) = (explored, candidates.first_mut()) {
        first.exploring = true;
    }
    if rules.preferences.allows_fallbacks() {
        return;
    }
    let listed = rules.order_len() as u32;
    let mut last = None;
    candidates.retain(|candidate| {
        let keeps = match listed {
            // A further model in `models` is the caller's own wish, not a fallback of the provider.
            0 => last.is_none_or(|last| !pooled && last != candidate.model_index),
            listed => candidate.order < listed,
        };
        if keeps {
            last = Some(candidate.model_index);
        } else {
            rejected.push(Rejection { model: None, endpoint: Some(Arc::clone(&candidate.endpoint)), reason: Reason::FallbacksOff });
        }
        keeps
    });
}

/// Moves each candidate to its place without a second list: hundreds of them are more than the nearest cache holds.
fn arrange(candidates: &mut [Candidate], places: &mut [Place]) {
    for start in 0..places.len() {
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut places[at].index, at as u32) as usize;
            if from == start {
                break;
            }
            candidates.swap(at, from);
            at = from;
        }
    }
}

/// One plan of this many tries an endpoint that was hardly measured.
const EXPLORE_ONE_IN: f64 = 20.0;
/// With fewer calls than this in the window it counts as hardly measured.
const FEW_CALLS: u32 = 3;

/// Where endpoints are sorted by speed and the first was measured, one that nobody measured would never be: now and then
/// such a one goes first. Whether it does.
fn explore(places: &mut [Place], candidates: &[Candidate], by_model: &[Option<SortBy>], pooled: bool, seed: u64) -> bool {
    let Some(first) = places.first().copied() else { return false };
    let leader = &candidates[first.index as usize];
    let by = by_model.get(if pooled { 0 } else { leader.model_index }).copied().flatten();
    if !matches!(by, Some(SortBy::Latency | SortBy::Throughput)) || leader.calls < FEW_CALLS || unit(!seed) * EXPLORE_ONE_IN > 1.0 {
        return false;
    }
    let peers = places.iter().take_while(|place| place.standing == first.standing);
    let unmeasured = |place: &Place| {
        let candidate = &candidates[place.index as usize];
        (candidate.calls < FEW_CALLS && !candidate.recent_outage).then(|| unit(seed ^ candidate.key.value()))
    };
    let luck = peers.enumerate().filter_map(|(at, place)| Some((at, unmeasured(place)?)));
    let Some((at, _)) = luck.min_by(|a, b| a.1.total_cmp(&b.1)) else { return false };
    places[..=at].rotate_right(1);
    true
}

/// A draw with weight 1/price², as a number to sort by: the smallest of exponential times, one per endpoint, is drawn
/// first with the right odds, the rest follow without replacement. An endpoint's luck does not depend on who else is there.
fn draw(seed: u64, price: f64) -> f64 {
    -unit(seed).ln() * price * price
}

/// A number above 0 and at most 1 from a seed; the finaliser of splitmix64.
fn unit(seed: u64) -> f64 {
    let mut word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^= word >> 31;
    ((word >> 11) + 1) as f64 / (1u64 << 53) as f64
}
