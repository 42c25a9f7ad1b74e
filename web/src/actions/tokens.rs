//! Making, listing and revoking tokens for programs.

use axum::http::StatusCode;
use chrono::TimeDelta;
use entity::api_token::{self, ActiveModel, Column, Entity, Model, Scope};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DbErr, EntityTrait as _, QueryFilter as _, SqlErr,
};
use uuid::Uuid;

use crate::access::tokens::new_token;
use crate::problem::Problem;

/// Characters of a name at most.
const NAME_LENGTH: usize = 64;

/// Days a token may last at most, if it expires at all.
const MAX_DAYS: u32 = 3650;

/// A token that is asked for.
#[derive(Debug)]
pub(crate) struct TokenRequest<'a> {
    pub(crate) name: &'a str,
    pub(crate) scope: Scope,
    /// Days until it expires; none for a token that does not.
    pub(crate) days: Option<u32>,
    pub(crate) created_by: &'a str,
}

/// Makes a token. The text returned is the whole token, which cannot be had a second time.
///
/// # Errors
/// 422 if the name or the number of days will not do, 409 if there is or was a token of that
/// name.
pub(crate) async fn add_token(
    db: &DatabaseConnection,
    wanted: &TokenRequest<'_>,
) -> Result<String, Problem> {
    let name = name(wanted.name)?;
    let now = entity::now();
    let expires_at = match wanted.days {
        None => None,
        Some(days @ 1..=MAX_DAYS) => Some(now + TimeDelta::days(days.into())),
        Some(days) => {
            return Err(unprocessable(format!(
                "a token lasts between 1 and {MAX_DAYS} days, not {days}"
            )));
        }
    };
    let token = new_token()?;
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        name: Set(name),
        scope: Set(wanted.scope),
        hash: Set(token.hash),
        created_at: Set(now),
        created_by: Set(wanted.created_by.to_owned()),
        last_used_at: Set(None),
        expires_at: Set(expires_at),
        revoked_at: Set(None),
    };
    match Entity::insert(row).exec_without_returning(db).await {
        Ok(_) => Ok(token.text),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Err(Problem::new(
                StatusCode::CONFLICT,
                "there is or was a token of this name; choose another, so that uploads can be told \
                 apart",
            ))
        }
        Err(error) => Err(error.into()),
    }
}

/// On one line, without control characters.
fn name(text: &str) -> Result<String, Problem> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let name = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    match name.chars().count() {
        1..=NAME_LENGTH => Ok(name),
        0 => Err(unprocessable(
            "a token has a name, which says what uses it; for example: website",
        )),
        count => Err(unprocessable(format!(
            "the name has {count} characters; {NAME_LENGTH} are the most"
        ))),
    }
}

fn unprocessable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// All tokens, newest first.
pub(crate) async fn list_tokens(db: &DatabaseConnection) -> Result<Vec<Model>, DbErr> {
    api_token::newest().all(db).await
}

/// Revokes the token with this id, at once and for good. One that is revoked already stays so.
///
/// # Errors
/// 404 if there is none.
pub(crate) async fn revoke_token(db: &DatabaseConnection, id: Uuid) -> Result<(), Problem> {
    let revoked = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(entity::now()))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    if revoked.rows_affected == 0 && Entity::find_by_id(id).one(db).await?.is_none() {
        return Err(Problem::not_found("token"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_line_of_bounded_length() {
        assert_eq!(name(" print\n\tshop\u{0} ").unwrap(), "print shop");
        assert_eq!(name(&"ü".repeat(64)).unwrap().chars().count(), 64);
        for bad in [String::new(), " \n".to_owned(), "x".repeat(65)] {
            let problem = name(&bad).unwrap_err();
            assert_eq!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY);
        }
    }
}
