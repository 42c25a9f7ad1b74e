//! The price of tokens. Providers change their prices, so none is built in: an operator sets what
//! they pay, and the cost shown is an estimate from that.

use platform::settings::CaptionPrice;

use crate::steps::annotate::Usage;

/// The cost of a request in millionths of the currency. None without a price, or if the provider
/// does not count tokens.
pub(super) fn cost(price: Option<&CaptionPrice>, usage: Usage) -> Option<i64> {
    let price = price?;
    let (sent, received) = (usage.tokens_in?, usage.tokens_out.unwrap_or_default());
    // A price per million tokens is as many millionths per token.
    let micros = f64::from(sent) * price.sent + f64::from(received) * price.received;
    Some(micros.round() as i64)
}

/// An amount for people: small amounts get four decimals, others two.
pub fn money(currency: &str, micros: i64) -> String {
    let amount = micros as f64 / 1e6;
    let digits = if amount >= 1.0 { 2 } else { 4 };
    format!("{currency} {amount:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_per_million_tokens() {
        let price = CaptionPrice {
            currency: "USD".to_owned(),
            sent: 0.30,
            received: 2.50,
        };
        let usage = |tokens_in, tokens_out| Usage {
            tokens_in,
            tokens_out,
        };
        let cost = |usage| cost(Some(&price), usage);
        assert_eq!(cost(usage(Some(1_000_000), Some(0))), Some(300_000));
        assert_eq!(cost(usage(Some(1290), Some(100))), Some(637));
        assert_eq!(cost(usage(Some(1290), None)), Some(387));
        assert_eq!(cost(usage(None, Some(7))), None);
        assert_eq!(super::cost(None, usage(Some(1), Some(1))), None);
    }

    #[test]
    fn small_amounts_have_four_decimals() {
        assert_eq!(money("USD", 637), "USD 0.0006");
        assert_eq!(money("EUR", 12_345_678), "EUR 12.35");
    }
}
