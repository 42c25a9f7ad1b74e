//! `/docs`: the API for people, as Swagger UI shows it, and what each problem means.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_swagger_ui::{Config, serve};

use super::{Page, html};
use crate::access::Viewer;
use crate::extract::Path;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

/// The files of Swagger UI that the page loads. They are compressed in the binary, and sent as
/// they are: every browser reads gzip.
const FILES: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

/// Swagger UI sets inline styles and has its icons in `data:` URLs; scripts stay as restricted as
/// on every page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `GET /docs`
pub async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, Problem> {
    let context = json!({ "page": Page::new(&state, &viewer, "/docs", "API") });
    let page = html(&state, "docs.html", &context)?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], page).into_response())
}

/// `GET /docs/problems`
pub async fn problems(State(state): State<AppState>, viewer: Viewer) -> Result<Response, Problem> {
    let problems: Vec<_> = ProblemKind::ALL
        .iter()
        .map(|kind| {
            json!({
                "slug": kind.slug(),
                "status": kind.status().as_u16(),
                "title": kind.title(),
                "advice": code_parts(kind.advice()),
                "example": code_parts(kind.example()),
            })
        })
        .collect();
    let context = json!({
        "page": Page::new(&state, &viewer, "/docs/problems", "Problems"),
        "problems": problems,
    });
    html(&state, "problems.html", &context)
}

/// Text in which code stands between backticks, split for the template: every second part is code.
fn code_parts(text: &str) -> Vec<&str> {
    text.split('`').collect()
}

/// `GET /docs/assets/{file}`
pub async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    if !FILES.contains(&&*name) {
        return Err(Problem::not_found("file"));
    }
    let file = serve(&name, Arc::new(Config::default())).map_err(Problem::internal)?;
    let file = file.ok_or_else(|| Problem::not_found("file"))?;
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, &file.content_type),
        (header::CONTENT_ENCODING, "gzip"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
    ];
    Ok((headers, file.bytes.into_owned()).into_response())
}
