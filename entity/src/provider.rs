//! How we stand with each captioning provider: whether it wants to be left alone, and until when.
//! All workers read it, so that one of them running into a wall is enough.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row of `provider`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider")]
pub struct Model {
    /// A hash of address, model and key: another key is another account, and begins afresh.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: String,
    /// Why it is to be left alone; none if it is not.
    pub cause: Option<Cause>,
    /// What the provider said.
    #[sea_orm(column_type = "Text", nullable)]
    pub detail: Option<String>,
    /// When it turned us away last.
    pub since: Option<DateTime<Utc>>,
    /// When it may be asked again.
    pub until: Option<DateTime<Utc>>,
    /// How often in a row it turned us away.
    pub strikes: i32,
}

/// Why a provider is to be left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Cause {
    /// It has too much to do, or we ask too often.
    #[sea_orm(string_value = "busy")]
    Busy,
    /// Nobody answers at its address.
    #[sea_orm(string_value = "unreachable")]
    Unreachable,
    /// It knows the key or the model not.
    #[sea_orm(string_value = "rejected")]
    Rejected,
}

/// An account stands on its own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
