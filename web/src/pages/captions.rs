//! `/captions`: what captions cost, who wrote them, and why they wait if they do.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::{Page, date_and_time, html, or_login};
use crate::access::Viewer;
use crate::actions::caption_report::{caption_report, resume_captions};
use crate::problem::Problem;
use crate::state::AppState;

/// `GET /captions`
pub async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, Problem> {
    let report = match caption_report(&state, &viewer).await {
        Ok(report) => report,
        Err(problem) => return Ok(or_login(problem, "/captions")),
    };
    let until = report
        .paused
        .as_ref()
        .map(|pause| date_and_time(pause.until));
    let context = json!({
        "page": Page::new(&state, &viewer, "/captions", "Captions"),
        "until": until,
        "report": report,
    });
    html(&state, "captions.html", &context)
}

/// `POST /captions/resume`
pub async fn resume(State(state): State<AppState>, viewer: Viewer) -> Response {
    match resume_captions(&state, &viewer).await {
        Ok(()) => Redirect::to("/captions").into_response(),
        Err(problem) => or_login(problem, "/captions"),
    }
}
