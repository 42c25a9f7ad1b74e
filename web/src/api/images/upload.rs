//! `POST /api/images`: a form with one photo, or with several.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use functions::pipeline::lifecycle::Accepted;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::access::{Action, Client, Viewer};
use crate::api::image_answer::{Wait, accepted, taken_in};
use crate::api::problems::{KeyReused, TooLarge, UnreadableImage, UnsupportedType, UploadStalled};
use crate::extract::Query;
use crate::image_json::ImageJson;
use crate::ingest::UploadMeta;
use crate::photo_form::{PhotoForm, PhotoPart};
use crate::problem::{Problem, ProblemJson};
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

/// A form with a photo, or several in fields of the same name.
#[derive(ToSchema)]
#[allow(
    dead_code,
    reason = "only its schema is used; `PhotoForm` reads the form as a stream"
)]
pub(in crate::api) struct Upload {
    /// A few words about the photo, at most 500 characters, which go to the captioner with it. Send
    /// them before the file.
    #[schema(value_type = String, required = false)]
    context: Option<String>,
    /// JPEG, PNG, GIF, WebP, HEIC or AVIF.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
}

/// What became of each photo of a form with several, in their order.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct UploadedFiles {
    items: Vec<UploadedFile>,
}

#[derive(Serialize, ToSchema)]
struct UploadedFile {
    /// As it was sent.
    file_name: String,
    /// What the answer would have been, had it come alone: 201, 200 or that of the problem.
    #[schema(example = 201)]
    status: u16,
    #[schema(required)]
    image: Option<ImageJson>,
    #[schema(required)]
    problem: Option<ProblemJson>,
}

/// A photo of the form, and what became of it.
struct Taken {
    file_name: String,
    result: Result<Accepted, Problem>,
}

/// Upload photos
///
/// For admins, and for visitors where `VITRINE_UPLOADS=anyone`. Thumbnail, anonymised copy and
/// caption are made afterwards: send `wait`, ask the image again, or listen to `/api/events`.
/// Bytes that are there already are not stored twice. After a photo that is too large, the rest of
/// the form is not read.
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
        (status = 207, description = "Several photos came, each with its own status.",
            body = UploadedFiles),
        UploadStalled, KeyReused, TooLarge, UnsupportedType, UnreadableImage,
    ),
    security(("token" = ["upload"]), ("session" = []), ()),
)]
pub async fn upload(
    State(state): State<AppState>,
    viewer: Viewer,
    Extension(client): Extension<Client>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
    mut form: PhotoForm,
) -> Result<Response, Problem> {
    let patience = wait.patience()?;
    viewer.require(Action::Upload)?;
    let key = idempotency_key(&headers)?;
    let mut taken = Vec::new();
    while let Some(part) = next_file(&mut form, &mut taken).await? {
        let file_name = part.file_name.clone();
        let key = key.as_ref().map(|key| key_of(key, taken.len()));
        let result = take(&state, &viewer, &client, part, key).await;
        let goes_on = !matches!(&result, Err(problem) if problem.kind() == ProblemKind::TooLarge);
        taken.push(Taken { file_name, result });
        if !goes_on {
            break;
        }
    }
    if taken.len() > 1 {
        return several(&state, &viewer, taken, patience).await;
    }
    match taken.pop() {
        Some(only) => accepted(&state, &viewer, only.result?, patience).await,
        None => Err(Problem::bad_request(
            "the form has no field `file`; send the photo as multipart/form-data in a field with that name",
        )),
    }
}

/// The next photo. A form that breaks after photos that were taken is no reason to say nothing of
/// those.
async fn next_file(
    form: &mut PhotoForm,
    taken: &mut Vec<Taken>,
) -> Result<Option<PhotoPart>, Problem> {
    match form.next_file().await {
        Ok(part) => Ok(part),
        Err(problem) if taken.iter().any(|before| before.result.is_ok()) => {
            taken.push(Taken {
                file_name: String::new(),
                result: Err(problem),
            });
            Ok(None)
        }
        // What was wrong with the photo says more than that the form ends in it.
        Err(problem) => match taken.pop() {
            Some(before) => Err(before.result.err().unwrap_or(problem)),
            None => Err(problem),
        },
    }
}

/// The key of the photo at this place of the form. No header holds a line break.
fn key_of(key: &str, place: usize) -> String {
    match place {
        0 => key.to_owned(),
        _ => format!("{key}\n{place}"),
    }
}

async fn take(
    state: &AppState,
    viewer: &Viewer,
    client: &Client,
    part: PhotoPart,
    idempotency_key: Option<String>,
) -> Result<Accepted, Problem> {
    state.admit(viewer, client, Action::Upload)?;
    let meta = UploadMeta {
        file_name: part.file_name.clone(),
        name: viewer.name().map(str::to_owned),
        visitor: Some(client.address),
        idempotency_key,
        context: part.context.clone(),
        expected: None,
    };
    state.ingest().take(meta, part.chunks()).await
}

async fn several(
    state: &AppState,
    viewer: &Viewer,
    taken: Vec<Taken>,
    patience: Duration,
) -> Result<Response, Problem> {
    let end = Instant::now() + patience;
    let mut items = Vec::new();
    for Taken { file_name, result } in taken {
        let item = match result {
            Ok(taken) => {
                let left = end.saturating_duration_since(Instant::now());
                let (status, _, image) = taken_in(state, viewer, taken, left).await?;
                UploadedFile {
                    file_name,
                    status: status.as_u16(),
                    image: Some(image),
                    problem: None,
                }
            }
            Err(problem) => UploadedFile {
                file_name,
                status: problem.status().as_u16(),
                image: None,
                problem: Some(problem.json()),
            },
        };
        items.push(item);
    }
    Ok((StatusCode::MULTI_STATUS, Json(UploadedFiles { items })).into_response())
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
