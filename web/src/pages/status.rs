//! `/status`: how Vitrine is doing, at a glance.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Serialize;
use serde_json::json;

use super::{Page, date_and_time, first_words, html, more_words, or_login, sentence};
use crate::access::Viewer;
use crate::actions::status_report::{Disk, FailureReport, Reason, retry_failed, status_report};
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::AppState;

const GIGABYTE: f64 = 1e9;

/// Why something failed: what helps everybody, and the rest.
#[derive(Debug, Serialize)]
struct Words {
    text: String,
    more: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReasonView {
    step: &'static str,
    steps: i64,
    is_final: bool,
    why: Words,
}

#[derive(Debug, Serialize)]
struct FailureView {
    url: String,
    file_name: String,
    step: &'static str,
    why: Words,
    at: Option<String>,
    at_text: Option<String>,
}

#[derive(Debug, Serialize)]
struct DiskView {
    free: String,
    total: String,
    is_nearly_full: bool,
}

impl Words {
    fn new(error: &str) -> Self {
        Self {
            text: sentence(first_words(error)),
            more: more_words(error).map(str::to_owned),
        }
    }
}

impl ReasonView {
    fn new(reason: &Reason) -> Self {
        Self {
            step: reason.step.label(),
            steps: reason.steps,
            is_final: reason.state == entity::step::StepState::Blocked,
            why: Words::new(&reason.error),
        }
    }
}

impl FailureView {
    fn new(failure: &FailureReport) -> Self {
        Self {
            url: format!("/images/{}", failure.image_id),
            file_name: failure.file_name.clone(),
            step: failure.step.label(),
            why: Words::new(&failure.error),
            at: failure.at.map(|at| at.to_rfc3339()),
            at_text: failure.at.map(date_and_time),
        }
    }
}

impl DiskView {
    fn new(disk: Disk) -> Self {
        let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / GIGABYTE);
        Self {
            free: gigabytes(disk.free),
            total: gigabytes(disk.total),
            is_nearly_full: disk.is_nearly_full,
        }
    }
}

/// `GET /status`
pub async fn show(State(state): State<AppState>, viewer: Viewer) -> Result<Response, Problem> {
    let report = match status_report(&state, &viewer).await {
        Ok(report) => report,
        Err(problem) => return Ok(or_login(problem, "/status")),
    };
    let steps: Vec<_> = report
        .steps
        .iter()
        .map(|row| json!({"label": row.step.label(), "row": row}))
        .collect();
    let reasons: Vec<_> = report.reasons.iter().map(ReasonView::new).collect();
    let failures: Vec<_> = report.failures.iter().map(FailureView::new).collect();
    let pause = report.captions.paused.as_ref();
    let context = json!({
        "page": Page::new(&state, &viewer, "/status", "Status"),
        "steps": steps,
        "reasons": reasons,
        "failures": failures,
        "disk": report.disk.map(DiskView::new),
        "waiting_since": report.waiting_since,
        "waiting_text": report.waiting_since.map(date_and_time),
        "counted_text": date_and_time(report.counted_at),
        "paused": pause.map(|pause| Words::new(&pause.detail)),
        "report": report,
    });
    html(&state, "status.html", &context)
}

/// `POST /status/{step}/retry`
pub async fn retry(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(step): Path<String>,
) -> Response {
    match retry_failed(&state, &viewer, &step).await {
        Ok(_) => Redirect::to("/status").into_response(),
        Err(problem) => or_login(problem, "/status"),
    }
}
