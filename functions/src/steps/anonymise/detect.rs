//! What a search of the original finds that the boxes do not cover yet.

use super::cover::{Region, share_covered};
use crate::faces::{DetectError, Detection, Face, FaceDetector};
use crate::picture::Upright;

/// A face counts as covered if at least this share of its box is.
const COVERED: f64 = 0.8;

/// The faces that neither lie under a box nor were left uncovered, or set aside, by a person.
pub(super) fn detect(
    picture: &Upright,
    detector: &dyn FaceDetector,
    covered: &[Region],
    spared: &[Region],
) -> Result<Detection, DetectError> {
    let size = (picture.width, picture.height);
    let mut detection = detector.detect(picture)?;
    detection
        .faces
        .retain(|face| share_covered(face, covered, size) < COVERED && !is_among(face, spared));
    Ok(detection)
}

/// Boxes that overlap more (intersection over union) mean the same.
const SAME: f64 = 0.3;
/// So does a face of which a larger share is inside the box.
const INSIDE: f64 = 0.6;

/// Whether a person has decided about this face already.
pub(super) fn is_among(face: &Face, regions: &[Region]) -> bool {
    let edges = |start: i32, length: u32| (f64::from(start), f64::from(start) + f64::from(length));
    let shared = |(a, b): (f64, f64), (c, d): (f64, f64)| (b.min(d) - a.max(c)).max(0.0);
    regions.iter().any(|region| {
        let both = shared(edges(face.x, face.width), edges(region.x, region.width))
            * shared(edges(face.y, face.height), edges(region.y, region.height));
        let area = f64::from(face.width) * f64::from(face.height);
        let other = f64::from(region.width) * f64::from(region.height);
        both > SAME * (area + other - both) || both > INSIDE * area
    })
}
