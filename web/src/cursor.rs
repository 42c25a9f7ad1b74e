//! The cursors of keyset paging as clients see them: opaque, and safe in an address.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::problem::Problem;

/// The text for the place just behind a row.
pub(crate) fn encode(instant: DateTime<Utc>, id: Uuid) -> String {
    let mut bytes = instant.timestamp_micros().to_be_bytes().to_vec();
    bytes.extend_from_slice(id.as_bytes());
    BASE64.encode(bytes)
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// 400 for anything else.
pub(crate) fn decode(text: &str) -> Result<(DateTime<Utc>, Uuid), Problem> {
    read(text).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "this is no cursor; use what `next` of the page before says, or begin without one",
        )
    })
}

fn read(text: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let bytes = BASE64.decode(text).ok()?;
    let (instant, id) = bytes.split_first_chunk::<8>()?;
    let instant = DateTime::from_timestamp_micros(i64::from_be_bytes(*instant))?;
    Some((instant, Uuid::from_slice(id).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_way_through_an_address() {
        let (now, id) = (entity::now(), Uuid::now_v7());
        assert_eq!(decode(&encode(now, id)).unwrap(), (now, id));
    }

    #[test]
    fn anything_else_is_no_cursor() {
        for text in ["", "2", "AAAA", "!!!", &"A".repeat(100)] {
            assert_eq!(decode(text).unwrap_err().status(), StatusCode::BAD_REQUEST);
        }
    }
}
