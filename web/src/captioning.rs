//! How captioning stands, for pages and JSON: whether it pauses, and why. Asked of the database at
//! most once a second, however many people look.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use functions::allowance::{Allowance, Pause};
use sea_orm::DbErr;

/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);

/// An answer and when it was given.
type Known = (Instant, Option<Pause>);

/// How captioning stands. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Captioning {
    allowance: Option<Allowance>,
    known: Arc<Mutex<Option<Known>>>,
}

impl Captioning {
    /// How it stands with this allowance; without one it never pauses.
    pub fn new(allowance: Option<Allowance>) -> Self {
        Self {
            allowance,
            known: Arc::default(),
        }
    }

    /// What limits it, if anything does.
    pub fn allowance(&self) -> Option<&Allowance> {
        self.allowance.as_ref()
    }

    /// Why it pauses; none if it does not.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn pause(&self) -> Result<Option<Pause>, DbErr> {
        let Some(allowance) = &self.allowance else {
            return Ok(None);
        };
        if let Some((at, pause)) = self.known()
            && at.elapsed() < FRESH
        {
            return Ok(pause.filter(|pause| !pause.wait().is_zero()));
        }
        let pause = allowance.pause().await?;
        self.learn(Some((Instant::now(), pause.clone())));
        Ok(pause)
    }

    /// The same as it was when somebody asked last.
    pub fn last_pause(&self) -> Option<Pause> {
        let (_, pause) = self.known()?;
        pause.filter(|pause| !pause.wait().is_zero())
    }

    /// Forgets what is known: somebody has changed it.
    pub fn forget(&self) {
        self.learn(None);
    }

    fn known(&self) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    fn learn(&self, known: Option<Known>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}
