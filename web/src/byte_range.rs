//! The header `Range` (RFC 9110): one range of bytes. Several ranges, other units and what cannot
//! be read are ignored, as the standard allows.

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// `bytes=5-`
    From(u64),
    /// `bytes=5-9`, both included.
    Between(u64, u64),
    /// `bytes=-5`
    Last(u64),
}

/// What of a file answers a range.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Requested {
    Part(Range<u64>),
    /// The file is empty, of which no part can be named.
    Whole,
    /// The range begins behind the end.
    Nothing,
}

impl ByteRange {
    /// The range in these headers; none if there is none, or none that is understood.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(header::RANGE)?.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let (unit, range) = text.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = range.trim().split_once('-')?;
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some(Self::Between(first, last)),
            (Some(first), None) if last.is_empty() => Some(Self::From(first)),
            (None, Some(last)) if first.is_empty() => Some(Self::Last(last)),
            _ => None,
        }
    }

    /// The part of a file with so many bytes.
    pub(crate) fn within(self, size: u64) -> Requested {
        let range = match self {
            Self::From(first) => first..size,
            Self::Between(first, last) => first..size.min(last.saturating_add(1)),
            Self::Last(count) => size.saturating_sub(count)..size,
        };
        match (size, range.is_empty()) {
            (0, _) => Requested::Whole,
            (_, true) => Requested::Nothing,
            (_, false) => Requested::Part(range),
        }
    }
}

/// Digits only: `parse` alone would take a sign too.
fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(())?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_the_file_ends() {
        for (text, expected) in [
            ("bytes=0-4", Requested::Part(0..5)),
            ("bytes=5-", Requested::Part(5..10)),
            ("bytes=5-99", Requested::Part(5..10)),
            ("bytes=-3", Requested::Part(7..10)),
            ("bytes=-99", Requested::Part(0..10)),
            ("Bytes= 9-9", Requested::Part(9..10)),
            ("bytes=10-", Requested::Nothing),
            ("bytes=-0", Requested::Nothing),
            ("bytes=0-18446744073709551615", Requested::Part(0..10)),
        ] {
            let range = ByteRange::parse(text).unwrap();
            assert_eq!(range.within(10), expected, "{text}");
        }
        assert_eq!(ByteRange::From(0).within(0), Requested::Whole);
    }

    #[test]
    fn what_is_not_one_range_of_bytes_is_ignored() {
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-4",
            "bytes=+5-",
            "bytes=0-1,3-4",
            "bytes=a-b",
            "bytes=99999999999999999999-",
            "lines=0-4",
        ] {
            assert_eq!(ByteRange::parse(text), None, "{text}");
        }
    }
}
