//! The durable queue of one machine, on the table `job`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::image;
use entity::job::{self, ActiveModel, Column, Entity, Model};
use entity::step::Name;
use platform::database::begin_write;
use platform::events::{ObjectCreated, ObjectEvents};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QuerySelect as _,
};
use tokio::sync::Notify;
use tracing::error;
use uuid::Uuid;

/// How much earlier each step is taken than the next one of the same age, in seconds. Of a
/// thousand photos, all get thumbnails first; no step starves, because age counts too.
const HEAD_START: i64 = 10;

/// Jobs, and a bell for those who wait for them. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    db: DatabaseConnection,
    bell: Arc<Notify>,
}

/// A job that somebody works on.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) job: Model,
    receipt: Uuid,
}

impl Queue {
    /// The queue in this database.
    pub fn new(db: DatabaseConnection) -> Self {
        Self {
            db,
            bell: Arc::default(),
        }
    }

    /// Puts steps of an image into the queue. A step that is in it already starts over, and
    /// whoever works on it has worked in vain.
    pub async fn push<C: ConnectionTrait>(
        &self,
        db: &C,
        image_id: Uuid,
        steps: &[Name],
    ) -> Result<(), DbErr> {
        if steps.is_empty() {
            return Ok(());
        }
        let now = entity::now();
        let rows = steps.iter().map(|&step| ActiveModel {
            image_id: Set(image_id),
            step: Set(step),
            due_at: Set(due(now, step)),
            visible_at: Set(now),
            attempts: Set(0),
            receipt: Set(None),
            ..Default::default()
        });
        let start_over = OnConflict::columns([Column::ImageId, Column::Step])
            .update_columns([
                Column::DueAt,
                Column::VisibleAt,
                Column::Attempts,
                Column::Receipt,
            ])
            .to_owned();
        Entity::insert_many(rows)
            .on_conflict(start_over)
            .exec_without_returning(db)
            .await?;
        Ok(())
    }

    /// Wakes a worker. Call it once what was pushed is committed.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Returns once somebody rings.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Claims the most urgent job and makes it invisible for `visibility`. Committed before
    /// this returns: if the worker dies, the job shows up again by itself.
    pub(super) async fn claim(&self, visibility: Duration) -> Result<Option<Lease>, DbErr> {
        let now = entity::now();
        // Idle workers look often; they should not take the write lock for it.
        if job::claimable(now).limit(1).one(&self.db).await?.is_none() {
            return Ok(None);
        }
        let tx = begin_write(&self.db).await?;
        let Some(job) = job::claimable(now)
            .limit(1)
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
    pub(super) async fn extend(&self, lease: &Lease, visibility: Duration) -> Result<(), DbErr> {
        self.show_at(lease, entity::now() + visibility).await
    }

    /// Gives the job back, to be claimed again after `wait`.
    pub(super) async fn give_back(&self, lease: &Lease, wait: Duration) -> Result<(), DbErr> {
        self.show_at(lease, entity::now() + wait).await
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

    /// Forgets the job, unless it has been queued anew meanwhile.
    pub(super) async fn delete(&self, lease: &Lease) -> Result<(), DbErr> {
        Entity::delete_many()
            .filter(Column::Id.eq(lease.job.id))
            .filter(Column::Receipt.eq(lease.receipt))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Makes every claimed job claimable again. Only for somebody who knows that no worker of
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

    /// How many jobs there are, claimed or not.
    pub async fn depth(&self) -> Result<u64, DbErr> {
        Entity::find().count(&self.db).await
    }

    async fn push_all_steps(&self, event: &ObjectCreated) -> Result<(), DbErr> {
        let found = image::by_object_key(&event.key.path())
            .one(&self.db)
            .await?;
        if let Some(image) = found {
            self.push(&self.db, image.id, &Name::ALL).await?;
            self.ring();
        }
        Ok(())
    }
}

fn due(now: DateTime<Utc>, step: Name) -> DateTime<Utc> {
    let place = match step {
        Name::Thumbnail => 0,
        Name::Anonymise => 1,
        Name::Annotate => 2,
    };
    now + chrono::TimeDelta::seconds(HEAD_START * place)
}

#[async_trait]
impl ObjectEvents for Queue {
    async fn created(&self, event: ObjectCreated) {
        if let Err(error) = self.push_all_steps(&event).await {
            error!(key = %event.key, %error, "the new object is not in the queue yet; the sweeper will see to it");
        }
    }
}
