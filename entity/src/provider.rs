//! What is known of captioning providers: their pauses, and which response format they understand.
//! All workers read it, so that one request that was turned away stops the others.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider")]
pub struct Model {
    /// A hash of address, model and key: another key is another account, without a pause.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: String,
    /// Why it is paused; none if it is not.
    pub cause: Option<Cause>,
    /// The provider's answer.
    #[sea_orm(column_type = "Text", nullable)]
    pub detail: Option<String>,
    /// When it turned a request away last.
    pub since: Option<DateTime<Utc>>,
    /// When the next request may be sent.
    pub until: Option<DateTime<Utc>>,
    /// Requests turned away in a row.
    pub strikes: i32,
    /// The `response_format` that worked last: `schema`, `object` or `prompt`.
    pub answer_format: Option<String>,
}

/// Why a provider is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Cause {
    /// It is overloaded, or we send too many requests.
    #[sea_orm(string_value = "busy")]
    Busy,
    /// Nothing answers at its address.
    #[sea_orm(string_value = "unreachable")]
    Unreachable,
    /// It does not accept the key, or does not know the model.
    #[sea_orm(string_value = "rejected")]
    Rejected,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
