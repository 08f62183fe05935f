//! Which endpoint comes first. Stable: the same candidates and seed give the same order.

use super::{
    Candidate, Reason, Rejection,
    filter::{Fit, Needs, Rules},
};
use crate::{
    preferences::{Partition, SortBy},
    slug::{ModelSlug, Variant},
};

/// Where an endpoint stands, as one number; the lower, the better. From its top: the model, unless all are one pool; the
/// place in `order`; missing features, missed wishes, outages, unknown prices; the measure; and where it was, so that equals
/// keep their order.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Place(u128);

impl Place {
    const INDEX_BITS: u32 = 24;

    fn new(group: usize, order: u32, class: u8, measure: f64, index: usize) -> Self {
        let standing = (group.min(0xffff) as u128) << 20 | u128::from(order.min(0xffff)) << 4 | u128::from(class);
        Self((standing << 64 | u128::from(ordered(measure))) << Self::INDEX_BITS | index as u128)
    }

    fn standing(self) -> u128 {
        self.0 >> (64 + Self::INDEX_BITS)
    }

    fn index(self) -> usize {
        (self.0 & ((1 << Self::INDEX_BITS) - 1)) as usize
    }
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

/// The candidates, best first; without fallbacks where they are not allowed.
pub(super) fn rank(
    fits: &[Fit<'_>],
    rejected: &mut Vec<Rejection>,
    models: &[ModelSlug],
    rules: &Rules<'_>,
    needs: &Needs,
    seed: u64,
) -> Vec<Candidate> {
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

    let mut places: Vec<Place> = Vec::with_capacity(fits.len());
    for (index, fit) in fits.iter().enumerate() {
        // One pool has one measure: the first model's.
        let by = by_model.get(if pooled { 0 } else { fit.model_index() }).copied().flatten();
        let mut class = 0;
        if needs.lacks_soft(fit.endpoint) {
            class |= LACKS_FEATURE;
        }
        if fit.misses_preferred {
            class |= MISSES_PREFERRED;
        }
        let measure = match by {
            Some(SortBy::Price) => fit.estimated_cost.unwrap_or(f64::INFINITY),
            Some(SortBy::Throughput) => -fit.throughput().unwrap_or(0.0),
            Some(SortBy::Latency) => fit.latency().unwrap_or(f64::INFINITY),
            None => {
                if fit.recent_outage() {
                    class |= OUTAGE;
                }
                if fit.estimated_cost.is_none() {
                    class |= UNKNOWN_PRICE;
                }
                draw(seed ^ fit.key.value(), fit.estimated_cost.unwrap_or(1.0))
            }
        };
        places.push(Place::new(if pooled { 0 } else { fit.model_index() }, fit.order, class, measure, index));
    }
    places.sort_unstable();

    let explores = explore(&mut places, fits, &by_model, pooled, seed);
    let ranked = places.iter().enumerate().map(|(at, place)| (&fits[place.index()], explores && at == 0));
    let mut candidates: Vec<Candidate> = Vec::with_capacity(fits.len());
    if rules.preferences.allows_fallbacks() {
        candidates.extend(ranked.map(|(fit, exploring)| fit.candidate(exploring)));
        return candidates;
    }
    let listed = rules.order_len() as u32;
    for (fit, exploring) in ranked {
        let keeps = match listed {
            // A further model in `models` is the caller's own wish, not a fallback of the provider.
            0 => candidates.last().is_none_or(|last| !pooled && last.model_index != fit.model_index()),
            listed => fit.order < listed,
        };
        if keeps {
            candidates.push(fit.candidate(exploring));
        } else {
            rejected.push(fit.rejection(Reason::FallbacksOff));
        }
    }
    candidates
}

/// One plan of this many tries an endpoint that was hardly measured.
const EXPLORE_ONE_IN: f64 = 20.0;
/// With fewer calls than this in the window it counts as hardly measured.
const FEW_CALLS: u32 = 3;

/// Where endpoints are sorted by speed and the first was measured, one that nobody measured would never be: now and then
/// such a one goes first. Whether it does.
fn explore(places: &mut [Place], fits: &[Fit<'_>], by_model: &[Option<SortBy>], pooled: bool, seed: u64) -> bool {
    let Some(first) = places.first().copied() else { return false };
    let leader = &fits[first.index()];
    let by = by_model.get(if pooled { 0 } else { leader.model_index() }).copied().flatten();
    if !matches!(by, Some(SortBy::Latency | SortBy::Throughput)) || leader.calls() < FEW_CALLS || unit(!seed) * EXPLORE_ONE_IN > 1.0 {
        return false;
    }
    let peers = places.iter().take_while(|place| place.standing() == first.standing());
    let unmeasured = |place: &Place| {
        let fit = &fits[place.index()];
        (fit.calls() < FEW_CALLS && !fit.recent_outage()).then(|| unit(seed ^ fit.key.value()))
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
