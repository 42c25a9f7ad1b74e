//! The one chain of outcomes, from what goes wrong in a step to what the queue hears.
//!
//! | A captioner ends with | The step ends with | Its row becomes | The queue hears |
//! |---|---|---|---|
//! | a caption | `Ok` | `done` | [`Acknowledge`] |
//! | [`CaptionError::TurnedAway`] | [`StepError::Paused`] | `queued`, and the attempt does not count | [`Postpone`] |
//! | [`CaptionError::Transient`] | [`StepError::Transient`] | `queued`; after the last attempt `failed` | [`Retry`]; after the last attempt [`Acknowledge`] |
//! | [`CaptionError::Unusable`] | [`StepError::UnusableAnswer`] | `queued`; the second time `failed` | [`Retry`]; the second time [`Acknowledge`] |
//! | [`CaptionError::Permanent`] | [`StepError::Permanent`] | `failed` | [`Acknowledge`] |
//! | [`CaptionError::Blocked`] | [`StepError::Blocked`] | `blocked` | [`Acknowledge`] |
//!
//! | Work on pixels ends with | The step ends with | Its row becomes | The queue hears |
//! |---|---|---|---|
//! | [`PixelError::Refused`], `Detector`, `TooLarge` | [`StepError::Permanent`] | `failed` | [`Acknowledge`] |
//! | [`PixelError::Crashed`], `OutOfMemory`, `TookTooLong` | [`StepError::Crashed`] | `queued`; the second time `failed` | [`Retry`]; the second time [`Acknowledge`] |
//! | [`PixelError::Killed`] twice in a row, `NotStarted`, `Io` | [`StepError::Transient`] | `queued`; after the last attempt `failed` | [`Retry`]; after the last attempt [`Acknowledge`] |
//!
//! The chain begins at [`StepError`] for all else: a database or a store that does not answer and a
//! panic are transient. `Paused` also comes from our
//! own limits on requests. `ProviderBudget::settle` turns `TurnedAway` into a pause of the whole
//! account; without a budget it counts as transient.
//!
//! What each driver makes of the verdict:
//!
//! | Verdict | Lambda, for SQS | Workers of one machine |
//! |---|---|---|
//! | [`Acknowledge`] | success: the message is deleted | the job is deleted |
//! | [`Retry`] | a batch item failure, visible again after the wait; in the end SQS moves it to the dead-letter queue | visible again after the wait |
//! | [`Postpone`] | success, once a copy with a delay is sent | visible again after the wait, and the claim does not count |
//!
//! Two things never get a verdict of a step. If the outcome cannot be written down, Lambda retries
//! the message and a worker lets its lease expire. A message that cannot be read is retried until
//! SQS moves it to the dead-letter queue.
//!
//! [`Acknowledge`]: Verdict::Acknowledge
//! [`Retry`]: Verdict::Retry
//! [`Postpone`]: Verdict::Postpone

use std::time::Duration;

use platform::database::{is_unavailable, report_refused_login};
use platform::objects::StoreError;
use sea_orm::DbErr;

use crate::picture::Refusal;
use crate::pipeline::original_key::BadKey;
use crate::pipeline::panics::Panicked;
use crate::pipeline::pixel_workers::PixelError;
use crate::pipeline::provider_budget::Pause;
use crate::steps::annotate::CaptionError;

/// What the driver does with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is left to do: delete it.
    Acknowledge,
    /// Deliver it again after this time.
    Retry(Duration),
    /// Deliver it again after this time, without counting this delivery: nothing was tried.
    Postpone(Duration),
}

impl Verdict {
    /// The verdict on a message about several objects: the most demanding one, and the shortest
    /// wait.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Retry(a), Self::Retry(b)) => Self::Retry(a.min(b)),
            (Self::Retry(wait), _) | (_, Self::Retry(wait)) => Self::Retry(wait),
            (Self::Postpone(a), Self::Postpone(b)) => Self::Postpone(a.min(b)),
            (Self::Postpone(wait), _) | (_, Self::Postpone(wait)) => Self::Postpone(wait),
            (Self::Acknowledge, Self::Acknowledge) => Self::Acknowledge,
        }
    }
}

/// Why a step is not done. The text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It may work next time.
    #[error("{reason}")]
    Transient {
        reason: String,
        /// What the provider asked for.
        retry_after: Option<Duration>,
    },
    /// The provider's answer cannot be used: worth a second attempt, not a third.
    #[error("{0}")]
    UnusableAnswer(String),
    /// Work on the pixels crashed or broke a limit. The machine may have been short of something:
    /// worth a second attempt, not a third.
    #[error("{0}")]
    Crashed(String),
    /// No request may be sent at the moment. It says nothing about the picture.
    #[error("{0}")]
    Paused(Pause),
    /// It will never work with this picture.
    #[error("{0}")]
    Permanent(String),
    /// The provider refused the picture. Final, and not a failure.
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

/// A statement that the database refuses is our mistake. It is transient all the same: a fixed
/// version may take over before the last attempt.
impl From<DbErr> for StepError {
    fn from(error: DbErr) -> Self {
        report_refused_login(&error);
        if is_unavailable(&error) {
            Self::transient(format!("the database does not answer: {error}"))
        } else {
            Self::transient(format!("the database refused a statement: {error}"))
        }
    }
}

impl From<BadKey> for StepError {
    fn from(error: BadKey) -> Self {
        Self::Permanent(error.to_string())
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
            Refusal::Unwritable(_) | Refusal::NoMemory => Self::transient(refusal),
            _ => Self::Permanent(refusal.to_string()),
        }
    }
}

impl From<PixelError> for StepError {
    fn from(error: PixelError) -> Self {
        match error {
            PixelError::Refused(refusal) => refusal.into(),
            PixelError::Detector(_) | PixelError::TooLarge { .. } => {
                Self::Permanent(error.to_string())
            }
            PixelError::Crashed(_) | PixelError::OutOfMemory | PixelError::TookTooLong => {
                Self::Crashed(error.to_string())
            }
            PixelError::Killed | PixelError::NotStarted(_) | PixelError::Io(_) => {
                Self::transient(error)
            }
        }
    }
}

/// A panic is our mistake, but memory may have been short: it is tried again.
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
