//! Leases: a row for each kind of work that only one process should do. Whoever writes its id and a
//! time into the row holds the lease until then, unless it extends it before. If it dies, the lease
//! runs out by itself.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{Condition, UpdateMany};

/// The work of putting right what was left half done.
pub const SWEEP: &str = "sweep";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lease")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// None before the first one.
    pub holder: Option<Uuid>,
    pub until: Option<DateTime<Utc>>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Takes or extends a lease for `holder`. It changes one row if nobody else holds the lease.
pub fn take(name: &str, holder: Uuid, now: DateTime<Utc>, time: Duration) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Name.eq(name))
        .filter(free_for(holder, now))
        .col_expr(Column::Holder, Expr::value(holder))
        .col_expr(Column::Until, Expr::value(now + time))
}

/// Gives a lease back, if `holder` has it.
pub fn give_back(name: &str, holder: Uuid, now: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Name.eq(name))
        .filter(Column::Holder.eq(holder))
        .col_expr(Column::Until, Expr::value(now))
}

/// The lease, if `holder` may take or extend it.
pub fn available(name: &str, holder: Uuid, now: DateTime<Utc>) -> Select<Entity> {
    Entity::find_by_id(name.to_owned()).filter(free_for(holder, now))
}

fn free_for(holder: Uuid, now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(Column::Holder.eq(holder))
        .add(Column::Until.is_null())
        .add(Column::Until.lte(now))
}
