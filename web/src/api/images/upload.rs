//! `POST /api/images`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use functions::pipeline::lifecycle::Accepted;
use utoipa::ToSchema;

use crate::access::{Action, Viewer};
use crate::api::image_answer::{Wait, accepted};
use crate::api::problems::{KeyReused, TooLarge, UnreadableImage, UnsupportedType, UploadStalled};
use crate::extract::Query;
use crate::image_json::ImageJson;
use crate::ingest::UploadMeta;
use crate::photo_form::PhotoForm;
use crate::problem::Problem;
use crate::state::AppState;

/// A form with a photo.
#[derive(ToSchema)]
#[allow(
    dead_code,
    reason = "only its schema is used; `PhotoForm` reads the form as a stream"
)]
pub(in crate::api) struct Upload {
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
