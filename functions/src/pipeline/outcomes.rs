//! What goes wrong in a function says what to do next.

use std::time::Duration;

use platform::objects::StoreError;
use sea_orm::DbErr;

use crate::faces::DetectError;
use crate::picture::Refusal;
use crate::pipeline::cpu_pool::Panicked;
use crate::pipeline::provider_budget::Pause;
use crate::steps::annotate::CaptionError;
use crate::steps::anonymise::AnonymiseError;

/// Why a step did not get done. The text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It may well work next time.
    #[error("{reason}")]
    Transient {
        /// What happened.
        reason: String,
        /// When the other side wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// What the provider answered is not what was asked for: worth a second try, not a third.
    #[error("{0}")]
    UnusableAnswer(String),
    /// Not now, for a reason that has nothing to do with the picture.
    #[error("{0}")]
    Paused(Pause),
    /// It will never work with this picture.
    #[error("{0}")]
    Permanent(String),
    /// The provider refused the picture. Final, and nobody's fault.
    #[error("{0}")]
    Blocked(String),
}

impl StepError {
    pub(crate) fn transient(reason: impl ToString) -> Self {
        Self::Transient {
            reason: reason.to_string(),
            retry_after: None,
        }
    }
}

impl From<DbErr> for StepError {
    fn from(error: DbErr) -> Self {
        Self::transient(format!("the database did not answer: {error}"))
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::transient(error)
    }
}

impl From<Refusal> for StepError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unwritable(_) => Self::transient(refusal),
            _ => Self::Permanent(refusal.to_string()),
        }
    }
}

impl From<DetectError> for StepError {
    fn from(error: DetectError) -> Self {
        Self::Permanent(error.to_string())
    }
}

impl From<AnonymiseError> for StepError {
    fn from(error: AnonymiseError) -> Self {
        match error {
            AnonymiseError::Refused(refusal) => refusal.into(),
            AnonymiseError::Detector(error) => error.into(),
        }
    }
}

/// A panic is a mistake in our code, but memory may have been short: it is tried again.
impl From<Panicked> for StepError {
    fn from(Panicked(text): Panicked) -> Self {
        Self::transient(format!("the function crashed: {text}"))
    }
}

impl From<CaptionError> for StepError {
    fn from(error: CaptionError) -> Self {
        match error {
            CaptionError::Transient {
                reason,
                retry_after,
            }
            | CaptionError::TurnedAway {
                reason,
                retry_after,
                ..
            } => Self::Transient {
                reason,
                retry_after,
            },
            CaptionError::Unusable(_) => Self::UnusableAnswer(error.to_string()),
            CaptionError::Permanent(reason) => Self::Permanent(reason),
            CaptionError::Blocked(reason) => Self::Blocked(reason),
        }
    }
}
