//! "That's me": the form on which somebody points at themselves, the page that says what became of it,
//! and the list of requests for those who answer.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use entity::image::{self, Audience, Model};
use entity::removal_request::{self, State as RequestState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::desk_view::RequestView;
use super::view::ImageView;
use super::{Page, date_and_time, html, or_login};
use crate::access::{Action, Client, Viewer};
use crate::actions::removal_requests::{
    Answer, NewRequest, answer as answer_request, by_number, public_image, request_removal,
    require_switched_on,
};
use crate::extract::Path;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

/// Columns and rows of the grid that is over the picture where there are no scripts.
const GRID: i32 = 10;

/// How long the answer waits for the copy that shows the cover.
const PATIENCE: Duration = Duration::from_secs(15);

/// The form: with scripts a point in thousandths of the picture's sides, without a field of the grid.
#[derive(Debug, Default, Deserialize)]
pub struct Pointed {
    #[serde(default)]
    across: String,
    #[serde(default)]
    down: String,
    #[serde(default)]
    cell: String,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Serialize)]
struct Cell {
    value: String,
    label: String,
}

impl Pointed {
    /// In pixels of the picture.
    fn place(&self, image: &Model) -> Option<(i32, i32)> {
        let at = |thousandths: i32, length: i32| {
            let pixels = i64::from(length) * i64::from(thousandths) / 1000;
            i32::try_from(pixels).unwrap_or(0).clamp(0, length - 1)
        };
        let (across, down) = match (self.across.parse().ok(), self.down.parse().ok()) {
            (Some(across), Some(down)) => (across, down),
            _ => {
                let cell: i32 = self.cell.parse().ok()?;
                let middle = |place: i32| (2 * place + 1) * 1000 / (2 * GRID);
                (middle(cell % GRID), middle(cell / GRID))
            }
        };
        let is_inside = (0..=1000).contains(&across) && (0..=1000).contains(&down);
        is_inside.then(|| (at(across, image.width), at(down, image.height)))
    }
}

/// `GET /images/{id}/thats-me`
pub async fn form(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    require_switched_on(&state)?;
    public_image(&state, id).await?;
    form_page(&state, &viewer, id, "", None).await
}

async fn form_page(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    reason: &str,
    error: Option<&str>,
) -> Result<Response, Problem> {
    let visitor = viewer.as_visitor();
    let rows = state.image(&visitor, id).await?;
    let cells: Vec<_> = (0..GRID * GRID)
        .map(|cell| Cell {
            value: cell.to_string(),
            label: format!("Row {}, column {}", cell / GRID + 1, cell % GRID + 1),
        })
        .collect();
    let image = ImageView::new(&rows, &visitor, &state.url_source().await);
    let context = json!({
        "page": Page::new(state, viewer, &image.url, "That’s me"),
        "picture_url": rows.own_url(&visitor, visitor.public_rendition()),
        "image": image,
        "cells": cells,
        "reason": reason,
        "error": error,
    });
    html(state, "thats_me.html", &context)
}

/// `POST /images/{id}/thats-me`
pub async fn request(
    State(state): State<AppState>,
    viewer: Viewer,
    Extension(client): Extension<Client>,
    Path(id): Path<Uuid>,
    Form(pointed): Form<Pointed>,
) -> Result<Response, Problem> {
    require_switched_on(&state)?;
    let image = public_image(&state, id).await?;
    let Some((x, y)) = pointed.place(&image) else {
        let error = "Say where you are in the picture.";
        return form_page(&state, &viewer, id, &pointed.reason, Some(error)).await;
    };
    let wanted = NewRequest {
        x,
        y,
        reason: Some(pointed.reason.clone()),
    };
    match request_removal(&state, &client, id, wanted).await {
        Ok(request) => {
            let audience = Audience::Staff;
            state.live.until_settled(&audience, id, PATIENCE).await?;
            Ok(Redirect::to(&format!("/removal/{}", request.number)).into_response())
        }
        Err(problem) if problem.kind() == ProblemKind::InvalidContent => {
            let detail = problem.detail();
            form_page(&state, &viewer, id, &pointed.reason, Some(detail)).await
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /removal/{number}`
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let request = by_number(&state, &number).await?;
    let visible = image::visible_by_id(&Audience::Public, request.image_id);
    let is_public = visible.one(&state.db).await?.is_some();
    let context = json!({
        "page": Page::new(&state, &viewer, "/removal", "Your request"),
        "number": request.number,
        "state": request.state.as_str(),
        "at": request.created_at.to_rfc3339(),
        "text": date_and_time(request.created_at),
        "answered_at": request.answered_at.map(|at| at.to_rfc3339()),
        "answered_text": request.answered_at.map(date_and_time),
        "reason": request.reason,
        "image_url": is_public.then(|| format!("/images/{}", request.image_id)),
        "is_open": request.state == RequestState::Open,
    });
    html(&state, "removal.html", &context)
}

/// `GET /removal-requests`
pub async fn list(State(state): State<AppState>, viewer: Viewer) -> Result<Response, Problem> {
    if let Err(problem) = viewer.require(Action::Manage) {
        return Ok(or_login(problem, "/removal-requests"));
    }
    let requests = removal_request::open().all(&state.db).await?;
    let requests: Vec<_> = requests.iter().map(RequestView::new).collect();
    let context = json!({
        "page": Page::new(&state, &viewer, "/review", "Requests to be removed"),
        "requests": requests,
    });
    html(&state, "removal_requests.html", &context)
}

#[derive(Debug, Deserialize)]
pub struct Answered {
    answer: Answer,
}

/// `POST /removal-requests/{id}`
pub async fn answer(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    Form(answered): Form<Answered>,
) -> Response {
    match answer_request(&state, &viewer, id, answered.answer).await {
        Ok(request) => {
            let address = format!("/review?image={}&said=answered", request.image_id);
            Redirect::to(&address).into_response()
        }
        Err(problem) => or_login(problem, "/removal-requests"),
    }
}
