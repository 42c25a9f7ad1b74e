//! Trace ids that are numbered: the base, zeros, and the number of the request in the last eight
//! places. In decimal, whose digits are hexadecimal ones too, so that people find request 17.

use anyhow::{Context as _, ensure};
use rand::TryRng as _;
use rand::rngs::SysRng;

/// Digits of a trace id (W3C Trace Context, section 3.2.2.3).
const DIGITS: usize = 32;

/// Places of the number.
const PLACES: usize = 8;

/// The largest number.
pub(super) const LARGEST: u64 = 99_999_999;

#[derive(Clone, Debug)]
pub(super) struct TraceIds {
    base: String,
}

impl TraceIds {
    /// Without a base, one is made up.
    pub(super) fn new(base: Option<&str>) -> anyhow::Result<Self> {
        let length = DIGITS - PLACES;
        let Some(base) = base else {
            let mut bytes = [0; (DIGITS - PLACES) / 2];
            SysRng
                .try_fill_bytes(&mut bytes)
                .context("the system has no random numbers")?;
            return Ok(Self {
                base: hex::encode(bytes),
            });
        };
        let is_hexadecimal = base.chars().all(|c| c.is_ascii_hexdigit());
        ensure!(
            is_hexadecimal && (1..=length).contains(&base.len()),
            "--base-trace-id {base} is not 1 to {length} hexadecimal digits; an example is cafe"
        );
        Ok(Self {
            base: format!("{:0<length$}", base.to_ascii_lowercase()),
        })
    }

    /// The trace id of a request; numbers begin at 1.
    pub(super) fn of(&self, number: u64) -> String {
        format!("{}{number:0PLACES$}", self.base)
    }

    /// As a header, with the number as the span's id too.
    pub(super) fn traceparent(&self, number: u64) -> String {
        format!("00-{}-{number:016x}-01", self.of(number))
    }
}

#[cfg(test)]
mod tests {
    use super::TraceIds;

    #[test]
    fn trace_ids_begin_with_the_base_and_end_with_the_number() {
        let ids = TraceIds::new(Some("CAFE")).unwrap();
        assert_eq!(ids.of(17), "cafe0000000000000000000000000017");
        assert_eq!(
            ids.traceparent(17),
            "00-cafe0000000000000000000000000017-0000000000000011-01"
        );
        let longest = TraceIds::new(Some("123456789012345678901234")).unwrap();
        assert_eq!(longest.of(99_999_999).len(), 32);
    }

    #[test]
    fn without_a_base_each_run_has_another() {
        let (one, other) = (TraceIds::new(None).unwrap(), TraceIds::new(None).unwrap());
        assert_ne!(one.of(1), other.of(1));
        assert_eq!(one.of(1).len(), 32);
    }

    #[test]
    fn a_base_that_is_no_number_is_explained() {
        for base in ["", "run 1", "1234567890123456789012345"] {
            let refusal = TraceIds::new(Some(base)).unwrap_err().to_string();
            assert!(refusal.contains("an example is cafe"), "{refusal}");
        }
    }
}
