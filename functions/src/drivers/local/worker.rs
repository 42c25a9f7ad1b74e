//! Workers: claim, work, acknowledge. A lease is committed before the work starts and is extended
//! while it lasts; no transaction is held meanwhile.

use std::time::Duration;

use entity::step::StepKind;
use platform::telemetry;
use sea_orm::DbErr;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument as _, error, error_span, info};

use crate::pipeline::context::Context;
use crate::pipeline::copy_words::CopyWords;
use crate::pipeline::job_queue::{JobQueue, Lane, Lease};
use crate::pipeline::outcomes::Verdict;
use crate::pipeline::run_step::{Delivery, run_step};

/// How long a claimed job stays invisible unless its worker extends the lease.
const VISIBILITY: Duration = Duration::from_secs(60);

/// How often a worker extends its lease.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// How often idle workers look for jobs without being woken: retries that are due, and jobs that
/// other processes queued.
const POLL: Duration = Duration::from_secs(1);

/// After a stop, a worker waits this long for a caption that is being written. It is less than the time
/// that a server takes to stop, so that the job can be given back; the attempt does not count.
const LAST_ANSWERS: Duration = Duration::from_secs(20);

/// Works on up to `workers` jobs at once until `stop`, then finishes those that are begun. Captions
/// have workers of their own, as many as the provider answers requests at once: they wait for
/// minutes, and no other step waits for them.
pub async fn run(ctx: Context, queue: JobQueue, workers: usize, stop: CancellationToken) {
    let captions = match &ctx.provider_budget {
        Some(budget) if workers > 0 => budget.at_once() as usize,
        _ => workers,
    };
    tokio::join!(
        run_lane(&ctx, &queue, Lane::Pixels, workers, &stop),
        run_lane(&ctx, &queue, Lane::Captions, captions, &stop),
    );
    info!("all workers have stopped");
}

async fn run_lane(
    ctx: &Context,
    queue: &JobQueue,
    lane: Lane,
    workers: usize,
    stop: &CancellationToken,
) {
    let worker = || work(ctx.clone(), queue.clone(), lane, stop.clone());
    let mut set = JoinSet::new();
    for _ in 0..workers {
        set.spawn(worker());
    }
    while let Some(ended) = set.join_next().await {
        if let Err(error) = ended {
            error!(%error, "a worker died; another takes its place");
            if !stop.is_cancelled() {
                set.spawn(worker());
            }
        }
    }
}

/// Works on everything that is claimable now, and returns how many jobs that were.
pub async fn drain(ctx: &Context, queue: &JobQueue) -> Result<usize, DbErr> {
    let mut worked = 0;
    let never = CancellationToken::new();
    for lane in Lane::ALL {
        while let Some(lease) = queue.claim(lane, VISIBILITY).await? {
            work_on(ctx, queue, lease, &never).await?;
            worked += 1;
        }
    }
    Ok(worked)
}

async fn work(ctx: Context, queue: JobQueue, lane: Lane, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let worked = match queue.claim(lane, VISIBILITY).await {
            Ok(Some(lease)) => {
                // There may be more: wake the next one.
                queue.notify_lane(lane);
                work_on(&ctx, &queue, lease, &stop).await.map(|()| true)
            }
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        let hold = || queue.hold_ends_in(lane).map_or(POLL, |wait| wait.min(POLL));
        match worked {
            Ok(true) => {}
            Ok(false) => tokio::select! {
                () = queue.notified(lane) => {}
                () = sleep(hold()) => {}
                () = stop.cancelled() => {}
            },
            Err(error) => {
                error!(%error, "the jobs cannot be read; trying again in a second");
                tokio::select! {
                    () = sleep(POLL) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
    }
}

async fn work_on(
    ctx: &Context,
    queue: &JobQueue,
    lease: Lease,
    stop: &CancellationToken,
) -> Result<(), DbErr> {
    let job = &lease.job;
    let span = error_span!(
        "job",
        otel.name = %format_args!("process {}", job.step),
        otel.kind = "consumer",
        messaging.operation.type = "process",
        messaging.destination.name = %job.step,
        trace_id = Empty,
        image_id = %job.image_id,
    );
    telemetry::begin(&span, job.trace.as_deref());
    work_with(ctx, queue, lease, stop).instrument(span).await
}

async fn work_with(
    ctx: &Context,
    queue: &JobQueue,
    lease: Lease,
    stop: &CancellationToken,
) -> Result<(), DbErr> {
    let delivery = Delivery {
        image_id: lease.job.image_id,
        step: lease.job.step,
        receive_count: lease.job.attempts,
    };
    let verdict = tokio::select! {
        verdict = run_step(ctx, delivery) => verdict?,
        never = keep_alive(queue, &lease) => match never {},
        () = no_time_left(&lease, stop) => {
            info!(image = %lease.job.image_id, "stopped while a caption was awaited; it is asked for again");
            Verdict::Postpone(Duration::ZERO)
        }
    };
    // A thumbnail changes neither a copy nor its words.
    if verdict == Verdict::Acknowledge && delivery.step != StepKind::Thumbnail {
        let words = CopyWords::new(ctx);
        tokio::select! {
            () = words.refresh(delivery.image_id) => {}
            never = keep_alive(queue, &lease) => match never {},
        }
    }
    match verdict {
        Verdict::Acknowledge => queue.delete(&lease).await,
        Verdict::Retry(wait) => queue.give_back(&lease, wait).await,
        Verdict::Postpone(wait) => queue.postpone(&lease, wait).await,
    }
}

/// Returns when a caption can be awaited no longer, because the process has to stop.
async fn no_time_left(lease: &Lease, stop: &CancellationToken) {
    if !lease.job.step.asks_provider() {
        std::future::pending::<()>().await;
    }
    stop.cancelled().await;
    sleep(LAST_ANSWERS).await;
}

/// Extends the lease for as long as it is polled.
async fn keep_alive(queue: &JobQueue, lease: &Lease) -> std::convert::Infallible {
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.tick().await;
    loop {
        heartbeat.tick().await;
        if let Err(error) = queue.extend(lease, VISIBILITY).await {
            error!(job = lease.job.id, %error, "the lease could not be extended");
        }
    }
}
