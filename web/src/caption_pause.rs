//! Whether captioning is paused, and why, for pages and JSON. The database is asked at most once a
//! second, however many requests there are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use functions::pipeline::provider_budget::{Pause, ProviderBudget};
use sea_orm::DbErr;

/// How long an answer is cached.
const FRESH: Duration = Duration::from_secs(1);

type Known = (Instant, Option<Pause>);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct CaptionPause {
    provider_budget: Option<ProviderBudget>,
    known: Arc<Mutex<Option<Known>>>,
}

impl CaptionPause {
    /// Without a budget captioning never pauses.
    pub fn new(provider_budget: Option<ProviderBudget>) -> Self {
        Self {
            provider_budget,
            known: Arc::default(),
        }
    }

    pub fn provider_budget(&self) -> Option<&ProviderBudget> {
        self.provider_budget.as_ref()
    }

    /// Why captioning is paused; none if it is not.
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

    /// The cached answer, without asking the database.
    pub fn last_pause(&self) -> Option<Pause> {
        let (_, pause) = self.known()?;
        pause.filter(|pause| !pause.wait().is_zero())
    }

    /// Clears the cache, after a change.
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
