//! What tokens cost. Prices are written as vendors tell them, in dollars for a million tokens, as a decimal text: "0.0375". Inside
//! they are whole pico-dollars a token (a million-millionth of a dollar): "0.0375" is 37,500 of them. So each price of up to six
//! decimals is exact, and the cost of a call is added up exactly and rounded up to nano-dollars once, at the end.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::money::NanoDollars;
use crate::port::models::Tokens;

/// Pico-dollars in a nano-dollar.
const NANO: u128 = 1_000;

/// The decimals that a price of a million tokens may have.
const DECIMALS: usize = 6;

/// What one token costs, in pico-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

impl Rate {
    /// A rate in pico-dollars a token.
    #[must_use]
    pub const fn of_pico_dollars(a_token: u64) -> Self {
        Self(a_token)
    }

    /// Pico-dollars a token.
    #[must_use]
    pub const fn pico_dollars(self) -> u64 {
        self.0
    }

    /// Reads dollars for a million tokens: `2`, `0.15`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no price: write dollars for a million tokens, such as \"0.15\"");
        let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|one| one.is_ascii_digit());
        if !is_number(whole) || !is_number(rest) {
            return Err(wrong());
        }
        if rest.len() > DECIMALS {
            return Err(format!("'{text}' has more than {DECIMALS} decimals"));
        }
        // A dollar for a million tokens is a million pico-dollars for one.
        let digits = format!("{whole}{rest:0<DECIMALS$}");
        digits.parse().map(Self).map_err(|_| wrong())
    }

    fn of(self, tokens: u64) -> u128 {
        u128::from(self.0) * u128::from(tokens)
    }
}

/// As it is written: dollars for a million tokens.
impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:07}", self.0);
        let (whole, rest) = digits.split_at(digits.len() - DECIMALS);
        let rest = rest.trim_end_matches('0');
        if rest.is_empty() { formatter.write_str(whole) } else { write!(formatter, "{whole}.{rest}") }
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?$",
            "description": "Dollars for a million tokens, such as \"0.15\"."
        })
    }
}

/// What the tokens of a call cost, each kind by itself. A rate that is not known is `None`; one that is "0" is free.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rates {
    /// What is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Rate>,
    /// What is written, thoughts included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Rate>,
    /// What is read and the vendor had read before. Where none is said, such tokens cost as much as others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<Rate>,
    /// What is read and the vendor writes down to be read again. Where none is said, such tokens cost as much as others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_written: Option<Rate>,
    /// Searches, where texts are put in order: dollars for a million of them. Such calls cost this and nothing for what is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searches: Option<Rate>,
}

impl Rates {
    /// Nothing costs anything.
    #[must_use]
    pub const fn free() -> Self {
        let nothing = Some(Rate(0));
        Self { input: nothing, output: nothing, cached: nothing, cache_written: nothing, searches: nothing }
    }

    /// What tokens cost; `None` when a kind of which there are some has no rate that is known.
    fn cost(&self, tokens: &Tokens) -> Option<NanoDollars> {
        // What a vendor says twice is counted once: parts are never more than the whole.
        let cached = tokens.cached.min(tokens.input);
        let written = tokens.cache_written.min(tokens.input - cached);
        let plain = tokens.input - cached - written;
        let counted = [
            (plain, self.input),
            (cached, self.cached.or(self.input)),
            (written, self.cache_written.or(self.input)),
            (tokens.output, self.output),
        ];
        let mut pico: u128 = 0;
        for (count, rate) in counted {
            if count > 0 {
                pico = pico.saturating_add(rate?.of(count));
            }
        }
        Some(NanoDollars(u64::try_from(pico.div_ceil(NANO)).unwrap_or(u64::MAX)))
    }
}

/// Other rates from a length of the input on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tier {
    /// For calls that read more tokens than this, all of the call.
    pub input_tokens: u64,
    /// What they cost.
    #[serde(flatten)]
    pub rates: Rates,
}

/// The price of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// What tokens cost.
    #[serde(flatten)]
    pub rates: Rates,
    /// What they cost in long calls instead, from the least length on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<Tier>,
}

impl Price {
    /// What the tokens of one call cost, each counted once and the sum rounded up to a nano-dollar; `None` when that is not known.
    #[must_use]
    pub fn cost(&self, tokens: &Tokens) -> Option<NanoDollars> {
        if tokens.searches > 0 {
            let pico = self.rates.searches?.of(tokens.searches);
            return Some(NanoDollars(u64::try_from(pico.div_ceil(NANO)).unwrap_or(u64::MAX)));
        }
        let tier = self.above.iter().rev().find(|tier| tokens.input > tier.input_tokens);
        tier.map_or(&self.rates, |tier| &tier.rates).cost(tokens)
    }

    /// Whether calls cost nothing.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let tiers = self.above.iter().map(|tier| &tier.rates);
        std::iter::once(&self.rates).chain(tiers).all(|rates| {
            let free = |rate: Option<Rate>| rate == Some(Rate(0));
            free(rates.input)
                && free(rates.output)
                && [rates.cached, rates.cache_written, rates.searches].into_iter().flatten().all(|rate| rate == Rate(0))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap()
    }

    #[test]
    fn prices_are_read_exactly() {
        for (text, pico) in
            [("0.15", 150_000), ("0.0375", 37_500), ("1.25", 1_250_000), ("75", 75_000_000), ("0", 0), ("0.000001", 1)]
        {
            assert_eq!(Rate::parse(text), Ok(Rate(pico)), "{text}");
            assert_eq!(Rate(pico).to_string(), text);
        }
        assert_eq!(Rate::parse("2.50").unwrap().to_string(), "2.5");
        for text in ["", ".", "1.", ".5", "-1", "1e3", "1,5", "$1", "0.0000001", "1.2.3", "99999999999999999999", " 1"]
        {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_token_is_counted_once_and_the_sum_rounded_up_once() {
        let rates = Rates {
            input: Some(rate("0.0375")),
            output: Some(rate("0.15")),
            cached: Some(rate("0.01")),
            ..Rates::default()
        };
        let price = Price { rates, above: Vec::new() };
        let tokens = Tokens { input: 10, cached: 3, cache_written: 2, output: 1, reasoning: 1, searches: 0 };
        // 7 × 37,500 + 3 × 10,000 + 150,000 pico-dollars, thoughts being a part of the output.
        assert_eq!(price.cost(&tokens), Some(NanoDollars(443)));
        assert_eq!(price.cost(&Tokens { input: 1, ..Tokens::default() }), Some(NanoDollars(38)), "rounded up");
        assert_eq!(price.cost(&Tokens::default()), Some(NanoDollars::ZERO));
    }

    #[test]
    fn what_is_not_known_is_not_free() {
        let price = Price { rates: Rates { input: Some(rate("1")), ..Rates::default() }, above: Vec::new() };
        assert_eq!(price.cost(&Tokens { output: 1, ..Tokens::default() }), None);
        assert_eq!(price.cost(&Tokens { input: 2, ..Tokens::default() }), Some(NanoDollars(2_000)));
        assert!(!price.is_free() && !Price::default().is_free());
        assert!(Price { rates: Rates::free(), above: Vec::new() }.is_free());
    }

    #[test]
    fn searches_cost_by_the_search_alone() {
        // Two dollars for a thousand.
        let rates = Rates { input: Some(rate("1")), searches: Some(rate("2000")), ..Rates::default() };
        let price = Price { rates, above: Vec::new() };
        let tokens = Tokens { input: 10_000, searches: 3, ..Tokens::default() };
        assert_eq!(price.cost(&tokens), Some(NanoDollars(6_000_000)));
        let price = Price { rates: Rates { input: Some(rate("1")), ..Rates::default() }, above: Vec::new() };
        assert_eq!(price.cost(&tokens), None, "what is not known is not free");
    }

    #[test]
    fn long_calls_cost_by_their_tier() {
        let tier =
            |input_tokens, input| Tier { input_tokens, rates: Rates { input: Some(rate(input)), ..Rates::default() } };
        let price = Price {
            rates: Rates { input: Some(rate("1")), ..Rates::default() },
            above: vec![tier(10, "2"), tier(20, "3")],
        };
        for (input, nanos) in [(10, 10_000), (11, 22_000), (20, 40_000), (21, 63_000)] {
            assert_eq!(price.cost(&Tokens { input, ..Tokens::default() }), Some(NanoDollars(nanos)), "{input}");
        }
    }

    #[test]
    fn no_sum_is_too_large() {
        let price = Price { rates: Rates { input: Some(Rate(u64::MAX)), ..Rates::default() }, above: Vec::new() };
        let tokens = Tokens { input: u64::MAX, cached: u64::MAX, cache_written: u64::MAX, ..Tokens::default() };
        assert_eq!(price.cost(&tokens), Some(NanoDollars(u64::MAX)));
    }
}
