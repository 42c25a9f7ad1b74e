//! The ledger of requests to captioning providers, from which limits, costs and statistics are
//! counted. A row outlives its image, because the request stays paid.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, QueryOrder, QuerySelect};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_call")]
pub struct Model {
    /// A version 7 UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Just before it was sent.
    pub at: DateTime<Utc>,
    pub image_id: Uuid,
    /// The captioner: `gemini` or `openai`.
    pub provider: String,
    pub model: Option<String>,
    pub outcome: Outcome,
    /// Tokens sent, if the provider counts them.
    pub tokens_in: Option<i32>,
    /// Tokens received, reasoning included.
    pub tokens_out: Option<i32>,
    /// In millionths of the currency that prices are set in.
    pub cost_micros: Option<i64>,
    /// Time until the provider's answer, in milliseconds.
    pub duration_ms: Option<i32>,
    /// What was sent: a small copy of the `anonymised` or the `original` picture. None in rows from
    /// before this was kept.
    pub rendition: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Outcome {
    /// There is no answer yet, or the worker that sent it died.
    #[sea_orm(string_value = "open")]
    Open,
    #[sea_orm(string_value = "caption")]
    Caption,
    /// The provider refused the picture.
    #[sea_orm(string_value = "blocked")]
    Blocked,
    /// An unusable answer, or an error.
    #[sea_orm(string_value = "failed")]
    Failed,
    /// The provider did not accept it: it is busy or unreachable, or rejects the key.
    #[sea_orm(string_value = "turned_away")]
    TurnedAway,
}

impl Outcome {
    /// The value in the column.
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

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The `number`th newest request, counted from 1.
pub fn newest_but(number: u64) -> Select<Entity> {
    Entity::find()
        .order_by_desc(Column::At)
        .limit(1)
        .offset(number.saturating_sub(1))
}

/// The requests since `instant` that a provider accepted.
pub fn taken_since(instant: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::At.gte(instant))
        .filter(Column::Outcome.ne(Outcome::TurnedAway))
}

/// The latest requests to this model with a caption as the answer.
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

/// The beginning of a day, in UTC.
pub fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// The sums over the requests of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub requests: i64,
    pub captions: i64,
    pub blocked: i64,
    pub failed: i64,
    pub turned_away: i64,
    pub tokens_in: i64,
    pub tokens_out: i64,
    /// In millionths of the currency; none if no request has a price.
    pub cost_micros: Option<i64>,
    /// In milliseconds.
    pub duration_ms: i64,
}

#[derive(FromQueryResult)]
struct Group {
    day: String,
    outcome: Outcome,
    requests: i64,
    tokens_in: Option<i64>,
    tokens_out: Option<i64>,
    cost_micros: Option<i64>,
    duration_ms: Option<i64>,
}

impl Sum {
    /// The sums of the days from `first` to `last` (UTC) that have requests.
    pub async fn by_day<C: ConnectionTrait>(
        db: &C,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<BTreeMap<NaiveDate, Self>, DbErr> {
        let backend = db.get_database_backend();
        // Each database has a type of its own for sums.
        let number = match backend {
            DbBackend::MySql => "signed",
            _ => "bigint",
        };
        let day = Expr::cust(match backend {
            // SQLite keeps instants as text, in UTC.
            DbBackend::Sqlite => r#"substr("at", 1, 10)"#,
            DbBackend::Postgres => r#"to_char("at" AT TIME ZONE 'UTC', 'YYYY-MM-DD')"#,
            _ => "date_format(`at`, '%Y-%m-%d')",
        });
        let total = |column: Column| Expr::col(column).sum().cast_as(number);
        let groups = Entity::find()
            .select_only()
            .column_as(day.clone(), "day")
            .column(Column::Outcome)
            .column_as(Column::Id.count(), "requests")
            .column_as(total(Column::TokensIn), "tokens_in")
            .column_as(total(Column::TokensOut), "tokens_out")
            .column_as(total(Column::CostMicros), "cost_micros")
            .column_as(total(Column::DurationMs), "duration_ms")
            .filter(Column::At.gte(midnight(first)))
            .filter(Column::At.lt(midnight(last) + TimeDelta::days(1)))
            .group_by(day)
            .group_by(Column::Outcome)
            .into_model::<Group>()
            .all(db)
            .await?;
        let mut days: BTreeMap<NaiveDate, Self> = BTreeMap::new();
        for group in groups {
            let day = group.day.parse().map_err(|_| {
                DbErr::Type(format!("a day of provider_call reads {:?}", group.day))
            })?;
            days.entry(day).or_default().add(&group);
        }
        Ok(days)
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
