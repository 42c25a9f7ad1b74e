//! Reasons for refusing a picture, worded for the person who sent it.

use platform::Format;
use serde::{Deserialize, Serialize};

use super::MAX_SIDE;

/// Why a picture is not taken. Trying again with the same bytes never helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// The bytes are in none of the accepted formats.
    #[error("this is not a picture Vitrine can read; send {}", Format::ACCEPTED)]
    NotAnImage,
    /// More pixels than the limit; found in the header, nothing was decoded.
    #[error(
        "the picture has {width} × {height} pixels, more than the {:.0} megapixels taken here; send a smaller copy",
        *max_pixels as f64 / 1e6
    )]
    TooManyPixels {
        /// Width in pixels, as stored.
        width: u32,
        /// Height in pixels, as stored.
        height: u32,
        /// The most pixels that are taken.
        max_pixels: u64,
    },
    /// One side is longer than a JPEG can be; found in the header.
    #[error(
        "the picture has {width} × {height} pixels, and no side may be longer than {MAX_SIDE}; send a smaller copy"
    )]
    SideTooLong {
        /// Width in pixels, as stored.
        width: u32,
        /// Height in pixels, as stored.
        height: u32,
    },
    /// The format is supported, but the bytes cannot be decoded.
    #[error("{0}")]
    Undecodable(String),
    /// A decoder ran out of memory, which says nothing about the picture.
    #[error("there is not enough memory for the picture; try again when less is going on")]
    NoMemory,
    /// The result could not be written as a JPEG, which means there is no memory left.
    #[error("the result could not be written as a JPEG ({0}); try again when less is going on")]
    Unwritable(String),
}

impl Refusal {
    /// Whether a smaller copy of the same picture would be taken.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooManyPixels { .. } | Self::SideTooLong { .. })
    }

    /// The file ends before its last pixel.
    pub(super) fn truncated() -> Self {
        Self::Undecodable(
            "the picture cannot be decoded: the file is cut short; copy it again from the camera or card, or send another export"
                .to_owned(),
        )
    }

    /// The file is whole and may be right, but there is no decoder for it here. `what` is the file
    /// with its article.
    pub(super) fn unsupported(what: &str) -> Self {
        Self::Undecodable(format!(
            "the picture cannot be decoded: it is {what}, which Vitrine does not read; send another export, as JPEG or PNG"
        ))
    }

    /// The file is made of more parts than any picture needs.
    pub(super) fn excessive(what: &str) -> Self {
        Self::Undecodable(format!(
            "the picture cannot be decoded: it has {what}, more than are read; send another export"
        ))
    }

    /// The file is whole but its contents are not a picture. `what` ends up in parentheses.
    pub(super) fn damaged(what: &str) -> Self {
        let what: String = what.chars().filter(|c| !c.is_control()).take(160).collect();
        Self::Undecodable(format!(
            "the picture cannot be decoded: the file is damaged ({what}); copy it again from the camera or card, or send another export"
        ))
    }
}
