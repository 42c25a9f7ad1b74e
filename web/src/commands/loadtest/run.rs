//! Runs the plan: as many senders as requests may be in flight, each of which takes the next number.
//! Where all of them are busy, a planned request waits, and its latency counts the wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Failure};
use super::client::{Client, Reply};
use super::plan::Plan;
use super::progress::Progress;
use super::request_log::RequestLog;
use super::totals::Totals;
use super::trace_ids::TraceIds;
use crate::commands::cancel_on_signal;

/// Answers that wait to be counted at most; senders wait when there are more.
const WAITING: usize = 4096;

struct Run {
    plan: Plan,
    client: Client,
    trace_ids: TraceIds,
    begun: Instant,
    next: AtomicU64,
    /// Cancelled by a signal, or because a file cannot be read.
    stop: CancellationToken,
}

/// Sends all requests and counts what became of them.
///
/// # Errors
/// If a photo cannot be read, or the log cannot be written.
pub(super) async fn run(
    plan: Plan,
    client: Client,
    trace_ids: TraceIds,
    log: Option<RequestLog>,
) -> anyhow::Result<Totals> {
    let progress = Progress::of(&plan);
    let concurrency = plan.concurrency;
    let run = Arc::new(Run {
        plan,
        client,
        trace_ids,
        begun: Instant::now(),
        next: AtomicU64::new(1),
        stop: CancellationToken::new(),
    });
    // The first signal ends the run with a report.
    cancel_on_signal(run.stop.clone())?;
    let (answers, answered) = mpsc::channel(WAITING);
    let mut senders = JoinSet::new();
    for _ in 0..concurrency {
        senders.spawn(Arc::clone(&run).send_all(answers.clone()));
    }
    drop(answers);
    let counting = count(answered, log, progress).await;
    run.stop_if(counting.is_err());
    let mut totals = counting?;
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    totals.elapsed = run.begun.elapsed();
    totals.was_interrupted = run.stop.is_cancelled();
    Ok(totals)
}

impl Run {
    fn stop_if(&self, has_failed: bool) {
        if has_failed {
            self.stop.cancel();
        }
    }

    async fn send_all(self: Arc<Self>, answers: mpsc::Sender<Answer>) -> anyhow::Result<()> {
        while !self.stop.is_cancelled() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(start) = self.plan.start_of(number, self.begun.elapsed()) else {
                break;
            };
            let start = self.begun + start;
            let answer = tokio::select! {
                answer = self.send_at(start, number) => answer,
                () = self.stop.cancelled() => break,
            };
            self.stop_if(answer.is_err());
            // Nobody counts any more once the log cannot be written.
            if answers.send(answer?).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn send_at(&self, start: Instant, number: u64) -> anyhow::Result<Answer> {
        let trace_id = self.trace_ids.of(number);
        if self.is_too_late() {
            let reply = Reply {
                failure: Some(Failure::NotSent),
                ..Reply::default()
            };
            return Ok(answer(trace_id, start, reply));
        }
        let traceparent = self.trace_ids.traceparent(number);
        let request = self.client.prepare(number, &trace_id, &traceparent).await?;
        let start = match self.plan.rate {
            Some(_) => start,
            None => Instant::now(),
        };
        tokio::time::sleep_until(start).await;
        let reply = self.client.send(request).await;
        Ok(answer(trace_id, start, reply))
    }

    /// Whether the run is over, although requests that were planned are still to be sent.
    fn is_too_late(&self) -> bool {
        let duration = self.plan.duration.filter(|_| self.plan.rate.is_some());
        duration.is_some_and(|duration| self.begun.elapsed() >= duration)
    }
}

fn answer(trace_id: String, start: Instant, reply: Reply) -> Answer {
    Answer {
        trace_id,
        latency: start.elapsed(),
        status: reply.status,
        failure: reply.failure,
        bytes: reply.bytes,
        instance: reply.instance,
    }
}

async fn count(
    mut answered: mpsc::Receiver<Answer>,
    mut log: Option<RequestLog>,
    mut progress: Progress,
) -> anyhow::Result<Totals> {
    let mut totals = Totals::new()?;
    while let Some(answer) = answered.recv().await {
        totals.add(&answer);
        progress.add(answer.failure.is_some());
        if let Some(log) = &mut log {
            log.write(&answer)?;
        }
    }
    progress.finish();
    if let Some(log) = log {
        log.finish()?;
    }
    Ok(totals)
}
