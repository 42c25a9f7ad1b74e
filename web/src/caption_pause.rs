//! How captioning stands, for pages and JSON: whether it pauses, and why. Asked of the database at
//! most once a second, however many people look.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use functions::pipeline::provider_budget::{Pause, ProviderBudget};
use sea_orm::DbErr;

/// How long an answer is good for.
const FRESH: Duration = Duration::from_secs(1);

/// An answer and when it was given.
type Known = (Instant, Option<Pause>);

/// How captioning stands. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CaptionPause {
    provider_budget: Option<ProviderBudget>,
    known: Arc<Mutex<Option<Known>>>,
}

impl CaptionPause {
    /// How it stands with this allowance; without one it never pauses.
    pub fn new(provider_budget: Option<ProviderBudget>) -> Self {
        Self {
            provider_budget,
            known: Arc::default(),
        }
    }

    /// What limits it, if anything does.
    pub fn provider_budget(&self) -> Option<&ProviderBudget> {
        self.provider_budget.as_ref()
    }

    /// Why it pauses; none if it does not.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn pause(&self) -> Result<Option<Pause>, DbErr> {
        let Some(provider_budget) = &self.provider_budget else {
            return Ok(None);
        };
        if let Some((at, pause)) = self.known()
            && at.elapsed() < FRESH
        {
            return Ok(pause.filter(|pause| !pause.wait().is_zero()));
        }
        let pause = provider_budget.pause().await?;
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
