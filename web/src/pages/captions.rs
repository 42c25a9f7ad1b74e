//! `/captions`: what captions cost, who wrote them, and why they wait if they do.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::{Page, date_and_time, first_words, html, more_words, or_login};
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
    let pause = report.paused.as_ref();
    let until = pause.map(|pause| date_and_time(pause.until));
    let detail = pause.map(|pause| first_words(&pause.detail).to_owned());
    let more = pause.and_then(|pause| more_words(&pause.detail).map(str::to_owned));
    let context = json!({
        "page": Page::new(&state, &viewer, "/captions", "Captions"),
        "until": until,
        "detail": detail,
        "more": more,
        "counted": date_and_time(report.counted_at),
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
