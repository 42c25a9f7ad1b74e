//! Compares rows with objects, and finds work that nobody does: what `vitrine check` prints. It may
//! run beside servers, so nothing counts that may still be under way, and each finding about an
//! image is confirmed from rows that are read again.

mod images;
mod leases;
mod objects;
mod repair;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::job_queue::JobQueue;
use functions::pipeline::lifecycle::LifecycleError;
use platform::objects::{ObjectStore, StoreError};
use sea_orm::{DatabaseConnection, DbErr};

pub use report::{Finding, Report, Tally};

/// How long an upload, a deletion or a new object may be under way.
pub const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Rows or objects that are looked at together.
const BATCH: usize = 200;

/// What is checked, and how.
pub struct Check<'a> {
    pub db: &'a DatabaseConnection,
    pub store: &'a dyn ObjectStore,
    pub dispatch: &'a Dispatch,
    pub queue: &'a JobQueue,
    /// The lock that the one server with workers holds; none where there may be several servers.
    pub worker_lock: Option<PathBuf>,
    /// Read the originals and compare their SHA-256.
    pub reads_originals: bool,
    /// Repair what can be repaired without losing anything.
    pub repairs: bool,
    /// Younger than this, uploads, deletions and objects may still be under way.
    pub patience: Duration,
}

/// The check did not finish.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
}

impl Check<'_> {
    /// Checks everything. `progress` is told of the images that are done.
    pub async fn run(&self, progress: impl Fn(u64)) -> Result<Report, CheckError> {
        let mut report = Report::default();
        leases::check(self, &mut report).await?;
        images::check(self, &mut report, progress).await?;
        objects::check(self, &mut report).await?;
        Ok(report)
    }

    /// Whether what began then should have ended by now.
    fn is_overdue(&self, since: DateTime<Utc>) -> bool {
        since + self.patience <= entity::now()
    }
}
