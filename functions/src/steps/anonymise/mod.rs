//! The copy that may be shown in public: the same picture with every box covered, and without
//! metadata.
//!
//! One request from start to end works on pixels only, and both request and result can be written
//! down, so that it can be done in another process: [`make`] decodes, searches the original if the
//! request says so, covers, looks again at what it has covered, and encodes.

mod cover;
mod detect;
mod look_again;

use entity::image_box::{Pass, State};
use serde::{Deserialize, Serialize};

use crate::faces::{Certainty, DetectError, Face, FaceDetector};
use crate::picture::{self, Detail, Limits, Refusal, Upright};
use crate::steps::thumbnail::thumbhash;

pub use cover::{ELLIPSE, Region, cover, covers_at_least};
pub use look_again::Look;

const QUALITY: u8 = 90;
const THUMBNAIL_QUALITY: u8 = 85;
/// Pictures whose average brightness is lower count as dark; of 255.
const DARK: u64 = 60;

/// What a copy is made from, besides the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is covered already.
    pub cover: Vec<Region>,
    /// What a person wants uncovered, or has said is nothing to cover.
    pub spared: Vec<Region>,
    pub search: Search,
    pub look: Look,
    /// Side, in pixels, of the square that the copy's thumbnail fits into.
    pub thumbnail_size: u32,
}

/// Whether the original is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Search {
    /// For the first time.
    First,
    /// Again, by another detector: what it finds is for a person to look at.
    Rerun,
    /// This detector has searched it already.
    No,
}

impl Request {
    /// A picture of which nothing is known yet.
    pub const fn first(thumbnail_size: u32) -> Self {
        Self {
            cover: Vec::new(),
            spared: Vec::new(),
            search: Search::First,
            look: Look::Thorough,
            thumbnail_size,
        }
    }
}

/// A face that the detector found, and that is covered on the copy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub face: Face,
    pub pass: Pass,
    /// `cover` or `uncertain`.
    pub state: State,
}

/// The anonymised renditions of a picture.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Anonymised {
    /// The whole picture, without metadata.
    #[serde(skip)]
    pub jpeg: Vec<u8>,
    /// A thumbnail of it, without metadata.
    #[serde(skip)]
    pub thumbnail: Vec<u8>,
    /// Its placeholder.
    pub thumbhash: Vec<u8>,
    /// In pixels, upright.
    pub width: u32,
    /// In pixels, upright.
    pub height: u32,
    /// What was found beyond the boxes of the request.
    pub found: Vec<Found>,
    pub difficulty: Difficulty,
}

/// What makes faces in a picture hard to find, so that a person should look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difficulty {
    pub is_dark: bool,
    /// Whether it lies on its side or head. Known only if it was searched.
    pub is_turned: bool,
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

/// Makes the anonymised copy at the picture's own size, and a thumbnail of it.
///
/// # Errors
/// If the picture cannot be decoded, or the detector fails: then there is no copy.
pub fn make(
    bytes: &[u8],
    request: &Request,
    detector: &dyn FaceDetector,
    limits: &Limits,
) -> Result<Anonymised, AnonymiseError> {
    let mut picture = picture::decode(bytes, limits, Detail::Full)?;
    let mut difficulty = Difficulty {
        is_dark: is_dark(&picture),
        is_turned: false,
    };
    let mut covered = request.cover.clone();
    let mut found = Vec::new();
    if request.search != Search::No {
        let detection = detect::detect(&picture, detector, &covered, &request.spared)?;
        difficulty.is_turned = detection.is_turned;
        found.extend(
            detection
                .faces
                .into_iter()
                .map(|face| Found::in_original(face, request.search)),
        );
        covered.extend(found.iter().map(|found| Region::from(&found.face)));
    }
    cover(&mut picture, &covered);
    let missed =
        look_again::look_again(&picture, detector, &covered, &request.spared, request.look)?;
    let missed_regions: Vec<_> = missed.iter().map(Region::from).collect();
    cover(&mut picture, &missed_regions);
    found.extend(missed.into_iter().map(|face| Found {
        face,
        pass: Pass::Second,
        state: State::Uncertain,
    }));
    // From here on, there is nothing but covered pixels.
    let small = picture.fitting(request.thumbnail_size);
    Ok(Anonymised {
        jpeg: picture::encode_jpeg(&picture, QUALITY)?,
        thumbnail: picture::encode_jpeg(&small, THUMBNAIL_QUALITY)?,
        thumbhash: thumbhash(&small),
        width: picture.width,
        height: picture.height,
        found,
        difficulty,
    })
}

impl Found {
    fn in_original(face: Face, search: Search) -> Self {
        let is_sure = face.certainty == Certainty::Sure && search == Search::First;
        Self {
            face,
            pass: if search == Search::First {
                Pass::First
            } else {
                Pass::Rerun
            },
            state: if is_sure {
                State::Cover
            } else {
                State::Uncertain
            },
        }
    }
}

/// By every hundredth pixel.
fn is_dark(picture: &Upright) -> bool {
    let (mut sum, mut count) = (0_u64, 0_u64);
    for pixel in picture.rgb().chunks_exact(3).step_by(101) {
        sum += pixel.iter().map(|value| u64::from(*value)).sum::<u64>() / 3;
        count += 1;
    }
    sum < DARK * count.max(1)
}
