//! The copy that may be shown in public: the same picture with every face made unrecognisable, and
//! without metadata.

mod mosaic;

use crate::faces::{DetectError, Face, FaceDetector};
use crate::picture::{self, Detail, Limits, Refusal};
use crate::steps::thumbnail::thumbhash;

pub use mosaic::redact;

const QUALITY: u8 = 90;
const THUMBNAIL_QUALITY: u8 = 85;

/// The anonymised renditions of a picture.
#[derive(Clone, Debug)]
pub struct Anonymised {
    /// The whole picture, without metadata.
    pub jpeg: Vec<u8>,
    /// A thumbnail of it, without metadata.
    pub thumbnail: Vec<u8>,
    /// The thumbhash of the redacted picture.
    pub thumbhash: Vec<u8>,
    /// In pixels, upright.
    pub width: u32,
    /// In pixels, upright.
    pub height: u32,
    /// Best first, uncertain ones included. The redacted area of each is a third larger.
    pub faces: Vec<Face>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum AnonymiseError {
    /// The picture cannot be decoded; trying again does not help.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The detector failed.
    #[error(transparent)]
    Detector(#[from] DetectError),
}

/// Makes the anonymised copy at the picture's own size, and a thumbnail of it that fits a
/// square of `thumbnail_size` pixels.
pub fn make(
    bytes: &[u8],
    detector: &dyn FaceDetector,
    thumbnail_size: u32,
    limits: &Limits,
) -> Result<Anonymised, AnonymiseError> {
    let mut picture = picture::decode(bytes, limits, Detail::Full)?;
    let faces = detector.detect(&picture)?;
    redact(&mut picture, &faces);
    let thumbnail = picture.fitting(thumbnail_size);
    Ok(Anonymised {
        jpeg: picture::encode_jpeg(&picture, QUALITY)?,
        thumbhash: thumbhash(&thumbnail),
        thumbnail: picture::encode_jpeg(&thumbnail, THUMBNAIL_QUALITY)?,
        width: picture.width,
        height: picture.height,
        faces,
    })
}
