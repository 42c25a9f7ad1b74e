//! The detector that is always there: SeetaFace's funnel cascade (Wu et al., "Funnel-structured
//! cascade for multi-view face detection with alignment awareness", 2016) in the pure Rust port
//! `rustface`, with the model that ships inside that crate.

use rustface::{ImageData, Model};

use super::{DetectError, Face, FaceDetector};
use crate::picture::{Upright, grey_of};

/// The model, copied out of the `rustface` crate by `build.rs`.
const MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/seeta_fd_frontal_v1.0.bin"));

/// The long side of what the detector sees, in pixels. The smallest face it can find has 40 of
/// them; fewer pixels lose the back rows of group photos.
const LONG_SIDE: u32 = 1920;
/// Small pictures are enlarged at most this much. On group photos scaled down to 300 to 600
/// pixels, 772 of 850 faces were found at 2 and 840 at 3, for twice the time.
const MAX_ENLARGEMENT: u32 = 3;
/// The side of the window that slides over the picture, in pixels. `rustface` reads outside its
/// memory on anything narrower.
const WINDOW: u32 = 40;
/// Detections below are dropped. Measured on group photos: recall 85 of 85 at precision 0.988.
const SCORE: f64 = 2.0;

/// SeetaFace by `rustface`.
pub struct Seeta {
    model: Model,
}

/// The detector with the model that is part of this program.
///
/// # Panics
/// Never: the model is checked when the program is built, and by a test.
pub fn bundled() -> Seeta {
    Seeta::from_model(MODEL).expect("the model built in is whole")
}

impl Seeta {
    /// The detector with a model in SeetaFace's own format.
    ///
    /// # Errors
    /// If the bytes are no such model.
    pub fn from_model(bytes: &[u8]) -> Result<Self, DetectError> {
        rustface::read_model(bytes)
            .map(|model| Self { model })
            .map_err(|error| DetectError(format!("the model cannot be read: {error}")))
    }
}

impl FaceDetector for Seeta {
    fn name(&self) -> &str {
        "rustface seeta_fd_frontal_v1.0"
    }

    fn detect(&self, picture: &Upright) -> Result<Vec<Face>, DetectError> {
        let (width, height) = input_size(picture.width, picture.height);
        if width.min(height) < WINDOW {
            return Ok(Vec::new());
        }
        let grey = grey_of(picture, width, height);
        let mut detector = rustface::create_detector_with_model(self.model.clone());
        detector.set_min_face_size(20);
        detector.set_score_thresh(SCORE);
        detector.set_pyramid_scale_factor(0.8);
        detector.set_slide_window_step(4, 4);
        let found = detector.detect(&ImageData::new(&grey, width, height));

        let horizontally = f64::from(picture.width) / f64::from(width);
        let vertically = f64::from(picture.height) / f64::from(height);
        let mut faces: Vec<Face> = found
            .iter()
            .filter_map(|face| {
                let area = face.bbox();
                let (left, right) = span(area.x(), area.width(), horizontally, picture.width)?;
                let (top, bottom) = span(area.y(), area.height(), vertically, picture.height)?;
                Some(Face {
                    x: left as i32,
                    y: top as i32,
                    width: right - left,
                    height: bottom - top,
                    score: face.score() as f32,
                })
            })
            .collect();
        faces.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(faces)
    }
}

/// One side of a box brought to the picture's own pixels and cut off at its edges; nothing if
/// none of it is inside.
fn span(start: i32, length: u32, scale: f64, limit: u32) -> Option<(u32, u32)> {
    let edge = |at: f64| (at * scale).round().clamp(0.0, f64::from(limit)) as u32;
    let (from, to) = (
        edge(f64::from(start)),
        edge(f64::from(start) + f64::from(length)),
    );
    (from < to).then_some((from, to))
}

/// The size at which a picture is searched.
fn input_size(width: u32, height: u32) -> (u32, u32) {
    let long = width.max(height);
    let target = LONG_SIDE.min(long.saturating_mul(MAX_ENLARGEMENT));
    let scale = |side: u32| {
        let scaled = (u64::from(side) * u64::from(target) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(scaled).unwrap_or(target).max(1)
    };
    (scale(width), scale(height))
}

#[cfg(test)]
mod tests {
    use super::{bundled, input_size, span};
    use crate::faces::FaceDetector;
    use crate::picture::Upright;

    #[test]
    fn pictures_are_searched_at_one_size() {
        assert_eq!(input_size(4000, 3000), (1920, 1440));
        assert_eq!(input_size(600, 1200), (960, 1920));
        assert_eq!(input_size(100, 50), (300, 150));
        assert_eq!(input_size(65_500, 1), (1920, 1));
    }

    #[test]
    fn boxes_stay_inside_the_picture() {
        assert_eq!(span(-10, 30, 1.0, 100), Some((0, 20)));
        assert_eq!(span(90, 30, 1.0, 100), Some((90, 100)));
        assert_eq!(span(100, 30, 1.0, 100), None);
        assert_eq!(span(10, 20, 0.5, 100), Some((5, 15)));
    }

    #[test]
    fn a_picture_hardly_larger_than_the_window_is_searched_in_bounds() {
        let detector = bundled();
        for (width, height) in [(1920, 40), (40, 1920), (1920, 50), (50, 1920), (14, 17)] {
            let rgb = (0..width * height * 3)
                .map(|n| (n * 37 % 251) as u8)
                .collect();
            let picture = Upright::new(width, height, rgb).unwrap();
            for face in detector.detect(&picture).unwrap() {
                assert!(face.x >= 0 && face.x as u32 + face.width <= width);
                assert!(face.y >= 0 && face.y as u32 + face.height <= height);
            }
        }
    }

    #[test]
    fn a_picture_too_small_for_a_face_has_none() {
        let detector = bundled();
        for (width, height) in [(1, 1), (13, 13), (13, 200), (300, 3)] {
            let rgb = (0..width * height * 3)
                .map(|n| (n * 37 % 251) as u8)
                .collect();
            let picture = Upright::new(width, height, rgb).unwrap();
            assert!(detector.detect(&picture).unwrap().is_empty());
        }
    }
}
