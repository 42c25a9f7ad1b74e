//! `/api/images`

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use entity::image::Audience;
use functions::pipeline::lifecycle::Accepted;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::problems::{
    InvalidContent, KeyReused, NotFound, TooLarge, UnreadableImage, UnsupportedType, UploadStalled,
};
use crate::access::{Action, Viewer};
use crate::actions::delete_image::delete_image;
use crate::actions::edit_caption::{CaptionEdit, edit_caption};
use crate::actions::list_images::Search;
use crate::extract::{Path, Query};
use crate::image_json::ImageJson;
use crate::ingest::UploadMeta;
use crate::paging::{Page, Paging, PagingQuery};
use crate::photo_form::PhotoForm;
use crate::problem::Problem;
use crate::state::AppState;

/// The longest wait, in seconds: proxies and load balancers usually cut at 60.
const MAX_WAIT: u64 = 60;

/// Whether to wait until an image is settled.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wait {
    /// Answer once no step is queued or running, or after so many seconds.
    #[param(minimum = 0, maximum = 60, default = 0)]
    wait: Option<u64>,
}

impl Wait {
    fn patience(&self) -> Result<Duration, Problem> {
        match self.wait.unwrap_or(0) {
            seconds @ 0..=MAX_WAIT => Ok(Duration::from_secs(seconds)),
            seconds => Err(Problem::bad_request(format!(
                "wait={seconds} is not between 0 and {MAX_WAIT} seconds"
            ))),
        }
    }
}

/// A form with a photo.
#[derive(ToSchema)]
#[allow(
    dead_code,
    reason = "only its schema is used; `PhotoForm` reads the form as a stream"
)]
pub(super) struct Upload {
    /// JPEG, PNG, GIF, WebP, HEIC or AVIF.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// Upload a photo
///
/// For admins, and for visitors where `VITRINE_UPLOADS=anyone`. Thumbnail, anonymised copy and
/// caption are made afterwards: send `wait`, ask the image again, or listen to `/api/events`.
/// Bytes that are there already are not stored twice.
#[utoipa::path(
    post, path = "/api/images", operation_id = "uploadImage", tag = "Images",
    params(
        Wait,
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "An upload that is repeated with the same key gets the same answer. 1 \
            to 255 printable ASCII characters."),
    ),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Stored.", body = ImageJson,
            headers(("Location" = String, description = "The address of the image."))),
        (status = 200, description = "The same bytes were there already: the existing image.",
            body = ImageJson,
            headers(("Location" = String, description = "The address of the image."))),
        UploadStalled, KeyReused, TooLarge, UnsupportedType, UnreadableImage,
    ),
    security(("token" = ["upload"]), ("session" = []), ()),
)]
pub async fn upload(
    State(state): State<AppState>,
    viewer: Viewer,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
    mut form: PhotoForm,
) -> Result<Response, Problem> {
    let patience = wait.patience()?;
    let taken = take_one(&state, &viewer, &headers, &mut form).await?;
    accepted(&state, &viewer, taken, patience).await
}

/// 201 with a new image, 200 with one that was there already.
pub(super) async fn accepted(
    state: &AppState,
    viewer: &Viewer,
    taken: Accepted,
    patience: Duration,
) -> Result<Response, Problem> {
    let (status, image) = match taken {
        Accepted::Created(image) => (StatusCode::CREATED, image),
        Accepted::Existing(image) => (StatusCode::OK, image),
    };
    let location = [("location", format!("/api/images/{}", image.id))];
    if !patience.is_zero() {
        state
            .live
            .until_settled(&Audience::Staff, image.id, patience)
            .await?;
    }
    // The sender gets an answer even if they do not see the image before it is released.
    let rows = state.image_for(&Audience::Staff, image.id).await?;
    let urls = state.url_source().await;
    let body = Json(ImageJson::new(&rows, viewer, &urls));
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
            "an Idempotency-Key has 1 to 255 printable ASCII characters",
        )),
    }
}

/// List images
///
/// For everybody. Newest first; with `q`, the best match first.
#[utoipa::path(
    get, path = "/api/images", operation_id = "listImages", tag = "Images",
    params(PagingQuery, Search),
    responses(
        (status = 200, description = "A page of images.", body = Page<ImageJson>,
            headers(("Link" = String,
                description = "The next page, as in `</api/images?after=…>; rel=\"next\"`."))),
    ),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn list(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    viewer: Viewer,
    paging: Paging,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let (rows, next) = search.page(&state, &viewer, &paging).await?;
    let urls = state.url_source().await;
    let items = rows
        .iter()
        .map(|rows| ImageJson::new(rows, &viewer, &urls))
        .collect();
    let page: Page<ImageJson> = Page { items, next };
    Ok(page.respond(&uri))
}

/// Read an image
///
/// For everybody. With `wait`, the answer comes once no step is queued or running, or when the
/// time is up: look at `state`.
#[utoipa::path(
    get, path = "/api/images/{id}", operation_id = "readImage", tag = "Images",
    params(("id" = Uuid, Path), Wait),
    responses(
        (status = 200, description = "The image.", body = ImageJson),
        NotFound,
    ),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    Query(wait): Query<Wait>,
) -> Result<Json<ImageJson>, Problem> {
    settled(&state, &viewer, id, wait.patience()?).await
}

/// The image once it is settled, or as it is when the patience ends.
async fn settled(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    patience: Duration,
) -> Result<Json<ImageJson>, Problem> {
    if !patience.is_zero() {
        let audience = viewer.audience();
        state.live.until_settled(&audience, id, patience).await?;
    }
    one(state, viewer, id).await
}

pub(super) async fn one(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Json<ImageJson>, Problem> {
    let rows = state.image(viewer, id).await?;
    let urls = state.url_source().await;
    Ok(Json(ImageJson::new(&rows, viewer, &urls)))
}

/// What a person changes. A field that is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImagePatch, example = json!({
    "caption": "Ada cuts the cake",
    "paragraph": "Ada stands at a garden table and cuts a cake with three layers.",
    "tags": ["party", "cake"],
}))]
pub struct Patch {
    caption: Option<CaptionPatch>,
    /// At most 2000 characters. An empty text removes the paragraph, and so does a new caption
    /// without a paragraph.
    paragraph: Option<String>,
    /// At most 30, of 40 characters each; duplicates do not count.
    tags: Option<Vec<String>>,
}

/// The text alone, or in the shape in which an image shows it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum CaptionPatch {
    Text(String),
    Shape(CaptionShape),
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CaptionShape {
    /// At most 2000 characters, without line breaks and control characters.
    #[schema(min_length = 1)]
    text: String,
    /// At most 2000 characters.
    paragraph: Option<String>,
}

impl TryFrom<Patch> for CaptionEdit {
    type Error = Problem;

    fn try_from(patch: Patch) -> Result<Self, Problem> {
        let (caption, paragraph) = match patch.caption {
            None => (None, None),
            Some(CaptionPatch::Text(text)) => (Some(text), None),
            Some(CaptionPatch::Shape(shape)) => (Some(shape.text), shape.paragraph),
        };
        if paragraph.is_some() && patch.paragraph.is_some() {
            return Err(Problem::bad_request(
                "there are two paragraphs; send it in `caption` or beside it",
            ));
        }
        Ok(Self {
            caption,
            paragraph: patch.paragraph.or(paragraph),
            tags: patch.tags,
        })
    }
}

/// Write caption, paragraph and tags
///
/// For admins. What a person wrote is never overwritten by a machine.
#[utoipa::path(
    patch, path = "/api/images/{id}", operation_id = "editImage", tag = "Images",
    params(("id" = Uuid, Path)),
    request_body = Patch,
    responses(
        (status = 200, description = "The image with the new texts.", body = ImageJson),
        NotFound, TooLarge, UnsupportedType, InvalidContent,
    ),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn edit(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    patch: Result<Json<Patch>, JsonRejection>,
) -> Result<Json<ImageJson>, Problem> {
    viewer.require(Action::Manage)?;
    let Json(patch) = patch?;
    edit_caption(&state, &viewer, id, patch.try_into()?).await?;
    one(&state, &viewer, id).await
}

/// Delete an image
///
/// For admins. Its renditions and captions go with it.
#[utoipa::path(
    delete, path = "/api/images/{id}", operation_id = "deleteImage", tag = "Images",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "It is deleted."), NotFound),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    if delete_image(&state, &viewer, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("image"))
    }
}
