//! `/api/images`

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use functions::lifecycle::{self, Accepted};
use uuid::Uuid;

use super::search::Search;
use super::{Page, Paging};
use crate::access::{Action, Viewer};
use crate::intake::Sender;
use crate::multipart::Form;
use crate::problem::Problem;
use crate::state::AppState;
use crate::view::{ImageJson, ImageRows};

/// `POST /api/images`
pub async fn upload(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    mut form: Form,
) -> Result<Response, Problem> {
    let taken = take_one(&state, &viewer, &headers, &mut form).await;
    if taken.is_err() {
        form.discard().await;
    }
    accepted(&state, &viewer, taken?).await
}

/// 201 with what is new, 200 with what was there already.
pub(super) async fn accepted(
    state: &AppState,
    viewer: &Viewer,
    taken: Accepted,
) -> Result<Response, Problem> {
    let (status, image) = match taken {
        Accepted::Created(image) => (StatusCode::CREATED, image),
        Accepted::Existing(image) => (StatusCode::OK, image),
    };
    let location = [("location", format!("/api/images/{}", image.id))];
    let body = one(state, viewer, image.id).await?;
    Ok((status, location, body).into_response())
}

async fn take_one(
    state: &AppState,
    viewer: &Viewer,
    headers: &HeaderMap,
    form: &mut Form,
) -> Result<Accepted, Problem> {
    viewer.require(Action::Upload)?;
    let idempotency_key = idempotency_key(headers)?;
    let Some(part) = form.next_file().await? else {
        return Err(Problem::bad_request(
            "the form has no field `file`; send the photo as multipart/form-data in a field with that name",
        ));
    };
    let sender = Sender {
        file_name: part.file_name.clone(),
        name: viewer.name().map(str::to_owned),
        idempotency_key,
        announced: None,
    };
    state.intake().take(sender, part.chunks()).await
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::bad_request(
            "an Idempotency-Key has 1 to 255 visible ASCII characters",
        )),
    }
}

/// `GET /api/images`
pub async fn list(
    State(state): State<AppState>,
    viewer: Viewer,
    paging: Paging,
    Query(search): Query<Search>,
) -> Result<Json<Page<ImageJson>>, Problem> {
    let (rows, next) = search.page(&state, &viewer, &paging).await?;
    let links = state.links().await;
    let items = rows
        .iter()
        .map(|rows| ImageJson::new(rows, &viewer, &links))
        .collect();
    Ok(Json(Page { items, next }))
}

/// `GET /api/images/{id}`
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Json<ImageJson>, Problem> {
    one(&state, &viewer, id).await
}

async fn one(state: &AppState, viewer: &Viewer, id: Uuid) -> Result<Json<ImageJson>, Problem> {
    let rows = ImageRows::get(state, id).await?;
    Ok(Json(ImageJson::new(&rows, viewer, &state.links().await)))
}

/// `DELETE /api/images/{id}`
pub async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    viewer.require(Action::Manage)?;
    if lifecycle::delete(&state.db, state.store.as_ref(), id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("image"))
    }
}
