//! Cursors of lists as clients see them: opaque, and safe in a URL.
//!
//! A list by time uses keyset paging: the cursor is the key of the last row, which stays exact when
//! other rows are added or deleted. A list by rank has no such key, because every image that is
//! added or deleted changes the scores of all others a little. Its cursor says how many images
//! were shown and which were the last; the next page begins after the last of them that still
//! exists, wherever nearby it is now.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// How many images a cursor remembers, the last one first; unused places are nil. One would do
/// if images were never deleted.
pub(crate) const LAST: usize = 3;

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// After this row, in a list by time.
    Row(DateTime<Utc>, Uuid),
    /// After this image, in the list of the desk, by how much they need a look.
    Risk(i32, Uuid),
    /// After so many images, of which these are the last, in a list by rank.
    Rank(u32, [Uuid; LAST]),
}

impl Cursor {
    pub(crate) fn encode(self) -> String {
        let mut bytes = Vec::new();
        match self {
            Self::Row(instant, id) => {
                bytes.extend(instant.timestamp_micros().to_be_bytes());
                bytes.extend(id.as_bytes());
            }
            Self::Risk(risk, id) => {
                bytes.extend(risk.to_be_bytes());
                bytes.extend(id.as_bytes());
            }
            Self::Rank(shown, last) => {
                bytes.extend(shown.to_be_bytes());
                bytes.extend(last.iter().flat_map(Uuid::as_bytes));
            }
        }
        BASE64.encode(bytes)
    }

    /// Reads what [`Cursor::encode`] wrote; anything else is a 400.
    pub(crate) fn decode(text: &str) -> Result<Self, Problem> {
        Self::read(text).ok_or_else(refused)
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text).ok()?;
        if let Some((micros, id)) = bytes.split_first_chunk::<8>()
            && let Ok(id) = Uuid::from_slice(id)
        {
            let instant = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?;
            return Some(Self::Row(instant, id));
        }
        let (shown, ids) = bytes.split_first_chunk::<4>()?;
        if let Ok(id) = Uuid::from_slice(ids) {
            return Some(Self::Risk(i32::from_be_bytes(*shown), id));
        }
        let (ids, rest) = ids.as_chunks::<16>();
        let last = <[_; LAST]>::try_from(ids).ok()?.map(Uuid::from_bytes);
        rest.is_empty()
            .then(|| Self::Rank(u32::from_be_bytes(*shown), last))
    }

    /// The place in a list by time; 400 if the cursor is of a list by rank.
    pub(crate) fn row(self) -> Result<(DateTime<Utc>, Uuid), Problem> {
        match self {
            Self::Row(instant, id) => Ok((instant, id)),
            Self::Risk(..) | Self::Rank(..) => Err(refused()),
        }
    }

    /// The place in the list of the desk; 400 if the cursor is of another list.
    pub(crate) fn risk(self) -> Result<(i32, Uuid), Problem> {
        match self {
            Self::Risk(risk, id) => Ok((risk, id)),
            Self::Row(..) | Self::Rank(..) => Err(refused()),
        }
    }

    /// The place in a list by rank; 400 if the cursor is of a list by time.
    pub(crate) fn rank(self) -> Result<(u32, [Uuid; LAST]), Problem> {
        match self {
            Self::Rank(shown, last) => Ok((shown, last)),
            Self::Row(..) | Self::Risk(..) => Err(refused()),
        }
    }
}

fn refused() -> Problem {
    Problem::new(
        ProblemKind::BadRequest,
        "this is not a cursor of this list; send `next` of the page before, or begin without one",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn a_cursor_is_decoded_to_what_was_encoded() {
        let id = Uuid::now_v7();
        let last = [id, Uuid::now_v7(), Uuid::nil()];
        for cursor in [
            Cursor::Row(entity::now(), id),
            Cursor::Risk(-1, id),
            Cursor::Rank(u32::MAX, last),
        ] {
            assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        }
    }

    #[test]
    fn a_cursor_of_another_kind_of_list_is_refused() {
        let id = Uuid::now_v7();
        assert!(Cursor::Row(entity::now(), id).rank().is_err());
        assert!(Cursor::Rank(7, [id; LAST]).row().is_err());
        assert!(Cursor::Risk(7, id).row().is_err());
        assert!(Cursor::Rank(7, [id; LAST]).risk().is_err());
    }

    #[test]
    fn text_that_is_not_a_cursor_is_refused() {
        for text in ["", "2", "AAAA", "!!!", &"A".repeat(30), &"A".repeat(100)] {
            let refused = Cursor::decode(text).unwrap_err();
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        }
    }
}
