//! Leases that nobody holds any more, and steps that run without one.

use std::fs::{File, OpenOptions};
use std::path::Path;

use chrono::TimeDelta;
use entity::job;
use entity::step::{self, StepState};
use functions::pipeline::dispatch::Dispatch;
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::report::{Finding, Report};
use super::{BATCH, Check};

/// A lease lasts a minute and an invocation of Lambda 15 at most. What runs for longer without a lease
/// is not being worked on.
const LONGEST_RUN: TimeDelta = TimeDelta::minutes(20);

pub(super) async fn check(check: &Check<'_>, report: &mut Report) -> Result<(), DbErr> {
    held_by_nobody(check, report).await?;
    running_without_lease(check, report).await
}

/// On one machine, the lock of the server tells whether anybody works.
async fn held_by_nobody(check: &Check<'_>, report: &mut Report) -> Result<(), DbErr> {
    let Some(path) = &check.worker_lock else {
        return Ok(());
    };
    let leased = || {
        job::Entity::find()
            .filter(job::Column::Receipt.is_not_null())
            .filter(job::Column::VisibleAt.gt(entity::now()))
            .filter(job::Column::Attempts.gt(0))
            .order_by_asc(job::Column::Id)
    };
    if leased().one(check.db).await?.is_none() {
        return Ok(());
    }
    // Held until the leases are released, so that no server starts meanwhile.
    let Some(_lock) = lock_if_free(path) else {
        return Ok(());
    };
    let mut after = 0;
    loop {
        let page = leased()
            .filter(job::Column::Id.gt(after))
            .limit(BATCH as u64)
            .all(check.db)
            .await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for job in &page {
            let example = format!("{} {}", job.image_id, job.step);
            report.add(Finding::LeaseWithoutWorker, example, check.repairs);
        }
    }
    if check.repairs {
        check.queue.release_all().await?;
    }
    Ok(())
}

/// The lock of the worker, if no server holds it. Without the file there never was one.
fn lock_if_free(path: &Path) -> Option<Option<File>> {
    let Ok(file) = OpenOptions::new().write(true).open(path) else {
        return Some(None);
    };
    file.try_lock().is_ok().then_some(Some(file))
}

/// A worker marks a step as running while it has a lease on its job, or on AWS while it has the
/// message.
async fn running_without_lease(check: &Check<'_>, report: &mut Report) -> Result<(), DbErr> {
    let now = entity::now();
    let mut after = Uuid::nil();
    loop {
        let page = step::Entity::find()
            .filter(step::Column::State.eq(StepState::Running))
            .filter(step::Column::StartedAt.lt(now - LONGEST_RUN))
            .filter(step::Column::ImageId.gt(after))
            .order_by_asc(step::Column::ImageId)
            .limit(BATCH as u64)
            .all(check.db)
            .await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.image_id;
        // A page may end between the steps of one image.
        let page = step::of_all(page.iter().map(|step| step.image_id))
            .filter(step::Column::State.eq(StepState::Running))
            .filter(step::Column::StartedAt.lt(now - LONGEST_RUN))
            .all(check.db)
            .await?;
        let jobs = job::Entity::find()
            .filter(job::Column::ImageId.is_in(page.iter().map(|step| step.image_id)))
            .filter(job::Column::VisibleAt.gt(now))
            .all(check.db)
            .await?;
        for step in page {
            let is_leased = jobs
                .iter()
                .any(|job| job.image_id == step.image_id && job.step == step.name);
            if !is_leased || matches!(check.dispatch, Dispatch::Sqs(_)) {
                let example = format!("{} {}", step.image_id, step.name);
                // Its job is claimed by the next free worker, or the sweeper queues it.
                report.add(Finding::LeaseWithoutWorker, example, check.repairs);
            }
        }
    }
}
