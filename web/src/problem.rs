//! The one error of the web crate: `application/problem+json` (RFC 9457) for programs. For
//! people who look at pages, `pages::errors` shows the same thing as a page.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use functions::picture::Refusal;
use functions::pipeline::lifecycle::LifecycleError;
use functions::pipeline::pixel_workers::PixelError;
use platform::database::{is_unavailable, report_refused_login};
use platform::objects::StoreError;
use platform::settings::MEGABYTE;
use sea_orm::DbErr;
use serde::Serialize;
use tracing::{error, warn};
use utoipa::ToSchema;

use crate::problem_kind::ProblemKind;
use crate::request_id;

/// Why a request did not get what it asked for.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    retry_after: Option<u32>,
    challenge: Option<&'static str>,
}

/// A problem as RFC 9457 wants it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemJson {
    /// Leads to the explanation of this kind of problem on this server.
    #[serde(rename = "type")]
    #[schema(format = "uri-reference")]
    pub(crate) kind: String,
    /// The same for every problem of this type.
    pub(crate) title: String,
    /// The status of the answer.
    pub(crate) status: u16,
    /// What happened and what to do.
    pub(crate) detail: String,
    /// The number under which the server logs this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
}

impl Problem {
    /// A problem of this kind; `detail` says what happened and what to do.
    pub fn new(kind: impl Into<ProblemKind>, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            detail: detail.into(),
            retry_after: None,
            challenge: None,
        }
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadRequest, detail)
    }

    /// A value that can be read and makes no sense.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::InvalidContent, detail)
    }

    /// `what` is a noun, such as "image".
    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemKind::NotFound, format!("there is no such {what}"))
    }

    /// `limit` is in bytes.
    pub fn too_many_bytes(limit: u64) -> Self {
        Self::new(
            ProblemKind::TooLarge,
            format!(
                "the file is larger than the {} MB taken here; send a smaller copy",
                limit / MEGABYTE
            ),
        )
    }

    /// A problem that goes away by itself: `retry_after` is in seconds.
    pub fn temporary(kind: ProblemKind, detail: impl Into<String>, retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(kind, detail)
        }
    }

    fn unavailable(detail: &str) -> Self {
        Self::temporary(ProblemKind::Unavailable, detail, 5)
    }

    /// With a `WWW-Authenticate` header, which says how to come with better credentials.
    pub fn with_challenge(self, challenge: &'static str) -> Self {
        Self {
            challenge: Some(challenge),
            ..self
        }
    }

    /// A defect of the server. It is logged here, once, and not told to the client.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        error!(%error, "internal error");
        Self::new(
            ProblemKind::Internal,
            "something went wrong on our side; please try again, and tell us the trace_id if it stays",
        )
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// Whether it is the photo itself that was refused: the same bytes are always refused.
    pub fn is_about_the_photo(&self) -> bool {
        matches!(
            self.kind,
            ProblemKind::TooLarge | ProblemKind::UnsupportedType | ProblemKind::UnreadableImage
        )
    }

    /// When to try again, in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// As RFC 9457 wants it.
    pub(crate) fn json(&self) -> ProblemJson {
        ProblemJson {
            kind: self.kind.uri(),
            title: self.kind.title().to_owned(),
            status: self.status().as_u16(),
            detail: self.detail.clone(),
            trace_id: request_id::current(),
        }
    }

    /// What happened and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.json())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge {
            let challenge = HeaderValue::from_static(challenge);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        // The layer that turns problems into pages looks for this.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        report_refused_login(&error);
        if !is_unavailable(&error) {
            return Self::internal(error);
        }
        error!(%error, "the database did not answer");
        Self::unavailable("the database does not answer; please try again in a moment")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Self::not_found("file"),
            StoreError::Full(_) => {
                error!(%error, "the store is full");
                Self::temporary(
                    ProblemKind::StoreFull,
                    "there is no space left for pictures; please tell the operator of this server",
                    300,
                )
            }
            StoreError::Unavailable { .. } | StoreError::Refused { .. } | StoreError::Io { .. } => {
                error!(%error, "the store did not answer");
                Self::unavailable("the store does not answer; please try again in a moment")
            }
        }
    }
}

impl From<LifecycleError> for Problem {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::Database(error) => error.into(),
            LifecycleError::Store(error) => error.into(),
            LifecycleError::BadKey(error) => Self::internal(error),
            LifecycleError::KeyTaken => Self::new(ProblemKind::KeyReused, error.to_string()),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match &refusal {
            Refusal::NotAnImage => ProblemKind::UnsupportedType,
            Refusal::TooManyPixels { .. } | Refusal::SideTooLong { .. } => ProblemKind::TooLarge,
            Refusal::Undecodable(_) => ProblemKind::UnreadableImage,
            Refusal::Unwritable(_) | Refusal::NoMemory => {
                return Self::temporary(ProblemKind::Unavailable, refusal.to_string(), 30);
            }
        };
        Self::new(kind, refusal.to_string())
    }
}

impl From<PixelError> for Problem {
    fn from(error: PixelError) -> Self {
        let kind = match error {
            PixelError::Refused(refusal) => return refusal.into(),
            PixelError::TooLarge { .. } => ProblemKind::TooLarge,
            PixelError::Detector(_)
            | PixelError::Crashed(_)
            | PixelError::OutOfMemory
            | PixelError::TookTooLong => {
                warn!(%error, "a picture was refused");
                ProblemKind::UnreadableImage
            }
            PixelError::Killed | PixelError::NotStarted(_) | PixelError::Io(_) => {
                error!(%error, "a picture could not be checked");
                return Self::unavailable("the picture could not be checked; please try again");
            }
        };
        Self::new(kind, error.to_string())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let kind = match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => ProblemKind::BadRequest,
            status => status.into(),
        };
        Self::new(kind, rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::RuntimeErr;

    use super::*;

    #[test]
    fn a_picture_that_breaks_its_decoder_is_refused_and_a_killed_process_is_a_503() {
        let crashed = PixelError::Crashed("signal 11".to_owned());
        let needs = |needed| PixelError::TooLarge { needed, budget: 1 };
        for (error, status) in [
            (crashed, StatusCode::UNPROCESSABLE_ENTITY),
            (PixelError::OutOfMemory, StatusCode::UNPROCESSABLE_ENTITY),
            (PixelError::TookTooLong, StatusCode::UNPROCESSABLE_ENTITY),
            (needs(2), StatusCode::PAYLOAD_TOO_LARGE),
            (PixelError::Killed, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            assert_eq!(Problem::from(error).status(), status);
        }
    }

    #[test]
    fn an_outage_of_the_database_is_a_503_and_a_mistake_of_ours_a_500() {
        let outage = DbErr::Conn(RuntimeErr::Internal("refused".to_owned()));
        let problem = Problem::from(outage);
        assert_eq!(problem.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(problem.retry_after().is_some());

        for mistake in [
            DbErr::RecordNotInserted,
            DbErr::Query(RuntimeErr::Internal("no such column".to_owned())),
        ] {
            let problem = Problem::from(mistake);
            assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert!(!problem.detail().contains("column"), "{}", problem.detail());
        }
    }
}
