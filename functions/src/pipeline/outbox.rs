//! The way of our own messages to the queues of AWS. What is to be sent is a row, written in the
//! transaction that makes its step pending. It is sent after the commit, so that no function meets
//! a step that is not queued yet, and deleted once SQS has accepted it.
//!
//! Any number of processes may send at once. A message may be sent twice, which is harmless.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use entity::image::{self, Audience, Model as Image};
use entity::outbox::{ActiveModel, Column, Entity, Model, due};
use entity::step::StepKind;
use platform::database::begin_write;
use platform::telemetry::traceparent;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QuerySelect as _,
};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};
use uuid::Uuid;

use crate::pipeline::original_key::original_key;
use crate::pipeline::sqs::{MAX_BATCH, Outgoing, QueueError, SqsQueues};

/// Messages that a sender takes at once.
const HELD: u64 = 100;

/// How long a sender keeps other senders away from what it is sending. If it dies, the messages
/// wait that long.
const HOLD: Duration = Duration::from_secs(120);

/// How long a message waits that SQS did not accept.
const RETRY: Duration = Duration::from_secs(30);

/// How often a server looks for messages that another process left.
const POLL: Duration = Duration::from_secs(5);

/// The outbox in this database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox {
    db: DatabaseConnection,
    queues: SqsQueues,
    notify: Arc<Notify>,
}

/// Messages stay in the outbox.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Outbox {
    pub fn new(db: DatabaseConnection, queues: SqsQueues) -> Self {
        Self {
            db,
            queues,
            notify: Arc::default(),
        }
    }

    /// Has messages for these steps sent once `tx` is committed. Call [`Outbox::notify`] or
    /// [`Outbox::send_due`] then; without either, a server finds them within seconds.
    pub(crate) async fn push(
        &self,
        tx: &DatabaseTransaction,
        steps: &[(Uuid, StepKind)],
    ) -> Result<(), DbErr> {
        if steps.is_empty() {
            return Ok(());
        }
        let now = entity::now();
        let trace = traceparent();
        let rows = steps.iter().map(|&(image_id, step)| ActiveModel {
            id: Set(Uuid::now_v7()),
            image_id: Set(image_id),
            step: Set(step),
            due_at: Set(now),
            trace: Set(trace.clone()),
        });
        Entity::insert_many(rows).exec_without_returning(tx).await?;
        Ok(())
    }

    pub(crate) fn notify(&self) {
        self.notify.notify_one();
    }

    /// Messages that are not sent yet, or not known to be.
    pub async fn depth(&self) -> Result<u64, DbErr> {
        Entity::find().count(&self.db).await
    }

    /// Sends all due messages, those of other processes included, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.send_due().await {
                warn!(%error, "messages wait in the outbox");
            }
            tokio::select! {
                () = self.notify.notified() => {}
                () = sleep(POLL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Sends all messages that are due, and returns how many SQS accepted. Messages that it
    /// refused are due again later.
    ///
    /// # Errors
    /// If a queue does not answer; its messages are due again later, too.
    pub async fn send_due(&self) -> Result<usize, OutboxError> {
        let mut accepted = 0;
        loop {
            let held = self.hold().await?;
            if held.is_empty() {
                return Ok(accepted);
            }
            accepted += self.send(held).await?;
        }
    }

    /// Takes messages that are due, so that other senders leave them alone for a while. That is
    /// committed before anything is sent.
    async fn hold(&self) -> Result<Vec<Model>, DbErr> {
        let now = entity::now();
        // Servers look often; they should not take the write lock for it.
        if due(now, 1).one(&self.db).await?.is_none() {
            return Ok(Vec::new());
        }
        let tx = begin_write(&self.db).await?;
        let rows = due(now, HELD)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&tx)
            .await?;
        Entity::update_many()
            .filter(Column::Id.is_in(rows.iter().map(|row| row.id)))
            .col_expr(Column::DueAt, Expr::value(now + HOLD))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(rows)
    }

    async fn send(&self, held: Vec<Model>) -> Result<usize, OutboxError> {
        let mut unsent: HashSet<Uuid> = held.iter().map(|row| row.id).collect();
        let sent = self.send_by_step(&held, &mut unsent).await;
        if !unsent.is_empty() {
            Entity::update_many()
                .filter(Column::Id.is_in(unsent.iter().copied()))
                .col_expr(Column::DueAt, Expr::value(entity::now() + RETRY))
                .exec(&self.db)
                .await?;
        }
        sent
    }

    /// Takes out of `unsent` what is done with.
    async fn send_by_step(
        &self,
        held: &[Model],
        unsent: &mut HashSet<Uuid>,
    ) -> Result<usize, OutboxError> {
        let ids = held.iter().map(|row| row.image_id);
        let images = image::visible_among(&Audience::Staff, ids)
            .all(&self.db)
            .await?;
        let images: HashMap<Uuid, Image> =
            images.into_iter().map(|image| (image.id, image)).collect();
        let mut accepted = 0;
        let mut first_error = None;
        for step in StepKind::ALL {
            let rows = held.iter().filter(|row| row.step == step);
            let mut messages = Vec::new();
            let mut obsolete = Vec::new();
            for row in rows {
                match images.get(&row.image_id).map(original_key) {
                    Some(Ok(key)) => messages.push(Outgoing {
                        id: row.id,
                        key,
                        trace: row.trace.clone(),
                    }),
                    Some(Err(error)) => {
                        error!(%error, "a message is not sent");
                        obsolete.push(row.id);
                    }
                    // The image is deleted: nothing has to be done about it any more.
                    None => obsolete.push(row.id),
                }
            }
            self.delete(&obsolete, unsent).await?;
            for batch in messages.chunks(MAX_BATCH) {
                match self.queues.send_batch(step, batch).await {
                    Ok(ids) => {
                        accepted += ids.len();
                        self.delete(&ids, unsent).await?;
                    }
                    Err(error) => {
                        // The queue of another step may answer.
                        first_error.get_or_insert(error);
                        break;
                    }
                }
            }
        }
        match first_error {
            None => Ok(accepted),
            Some(error) => Err(error.into()),
        }
    }

    async fn delete(&self, ids: &[Uuid], unsent: &mut HashSet<Uuid>) -> Result<(), DbErr> {
        if ids.is_empty() {
            return Ok(());
        }
        Entity::delete_many()
            .filter(Column::Id.is_in(ids.iter().copied()))
            .exec(&self.db)
            .await?;
        for id in ids {
            unsent.remove(id);
        }
        Ok(())
    }
}
