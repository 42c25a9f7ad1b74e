//! When this process sweeps up what was left half done. A server with workers sweeps by itself, as it
//! is the only one that works on its data folder. Servers without workers, as on AWS, share the work:
//! the one that holds a lease in the database does it, and another one takes over when that one stops
//! or dies. Two at once, for a moment, would do no harm.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use entity::lease;
use functions::drivers::local::{self, Swept};
use functions::pipeline::context::Context;
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::lifecycle::LifecycleError;
use sea_orm::DbErr;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};
use uuid::Uuid;

use crate::actions::direct_upload::forget_pending;
use crate::state::AppState;

/// How often abandoned work is swept up.
const SWEEP: Duration = Duration::from_secs(60);

/// How often a process without the lease asks for it.
const ASK: Duration = Duration::from_secs(10);

/// How long the lease of a process that died stays with it.
const LEASE: Duration = Duration::from_secs(180);

/// How long an upload may take from its row to its object before it counts as abandoned.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// How long a direct upload that is not completed is kept.
pub(crate) const PENDING_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long servers of the version before may still create images during a rolling update.
const UPDATE_LASTS: TimeDelta = TimeDelta::days(1);

pub(crate) struct Sweeping {
    context: Context,
    state: AppState,
    has_workers: bool,
    /// Who holds the lease, if this process does.
    id: Uuid,
    is_leader: bool,
    all_have_steps: bool,
}

impl Sweeping {
    pub(crate) fn new(context: Context, state: AppState, has_workers: bool) -> Self {
        Self {
            context,
            state,
            has_workers,
            id: Uuid::now_v7(),
            is_leader: false,
            all_have_steps: false,
        }
    }

    /// Sweeps until the server stops, whenever it is this process's turn.
    pub(crate) async fn run(mut self) {
        let stop = self.state.stop.clone();
        let mut own_due = Instant::now();
        let mut shared_due = own_due;
        while !stop.is_cancelled() {
            if own_due <= Instant::now() {
                own_due = Instant::now() + SWEEP;
                self.clear_scratch();
            }
            let is_responsible = self.has_workers || self.leads().await;
            if is_responsible && shared_due <= Instant::now() {
                shared_due = Instant::now() + SWEEP;
                self.sweep().await;
            }
            stop.run_until_cancelled(sleep(ASK)).await;
        }
        if self.is_leader {
            self.give_back().await;
        }
    }

    /// Whether this process holds the lease; extends it if so, and takes it if it is free.
    async fn leads(&mut self) -> bool {
        let is_leader = match self.take().await {
            Ok(is_leader) => is_leader,
            Err(error) => {
                warn!(%error, "the lease on sweeping cannot be asked for");
                false
            }
        };
        if is_leader && !self.is_leader {
            info!("this process sweeps up abandoned work now");
        }
        self.is_leader = is_leader;
        is_leader
    }

    async fn take(&self) -> Result<bool, DbErr> {
        let now = entity::now();
        // Most processes find it taken; they should not take the write lock for it.
        let found = lease::available(lease::SWEEP, self.id, now);
        if found.one(&self.state.db).await?.is_none() {
            return Ok(false);
        }
        let taken = lease::take(lease::SWEEP, self.id, now, LEASE);
        Ok(taken.exec(&self.state.db).await?.rows_affected == 1)
    }

    async fn give_back(&self) {
        let given = lease::give_back(lease::SWEEP, self.id, entity::now());
        if let Err(error) = given.exec(&self.state.db).await {
            warn!(%error, "the lease on sweeping is not given back; it runs out by itself");
        }
    }

    /// Of this machine, whoever leads.
    fn clear_scratch(&self) {
        match self.state.scratch.clear_abandoned() {
            Ok(0) => {}
            Ok(files) => info!(files, "deleted abandoned scratch files"),
            Err(error) => warn!(%error, "abandoned scratch files cannot be deleted"),
        }
    }

    async fn sweep(&mut self) {
        match forget_pending(self.state.store.as_ref(), PENDING_KEPT).await {
            Ok(0) => {}
            Ok(uploads) => info!(uploads, "deleted direct uploads that were never completed"),
            Err(error) => {
                warn!(%error, "direct uploads that were never completed cannot be deleted");
            }
        }
        match self.sweep_work().await {
            Ok(swept) if swept == Swept::default() => {}
            Ok(swept) => info!(?swept, "swept up abandoned work"),
            Err(error) => warn!(%error, "the sweep did not finish"),
        }
    }

    /// Steps are queued only where somebody takes them: workers of this process, or functions.
    async fn sweep_work(&mut self) -> Result<Swept, LifecycleError> {
        let dispatch = &self.state.dispatch;
        if matches!(dispatch, Dispatch::Jobs(_)) && !self.has_workers {
            return local::put_right(&self.context, UPLOAD_PATIENCE).await;
        }
        // Images that lack a step are older than this version, so once all of them have their steps, only
        // those from a server that is still to be updated can lack one.
        let steps_since = match self.all_have_steps {
            false => DateTime::UNIX_EPOCH,
            true => entity::now() - UPDATE_LASTS,
        };
        let swept = local::sweep(&self.context, dispatch, UPLOAD_PATIENCE, steps_since).await?;
        self.all_have_steps |= swept.added == 0;
        Ok(swept)
    }
}
