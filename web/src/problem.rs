//! The one error of the web crate: `application/problem+json` (RFC 9457) for programs. For
//! people who look at pages, `pages::errors` shows the same thing as a page.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use functions::picture::Refusal;
use functions::pipeline::lifecycle::LifecycleError;
use platform::objects::StoreError;
use platform::settings::MEGABYTE;
use sea_orm::DbErr;
use serde::Serialize;
use tracing::error;

use crate::request_id;

/// Why a request did not get what it asked for.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    retry_after: Option<u32>,
    challenge: Option<&'static str>,
}

/// The body, as in RFC 9457.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl Problem {
    /// A problem with this status; `detail` says what to do.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            retry_after: None,
            challenge: None,
        }
    }

    /// 400: the request itself makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// 413: too many bytes.
    pub fn too_many_bytes(limit: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!(
                "the file is larger than the {} MB taken here; send a smaller copy",
                limit / MEGABYTE
            ),
        )
    }

    /// 503: it may work later.
    pub fn unavailable(detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self {
            retry_after: Some(retry_after_seconds),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// 429.
    pub fn too_many(detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self {
            retry_after: Some(retry_after_seconds),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
        }
    }

    /// With a `WWW-Authenticate` header, which says how to come with better credentials.
    pub fn with_challenge(self, challenge: &'static str) -> Self {
        Self {
            challenge: Some(challenge),
            ..self
        }
    }

    /// 500: our mistake. It is logged here, once, and the client learns nothing of it.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        error!(%error, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong on our side; please try again, and tell us the trace_id if it stays",
        )
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// When to try again, in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// What happened and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            trace_id: request_id::current(),
        };
        let mut response = (self.status, Json(body)).into_response();
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
        // For the layer that turns problems into pages.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        error!(%error, "the database did not answer");
        Self::unavailable(
            "the database does not answer; please try again in a moment",
            5,
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Self::not_found("file"),
            StoreError::Full(_) => {
                error!(%error, "the store is full");
                Self::unavailable(
                    "there is no space left for pictures; please tell whoever runs this",
                    300,
                )
            }
            StoreError::Unavailable { .. } | StoreError::Refused { .. } | StoreError::Io { .. } => {
                error!(%error, "the store did not answer");
                Self::unavailable("the store does not answer; please try again in a moment", 5)
            }
        }
    }
}

impl From<LifecycleError> for Problem {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::Database(error) => error.into(),
            LifecycleError::Store(error) => error.into(),
            LifecycleError::KeyTaken => Self::new(StatusCode::CONFLICT, error.to_string()),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::NotAnImage => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::TooManyPixels { .. } | Refusal::SideTooLong { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Refusal::Undecodable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Unwritable(_) => return Self::unavailable(refusal.to_string(), 30),
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let status = match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::new(status, rejection.body_text())
    }
}
