//! Puts right what a crash, a full disk or a lost connection left half done. Everything it does
//! follows from the rows and the objects, so it may run at any time and any number of times.

use std::time::Duration;

use entity::{change, image, session, step};
use platform::objects::ObjectKey;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::pipeline::context::Context;
use crate::pipeline::job_queue::JobQueue;
use crate::pipeline::lifecycle::{LifecycleError, mark_stored, purge};

/// Steps that are looked at in one go.
const BATCH: u64 = 500;

/// How long changes are kept for browsers that were away.
const CHANGES_KEPT: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// What a sweep found to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads whose object was there although nobody had noted it.
    pub completed: usize,
    /// Uploads whose object never arrived: forgotten.
    pub abandoned: usize,
    /// Deletions brought to their end.
    pub deleted: usize,
    /// Steps on which work is owed, put into the queue again.
    pub requeued: usize,
}

/// Sweeps once. An upload whose object is missing is given `patience` to arrive. Steps are queued
/// again in `queue`, if work is queued there; the queues of AWS lose nothing by themselves.
///
/// # Errors
/// If the database or the store does not answer; what was done until then stays done.
pub async fn sweep(
    ctx: &Context,
    queue: Option<&JobQueue>,
    patience: Duration,
) -> Result<Swept, LifecycleError> {
    let mut swept = Swept::default();
    unfinished_uploads(ctx, patience, &mut swept).await?;
    unfinished_deletions(ctx, &mut swept).await?;
    if let Some(queue) = queue {
        pending_steps(ctx, queue, &mut swept).await?;
    }
    let now = entity::now();
    session::Entity::delete_many()
        .filter(session::Column::ExpiresAt.lt(now))
        .exec(&ctx.db)
        .await?;
    change::Entity::delete_many()
        .filter(change::Column::At.lt(now - CHANGES_KEPT))
        .exec(&ctx.db)
        .await?;
    Ok(swept)
}

async fn unfinished_uploads(
    ctx: &Context,
    patience: Duration,
    swept: &mut Swept,
) -> Result<(), LifecycleError> {
    let now = entity::now();
    for image in image::unfinished_before(now).all(&ctx.db).await? {
        let stored = match ObjectKey::parse(&image.object_key) {
            Ok(key) => ctx.store.size(&key).await?.is_some(),
            Err(_) => false,
        };
        if stored {
            mark_stored(&ctx.db, image.id).await?;
            swept.completed += 1;
        } else if image.uploaded_at + patience <= now {
            image::Entity::delete_many()
                .filter(image::Column::Id.eq(image.id))
                .filter(image::Column::StoredAt.is_null())
                .exec(&ctx.db)
                .await?;
            swept.abandoned += 1;
        }
    }
    Ok(())
}

async fn unfinished_deletions(ctx: &Context, swept: &mut Swept) -> Result<(), LifecycleError> {
    for image in image::being_deleted().all(&ctx.db).await? {
        purge(&ctx.db, ctx.store.as_ref(), &image).await?;
        swept.deleted += 1;
    }
    Ok(())
}

async fn pending_steps(
    ctx: &Context,
    queue: &JobQueue,
    swept: &mut Swept,
) -> Result<(), LifecycleError> {
    loop {
        let found = step::pending_without_job(BATCH).all(&ctx.db).await?;
        for step in &found {
            queue.push(&ctx.db, step.image_id, &[step.name]).await?;
        }
        if found.is_empty() {
            return Ok(());
        }
        swept.requeued += found.len();
        queue.notify();
    }
}
