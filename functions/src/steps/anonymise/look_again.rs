//! The second look: the copy with everything covered is searched again, for what the first search
//! missed.

use serde::{Deserialize, Serialize};

use super::cover::{Region, share_covered};
use super::detect::is_among;
use crate::faces::{DetectError, Face, FaceDetector};
use crate::picture::Upright;

/// How thoroughly a copy is searched again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Look {
    /// Everywhere, in all directions, and closely around every box: after each search of the original.
    Thorough,
    /// Once over, and closely around every box: when only boxes have changed.
    Quick,
}

/// A find counts as covered if at least this share of it is. Detectors take some mosaics for faces, and
/// make their boxes larger than the mosaic.
const COVERED: f64 = 0.6;

/// The faces that are found on the copy beside what is covered, and about which no person has decided.
pub(super) fn look_again(
    copy: &Upright,
    detector: &dyn FaceDetector,
    covered: &[Region],
    spared: &[Region],
    look: Look,
) -> Result<Vec<Face>, DetectError> {
    let size = (copy.width, copy.height);
    let near: Vec<[f32; 4]> = covered
        .iter()
        .map(|region| {
            [
                region.x as f32,
                region.y as f32,
                region.width as f32,
                region.height as f32,
            ]
        })
        .collect();
    let faces = detector.look_again(copy, &near, look == Look::Thorough)?;
    Ok(faces
        .into_iter()
        .filter(|face| share_covered(face, covered, size) < COVERED && !is_among(face, spared))
        .collect())
}
