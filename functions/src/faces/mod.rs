//! Finding faces. A port, because a better model may come in beside the one that is built in;
//! the adapters live next to it.

mod seeta;

use serde::{Deserialize, Serialize};

use crate::picture::Upright;

pub use seeta::{Seeta, bundled};

/// A face: its box in pixels of the upright picture, inside the picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Face {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
    /// How sure the detector is, on its own scale.
    pub score: f32,
}

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
