//! The durable queue of one machine, on the table `job`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::image;
use entity::job::{self, ActiveModel, Column, Entity, Model};
use entity::step::StepKind;
use platform::database::{begin_write, retry_conflicts};
use platform::events::{ObjectCreated, ObjectEvents};
use platform::telemetry::traceparent;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QuerySelect as _,
};
use tokio::sync::Notify;
use tracing::error;
use uuid::Uuid;

/// How long jobs of a step are left alone at most before one of them tries again: the reason may
/// be gone, and another process may know.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// Jobs, and a way to wake the workers of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JobQueue {
    db: DatabaseConnection,
    /// One for each lane.
    notify: Arc<[Notify; 2]>,
    held: Arc<Mutex<HashMap<StepKind, Instant>>>,
}

/// Steps that share workers. Captions have workers of their own, because they wait for minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Steps that work on pixels.
    Pixels,
    /// Steps that wait for a provider.
    Captions,
}

impl Lane {
    pub const ALL: [Self; 2] = [Self::Pixels, Self::Captions];

    fn steps(self) -> impl Iterator<Item = StepKind> {
        StepKind::ALL
            .into_iter()
            .filter(move |step| Self::of(*step) == self)
    }

    fn of(step: StepKind) -> Self {
        if step.asks_provider() {
            Self::Captions
        } else {
            Self::Pixels
        }
    }
}

/// A job that a worker of this process holds.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) job: Model,
    receipt: Uuid,
}

impl JobQueue {
    pub fn new(db: DatabaseConnection) -> Self {
        Self {
            db,
            notify: Arc::default(),
            held: Arc::default(),
        }
    }

    /// Queues steps of images, in the current trace. A step that is queued already starts over:
    /// its lease is void.
    pub(crate) async fn push<C: ConnectionTrait>(
        &self,
        db: &C,
        steps: &[(Uuid, StepKind)],
    ) -> Result<(), DbErr> {
        if steps.is_empty() {
            return Ok(());
        }
        let now = entity::now();
        let trace = traceparent();
        let rows = steps.iter().map(|&(image_id, step)| ActiveModel {
            image_id: Set(image_id),
            step: Set(step),
            due_at: Set(now - step.head_start()),
            visible_at: Set(now),
            attempts: Set(0),
            receipt: Set(None),
            trace: Set(trace.clone()),
            ..Default::default()
        });
        let start_over = OnConflict::columns([Column::ImageId, Column::Step])
            .update_columns([
                Column::DueAt,
                Column::VisibleAt,
                Column::Attempts,
                Column::Receipt,
                Column::Trace,
            ])
            .to_owned();
        Entity::insert_many(rows)
            .on_conflict(start_over)
            .exec_without_returning(db)
            .await?;
        Ok(())
    }

    /// Wakes a worker of each lane. Call it after the pushed jobs are committed.
    pub fn notify(&self) {
        for lane in Lane::ALL {
            self.notify_lane(lane);
        }
    }

    pub(crate) fn notify_lane(&self, lane: Lane) {
        self.notify[lane as usize].notify_one();
    }

    /// Returns once a worker of the lane is woken.
    pub(crate) async fn notified(&self, lane: Lane) {
        self.notify[lane as usize].notified().await;
    }

    /// Claims the most urgent job of a lane and makes it invisible for `visibility`. The claim is committed
    /// before this returns: if the worker dies, the job becomes visible again by itself.
    pub(crate) async fn claim(
        &self,
        lane: Lane,
        visibility: Duration,
    ) -> Result<Option<Lease>, DbErr> {
        let now = entity::now();
        let held = self.held_steps();
        let steps = lane.steps().filter(|step| !held.contains(step));
        let claimable = job::claimable(now, steps).limit(1);
        // Idle workers poll; they should not take the write lock for it.
        if claimable.clone().one(&self.db).await?.is_none() {
            return Ok(None);
        }
        let tx = begin_write(&self.db).await?;
        let Some(job) = claimable
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .one(&tx)
            .await?
        else {
            return Ok(None);
        };
        let receipt = Uuid::new_v4();
        let updated = Entity::update_many()
            .filter(Column::Id.eq(job.id))
            .filter(Column::VisibleAt.lte(now))
            .col_expr(Column::VisibleAt, Expr::value(now + visibility))
            .col_expr(Column::Attempts, Expr::value(job.attempts + 1))
            .col_expr(Column::Receipt, Expr::value(receipt))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        if updated.rows_affected != 1 {
            return Ok(None);
        }
        let job = Model {
            attempts: job.attempts + 1,
            ..job
        };
        Ok(Some(Lease { job, receipt }))
    }

    /// Keeps the job invisible for another `visibility`.
    pub(crate) async fn extend(&self, lease: &Lease, visibility: Duration) -> Result<(), DbErr> {
        self.show_at(lease, entity::now() + visibility).await
    }

    /// Gives the job back, to be claimed again after `wait`.
    pub(crate) async fn give_back(&self, lease: &Lease, wait: Duration) -> Result<(), DbErr> {
        self.show_at(lease, entity::now() + wait).await
    }

    /// Gives the job back as if it had never been claimed, and claims no job of its step for
    /// `wait`, up to [`LONGEST_HOLD`]: what holds for one of them holds for the others.
    pub(crate) async fn postpone(&self, lease: &Lease, wait: Duration) -> Result<(), DbErr> {
        let wait = wait.min(LONGEST_HOLD);
        Entity::update_many()
            .filter(Column::Id.eq(lease.job.id))
            .filter(Column::Receipt.eq(lease.receipt))
            .col_expr(Column::VisibleAt, Expr::value(entity::now() + wait))
            .col_expr(Column::Attempts, Expr::value(lease.job.attempts - 1))
            .exec(&self.db)
            .await?;
        self.held().insert(lease.job.step, Instant::now() + wait);
        Ok(())
    }

    /// Makes the postponed jobs of a step claimable now.
    pub async fn resume(&self, step: StepKind) -> Result<(), DbErr> {
        let now = entity::now();
        Entity::update_many()
            .filter(Column::Step.eq(step))
            .filter(Column::Attempts.eq(0))
            .filter(Column::VisibleAt.gt(now))
            .col_expr(Column::VisibleAt, Expr::value(now))
            .exec(&self.db)
            .await?;
        self.held().remove(&step);
        self.notify();
        Ok(())
    }

    /// The time until a step of the lane that was postponed may be claimed again; none if none was.
    pub(crate) fn hold_ends_in(&self, lane: Lane) -> Option<Duration> {
        let now = Instant::now();
        let held = self.held();
        let ends = held.iter().filter(|(step, _)| Lane::of(**step) == lane);
        let first = ends.map(|(_, ends)| *ends).min()?;
        Some(first.saturating_duration_since(now))
    }

    fn held_steps(&self) -> Vec<StepKind> {
        let now = Instant::now();
        let mut held = self.held();
        held.retain(|_, until| *until > now);
        held.keys().copied().collect()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<StepKind, Instant>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn show_at(&self, lease: &Lease, instant: DateTime<Utc>) -> Result<(), DbErr> {
        Entity::update_many()
            .filter(Column::Id.eq(lease.job.id))
            .filter(Column::Receipt.eq(lease.receipt))
            .col_expr(Column::VisibleAt, Expr::value(instant))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Deletes the job, unless it has been queued anew meanwhile.
    pub(crate) async fn delete(&self, lease: &Lease) -> Result<(), DbErr> {
        let delete = Entity::delete_many()
            .filter(Column::Id.eq(lease.job.id))
            .filter(Column::Receipt.eq(lease.receipt));
        retry_conflicts(|| delete.clone().exec(&self.db)).await?;
        Ok(())
    }

    /// Makes every claimed job claimable again. Only for a process that knows that no worker of
    /// this queue is alive.
    pub async fn release_all(&self) -> Result<u64, DbErr> {
        let updated = Entity::update_many()
            .filter(Column::Receipt.is_not_null())
            .filter(Column::VisibleAt.gt(entity::now()))
            .col_expr(Column::VisibleAt, Expr::value(entity::now()))
            .col_expr(Column::Receipt, Expr::value(None::<Uuid>))
            .exec(&self.db)
            .await?;
        Ok(updated.rows_affected)
    }

    /// Age of the oldest claimable job; zero if there is none.
    pub async fn age(&self) -> Result<Duration, DbErr> {
        let now = entity::now();
        let oldest = job::oldest_waiting(now).one(&self.db).await?;
        let age = oldest.map(|job| now - job.visible_at);
        Ok(age.and_then(|age| age.to_std().ok()).unwrap_or_default())
    }

    /// The number of jobs, claimed or not.
    pub async fn depth(&self) -> Result<u64, DbErr> {
        Entity::find().count(&self.db).await
    }

    async fn push_all_steps(&self, event: &ObjectCreated) -> Result<(), DbErr> {
        let found = image::by_object_key(&event.key.path())
            .one(&self.db)
            .await?;
        if let Some(image) = found {
            let steps = StepKind::ALL.map(|step| (image.id, step));
            self.push(&self.db, &steps).await?;
            self.notify();
        }
        Ok(())
    }
}

#[async_trait]
impl ObjectEvents for JobQueue {
    async fn created(&self, event: ObjectCreated) {
        if let Err(error) = self.push_all_steps(&event).await {
            error!(key = %event.key, %error, "the new object is not queued yet; the sweeper will queue it");
        }
    }
}
