//! Putting a picture into words. A port, because words may come from Gemini, from any
//! OpenAI-compatible server, or from nobody: then from the pixels themselves.

mod answer;
mod colours;
mod describer;
mod gemini;
mod http;
mod openai;
mod prompt;
mod sight;

use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDateTime;

use crate::picture::Upright;

pub use describer::Describer;
pub use gemini::Gemini;
pub use http::SetupError;
pub use openai::OpenAi;
pub use sight::{Sight, look};

/// How long a provider may take to answer. Less than a worker's lease lasts, so that waiting
/// alone never loses one.
pub const PATIENCE: Duration = Duration::from_secs(50);

/// What a captioner gets to know about a picture.
#[derive(Clone, Debug)]
pub struct Subject {
    /// A small copy, redacted if that is what the settings ask for.
    pub picture: Upright,
    /// How many faces were found.
    pub faces: usize,
    /// When it was taken, by the camera's clock.
    pub taken_at: Option<NaiveDateTime>,
    /// Make and model of the camera.
    pub camera: Option<String>,
    /// The language wanted, as a BCP 47 tag.
    pub language: String,
}

/// The shape of a picture, as one word says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Wider than high.
    Landscape,
    /// Higher than wide.
    Portrait,
    /// Within three per cent of a square.
    Square,
}

impl Subject {
    /// Whether it is landscape, portrait or square.
    pub fn shape(&self) -> Shape {
        let ratio = f64::from(self.picture.width) / f64::from(self.picture.height);
        if ratio > 1.03 {
            Shape::Landscape
        } else if ratio < 1.0 / 1.03 {
            Shape::Portrait
        } else {
            Shape::Square
        }
    }
}

/// A caption and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// Readable text that serves as alt text.
    pub text: String,
    /// A paragraph on subjects, setting and notable features, from captioners that write one.
    /// It is not kept with the image.
    pub paragraph: Option<String>,
    /// Lower-case words to search by, best first.
    pub tags: Vec<String>,
    /// Who made it: [`Captioner::provider`].
    pub provider: String,
    /// The provider's model, if it has one.
    pub model: Option<String>,
    /// The version of the prompt, if there was one.
    pub prompt_version: Option<String>,
    /// The language of `text`, as a BCP 47 tag; not always the one that was asked for.
    pub language: String,
    /// Tokens sent, if the provider counts them.
    pub tokens_in: Option<u32>,
    /// Tokens received, if the provider counts them.
    pub tokens_out: Option<u32>,
}

/// Puts a picture into words.
#[async_trait]
pub trait Captioner: Send + Sync {
    /// A short name that is kept with every caption: `gemini`, `openai`, `describe`.
    fn provider(&self) -> &'static str;

    /// The caption.
    ///
    /// # Errors
    /// A [`CaptionError`], which says whether to try again.
    async fn caption(&self, subject: &Subject) -> Result<Caption, CaptionError>;
}

/// Why there is no caption, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptionError {
    /// Try again: the provider is busy, slow or unreachable.
    #[error("{reason}")]
    Transient {
        /// What happened.
        reason: String,
        /// How long the provider asked us to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is not what was asked for. Models differ from one time to the next, so ask once
    /// more, and not for ever.
    #[error("the provider's answer cannot be used: {0}")]
    Unusable(String),
    /// Trying again does not help.
    #[error("{0}")]
    Permanent(String),
    /// The provider refuses this picture. Final, and not a failure.
    #[error("the provider refused the picture: {0}")]
    Blocked(String),
}
