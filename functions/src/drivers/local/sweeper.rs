//! Repairs what a crash, a full disk or a lost message left half done. Everything it does follows
//! from rows and objects, so it may run at any time, any number of times and several times at once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::step::StepKind;
use entity::{change, image, session, step};
use platform::objects::ObjectKey;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};

use crate::pipeline::context::Context;
use crate::pipeline::copy_words::CopyWords;
use crate::pipeline::dispatch::Dispatch;
use crate::pipeline::job_queue::JobQueue;
use crate::pipeline::lifecycle::{
    LifecycleError, add_missing_steps, mark_stored, purge, resend_stuck,
};

/// Rows that are handled at once.
const BATCH: u64 = 500;

/// How long changes are kept for browsers that were away.
const CHANGES_KEPT: TimeDelta = TimeDelta::hours(24);

/// How long nothing may happen with a pending step on AWS before its message is sent again. Longer
/// than a queue is usually behind: a message that is sent too often costs an invocation.
pub const STUCK_AFTER: TimeDelta = TimeDelta::hours(6);

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uploads whose object was there although their row did not say so.
    pub completed: usize,
    /// Uploads whose object never arrived, deleted.
    pub abandoned: usize,
    /// Deletions finished.
    pub deleted: usize,
    /// Rows added for steps that are newer than their images.
    pub added: usize,
    /// Pending steps queued again, because their job or message was lost.
    pub requeued: usize,
}

/// Does all of it once: [`put_right`], then queues steps that nobody would do otherwise. Missing rows of
/// steps are looked for among images uploaded since `steps_since`: finding them among all images means
/// looking at each.
///
/// # Errors
/// The work done until then is kept.
pub async fn sweep(
    ctx: &Context,
    dispatch: &Dispatch,
    patience: Duration,
    steps_since: DateTime<Utc>,
) -> Result<Swept, LifecycleError> {
    let done = put_right(ctx, patience).await?;
    let queued = queue_owed(ctx, dispatch, steps_since).await?;
    Ok(Swept {
        added: queued.added,
        requeued: queued.requeued,
        ..done
    })
}

/// Finishes what needs no worker: uploads and deletions that were cut short, images whose time in the
/// trash is over, words that are due in copies, and rows that have expired. An upload whose object is
/// missing has `patience` to arrive.
///
/// # Errors
/// The work done until then is kept.
pub async fn put_right(ctx: &Context, patience: Duration) -> Result<Swept, LifecycleError> {
    let mut swept = Swept::default();
    unfinished_uploads(ctx, patience, &mut swept).await?;
    unfinished_deletions(ctx, &mut swept).await?;
    // What Lambda finished, and what a crash left.
    CopyWords::new(ctx).refresh_due(BATCH).await?;
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

async fn queue_owed(
    ctx: &Context,
    dispatch: &Dispatch,
    steps_since: DateTime<Utc>,
) -> Result<Swept, LifecycleError> {
    let mut swept = Swept::default();
    for kind in StepKind::ALL {
        swept.added += add_missing_steps(&ctx.db, dispatch, kind, steps_since, BATCH).await?;
    }
    match dispatch {
        Dispatch::Jobs(queue) => pending_steps(ctx, queue, &mut swept).await?,
        Dispatch::Sqs(_) => stuck_steps(ctx, dispatch, &mut swept).await?,
    }
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
    let due = image::being_deleted(entity::now());
    for image in due.limit(BATCH).all(&ctx.db).await? {
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
        if found.is_empty() {
            return Ok(());
        }
        for step in &found {
            queue.push(&ctx.db, &[(step.image_id, step.name)]).await?;
        }
        swept.requeued += found.len();
        queue.notify();
    }
}

/// A message for a step may be lost: the store's event never came, or it is in a dead-letter queue.
async fn stuck_steps(
    ctx: &Context,
    dispatch: &Dispatch,
    swept: &mut Swept,
) -> Result<(), LifecycleError> {
    // The messages of paused captions are being postponed.
    let paused = match &ctx.provider_budget {
        Some(budget) => budget.pause().await?.is_some(),
        None => false,
    };
    let waiting = StepKind::ALL
        .into_iter()
        .filter(|kind| paused && kind.asks_provider());
    let waiting: Vec<_> = waiting.collect();
    let since = entity::now() - STUCK_AFTER;
    swept.requeued += resend_stuck(&ctx.db, dispatch, since, &waiting, BATCH).await?;
    Ok(())
}
