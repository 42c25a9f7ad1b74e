//! The limits on requests to a captioning provider: requests a day, a minute and at once, counted in
//! the database for all workers together, and a pause for all when the provider turns requests away.
//!
//! Every request is written into the ledger before it is sent and settled afterwards. One that is
//! never settled, because its worker died, counts as well; it occupies the provider until
//! [`OPEN`] after its worker showed a sign of life last.

mod open_requests;
mod pause;
mod price;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::call::{self, Outcome};
use entity::provider;
use platform::database::{begin_write, retry_conflicts};
use platform::settings::{CaptionLimits, CaptionPrice, CaptionSource};
use platform::telemetry::metrics::{self, CaptionRequest};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QuerySelect as _, SqlErr,
};
use tracing::{info, warn};
use uuid::Uuid;

use crate::steps::annotate::{Account, AnswerFormat, Answered, CaptionError, Cause};

pub use open_requests::{OPEN, release_all};
pub use pause::{Pause, Why};
pub use price::money;

/// The window of the limit on requests a minute.
pub const MINUTE: Duration = Duration::from_secs(60);

/// The limits on one account with a provider, shared by all workers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ProviderBudget {
    db: DatabaseConnection,
    account: Account,
    limits: CaptionLimits,
    /// Requests that are answered at once.
    at_once: u32,
    price: Option<CaptionPrice>,
    window: Duration,
    /// What the requests show.
    source: CaptionSource,
}

/// A request that may be sent, and counts already.
#[derive(Debug)]
pub struct Reservation {
    id: Uuid,
    at: DateTime<Utc>,
    /// The response format that worked last, for whichever process.
    pub format: Option<AnswerFormat>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCost {
    /// None if the provider does not count them.
    pub tokens_in: Option<i32>,
    pub tokens_out: Option<i32>,
    /// In millionths of the currency; none if no price is set.
    pub cost_micros: Option<i64>,
    /// Time until the provider's answer, in milliseconds.
    pub duration_ms: Option<i32>,
}

impl ProviderBudget {
    pub fn new(
        db: DatabaseConnection,
        account: Account,
        limits: CaptionLimits,
        at_once: u32,
        price: Option<CaptionPrice>,
    ) -> Self {
        Self {
            db,
            account,
            limits,
            at_once,
            price,
            window: MINUTE,
            source: CaptionSource::Anonymised,
        }
    }

    /// The same for requests that show this copy of a picture.
    #[must_use]
    pub fn sending(self, source: CaptionSource) -> Self {
        Self { source, ..self }
    }

    /// The same with another window than [`MINUTE`], for tests.
    #[must_use]
    pub fn with_window(self, window: Duration) -> Self {
        Self { window, ..self }
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    pub fn limits(&self) -> CaptionLimits {
        self.limits
    }

    /// Requests that are answered at once.
    pub fn at_once(&self) -> u32 {
        self.at_once
    }

    pub fn price(&self) -> Option<&CaptionPrice> {
        self.price.as_ref()
    }

    /// Why no request may be sent at the moment; none if one may.
    pub async fn pause(&self) -> Result<Option<Pause>, DbErr> {
        let standing = self.standing(&self.db).await?;
        self.pause_at(&self.db, standing, entity::now()).await
    }

    /// Why a request has to wait: captions are paused, or the provider works on as many requests as
    /// it should.
    pub async fn wait(&self) -> Result<Option<Pause>, DbErr> {
        let standing = self.standing(&self.db).await?;
        self.wait_at(&self.db, standing, entity::now()).await
    }

    async fn wait_at<C: ConnectionTrait>(
        &self,
        db: &C,
        standing: Option<provider::Model>,
        now: DateTime<Utc>,
    ) -> Result<Option<Pause>, DbErr> {
        match self.pause_at(db, standing, now).await? {
            Some(pause) => Ok(Some(pause)),
            None => self.pause_if_full(db, now).await,
        }
    }

    /// Writes a request into the ledger that is about to be sent, or says why it must not be sent.
    pub async fn reserve(&self, image_id: Uuid) -> Result<Result<Reservation, Pause>, DbErr> {
        self.ensure_account().await?;
        retry_conflicts(|| self.reserve_once(image_id)).await
    }

    async fn reserve_once(&self, image_id: Uuid) -> Result<Result<Reservation, Pause>, DbErr> {
        let tx = begin_write(&self.db).await?;
        // The lock on this row makes counting and inserting atomic.
        let standing = provider::Entity::find_by_id(self.account.id.clone())
            .lock_exclusive()
            .one(&tx)
            .await?;
        let now = entity::now();
        let format = standing
            .as_ref()
            .and_then(|standing| AnswerFormat::named(standing.answer_format.as_deref()?));
        if let Some(pause) = self.wait_at(&tx, standing, now).await? {
            return Ok(Err(pause));
        }
        let id = Uuid::now_v7();
        let row = call::ActiveModel {
            id: Set(id),
            at: Set(now),
            image_id: Set(image_id),
            account: Set(Some(self.account.id.clone())),
            open_until: Set(Some(now + OPEN)),
            provider: Set(self.account.provider.to_owned()),
            model: Set(Some(self.account.model.clone())),
            outcome: Set(Outcome::Open),
            rendition: Set(Some(self.source.as_str().to_owned())),
            ..Default::default()
        };
        call::Entity::insert(row)
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
        Ok(Ok(Reservation {
            id,
            at: now,
            format,
        }))
    }

    /// Writes the outcome of a request into the ledger. If the provider turned it away, the account
    /// is paused, and the pause is returned.
    pub async fn settle(
        &self,
        reservation: Reservation,
        answered: &Answered,
        took: Duration,
    ) -> Result<(RequestCost, Option<Pause>), DbErr> {
        let cost = self.cost(answered, took);
        self.count(answered, &cost, took);
        let pause = retry_conflicts(|| self.settle_once(&reservation, answered, &cost)).await?;
        Ok((cost, pause))
    }

    async fn settle_once(
        &self,
        reservation: &Reservation,
        answered: &Answered,
        cost: &RequestCost,
    ) -> Result<Option<Pause>, DbErr> {
        let tx = begin_write(&self.db).await?;
        call::Entity::update_many()
            .filter(call::Column::Id.eq(reservation.id))
            .col_expr(call::Column::Outcome, Expr::value(outcome(answered)))
            .col_expr(call::Column::OpenUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(call::Column::TokensIn, Expr::value(cost.tokens_in))
            .col_expr(call::Column::TokensOut, Expr::value(cost.tokens_out))
            .col_expr(call::Column::CostMicros, Expr::value(cost.cost_micros))
            .col_expr(call::Column::DurationMs, Expr::value(cost.duration_ms))
            .exec(&tx)
            .await?;
        if let Some(format) = answered.format
            && reservation.format != Some(format)
        {
            self.remember(&tx, format).await?;
        }
        let pause = match &answered.result {
            Err(CaptionError::TurnedAway {
                cause,
                reason,
                retry_after,
            }) => Some(self.turned_away(&tx, *cause, reason, *retry_after).await?),
            Err(CaptionError::Transient { .. }) => None,
            Ok(_) | Err(_) => {
                self.taken(&tx, reservation.at).await?;
                None
            }
        };
        tx.commit().await?;
        Ok(pause)
    }

    /// Ends a pause that the provider caused. Limits stay.
    pub async fn resume(&self) -> Result<(), DbErr> {
        let tx = begin_write(&self.db).await?;
        self.taken(&tx, entity::now()).await?;
        tx.commit().await
    }

    async fn standing<C: ConnectionTrait>(&self, db: &C) -> Result<Option<provider::Model>, DbErr> {
        provider::Entity::find_by_id(self.account.id.clone())
            .one(db)
            .await
    }

    async fn pause_at<C: ConnectionTrait>(
        &self,
        db: &C,
        standing: Option<provider::Model>,
        now: DateTime<Utc>,
    ) -> Result<Option<Pause>, DbErr> {
        if let Some(pause) = standing.and_then(|standing| Pause::of(standing, now)) {
            return Ok(Some(pause));
        }
        if let Some(limit) = self.limits.per_day {
            let today = call::midnight(now.date_naive());
            let taken = call::taken_since(today).count(db).await?;
            if taken >= u64::from(limit) {
                return Ok(Some(Pause::budget(limit, today + TimeDelta::days(1))));
            }
        }
        if let Some(limit) = self.limits.per_minute {
            // Once this request leaves the window, another one may be sent.
            let oldest = call::newest_but(u64::from(limit)).one(db).await?;
            let free_at = oldest.map(|call| call.at + self.window);
            if let Some(until) = free_at.filter(|until| *until > now) {
                return Ok(Some(Pause::rate(limit, until)));
            }
        }
        Ok(None)
    }

    /// Creates the row to lock.
    async fn ensure_account(&self) -> Result<(), DbErr> {
        if self.standing(&self.db).await?.is_some() {
            return Ok(());
        }
        let row = provider::ActiveModel {
            account: Set(self.account.id.clone()),
            strikes: Set(0),
            ..Default::default()
        };
        let inserted = provider::Entity::insert(row)
            .exec_without_returning(&self.db)
            .await;
        match inserted {
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }

    async fn turned_away<C: ConnectionTrait>(
        &self,
        db: &C,
        cause: Cause,
        reason: &str,
        retry_after: Option<Duration>,
    ) -> Result<Pause, DbErr> {
        let now = entity::now();
        let before = self.standing(db).await?;
        let strikes = before.map_or(0, |standing| standing.strikes) + 1;
        let wait = retry_after.unwrap_or_else(|| pause::wait(column(cause), strikes));
        provider::Entity::update_many()
            .filter(provider::Column::Account.eq(self.account.id.clone()))
            .col_expr(provider::Column::Cause, Expr::value(column(cause)))
            .col_expr(provider::Column::Detail, Expr::value(reason))
            .col_expr(provider::Column::Since, Expr::value(now))
            .col_expr(provider::Column::Until, Expr::value(now + wait))
            .col_expr(
                provider::Column::Strikes,
                Expr::col(provider::Column::Strikes).add(1),
            )
            .exec(db)
            .await?;
        warn!(%reason, wait_seconds = wait.as_secs_f32(), "captions are paused");
        Ok(Pause::from_provider(
            column(cause),
            reason.to_owned(),
            now + wait,
        ))
    }

    /// The provider accepted a request that was sent at `sent`, which ends a pause from before.
    async fn taken<C: ConnectionTrait>(&self, db: &C, sent: DateTime<Utc>) -> Result<(), DbErr> {
        let ended = provider::Entity::update_many()
            .filter(provider::Column::Account.eq(self.account.id.clone()))
            .filter(provider::Column::Strikes.gt(0))
            .filter(
                Condition::any()
                    .add(provider::Column::Since.is_null())
                    .add(provider::Column::Since.lt(sent)),
            )
            .col_expr(
                provider::Column::Cause,
                Expr::value(None::<provider::Cause>),
            )
            .col_expr(provider::Column::Detail, Expr::value(None::<String>))
            .col_expr(provider::Column::Since, Expr::value(None::<DateTime<Utc>>))
            .col_expr(provider::Column::Until, Expr::value(None::<DateTime<Utc>>))
            .col_expr(provider::Column::Strikes, Expr::value(0))
            .exec(db)
            .await?;
        if ended.rows_affected > 0 {
            info!("captions are resumed");
        }
        Ok(())
    }

    fn count(&self, answered: &Answered, cost: &RequestCost, took: Duration) {
        let currency = self.price.as_ref().map(|price| price.currency.as_str());
        let request = CaptionRequest {
            provider: self.account.provider,
            model: &self.account.model,
            outcome: outcome(answered).as_str(),
            tokens_in: answered.usage.tokens_in.map(u64::from),
            tokens_out: answered.usage.tokens_out.map(u64::from),
            cost: cost.cost_micros.zip(currency),
        };
        metrics::caption(&request, took);
    }

    fn cost(&self, answered: &Answered, took: Duration) -> RequestCost {
        let count = |tokens: Option<u32>| tokens.and_then(|tokens| i32::try_from(tokens).ok());
        RequestCost {
            tokens_in: count(answered.usage.tokens_in),
            tokens_out: count(answered.usage.tokens_out),
            cost_micros: price::cost(self.price.as_ref(), answered.usage),
            duration_ms: i32::try_from(took.as_millis()).ok(),
        }
    }
}

fn column(cause: Cause) -> provider::Cause {
    match cause {
        Cause::Busy => provider::Cause::Busy,
        Cause::Unreachable => provider::Cause::Unreachable,
        Cause::Rejected => provider::Cause::Rejected,
    }
}

fn outcome(answered: &Answered) -> Outcome {
    match &answered.result {
        Ok(_) => Outcome::Caption,
        Err(CaptionError::Blocked(_)) => Outcome::Blocked,
        Err(CaptionError::TurnedAway { .. }) => Outcome::TurnedAway,
        Err(
            CaptionError::Transient { .. } | CaptionError::Unusable(_) | CaptionError::Permanent(_),
        ) => Outcome::Failed,
    }
}
