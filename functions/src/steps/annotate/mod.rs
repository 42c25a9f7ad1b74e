//! Captions. Captioners are a port, because a caption may come from Gemini, from any
//! OpenAI-compatible server, or offline from the pixels.

mod answer;
mod answer_format;
mod caption_input;
mod colours;
mod describer;
#[cfg(feature = "testing")]
pub mod fuzzing;
mod gemini;
mod http;
mod lenient_json;
mod markup;
mod openai;
mod prompt;
mod prose;
mod reply;
mod sample;
mod sharpness;
mod taken;

use std::time::Duration;

use async_trait::async_trait;

use entity::image::Translation;

pub use answer_format::AnswerFormat;
pub(crate) use caption_input::LONG_SIDE as CAPTION_LONG_SIDE;
pub use caption_input::{CaptionInput, CaptionPicture, JpegUse, Known, prepare};
pub use describer::{Describer, TextReader};
pub use gemini::Gemini;
pub use http::SetupError;
pub use openai::OpenAi;
pub use prompt::{Prompt, PromptError};
pub use sample::sample;
pub use taken::{Season, Taken};

/// The input of a captioner.
#[derive(Clone, Debug)]
pub struct Subject {
    /// A small copy, with faces made unrecognisable if the settings say so.
    pub picture: CaptionPicture,
    /// The number of faces.
    pub faces: usize,
    /// Whether there is one face, and it is large.
    pub is_portrait: bool,
    /// Whether all of it is clearly blurred.
    pub is_blurred: bool,
    /// When it was taken, for the offline describer alone.
    pub taken: Option<Taken>,
    /// The requested language, as a BCP 47 tag.
    pub language: String,
    /// More languages in which the same is to be said.
    pub more_languages: Vec<String>,
    /// What a person said about the picture.
    pub context: Option<String>,
}

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

/// A caption and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    /// The caption, which is also the alt text.
    pub text: String,
    /// A paragraph on subjects, setting and notable features, from captioners that write one.
    pub paragraph: Option<String>,
    /// Lower-case words, best first.
    pub tags: Vec<String>,
    /// [`Captioner::provider`].
    pub provider: String,
    pub model: Option<String>,
    pub prompt_version: Option<String>,
    /// The language of `text`, as a BCP 47 tag; not always the requested one.
    pub language: String,
    /// The same description in the other languages that were asked for.
    pub translations: Vec<Translation>,
}

/// An account with a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// A hash of address, model and key. Accounts are paused separately.
    pub id: String,
    /// [`Captioner::provider`].
    pub provider: &'static str,
    pub model: String,
}

/// The tokens of a request; none if the provider does not count them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub tokens_in: Option<u32>,
    /// Reasoning included.
    pub tokens_out: Option<u32>,
}

/// The answer to one request. An unusable one has a price, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub usage: Usage,
    /// The response format that worked, from providers that may not know every one.
    pub format: Option<AnswerFormat>,
    pub result: Result<Caption, CaptionError>,
}

impl CaptionError {
    /// The kind of error, for traces.
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

#[async_trait]
pub trait Captioner: Send + Sync {
    /// A short name that is stored with every caption: `gemini`, `openai`, `describe`.
    fn provider(&self) -> &'static str;

    /// None if it sends no requests.
    fn account(&self) -> Option<&Account>;

    /// What it does with a JPEG of the picture.
    fn jpeg_use(&self) -> JpegUse {
        match self.account() {
            Some(_) => JpegUse::Sending,
            None => JpegUse::Nothing,
        }
    }

    /// Sends one request.
    async fn ask(&self, subject: &Subject) -> Answered;

    /// Tells it which response format worked for another process.
    fn learn(&self, _works: AnswerFormat) {}

    /// The caption, without its usage.
    async fn caption(&self, subject: &Subject) -> Result<Caption, CaptionError> {
        self.ask(subject).await.result
    }
}

/// Why a provider accepts no requests at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// It is overloaded, or we send too many requests.
    Busy,
    /// Nothing answers at its address.
    Unreachable,
    /// It does not accept the key, or does not know the model.
    Rejected,
}

/// Why there is no caption, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptionError {
    /// The provider accepts no requests at the moment: pause the account. It says nothing about the
    /// picture.
    #[error("{reason}")]
    TurnedAway {
        cause: Cause,
        reason: String,
        /// The provider's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// This request failed: try again.
    #[error("{reason}")]
    Transient {
        reason: String,
        /// The provider's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The answer cannot be used. Models differ from one request to the next, so try once more.
    #[error("the provider's answer cannot be used: {0}")]
    Unusable(String),
    /// Trying again does not help.
    #[error("{0}")]
    Permanent(String),
    /// The provider refuses this picture. Final, and not a failure.
    #[error("the provider refused the picture: {0}")]
    Blocked(String),
}
