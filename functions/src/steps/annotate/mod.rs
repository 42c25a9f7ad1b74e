//! Putting a picture into words. A port, because words may come from Gemini, from any
//! OpenAI-compatible server, or from nobody: then from the pixels themselves.

mod answer;
mod answer_format;
mod caption_input;
mod colours;
mod describer;
mod gemini;
mod http;
mod lenient_json;
mod markup;
mod openai;
mod prompt;
mod prose;
mod reply;

use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use entity::provider::Cause;

use crate::picture::Upright;

pub use caption_input::{CaptionInput, prepare};
pub use describer::Describer;
pub use gemini::Gemini;
pub use http::SetupError;
pub use openai::OpenAi;
pub use prompt::{Prompt, PromptError};

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
}

/// Whom a captioner asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// A hash of address, model and key: what one account runs into says nothing about another.
    pub id: String,
    /// [`Captioner::provider`].
    pub provider: &'static str,
    /// The model that is asked.
    pub model: String,
}

/// What one request took out of a provider, as far as it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens sent.
    pub tokens_in: Option<u32>,
    /// Tokens received, those of thoughts included.
    pub tokens_out: Option<u32>,
}

/// What came of one request. An answer of no use has its price too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What it took.
    pub usage: Usage,
    /// The caption, or why there is none.
    pub result: Result<Caption, CaptionError>,
}

impl CaptionError {
    /// What kind of trouble it is, in one word for traces.
    fn kind(&self) -> &'static str {
        match self {
            Self::TurnedAway { .. } => "turned away",
            Self::Transient { .. } => "transient",
            Self::Unusable(_) => "unusable",
            Self::Permanent(_) => "permanent",
            Self::Blocked(_) => "blocked",
        }
    }
}

/// Puts a picture into words.
#[async_trait]
pub trait Captioner: Send + Sync {
    /// A short name that is kept with every caption: `gemini`, `openai`, `describe`.
    fn provider(&self) -> &'static str;

    /// Whom it asks; none if it works all by itself.
    fn account(&self) -> Option<&Account>;

    /// Asks once.
    async fn ask(&self, subject: &Subject) -> Answered;

    /// The caption, whatever it takes.
    ///
    /// # Errors
    /// A [`CaptionError`], which says whether to try again.
    async fn caption(&self, subject: &Subject) -> Result<Caption, CaptionError> {
        self.ask(subject).await.result
    }
}

/// Why there is no caption, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptionError {
    /// The provider took no request, and would take no other one either: leave it alone for a
    /// while. It says nothing about the picture.
    #[error("{reason}")]
    TurnedAway {
        /// Why.
        cause: Cause,
        /// What happened.
        reason: String,
        /// How long the provider asked us to wait.
        retry_after: Option<Duration>,
    },
    /// Try again: something went wrong with this request.
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
