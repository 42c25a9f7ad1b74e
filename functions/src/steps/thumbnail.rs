//! The thumbnail for the gallery, and the few bytes of a placeholder until it has loaded.

use serde::{Deserialize, Serialize};

use crate::picture::{self, Limits, Refusal, Upright};

/// The JPEG quality of thumbnails.
const QUALITY: u8 = 85;
/// The side, in pixels, of the picture that the thumbhash is computed from. The algorithm accepts
/// up to 100, but it keeps seven waves a side, and its cost grows with the area.
const THUMBHASH_SIDE: u32 = 64;

/// A thumbnail and its placeholder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Without metadata.
    #[serde(skip)]
    pub jpeg: Vec<u8>,
    pub width: u32,
    pub height: u32,
    /// About 25 opaque bytes: <https://evanw.github.io/thumbhash/>.
    pub thumbhash: Vec<u8>,
}

/// Makes a thumbnail that fits a square of `size` pixels: upright, sRGB, transparency on white,
/// never enlarged.
pub fn make(bytes: &[u8], size: u32, limits: &Limits) -> Result<Thumbnail, Refusal> {
    let picture = picture::decode_fitting(bytes, limits, size)?;
    Ok(Thumbnail {
        jpeg: picture::encode_jpeg(&picture, QUALITY)?,
        width: picture.width,
        height: picture.height,
        thumbhash: thumbhash(&picture),
    })
}

pub fn thumbhash(picture: &Upright) -> Vec<u8> {
    let small = picture.fitting(THUMBHASH_SIDE);
    let rgba: Vec<u8> = small
        .rgb()
        .chunks_exact(3)
        .flat_map(|p| [p[0], p[1], p[2], 255])
        .collect();
    thumbhash::rgba_to_thumb_hash(small.width as usize, small.height as usize, &rgba)
}
