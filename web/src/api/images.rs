//! `/api/images`

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use functions::pipeline::captions::{Edit, Words};
use functions::pipeline::lifecycle::{self, Accepted};
use serde::Deserialize;
use uuid::Uuid;

use super::image_json::ImageJson;
use crate::access::{Action, Viewer};
use crate::actions::edit_caption::edit_caption;
use crate::actions::list_images::Search;
use crate::image_rows::ImageRows;
use crate::ingest::UploadMeta;
use crate::paging::{Page, Paging};
use crate::photo_form::PhotoForm;
use crate::problem::Problem;
use crate::state::AppState;

/// `POST /api/images`
pub async fn upload(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    mut form: PhotoForm,
) -> Result<Response, Problem> {
    let taken = take_one(&state, &viewer, &headers, &mut form).await?;
    accepted(&state, &viewer, taken).await
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
    form: &mut PhotoForm,
) -> Result<Accepted, Problem> {
    viewer.require(Action::Upload)?;
    let idempotency_key = idempotency_key(headers)?;
    let Some(part) = form.next_file().await? else {
        return Err(Problem::bad_request(
            "the form has no field `file`; send the photo as multipart/form-data in a field with that name",
        ));
    };
    let meta = UploadMeta {
        file_name: part.file_name.clone(),
        name: viewer.name().map(str::to_owned),
        idempotency_key,
        expected: None,
    };
    state.ingest().take(meta, part.chunks()).await
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
    let urls = state.url_source().await;
    let items = rows
        .iter()
        .map(|rows| ImageJson::new(rows, &viewer, &urls))
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
    Ok(Json(ImageJson::new(
        &rows,
        viewer,
        &state.url_source().await,
    )))
}

/// The body of `PATCH`: what is left out stays as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    caption: Option<CaptionPatch>,
    tags: Option<Vec<String>>,
}

/// The words alone, or in the shape in which an image shows them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum CaptionPatch {
    Words(String),
    Shape {
        text: String,
        paragraph: Option<String>,
    },
}

impl From<Patch> for Edit {
    fn from(patch: Patch) -> Self {
        Self {
            caption: patch.caption.map(|caption| match caption {
                CaptionPatch::Words(text) => Words {
                    text,
                    paragraph: None,
                },
                CaptionPatch::Shape { text, paragraph } => Words { text, paragraph },
            }),
            tags: patch.tags,
        }
    }
}

/// `PATCH /api/images/{id}`
pub async fn edit(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    patch: Result<Json<Patch>, JsonRejection>,
) -> Result<Json<ImageJson>, Problem> {
    let Json(patch) = patch?;
    edit_caption(&state, &viewer, id, patch.into()).await?;
    one(&state, &viewer, id).await
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
