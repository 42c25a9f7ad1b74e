//! Leases that nobody holds any more, and steps that run without one.

use std::fs::{File, OpenOptions};
use std::path::Path;

use chrono::TimeDelta;
use entity::job;
use entity::step::{self, StepState};
use functions::pipeline::dispatch::Dispatch;
use sea_orm::{
    ColumnTrait as _, Condition, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
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
    let Server::Stopped(_lock) = server(path) else {
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

enum Server {
    Running,
    /// With its lock, which keeps another one from starting; none if there never was a server.
    Stopped(Option<File>),
}

fn server(lock: &Path) -> Server {
    let Ok(file) = OpenOptions::new().write(true).open(lock) else {
        return Server::Stopped(None);
    };
    match file.try_lock() {
        Ok(()) => Server::Stopped(Some(file)),
        Err(_) => Server::Running,
    }
}

/// A worker marks a step as running while it has a lease on its job, or on AWS while it has the
/// message.
async fn running_without_lease(check: &Check<'_>, report: &mut Report) -> Result<(), DbErr> {
    let now = entity::now();
    let runs_too_long = Condition::all()
        .add(step::Column::State.eq(StepState::Running))
        .add(step::Column::StartedAt.lt(now - LONGEST_RUN));
    let mut after = Uuid::nil();
    loop {
        let images: Vec<Uuid> = step::Entity::find()
            .filter(runs_too_long.clone())
            .filter(step::Column::ImageId.gt(after))
            .order_by_asc(step::Column::ImageId)
            .limit(BATCH as u64)
            .select_only()
            .column(step::Column::ImageId)
            .into_tuple()
            .all(check.db)
            .await?;
        let Some(last) = images.last() else {
            return Ok(());
        };
        after = *last;
        // A page may end between the steps of one image.
        let page = step::of_all(images)
            .filter(runs_too_long.clone())
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
