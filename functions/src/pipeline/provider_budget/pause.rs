//! Why captions are paused, and until when.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::provider::{self, Cause};

/// The first pause of a provider that is busy or unreachable and sends no `Retry-After`. Each later
/// one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// A rejected key needs a person, so the pauses are longer.
const FIRST_REJECTED_WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_REJECTED_WAIT: Duration = Duration::from_secs(60 * 60);

/// No captions are requested until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub why: Why,
    /// The reason in words, for people.
    pub detail: String,
    pub until: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The daily limit is reached.
    Budget,
    /// The limit for a minute is reached.
    Rate,
    /// The provider answers as many requests as it should.
    Turn,
    /// The provider turned a request away.
    Provider(Cause),
}

impl Why {
    /// The name in JSON and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Rate => "rate",
            Self::Turn => "turn",
            Self::Provider(Cause::Busy) => "busy",
            Self::Provider(Cause::Unreachable) => "unreachable",
            Self::Provider(Cause::Rejected) => "rejected",
        }
    }
}

impl Pause {
    pub(super) fn of(standing: provider::Model, now: DateTime<Utc>) -> Option<Self> {
        let until = standing.until.filter(|until| *until > now)?;
        let detail = standing.detail.unwrap_or_default();
        Some(Self::from_provider(standing.cause?, detail, until))
    }

    pub(super) fn from_provider(cause: Cause, detail: String, until: DateTime<Utc>) -> Self {
        Self {
            why: Why::Provider(cause),
            detail,
            until,
        }
    }

    pub(super) fn budget(limit: u32, until: DateTime<Utc>) -> Self {
        Self {
            why: Why::Budget,
            detail: format!("the {limit} requests of today are used up"),
            until,
        }
    }

    pub(super) fn rate(limit: u32, until: DateTime<Utc>) -> Self {
        Self {
            why: Why::Rate,
            detail: format!("the {limit} requests of this minute are used up"),
            until,
        }
    }

    pub(super) fn turn(at_once: u32, until: DateTime<Utc>) -> Self {
        Self {
            why: Why::Turn,
            detail: format!("the provider is asked {at_once} at a time"),
            until,
        }
    }

    /// The time that is left.
    pub fn wait(&self) -> Duration {
        (self.until - Utc::now()).to_std().unwrap_or_default()
    }

    /// Whether the provider caused it, rather than a limit of our own.
    pub fn is_the_providers(&self) -> bool {
        matches!(self.why, Why::Provider(_))
    }

    /// Whether to tell people: a busy provider is soon back.
    pub fn needs_attention(&self) -> bool {
        !matches!(self.why, Why::Rate | Why::Turn | Why::Provider(Cause::Busy))
    }
}

/// The text that a step shows.
impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until.format("%-d %b %Y, %H:%M:%S UTC");
        let (why, detail) = (self.why.as_str(), &self.detail);
        write!(f, "paused: {why} ({detail}; goes on at {until})")
    }
}

/// The length of the `strikes`th pause in a row, counted from 1, if the provider does not say.
pub(super) fn wait(cause: Cause, strikes: i32) -> Duration {
    let (first, longest) = match cause {
        Cause::Busy | Cause::Unreachable => (FIRST_WAIT, LONGEST_WAIT),
        Cause::Rejected => (FIRST_REJECTED_WAIT, LONGEST_REJECTED_WAIT),
    };
    let doublings = strikes.clamp(1, 16) - 1;
    (first * 2_u32.pow(doublings.unsigned_abs())).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let seconds = |cause, strikes| wait(cause, strikes).as_secs();
        let busy: Vec<_> = (1..=10).map(|n| seconds(Cause::Busy, n)).collect();
        assert_eq!(busy, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        let rejected: Vec<_> = (1..=5).map(|n| seconds(Cause::Rejected, n)).collect();
        assert_eq!(rejected, [300, 600, 1200, 2400, 3600]);
        assert_eq!(seconds(Cause::Unreachable, i32::MAX), 300);
    }
}
