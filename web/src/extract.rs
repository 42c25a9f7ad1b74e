//! axum's extractors, with rejections that are problems.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery};

use crate::problem::Problem;

/// The parameters in the path.
#[derive(FromRequestParts)]
#[from_request(via(AxumPath), rejection(Problem))]
pub struct Path<T>(pub T);

/// The parameters in the query.
#[derive(FromRequestParts)]
#[from_request(via(AxumQuery), rejection(Problem))]
pub struct Query<T>(pub T);

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
