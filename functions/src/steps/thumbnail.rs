//! The small picture of the gallery, and the few bytes that stand for it until it has loaded.

use crate::picture::{self, Limits, Refusal, Upright};

/// The JPEG quality of thumbnails.
const QUALITY: u8 = 85;
/// What the thumbhash is computed from, in pixels a side. The algorithm takes up to 100, but it
/// keeps seven waves a side, and its cost grows with the area.
const THUMBHASH_SIDE: u32 = 64;

/// A thumbnail and what a page needs to lay it out before it has loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// The picture as a JPEG, without metadata.
    pub jpeg: Vec<u8>,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Its thumbhash (<https://evanw.github.io/thumbhash/>), about 25 bytes, opaque.
    pub thumbhash: Vec<u8>,
}

/// Makes a thumbnail that fits a square of `size` pixels: upright, sRGB, transparency on white,
/// never enlarged.
///
/// # Errors
/// A [`Refusal`] if the picture cannot be decoded within `limits`.
pub fn make(bytes: &[u8], size: u32, limits: &Limits) -> Result<Thumbnail, Refusal> {
    let picture = picture::decode_fitting(bytes, limits, size)?;
    Ok(Thumbnail {
        jpeg: picture::encode_jpeg(&picture, QUALITY)?,
        width: picture.width,
        height: picture.height,
        thumbhash: thumbhash(&picture),
    })
}

/// The thumbhash of a picture of any size.
pub fn thumbhash(picture: &Upright) -> Vec<u8> {
    let small = picture.fitting(THUMBHASH_SIDE);
    let rgba: Vec<u8> = small
        .rgb()
        .chunks_exact(3)
        .flat_map(|p| [p[0], p[1], p[2], 255])
        .collect();
    thumbhash::rgba_to_thumb_hash(small.width as usize, small.height as usize, &rgba)
}
