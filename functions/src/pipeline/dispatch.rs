//! Where a step is queued that no upload asks for, because it is to be done again.

use entity::step::StepKind;
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;

use crate::pipeline::job_queue::JobQueue;
use crate::pipeline::outbox::Outbox;

/// Where work is queued. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Dispatch {
    /// In the table `job`, for workers of this code.
    Jobs(JobQueue),
    /// In the queues of AWS, for its functions.
    Sqs(Outbox),
}

impl Dispatch {
    /// Queues steps as part of the transaction that makes them pending.
    pub(crate) async fn push(
        &self,
        tx: &DatabaseTransaction,
        steps: &[(Uuid, StepKind)],
    ) -> Result<(), DbErr> {
        match self {
            Self::Jobs(queue) => queue.push(tx, steps).await,
            Self::Sqs(outbox) => outbox.push(tx, steps).await,
        }
    }

    /// Wakes a worker or the sender of this process. Call it after the commit.
    pub(crate) fn notify(&self) {
        match self {
            Self::Jobs(queue) => queue.notify(),
            Self::Sqs(outbox) => outbox.notify(),
        }
    }

    /// Ends the waits of postponed steps. In the queues of AWS they end by themselves, within 15
    /// minutes.
    pub async fn resume(&self, step: StepKind) -> Result<(), DbErr> {
        match self {
            Self::Jobs(queue) => queue.resume(step).await,
            Self::Sqs(_) => Ok(()),
        }
    }
}
