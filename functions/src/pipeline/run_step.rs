//! One delivery of one step. It knows neither SQS nor SQLite: a driver calls it and does with the
//! delivery what the [`Verdict`] says.
//!
//! Deliveries may be duplicated, late or concurrent. That is harmless, because a step gives the
//! same result each time, and every write to its row is one update on the condition that the row
//! has not changed meanwhile.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::change::{self, Kind};
use entity::image;
use entity::step::{Attempt, Column, Entity, History, StepKind, StepState};
use futures::FutureExt as _;
use platform::database::{begin_write, retry_conflicts};
use platform::objects::ObjectKey;
use platform::telemetry::metrics;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, QueryFilter as _, UpdateMany,
};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, error, error_span, info, warn};
use uuid::Uuid;

use crate::pipeline::context::Context;
use crate::pipeline::lifecycle::{is_gone, remove_copy};
use crate::pipeline::outcomes::{StepError, Verdict};
use crate::pipeline::panics::{Panicked, panic_text};
use crate::pipeline::provider_budget::Pause;
use crate::pipeline::step_body::{self, StepOutput, Written};

/// A request to do a step of an image.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    pub image_id: Uuid,
    pub step: StepKind,
    /// How often it was delivered, this time included.
    pub receive_count: i32,
}

/// Does what the delivery asks for.
///
/// # Errors
/// Only if the outcome could not be written down. Deliver it again then.
pub async fn run_step(ctx: &Context, delivery: Delivery) -> Result<Verdict, DbErr> {
    if let Some(pause) = pause(ctx, delivery.step).await? {
        return Ok(Verdict::Postpone(pause.wait()));
    }
    let span = error_span!(
        "step",
        otel.name = %delivery.step,
        step = %delivery.step,
        image_id = %delivery.image_id,
        attempt = Empty,
        outcome = Empty,
    );
    attempt(ctx, delivery).instrument(span).await
}

async fn attempt(ctx: &Context, delivery: Delivery) -> Result<Verdict, DbErr> {
    let Some(attempt) = RunningAttempt::begin(ctx, delivery).await? else {
        Span::current().record("outcome", "nothing owed");
        return Ok(Verdict::Acknowledge);
    };
    Span::current().record("attempt", attempt.number);
    if delivery.receive_count > ctx.options.max_attempts {
        let reason = "given up: each attempt ended without an outcome; the worker may have run out \
                      of memory or been stopped";
        return attempt.give_up(ctx, StepState::Failed, reason).await;
    }
    let work = step_body::run(delivery.step, ctx, &attempt.image);
    let result = match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(Panicked(panic_text(panic.as_ref())).into()),
    };
    let verdict = match result {
        Ok(output) => attempt.succeed(ctx, output).await?,
        Err(StepError::Blocked(reason)) => {
            attempt.give_up(ctx, StepState::Blocked, &reason).await?
        }
        Err(StepError::Permanent(reason)) => {
            attempt.give_up(ctx, StepState::Failed, &reason).await?
        }
        Err(StepError::Paused(pause)) => attempt.postpone(ctx, &pause).await?,
        Err(StepError::UnusableAnswer(reason)) => {
            let attempt = RunningAttempt {
                unusable_answer: true,
                ..attempt
            };
            let before = attempt.had(|earlier| earlier.unusable_answer);
            attempt.repeat_once(ctx, delivery, before, &reason).await?
        }
        Err(StepError::Crashed(reason)) => {
            let attempt = RunningAttempt {
                crashed: true,
                ..attempt
            };
            let before = attempt.had(|earlier| earlier.crashed);
            attempt.repeat_once(ctx, delivery, before, &reason).await?
        }
        Err(StepError::Transient { reason, .. })
            if delivery.receive_count >= ctx.options.max_attempts =>
        {
            attempt.give_up(ctx, StepState::Failed, &reason).await?
        }
        Err(StepError::Transient {
            reason,
            retry_after,
        }) => {
            let wait = ctx.options.wait_after(delivery.receive_count);
            let wait = retry_after.map_or(wait, |asked| asked.max(wait));
            attempt.hand_back(ctx, &reason, wait).await?
        }
    };
    remove_if_deleted(ctx, delivery.image_id).await?;
    Ok(verdict)
}

/// Why this step has to wait, for all images. Checked before anything is written, so that thousands
/// of waiting images cost next to nothing.
async fn pause(ctx: &Context, step: StepKind) -> Result<Option<Pause>, DbErr> {
    match &ctx.provider_budget {
        Some(provider_budget) if step.asks_provider() => provider_budget.wait().await,
        _ => Ok(None),
    }
}

/// An attempt whose row says that it is running.
#[derive(Clone)]
struct RunningAttempt {
    image: image::Model,
    step: StepKind,
    /// Identifies this round of attempts. A person may start the next one meanwhile.
    queued_at: DateTime<Utc>,
    number: i32,
    started_at: DateTime<Utc>,
    history: History,
    unusable_answer: bool,
    crashed: bool,
}

impl RunningAttempt {
    /// Marks the step as running. None if it is not pending.
    async fn begin(ctx: &Context, delivery: Delivery) -> Result<Option<Self>, DbErr> {
        retry_conflicts(|| Self::begin_once(ctx, delivery)).await
    }

    async fn begin_once(ctx: &Context, delivery: Delivery) -> Result<Option<Self>, DbErr> {
        let Delivery { image_id, step, .. } = delivery;
        let tx = begin_write(&ctx.db).await?;
        let row = Entity::find_by_id((image_id, step)).one(&tx).await?;
        let image = image::Entity::find_by_id(image_id).one(&tx).await?;
        let (Some(row), Some(image)) = (row, image) else {
            return Ok(None);
        };
        if !row.state.is_pending() || image.deleted_at.is_some() {
            return Ok(None);
        }
        let mut history = row.history.unwrap_or_default();
        close_lost(&mut history);
        let begun = Self {
            image,
            step,
            queued_at: row.queued_at,
            number: row.attempts + 1,
            started_at: entity::now(),
            history,
            unusable_answer: false,
            crashed: false,
        };
        let mut open = begun.history.clone();
        open.push(begun.entry(None, StepState::Running, None));
        begun
            .this_round()
            .col_expr(Column::State, Expr::value(StepState::Running))
            .col_expr(Column::Attempts, Expr::value(begun.number))
            .col_expr(Column::StartedAt, Expr::value(begun.started_at))
            .col_expr(Column::History, Expr::value(open))
            .exec(&tx)
            .await?;
        change::record(&tx, image_id, Kind::Image).await?;
        tx.commit().await?;
        Ok(Some(begun))
    }

    async fn succeed(&self, ctx: &Context, output: StepOutput) -> Result<Verdict, DbErr> {
        let own_copy = output.copy();
        // What was made, and perhaps paid for, is not thrown away because of a deadlock.
        let replaced_copy = match retry_conflicts(|| self.write(ctx, output.clone())).await? {
            Written::Done { replaced_copy } => {
                self.ended("done");
                info!(millis = self.millis(), "done");
                replaced_copy
            }
            // The round that made it outdated makes a copy of its own.
            Written::Outdated => {
                self.ended("superseded");
                own_copy.map(Some)
            }
        };
        if let Some(copy) = replaced_copy {
            self.remove_copy(ctx, copy).await;
        }
        if let Some(copy) = own_copy
            && is_gone(&ctx.db, self.image.id).await?
        {
            self.remove_copy(ctx, Some(copy)).await;
        }
        Ok(Verdict::Acknowledge)
    }

    async fn write(&self, ctx: &Context, output: StepOutput) -> Result<Written, DbErr> {
        let tx = begin_write(&ctx.db).await?;
        // A late success still counts for a step that was given up; a blocked one stays blocked.
        let open = Column::State.is_not_in([StepState::Done, StepState::Blocked]);
        let written = if self.settle(&tx, open, StepState::Done, None).await? {
            output.write(ctx, &tx, self.image.id).await?
        } else {
            Written::Outdated
        };
        match written {
            Written::Done { .. } => {
                change::record(&tx, self.image.id, Kind::Image).await?;
                tx.commit().await?;
            }
            Written::Outdated => tx.rollback().await?,
        }
        Ok(written)
    }

    /// A copy that stays behind takes space, and nothing leads to it.
    async fn remove_copy(&self, ctx: &Context, copy: Option<Uuid>) {
        let id = self.image.id;
        if let Err(error) = remove_copy(ctx.store.as_ref(), id, copy).await {
            warn!(image = %id, %error, "a copy that is no longer needed could not be removed");
        }
    }

    async fn give_up(
        &self,
        ctx: &Context,
        state: StepState,
        reason: &str,
    ) -> Result<Verdict, DbErr> {
        retry_conflicts(|| self.end(ctx, state, reason)).await?;
        self.ended(state.as_str());
        error!(%reason, "{}", state.as_str());
        Ok(Verdict::Acknowledge)
    }

    async fn hand_back(
        &self,
        ctx: &Context,
        reason: &str,
        wait: Duration,
    ) -> Result<Verdict, DbErr> {
        retry_conflicts(|| self.end(ctx, StepState::Queued, reason)).await?;
        self.ended("retried");
        warn!(%reason, wait_seconds = wait.as_secs_f32(), "will be tried again");
        Ok(Verdict::Retry(wait))
    }

    async fn end(&self, ctx: &Context, state: StepState, reason: &str) -> Result<(), DbErr> {
        let tx = begin_write(&ctx.db).await?;
        if self
            .settle(&tx, self.is_ours(), state, Some(reason))
            .await?
        {
            change::record(&tx, self.image.id, Kind::Image).await?;
        }
        tx.commit().await
    }

    /// Undoes the attempt: the provider accepted no request, so nothing was tried.
    async fn postpone(&self, ctx: &Context, pause: &Pause) -> Result<Verdict, DbErr> {
        retry_conflicts(|| self.undo(ctx, pause)).await?;
        self.ended("postponed");
        info!(%pause, "postponed");
        Ok(Verdict::Postpone(pause.wait()))
    }

    async fn undo(&self, ctx: &Context, pause: &Pause) -> Result<(), DbErr> {
        let tx = begin_write(&ctx.db).await?;
        let undone = self
            .this_round()
            .filter(self.is_ours())
            .col_expr(Column::State, Expr::value(StepState::Queued))
            .col_expr(Column::Attempts, Expr::value(self.number - 1))
            .col_expr(Column::Error, Expr::value(pause.to_string()))
            .col_expr(Column::History, Expr::value(self.history.clone()))
            .exec(&tx)
            .await?;
        if undone.rows_affected == 1 {
            change::record(&tx, self.image.id, Kind::Image).await?;
        }
        tx.commit().await
    }

    /// The one conditional update that ends the attempt. False if another one was faster.
    async fn settle(
        &self,
        tx: &DatabaseTransaction,
        only_if: Expr,
        state: StepState,
        error: Option<&str>,
    ) -> Result<bool, DbErr> {
        let now = entity::now();
        let mut history = self.history.clone();
        history.push(self.entry(Some(now), state, error));
        let finished_at = (!state.is_pending()).then_some(now);
        let updated = self
            .this_round()
            .filter(only_if)
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::Error, Expr::value(error.map(str::to_owned)))
            .col_expr(Column::FinishedAt, Expr::value(finished_at))
            .col_expr(Column::History, Expr::value(history))
            .exec(tx)
            .await?;
        Ok(updated.rows_affected == 1)
    }

    fn this_round(&self) -> UpdateMany<Entity> {
        Entity::update_many()
            .filter(Column::ImageId.eq(self.image.id))
            .filter(Column::Name.eq(self.step))
            .filter(Column::QueuedAt.eq(self.queued_at))
    }

    fn is_ours(&self) -> Expr {
        Column::State
            .eq(StepState::Running)
            .and(Column::Attempts.eq(self.number))
    }

    fn entry(
        &self,
        finished_at: Option<DateTime<Utc>>,
        state: StepState,
        error: Option<&str>,
    ) -> Attempt {
        Attempt {
            attempt: self.number,
            started_at: self.started_at,
            finished_at,
            state,
            error: error.map(str::to_owned),
            unusable_answer: self.unusable_answer,
            crashed: self.crashed,
        }
    }

    /// Whether this holds of an earlier attempt of this round.
    fn had(&self, what: impl Fn(&Attempt) -> bool) -> bool {
        let mut round = self.history.0.iter();
        round.any(|attempt| attempt.started_at >= self.queued_at && what(attempt))
    }

    /// Fails if the same happened `before`, or this was the last attempt anyway.
    async fn repeat_once(
        &self,
        ctx: &Context,
        delivery: Delivery,
        before: bool,
        reason: &str,
    ) -> Result<Verdict, DbErr> {
        if before || delivery.receive_count >= ctx.options.max_attempts {
            return self.give_up(ctx, StepState::Failed, reason).await;
        }
        let wait = ctx.options.wait_after(delivery.receive_count);
        self.hand_back(ctx, reason, wait).await
    }

    /// Reports the outcome to traces and metrics.
    fn ended(&self, outcome: &'static str) {
        Span::current().record("outcome", outcome);
        let took = (Utc::now() - self.started_at).to_std().unwrap_or_default();
        metrics::step(self.step.as_str(), outcome, took);
    }

    fn millis(&self) -> i64 {
        (Utc::now() - self.started_at).num_milliseconds()
    }
}

/// If the image was deleted meanwhile, its rendition may have been stored after the deletion
/// removed the objects, and has to go as well. That the attempt could be settled proves nothing:
/// rows are the last thing that a deletion removes.
async fn remove_if_deleted(ctx: &Context, id: Uuid) -> Result<(), DbErr> {
    if !is_gone(&ctx.db, id).await? {
        return Ok(());
    }
    if let Err(error) = ctx.store.delete(&ObjectKey::thumbnail(id)).await {
        warn!(image = %id, %error, "a rendition of a deleted image could not be removed");
    }
    Ok(())
}

/// If the last attempt on record never ended, its worker died.
fn close_lost(history: &mut History) {
    if let Some(last) = history.0.last_mut()
        && last.state == StepState::Running
    {
        last.state = StepState::Queued;
        last.error = Some("the worker stopped before it finished".to_owned());
    }
}
