//! axum's extractors, with rejections that are problems.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{
    FromRequest, FromRequestParts, OptionalFromRequest, Path as AxumPath, Query as AxumQuery,
    Request,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::Problem;

/// The parameters in the path.
#[derive(FromRequestParts)]
#[from_request(via(AxumPath), rejection(Problem))]
pub struct Path<T>(pub T);

/// The parameters in the query.
#[derive(FromRequestParts)]
#[from_request(via(AxumQuery), rejection(Problem))]
pub struct Query<T>(pub T);

/// A JSON object as the body; none if there is no body. (`serde` would take a list of the values for it,
/// too, which the documentation does not promise.)
pub struct JsonObject<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonObject<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(value) = <Json<Value> as FromRequest<S>>::from_request(request, state).await?;
        from_value(value).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for JsonObject<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        let body = <Json<Value> as OptionalFromRequest<S>>::from_request(request, state).await?;
        body.map(|Json(value)| from_value(value).map(Self))
            .transpose()
    }
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    if !value.is_object() {
        return Err(Problem::bad_request(
            "the body is no JSON object; send `{…}`",
        ));
    }
    serde_json::from_value(value)
        .map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}
