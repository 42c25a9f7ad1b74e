//! The copy that may be shown in public: the same picture with every face made unrecognisable
//! and nothing else in the file.

mod mosaic;

use crate::faces::{DetectError, Face, FaceDetector};
use crate::picture::{self, Detail, Limits, Refusal};

pub use mosaic::redact;

/// The JPEG quality of the anonymised copy.
const QUALITY: u8 = 90;
/// The JPEG quality of its thumbnail.
const THUMBNAIL_QUALITY: u8 = 85;

/// The anonymised renditions of a picture.
#[derive(Clone, Debug)]
pub struct Anonymised {
    /// The whole picture as a JPEG, without metadata.
    pub jpeg: Vec<u8>,
    /// The same, made to fit a square, as a JPEG without metadata.
    pub thumbnail: Vec<u8>,
    /// Width of the whole picture in pixels, upright.
    pub width: u32,
    /// Height of the whole picture in pixels, upright.
    pub height: u32,
    /// The faces that were found, best first, also those that are uncertain. What was redacted
    /// around each is a third larger.
    pub faces: Vec<Face>,
}

/// Why there is no anonymised copy.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AnonymiseError {
    /// The picture is at fault; trying again does not help.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The detector is.
    #[error(transparent)]
    Detector(#[from] DetectError),
}

/// Makes the anonymised copy at the picture's own size, and a thumbnail of it that fits a
/// square of `thumbnail_size` pixels.
///
/// # Errors
/// If the picture cannot be decoded within `limits`, or the detector fails.
pub fn make(
    bytes: &[u8],
    detector: &dyn FaceDetector,
    thumbnail_size: u32,
    limits: &Limits,
) -> Result<Anonymised, AnonymiseError> {
    let mut picture = picture::decode(bytes, limits, Detail::Full)?;
    let faces = detector.detect(&picture)?;
    redact(&mut picture, &faces);
    Ok(Anonymised {
        jpeg: picture::encode_jpeg(&picture, QUALITY)?,
        thumbnail: picture::encode_jpeg(&picture.fitting(thumbnail_size), THUMBNAIL_QUALITY)?,
        width: picture.width,
        height: picture.height,
        faces,
    })
}
