//! Face detection. A port, so that another model can be used beside the built-in one; the adapters
//! are next to it.

mod boxes;
mod detector;
mod directions;
mod light;
mod look_again;
mod pixels;
mod pyramid;
mod search;
mod tilt;
mod yunet;

use crate::picture::Upright;

pub use detector::{BUNDLED, YuNet, bundled};
pub use entity::image::{Certainty, Face};

/// Finds faces in a picture. Slow: a tenth of a second or more, on the thread that calls.
pub trait FaceDetector: Send + Sync {
    /// The detector and its model, for logs and records.
    fn name(&self) -> &str;

    /// Searches a picture.
    ///
    /// # Errors
    /// If the detector failed; that there are no faces is not an error.
    fn detect(&self, picture: &Upright) -> Result<Detection, DetectError>;

    /// Searches a copy on which faces are covered for what was missed. Finds more than
    /// [`FaceDetector::detect`], mosaics and false faces included: all of it is for a person to look
    /// at. `near` are boxes (left, top, width, height) to look around closely; `thorough` takes more
    /// time.
    ///
    /// # Errors
    /// If the detector failed.
    fn look_again(
        &self,
        copy: &Upright,
        near: &[[f32; 4]],
        thorough: bool,
    ) -> Result<Vec<Face>, DetectError> {
        let _ = (near, thorough);
        self.detect(copy).map(|detection| detection.faces)
    }
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Detection {
    /// The faces, best first, certain and uncertain ones.
    pub faces: Vec<Face>,
    /// Whether the picture lies on its side or head, by its faces.
    pub is_turned: bool,
}

impl From<Vec<Face>> for Detection {
    /// In a picture that stands upright.
    fn from(faces: Vec<Face>) -> Self {
        Self {
            faces,
            is_turned: false,
        }
    }
}

/// A detector failed, or its model cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("face detection failed: {0}")]
pub struct DetectError(pub String);
