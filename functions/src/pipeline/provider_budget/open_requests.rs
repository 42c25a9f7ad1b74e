//! Requests that a provider is answering. A process that awaits an answer says so every few seconds;
//! the place of a request whose process died is freed after [`OPEN`].

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::{call, provider};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _,
};
use tokio::time::sleep;
use tracing::warn;

use super::pause::Pause;
use super::{ProviderBudget, Reservation};
use crate::steps::annotate::AnswerFormat;

/// How long a request occupies the provider after the last sign of life of its worker.
pub const OPEN: Duration = Duration::from_secs(60);

/// How often a worker gives a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// When to look again for a free place.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl ProviderBudget {
    /// Keeps the place of a request whose answer is awaited, for as long as it is polled.
    pub async fn keep_open(&self, reservation: &Reservation) -> Infallible {
        loop {
            sleep(HEARTBEAT).await;
            let extended = call::Entity::update_many()
                .filter(call::Column::Id.eq(reservation.id))
                .col_expr(call::Column::OpenUntil, Expr::value(entity::now() + OPEN))
                .exec(&self.db)
                .await;
            if let Err(error) = extended {
                warn!(%error, "the place of a request could not be kept");
            }
        }
    }

    /// Why to wait, if the provider is answering as many requests as it should.
    pub(super) async fn pause_if_full<C: ConnectionTrait>(
        &self,
        db: &C,
        now: DateTime<Utc>,
    ) -> Result<Option<Pause>, DbErr> {
        let open = call::being_answered(&self.account.id, now)
            .count(db)
            .await?;
        let is_full = open >= u64::from(self.at_once);
        Ok(is_full.then(|| Pause::turn(self.at_once, now + LOOK_AGAIN)))
    }

    /// Remembers for all processes which response format worked.
    pub(super) async fn remember<C: ConnectionTrait>(
        &self,
        db: &C,
        format: AnswerFormat,
    ) -> Result<(), DbErr> {
        provider::Entity::update_many()
            .filter(provider::Column::Account.eq(self.account.id.clone()))
            .col_expr(provider::Column::AnswerFormat, Expr::value(format.as_str()))
            .exec(db)
            .await?;
        Ok(())
    }
}

/// Frees the places of all requests. Only for a process that knows that no other is alive.
pub async fn release_all(db: &DatabaseConnection) -> Result<(), DbErr> {
    call::Entity::update_many()
        .filter(call::Column::OpenUntil.is_not_null())
        .col_expr(call::Column::OpenUntil, Expr::value(None::<DateTime<Utc>>))
        .exec(db)
        .await?;
    Ok(())
}
