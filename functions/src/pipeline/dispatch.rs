//! Where work is queued that nobody's upload asks for: a step that is to be done again.

use entity::image::Model;
use entity::step::StepKind;
use platform::objects::ObjectKey;
use platform::telemetry::traceparent;
use sea_orm::{DatabaseTransaction, DbErr};
use std::time::Duration;

use crate::pipeline::job_queue::JobQueue;
use crate::pipeline::sqs::SqsQueues;

/// A message of SQS is on its way before the transaction is committed that it stands for; this is
/// how much later it arrives. If the commit fails, it finds nothing to do.
const HEAD_START: Duration = Duration::from_secs(5);

/// Where work is queued. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Dispatch {
    /// In the table `job`, for workers of this code.
    Jobs(JobQueue),
    /// In the queues of AWS, for its functions.
    Sqs(SqsQueues),
}

impl Dispatch {
    /// SqsQueues steps of an image, as part of the transaction that makes them pending.
    ///
    /// # Errors
    /// If database or queue does not take it; roll back then.
    pub async fn push(
        &self,
        tx: &DatabaseTransaction,
        image: &Model,
        steps: &[StepKind],
    ) -> Result<(), DbErr> {
        let queues = match self {
            Self::Jobs(queue) => return queue.push(tx, image.id, steps).await,
            Self::Sqs(queues) => queues,
        };
        let key = ObjectKey::parse(&image.object_key)
            .map_err(|invalid| DbErr::Custom(format!("{}: {invalid}", image.object_key)))?;
        let trace = traceparent();
        for step in steps {
            let sent = queues
                .send(*step, &key, HEAD_START, 0, trace.as_deref())
                .await;
            sent.map_err(|error| DbErr::Custom(error.to_string()))?;
        }
        Ok(())
    }

    /// Wakes a worker of this process. Call it once what was pushed is committed.
    pub fn notify(&self) {
        if let Self::Jobs(queue) = self {
            queue.notify();
        }
    }

    /// Ends the waits of steps that were put off. In the queues of AWS they end by themselves,
    /// within 15 minutes.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn resume(&self, step: StepKind) -> Result<(), DbErr> {
        match self {
            Self::Jobs(queue) => queue.resume(step).await,
            Self::Sqs(_) => Ok(()),
        }
    }
}
