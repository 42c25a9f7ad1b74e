//! Pages of a list: how many items, and where to begin.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::cursor::Cursor;
use crate::extract::Query;
use crate::problem::Problem;

const DEFAULT_LIMIT: u64 = 50;
const MAX_LIMIT: u64 = 200;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The cursor of the next page: send it as `after`. Null on the last page.
    #[schema(required)]
    pub(crate) next: Option<String>,
}

impl<T: Serialize> Page<T> {
    /// The page as JSON, with a `Link` to the next one. `uri` is the address of this page.
    pub(crate) fn respond(self, uri: &Uri) -> Response {
        let link = self.next.as_deref().map(|next| link_to(uri, next));
        let mut response = Json(self).into_response();
        if let Some(link) = link.and_then(|link| link.parse().ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

/// The same address, beginning at another cursor.
fn link_to(uri: &Uri, after: &str) -> String {
    let given = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(given.filter(|(name, _)| name != "after"))
        .append_pair("after", after)
        .finish();
    format!("<{}?{query}>; rel=\"next\"", uri.path())
}

/// Which page a client wants.
#[derive(Debug)]
pub struct Paging {
    /// Items at most.
    pub limit: u64,
    /// Where the page begins: a cursor of the list in question.
    pub(crate) after: Option<Cursor>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PagingQuery {
    /// Items of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u64>,
    /// Where the page begins: `next` of the page before.
    after: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(query) = Query::<PagingQuery>::from_request_parts(parts, state).await?;
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::bad_request(format!(
                "limit={limit} is not between 1 and {MAX_LIMIT}"
            )));
        }
        let after = query.after.filter(|after| !after.is_empty());
        Ok(Self {
            limit,
            after: after.as_deref().map(Cursor::decode).transpose()?,
        })
    }
}

/// Takes rows that were queried with a limit of one more than a page has. Returns those of the page,
/// and the cursor of the next one if it follows.
pub(crate) fn cut<T>(
    mut found: Vec<T>,
    limit: u64,
    cursor: impl FnOnce(&T) -> Cursor,
) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next = last.map(|row| cursor(row).encode());
    (found, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_keeps_the_query_and_replaces_the_cursor() {
        let uri = Uri::from_static("/api/images?q=a%26b&after=old&limit=2");
        assert_eq!(
            link_to(&uri, "new"),
            "</api/images?q=a%26b&limit=2&after=new>; rel=\"next\""
        );
    }
}
