//! Pages of a list: how many items, from which cursor on.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::cursor::Cursor;
use crate::problem::Problem;

/// Items of a page if nobody says how many.
const DEFAULT_LIMIT: u64 = 50;
/// Items of a page at most.
const MAX_LIMIT: u64 = 200;

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Which page somebody wants.
#[derive(Debug)]
pub struct Paging {
    /// Items at most.
    pub limit: u64,
    /// Where the page begins: a cursor of the list in question.
    pub(crate) after: Option<Cursor>,
}

#[derive(Deserialize)]
struct Raw {
    limit: Option<u64>,
    after: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Query(raw) =
            axum::extract::Query::<Raw>::from_request_parts(parts, state)
                .await
                .map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        let limit = raw.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::bad_request(format!(
                "limit={limit} is not between 1 and {MAX_LIMIT}"
            )));
        }
        let after = raw.after.filter(|after| !after.is_empty());
        Ok(Self {
            limit,
            after: after.as_deref().map(Cursor::decode).transpose()?,
        })
    }
}

/// Splits what was found with one item more than asked for into the page and whether another
/// one follows.
pub(crate) fn cut<T>(mut found: Vec<T>, limit: u64) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    (found, more)
}
