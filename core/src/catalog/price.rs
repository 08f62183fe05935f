//! Prices as exact decimals.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use crate::types::{CostDetails, SearchSize, Usage};

/// US dollars, exact to 10⁻¹². Prices per token, per request, per image, per search.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Price(u64);

const SCALE: u64 = 1_000_000_000_000;
const DIGITS: i32 = 12;
/// Every whole number up to this one is a float.
const EXACT: u64 = 1 << 53;
const BAD: &str = "a price is a decimal number of US dollars, at least 0 and with at most 12 decimals";

impl Price {
    /// This many 10⁻¹² dollars.
    pub const fn from_pico(pico: u64) -> Self {
        Self(pico)
    }

    /// The price in 10⁻¹² dollars.
    pub const fn pico(self) -> u64 {
        self.0
    }

    /// The price of this many units, in 10⁻¹² dollars.
    pub fn times(self, count: u64) -> u128 {
        u128::from(self.0) * u128::from(count)
    }

    /// The price times a factor; `None` where that is not exact.
    fn scaled(self, factor: Self) -> Option<Self> {
        let product = self.times(factor.0);
        let exact = product.is_multiple_of(u128::from(SCALE)).then_some(product / u128::from(SCALE));
        exact.and_then(|pico| u64::try_from(pico).ok()).map(Self)
    }

    /// Dollars per million units, for people and for `max_price`.
    pub fn per_million(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The nearest float to an exact amount of 10⁻¹² dollars.
    pub fn dollars(pico: u128) -> f64 {
        // The quotient of two exact floats is rounded once, and so is the nearest one.
        if let Ok(pico) = u64::try_from(pico)
            && pico <= EXACT
        {
            return pico as f64 / SCALE as f64;
        }
        // Above 9,007 dollars through decimal text.
        let scale = u128::from(SCALE);
        format!("{}.{:012}", pico / scale, pico % scale).parse().unwrap_or(f64::NAN)
    }
}

impl Price {
    /// The price of one, given that of this many, as a float or its text; rounded to 10⁻¹² dollars, below which lists that
    /// compute with floats have only noise.
    pub(super) fn rounded(text: &str, units: u32) -> Result<Self, &'static str> {
        let dollars: f64 = text.trim().parse().map_err(|_| BAD)?;
        if !(0.0..1e6).contains(&dollars) {
            return Err(BAD);
        }
        let digits = if units == 1 { 12 } else { 6 };
        // Through decimal text, as everywhere: a float times a power of ten may end one off.
        let text = format!("{dollars:.digits$}");
        let price: Self = text.parse()?;
        Ok(Self(price.0 / u64::from(units)))
    }
}

impl FromStr for Price {
    type Err = &'static str;

    /// Reads `0.0000025` and `2.5e-6`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| BAD)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        if whole.is_empty() || whole.len() + fraction.len() > 30 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
        {
            return Err(BAD);
        }
        let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| BAD)?;
        let decimals = i32::try_from(fraction.len()).map_err(|_| BAD)?;
        let shift = DIGITS + exponent.clamp(-40, 40) - decimals;
        let pico = match u32::try_from(shift) {
            Ok(up) => 10u128.checked_pow(up).and_then(|factor| digits.checked_mul(factor)),
            Err(_) => {
                10u128.checked_pow(shift.unsigned_abs()).filter(|factor| digits.is_multiple_of(*factor)).map(|factor| digits / factor)
            }
        };
        pico.and_then(|pico| u64::try_from(pico).ok()).map(Self).ok_or(BAD)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:012}", self.0 / SCALE, self.0 % SCALE);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Decimal)
    }
}

/// A price in JSON: a number, or its text. A float's shortest text is the number as it was written.
struct Decimal;

impl Visitor<'_> for Decimal {
    type Value = Price;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number of US dollars")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Price, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, dollars: u64) -> Result<Price, E> {
        dollars.checked_mul(SCALE).map(Price).ok_or_else(|| E::custom(BAD))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Price, E> {
        Err(E::custom(BAD))
    }

    fn visit_f64<E: Error>(self, dollars: f64) -> Result<Price, E> {
        // Most prices have few decimals: one of at most 15 digits that is nearest to this float is the one that was written.
        let micro = (dollars * 1e6).round();
        if (0.0..1e9).contains(&micro) && (micro / 1e6).total_cmp(&dollars).is_eq() {
            return Ok(Price(micro as u64 * (SCALE / 1_000_000)));
        }
        self.visit_str(&dollars.to_string())
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an endpoint charges, in US dollars per unit. An absent price is unknown, except where a field says otherwise.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pricing {
    /// Per prompt token.
    pub prompt: Price,
    /// Per completion token.
    pub completion: Price,
    /// Per prompt token read from the cache; absent: as `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Price>,
    /// Per prompt token written to the cache for 5 minutes; absent: as `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Price>,
    /// Per prompt token written to the cache for an hour; absent: as `cache_write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<Price>,
    /// Per reasoning token; absent: as `completion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Price>,
    /// Per request; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Price>,
    /// Per request with a search that reads a medium amount; absent: as `request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_medium: Option<Price>,
    /// Per request with a search that reads much; absent: as `request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_high: Option<Price>,
    /// What tokens cost in the service tier `flex`, as a part of the prices here; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flex: Option<Price>,
    /// What tokens cost in the service tier `priority`, as a multiple of the prices here; absent: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Price>,
    /// Per input image; absent: in the prompt tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Price>,
    /// Per input image token; absent: as `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_token: Option<Price>,
    /// Per output image token; absent: as `completion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_output: Option<Price>,
    /// Per input audio token; absent: as `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<Price>,
    /// Per output audio token; absent: as `completion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<Price>,
    /// Per web search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Price>,
    /// Other prices for prompts above a size; the last that applies wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

/// Prices for prompts of more than `above` tokens; an absent one stays as it was.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Applies to prompts of more tokens than this.
    pub above: u64,
    /// Per prompt token.
    pub prompt: Option<Price>,
    /// Per completion token.
    pub completion: Option<Price>,
    /// Per prompt token read from the cache.
    #[serde(default)]
    pub cache_read: Option<Price>,
    /// Per prompt token written to the cache for 5 minutes.
    #[serde(default)]
    pub cache_write: Option<Price>,
    /// Per prompt token written to the cache for an hour.
    #[serde(default)]
    pub cache_write_1h: Option<Price>,
}

/// How quickly a vendor serves, and at which prices.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ServiceTier {
    /// Slower, for less.
    Flex,
    /// Another one, such as capacity that was paid for beforehand.
    Other,
    /// Quicker, for more.
    Priority,
    /// The list prices.
    #[default]
    Standard,
}

impl ServiceTier {
    /// The tier that a request asks for, or an answer names, by this word.
    pub fn of(word: Option<&str>) -> Self {
        match word {
            None | Some("auto" | "default" | "standard") => Self::Standard,
            Some("flex") => Self::Flex,
            Some("priority") => Self::Priority,
            Some(_) => Self::Other,
        }
    }
}

/// What an answer cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// US dollars, all parts together.
    pub total: f64,
    /// The parts.
    pub details: CostDetails,
}

impl Tier {
    fn prices(&mut self) -> [&mut Option<Price>; 5] {
        [&mut self.prompt, &mut self.completion, &mut self.cache_read, &mut self.cache_write, &mut self.cache_write_1h]
    }
}

impl Pricing {
    /// The prices for a prompt of this size.
    fn at(&self, prompt_tokens: u64) -> Tier {
        let base = Tier {
            above: 0,
            prompt: Some(self.prompt),
            completion: Some(self.completion),
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h,
        };
        self.tiers.iter().filter(|tier| prompt_tokens > tier.above).fold(base, |now, tier| Tier {
            above: tier.above,
            prompt: tier.prompt.or(now.prompt),
            completion: tier.completion.or(now.completion),
            cache_read: tier.cache_read.or(now.cache_read),
            cache_write: tier.cache_write.or(now.cache_write),
            cache_write_1h: tier.cache_write_1h.or(now.cache_write_1h),
        })
    }

    /// What token prices are multiplied by in a service tier; `None` where that is not known.
    pub(crate) fn factor(&self, tier: ServiceTier) -> Option<Price> {
        match tier {
            ServiceTier::Flex => self.flex,
            ServiceTier::Other => None,
            ServiceTier::Priority => self.priority,
            ServiceTier::Standard => Some(Price(SCALE)),
        }
    }

    /// The prices in a service tier; `None` where they are not known.
    pub(crate) fn in_tier(&self, tier: ServiceTier) -> Option<Cow<'_, Self>> {
        if tier == ServiceTier::Standard {
            return Some(Cow::Borrowed(self));
        }
        let factor = self.factor(tier)?;
        let mut served = self.clone();
        let each = [&mut served.cache_read, &mut served.cache_write, &mut served.cache_write_1h, &mut served.reasoning]
            .into_iter()
            .chain([&mut served.image_token, &mut served.image_output, &mut served.audio, &mut served.audio_output])
            .chain(served.tiers.iter_mut().flat_map(Tier::prices));
        for price in each.filter_map(Option::as_mut).chain([&mut served.prompt, &mut served.completion]) {
            *price = price.scaled(factor)?;
        }
        Some(Cow::Owned(served))
    }

    /// The fee of a request with a search of this size.
    pub(crate) fn fee(&self, size: Option<SearchSize>) -> Price {
        let sized = match size {
            None | Some(SearchSize::Low) => None,
            Some(SearchSize::Medium) => self.request_medium,
            Some(SearchSize::High) => self.request_high,
        };
        sized.or(self.request).unwrap_or_default()
    }

    /// What this usage costs, to the last digit; `None` where a count that is charged for is unknown.
    pub fn cost(&self, usage: &Usage) -> Option<Cost> {
        let prompt_tokens = usage.prompt_tokens?;
        let tier = self.at(prompt_tokens);
        let (prompt_price, completion_price) = (tier.prompt?, tier.completion?);
        // Embeddings have no completion, and no price for one.
        let completion_tokens = usage.completion_tokens.or((completion_price == Price::default()).then_some(0))?;

        let prompt = usage.prompt_tokens_details.as_ref();
        let part = |count: fn(&crate::types::PromptDetails) -> Option<u64>| prompt.and_then(count).unwrap_or(0);
        // Parts never count for more than the whole, whatever a vendor reports.
        let mut plain = prompt_tokens;
        let mut take = |count: u64| {
            let count = count.min(plain);
            plain -= count;
            count
        };
        let cached = take(part(|prompt| prompt.cached_tokens));
        let written = take(part(|prompt| prompt.cache_write_tokens));
        let written_1h = part(|prompt| prompt.cache_write_1h_tokens).min(written);
        let audio = take(part(|prompt| prompt.audio_tokens));
        let images = take(part(|prompt| prompt.image_tokens));
        let write_price = tier.cache_write.unwrap_or(prompt_price);
        let prompt_cost = prompt_price.times(plain)
            + tier.cache_read.unwrap_or(prompt_price).times(cached)
            + write_price.times(written - written_1h)
            + tier.cache_write_1h.unwrap_or(write_price).times(written_1h)
            + self.audio.unwrap_or(prompt_price).times(audio)
            + self.image_token.unwrap_or(prompt_price).times(images);

        let completion = usage.completion_tokens_details.as_ref();
        let part = |count: fn(&crate::types::CompletionDetails) -> Option<u64>| completion.and_then(count).unwrap_or(0);
        let mut plain = completion_tokens;
        let mut take = |count: u64| {
            let count = count.min(plain);
            plain -= count;
            count
        };
        let reasoning = take(part(|completion| completion.reasoning_tokens));
        let audio = take(part(|completion| completion.audio_tokens));
        let images = take(part(|completion| completion.image_tokens));
        let completion_cost = completion_price.times(plain)
            + self.reasoning.unwrap_or(completion_price).times(reasoning)
            + self.audio_output.unwrap_or(completion_price).times(audio)
            + self.image_output.unwrap_or(completion_price).times(images);

        let tools = usage.server_tool_use_details.as_ref();
        let searches = tools.and_then(|details| details.web_search_requests).unwrap_or(0);
        let search_cost = match (self.search, searches) {
            (_, 0) => 0,
            (Some(price), searches) => price.times(searches),
            // Who charges a fee for each request searches for it.
            (None, _) if self.request.is_some() => 0,
            (None, _) => return None,
        };
        let other_cost = search_cost + self.fee(tools.and_then(|details| details.search_context_size)).times(1);

        Some(Cost {
            total: Price::dollars(prompt_cost + completion_cost + other_cost),
            details: CostDetails {
                upstream_inference_prompt_cost: Some(Price::dollars(prompt_cost)),
                upstream_inference_completions_cost: Some(Price::dollars(completion_cost)),
                server_tool_cost: (other_cost > 0).then(|| Price::dollars(other_cost)),
                upstream_inference_cost: None,
            },
        })
    }

    /// These prices with those of `other` that they leave out, where both are one price list: the same for plain tokens.
    pub(super) fn completed_by(&self, other: &Self) -> Self {
        if (self.prompt, self.completion) != (other.prompt, other.completion) {
            return self.clone();
        }
        Self {
            prompt: self.prompt,
            completion: self.completion,
            cache_read: self.cache_read.or(other.cache_read),
            cache_write: self.cache_write.or(other.cache_write),
            cache_write_1h: self.cache_write_1h.or(other.cache_write_1h),
            reasoning: self.reasoning.or(other.reasoning),
            request: self.request.or(other.request),
            request_medium: self.request_medium.or(other.request_medium),
            request_high: self.request_high.or(other.request_high),
            flex: self.flex.or(other.flex),
            priority: self.priority.or(other.priority),
            image: self.image.or(other.image),
            image_token: self.image_token.or(other.image_token),
            image_output: self.image_output.or(other.image_output),
            audio: self.audio.or(other.audio),
            audio_output: self.audio_output.or(other.audio_output),
            search: self.search.or(other.search),
            tiers: if self.tiers.is_empty() { other.tiers.clone() } else { self.tiers.clone() },
        }
    }

    /// About what this many tokens will cost, fees aside, in US dollars; fast, for ranking.
    pub fn estimate(&self, prompt_tokens: u64, completion_tokens: u64) -> f64 {
        let (mut prompt, mut completion) = (self.prompt, self.completion);
        if !self.tiers.is_empty() {
            let tier = self.at(prompt_tokens);
            (prompt, completion) = (tier.prompt.unwrap_or(prompt), tier.completion.unwrap_or(completion));
        }
        // In floats: exact sums need 128 bits, which is slow, and an estimate is not exact anyway.
        let pico = |price: Price, count: u64| price.0 as f64 * count as f64;
        (pico(prompt, prompt_tokens) + pico(completion, completion_tokens)) / SCALE as f64
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "costs are exact, to the last digit")]
mod tests {
    use super::*;
    use crate::types::ServerToolUse;

    fn price(text: &str) -> Price {
        text.parse().expect("a price")
    }

    fn sonnet() -> Pricing {
        Pricing {
            prompt: price("3e-6"),
            completion: price("15e-6"),
            cache_read: Some(price("0.3e-6")),
            cache_write: Some(price("3.75e-6")),
            cache_write_1h: Some(price("6e-6")),
            search: Some(price("0.01")),
            ..Pricing::default()
        }
    }

    #[test]
    fn plain_tokens_cost_to_the_last_digit() {
        let cost = sonnet().cost(&Usage::of(1_000, 1)).expect("a cost");
        assert_eq!(cost.total.to_string(), "0.003015");
        assert_eq!(cost.details.upstream_inference_prompt_cost, Some(0.003));
        assert_eq!(cost.details.upstream_inference_completions_cost, Some(0.000_015));
        assert_eq!(cost.details.server_tool_cost, None);
    }

    #[test]
    fn cache_and_search_have_their_own_prices() {
        let mut usage = Usage::of(10_000, 0);
        usage.prompt_details().cached_tokens = Some(5_000);
        usage.prompt_details().cache_write_tokens = Some(3_000);
        usage.prompt_details().cache_write_1h_tokens = Some(1_000);
        usage.server_tool_use_details = Some(ServerToolUse::searches(2));
        let cost = sonnet().cost(&usage).expect("a cost");
        // 2000 plain, 5000 read, 2000 written for 5 minutes, 1000 for an hour, 2 searches
        assert_eq!(cost.total, 0.041);
        assert_eq!(cost.details.server_tool_cost, Some(0.02));
    }

    #[test]
    fn a_tier_begins_above_its_size_and_covers_the_whole_request() {
        let mut pricing = sonnet();
        pricing.tiers = vec![Tier { above: 200_000, prompt: Some(price("6e-6")), ..Tier::default() }];
        assert_eq!(pricing.cost(&Usage::of(200_000, 0)).expect("a cost").total, 0.6);
        assert_eq!(pricing.cost(&Usage::of(200_001, 0)).expect("a cost").total, 1.200_006);
        assert_eq!(pricing.cost(&Usage::of(200_001, 1)).expect("a cost").details.upstream_inference_completions_cost, Some(0.000_015));
    }

    #[test]
    fn a_float_and_its_text_are_one_price() {
        for text in ["0", "0.1", "0.3", "2.5", "0.000001", "0.0000015", "0.123456", "999.999999", "12345.678901", "0.000000000001"] {
            let json: Price = serde_json::from_str(text).expect("a price");
            assert_eq!(json, price(text), "{text}");
            assert_eq!(Price::dollars(json.pico().into()).to_string(), text, "{text}");
        }
        for bad in ["-0.1", "-1", "1e-13"] {
            serde_json::from_str::<Price>(bad).expect_err(bad);
        }
        assert_eq!(Price::dollars(u128::from(u64::MAX) + 1), 18_446_744.073_709_55);
    }

    #[test]
    fn reasoning_is_part_of_the_completion() {
        let mut pricing = sonnet();
        let mut usage = Usage::of(0, 100);
        usage.completion_details().reasoning_tokens = Some(40);
        assert_eq!(pricing.cost(&usage).expect("a cost").total, 0.0015);
        pricing.reasoning = Some(price("30e-6"));
        assert_eq!(pricing.cost(&usage).expect("a cost").total, 0.0021);
    }

    #[test]
    fn another_service_tier_has_other_token_prices() {
        let mut pricing = Pricing { flex: Some(price("0.5")), priority: Some(price("1.75")), ..sonnet() };
        pricing.tiers = vec![Tier { above: 200_000, prompt: Some(price("6e-6")), ..Tier::default() }];
        let total = |tier: &str, usage: &Usage| {
            let pricing = pricing.in_tier(ServiceTier::of(Some(tier)))?;
            pricing.cost(usage).map(|cost| cost.total.to_string())
        };
        let mut usage = Usage::of(1_000, 10);
        usage.prompt_details().cached_tokens = Some(500);
        usage.server_tool_use_details = Some(ServerToolUse::searches(1));
        assert_eq!(total("default", &usage).as_deref(), Some("0.0118"));
        assert_eq!(total("flex", &usage).as_deref(), Some("0.0109"), "a search costs the same");
        assert_eq!(total("priority", &usage).as_deref(), Some("0.01315"));
        assert_eq!(total("priority", &Usage::of(300_000, 0)).as_deref(), Some("3.15"));
        assert_eq!(total("scale", &usage), None);
        assert_eq!(sonnet().in_tier(ServiceTier::Flex), None);
        let uneven = Pricing { flex: Some(price("0.0000001")), ..sonnet() };
        assert_eq!(uneven.in_tier(ServiceTier::Flex), None, "never rounded");
    }

    #[test]
    fn the_fee_of_a_request_goes_by_how_much_a_search_reads() {
        let pricing = Pricing { request: Some(price("0.005")), request_high: Some(price("0.012")), ..Pricing::default() };
        let fee = |size| {
            let tools = ServerToolUse { search_context_size: size, ..ServerToolUse::searches(1) };
            pricing.cost(&Usage { server_tool_use_details: Some(tools), ..Usage::of(1, 1) }).expect("a cost").total
        };
        assert_eq!([None, Some(SearchSize::Low), Some(SearchSize::Medium), Some(SearchSize::High)].map(fee), [0.005, 0.005, 0.005, 0.012]);
    }

    #[test]
    fn what_is_not_known_has_no_cost() {
        assert_eq!(sonnet().cost(&Usage::default()), None);
        assert_eq!(sonnet().cost(&Usage { prompt_tokens: Some(5), ..Usage::default() }), None);
        let mut pricing = sonnet();
        pricing.search = None;
        let usage = Usage { server_tool_use_details: Some(ServerToolUse::searches(1)), ..Usage::of(1, 1) };
        assert_eq!(pricing.cost(&usage), None);
    }
}
