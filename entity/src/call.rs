//! Every request to a captioning provider: the ledger that limits, costs and figures are counted
//! from. A row outlives its image, because what was paid stays paid.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, QueryOrder, QuerySelect};

/// One row of `provider_call`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_call")]
pub struct Model {
    /// A version 7 UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// When it was about to be sent.
    pub at: DateTime<Utc>,
    /// The image it was about.
    pub image_id: Uuid,
    /// The captioner that asked.
    pub provider: String,
    /// The model it asked.
    pub model: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Tokens sent, if the provider counts them.
    pub tokens_in: Option<i32>,
    /// Tokens that came back, thoughts included.
    pub tokens_out: Option<i32>,
    /// What it cost, in millionths of the currency that prices are set in.
    pub cost_micros: Option<i64>,
    /// How long the provider took, in milliseconds.
    pub duration_ms: Option<i32>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Outcome {
    /// It is not back yet, or whoever sent it died.
    #[sea_orm(string_value = "open")]
    Open,
    /// A caption.
    #[sea_orm(string_value = "caption")]
    Caption,
    /// The provider refused the picture.
    #[sea_orm(string_value = "blocked")]
    Blocked,
    /// An answer of no use, or an error.
    #[sea_orm(string_value = "failed")]
    Failed,
    /// The provider did not take it: busy, not reachable, or the key is rejected.
    #[sea_orm(string_value = "turned_away")]
    TurnedAway,
}

impl Outcome {
    /// The word that the database keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Caption => "caption",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::TurnedAway => "turned_away",
        }
    }
}

/// A request stands on its own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The request that is the `number`th newest, from 1.
pub fn newest_but(number: u64) -> Select<Entity> {
    Entity::find()
        .order_by_desc(Column::At)
        .limit(1)
        .offset(number.saturating_sub(1))
}

/// The requests since `instant` that a provider took.
pub fn taken_since(instant: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::At.gte(instant))
        .filter(Column::Outcome.ne(Outcome::TurnedAway))
}

/// The latest requests to this model that brought a caption.
pub fn captions_by(provider: &str, model: Option<&str>, limit: u64) -> Select<Entity> {
    let model = match model {
        Some(model) => Column::Model.eq(model),
        None => Column::Model.is_null(),
    };
    Entity::find()
        .filter(Column::Provider.eq(provider))
        .filter(model)
        .filter(Column::Outcome.eq(Outcome::Caption))
        .order_by_desc(Column::At)
        .limit(limit)
}

/// When a day begins, in UTC.
pub fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// What the requests of a day came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Requests that were sent.
    pub requests: i64,
    /// Captions that came of them.
    pub captions: i64,
    /// Pictures that the provider refused.
    pub blocked: i64,
    /// Answers of no use, and errors.
    pub failed: i64,
    /// Requests that the provider did not take.
    pub turned_away: i64,
    /// Tokens sent.
    pub tokens_in: i64,
    /// Tokens that came back.
    pub tokens_out: i64,
    /// What that cost, in millionths; none if no request has a price.
    pub cost_micros: Option<i64>,
    /// How long all of them took together, in milliseconds.
    pub duration_ms: i64,
}

#[derive(FromQueryResult)]
struct Group {
    outcome: Outcome,
    requests: i64,
    tokens_in: Option<i64>,
    tokens_out: Option<i64>,
    cost_micros: Option<i64>,
    duration_ms: Option<i64>,
}

impl Sum {
    /// What the requests of one day (UTC) came to.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn of<C: ConnectionTrait>(db: &C, day: NaiveDate) -> Result<Self, DbErr> {
        let begin = midnight(day);
        // Each database has a type of its own for sums.
        let number = match db.get_database_backend() {
            DbBackend::MySql => "signed",
            _ => "bigint",
        };
        let total = |column: Column| Expr::col(column).sum().cast_as(number);
        let groups = Entity::find()
            .select_only()
            .column(Column::Outcome)
            .column_as(Column::Id.count(), "requests")
            .column_as(total(Column::TokensIn), "tokens_in")
            .column_as(total(Column::TokensOut), "tokens_out")
            .column_as(total(Column::CostMicros), "cost_micros")
            .column_as(total(Column::DurationMs), "duration_ms")
            .filter(Column::At.gte(begin))
            .filter(Column::At.lt(begin + chrono::TimeDelta::days(1)))
            .group_by(Column::Outcome)
            .into_model::<Group>()
            .all(db)
            .await?;
        let mut sum = Self::default();
        for group in groups {
            sum.add(&group);
        }
        Ok(sum)
    }

    fn add(&mut self, group: &Group) {
        self.requests += group.requests;
        match group.outcome {
            Outcome::Caption => self.captions += group.requests,
            Outcome::Blocked => self.blocked += group.requests,
            Outcome::Failed => self.failed += group.requests,
            Outcome::TurnedAway => self.turned_away += group.requests,
            Outcome::Open => {}
        }
        self.tokens_in += group.tokens_in.unwrap_or_default();
        self.tokens_out += group.tokens_out.unwrap_or_default();
        self.duration_ms += group.duration_ms.unwrap_or_default();
        if let Some(cost) = group.cost_micros {
            *self.cost_micros.get_or_insert(0) += cost;
        }
    }
}
