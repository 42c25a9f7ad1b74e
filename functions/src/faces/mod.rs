//! Finding faces. A port, because a better model may come in beside the one that is built in;
//! the adapters live next to it.

mod seeta;

use crate::picture::Upright;

pub use entity::image::Face;
pub use seeta::{Seeta, bundled};

/// Finds faces in a picture. Slow: a second or so, on the thread that calls.
pub trait FaceDetector: Send + Sync {
    /// The detector and its model, for logs and records.
    fn name(&self) -> &str;

    /// The faces, best first.
    ///
    /// # Errors
    /// If the detector failed; that there are no faces is not an error.
    fn detect(&self, picture: &Upright) -> Result<Vec<Face>, DetectError>;
}

/// A detector failed, or its model cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("face detection failed: {0}")]
pub struct DetectError(pub String);
