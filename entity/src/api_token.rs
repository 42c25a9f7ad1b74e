//! Tokens with which programs use the API. The row holds only a hash of the secret, so a copy of
//! the database lets nobody in. A plain SHA-256 is enough: the secret is 256 random bits, which
//! nobody can guess, unlike a password.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder};

/// One row of `api_token`. Rows are never deleted and names never used twice, so that
/// `image.uploaded_by` always leads to the token that was used.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_token")]
pub struct Model {
    /// A version 7 UUID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Unique; 64 characters at most.
    pub name: String,
    /// What the token permits.
    pub scope: Scope,
    /// SHA-256 of the whole token, in lower-case hexadecimal; unique.
    pub hash: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The person who made it, 80 characters at most.
    pub created_by: String,
    /// To the minute; none if it was never used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// None if it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
    /// None unless it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a token permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Scope {
    /// Sees all that an admin sees, and changes nothing.
    #[sea_orm(string_value = "read")]
    Read,
    /// Uploads, and sees its own uploads and what visitors see.
    #[sea_orm(string_value = "upload")]
    Upload,
    /// Does all that an admin does, except for managing tokens.
    #[sea_orm(string_value = "manage")]
    Manage,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Read, Self::Upload, Self::Manage];

    /// The name in commands, forms and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Upload => "upload",
            Self::Manage => "manage",
        }
    }

    /// The scope with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// An API token stands on its own.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Whether the token is neither revoked nor expired.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }
}

fn is_live(now: DateTime<Utc>) -> Condition {
    Condition::all().add(Column::RevokedAt.is_null()).add(
        Condition::any()
            .add(Column::ExpiresAt.is_null())
            .add(Column::ExpiresAt.gt(now)),
    )
}

/// The live token with this hash.
pub fn live_by_hash(hash: &str, now: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::Hash.eq(hash))
        .filter(is_live(now))
}

/// The token with this id, if it is live.
pub fn live(id: Uuid, now: DateTime<Utc>) -> Select<Entity> {
    Entity::find_by_id(id).filter(is_live(now))
}

/// All tokens, newest first.
pub fn newest() -> Select<Entity> {
    Entity::find()
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
}
