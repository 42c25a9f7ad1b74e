//! How many steps are in which state, and why some failed: what takes long to count among very many images.

use chrono::{DateTime, Utc};
use entity::step::{self, Failure, FailureCount, StateCount, StepKind, StepState};
use sea_orm::{DatabaseConnection, DbErr};

/// Reasons of failures, and latest failures, that are read.
const SHOWN: u64 = 10;

/// What is counted together.
#[derive(Clone, Debug)]
pub struct StepCounts {
    states: Vec<StateCount>,
    pub(super) reasons: Vec<FailureCount>,
    pub(super) latest: Vec<Failure>,
    pub(super) waiting_since: Option<DateTime<Utc>>,
}

impl StepCounts {
    pub(super) async fn read(db: DatabaseConnection) -> Result<Self, DbErr> {
        let oldest = step::oldest_queued().one(&db).await?;
        Ok(Self {
            states: step::counts_of_not_done().all(&db).await?,
            reasons: step::counts_of_failures(SHOWN).all(&db).await?,
            latest: step::latest_failures(SHOWN).all(&db).await?,
            waiting_since: oldest.map(|step| step.queued_at),
        })
    }

    /// The number of steps of this kind in this state.
    pub(super) fn of(&self, kind: StepKind, state: StepState) -> i64 {
        let mut counts = self.states.iter();
        let found = counts.find(|count| count.name == kind && count.state == state);
        found.map_or(0, |count| count.steps)
    }
}
