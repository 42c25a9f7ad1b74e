//! `/images/{id}` and its forms.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use entity::caption;
use entity::image::{self, Author};
use entity::image_box;
use entity::step::{StepKind, StepState};
use platform::objects::ObjectKey;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::view::ImageView;
use super::{Page, date_and_time, html, or_login, sentence, size};
use crate::access::{Action, Fact as Known, Rendition, Viewer};
use crate::actions::delete_image::delete_image;
use crate::actions::edit_caption::{CaptionEdit, edit_caption};
use crate::actions::retry_step::retry_step;
use crate::extract::Path;
use crate::image_rows::ImageRows;
use crate::picture_urls::{SAVE, UrlSource};
use crate::problem::Problem;
use crate::state::AppState;

#[derive(Debug, Serialize)]
struct RenditionView {
    name: &'static str,
    label: &'static str,
    url: Option<String>,
    src: Option<String>,
    save_url: Option<String>,
    state: &'static str,
    width: Option<u32>,
    height: Option<u32>,
    bytes_text: Option<String>,
    note: Option<&'static str>,
    /// The media type and a JPEG in its place, where not every browser shows the original.
    rare_type: Option<String>,
    fallback_src: Option<String>,
}

#[derive(Debug, Serialize)]
struct Fact {
    label: &'static str,
    value: String,
}

/// The box of a covered face.
#[derive(Debug, Serialize)]
struct FaceView {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

impl From<&image_box::Model> for FaceView {
    fn from(row: &image_box::Model) -> Self {
        Self {
            x: row.x,
            y: row.y,
            width: row.width,
            height: row.height,
        }
    }
}

#[derive(Debug, Serialize)]
struct CaptionView {
    text: String,
    paragraph: Option<String>,
    by: String,
    created_text: String,
}

impl From<caption::Model> for CaptionView {
    fn from(row: caption::Model) -> Self {
        let by = match row.written_by {
            Author::Person => row.author_name.or(Some("A person".to_owned())),
            Author::Machine if row.provider.as_deref() == Some("describe") => {
                Some("Described without AI".to_owned())
            }
            Author::Machine => row.model.or(row.provider),
        };
        Self {
            text: row.text,
            paragraph: row.paragraph,
            by: by.unwrap_or_default(),
            created_text: date_and_time(row.created_at),
        }
    }
}

/// How many captions of the history are shown, the current one included.
const CAPTIONS_SHOWN: u64 = 20;

/// `GET /images/{id}`
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    page(&state, &viewer, id, None).await
}

/// The page; after a refusal with the texts that were typed and the reason.
async fn page(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    refused: Option<(&Description, &Problem)>,
) -> Result<Response, Problem> {
    let rows = state.image(viewer, id).await?;
    let urls = state.url_source().await;
    let renditions = [
        Rendition::Original,
        Rendition::Anonymised,
        Rendition::Thumbnail,
    ]
    .map(|rendition| rendition_view(viewer, &rows, rendition, &urls));
    let history = caption_history(state, viewer, id).await?;
    let cursor = rows.image.cursor();
    let audience = viewer.audience();
    let newer = image::newer_than(&audience, cursor).one(&state.db).await?;
    let older = image::page(&audience, Some(cursor), 1)
        .one(&state.db)
        .await?;
    let address = |image: image::Model| format!("/images/{}", image.id);
    let view = ImageView::new(&rows, viewer, &urls);
    let title = view.file_name.clone();
    let faces = viewer.disclosure(&rows.image).faces(&rows.boxes);
    let context = json!({
        "page": Page::new(state, viewer, &view.url, &title),
        "renditions": renditions,
        "faces": faces.unwrap_or_default().into_iter().map(FaceView::from).collect::<Vec<_>>(),
        "facts": facts(&rows, viewer),
        "tags": rows.image.tags.clone().unwrap_or_default(),
        "previous_url": newer.map(address),
        "next_url": older.map(address),
        "paragraph": rows.image.caption_paragraph.clone(),
        "captions": history,
        "form": description_form(&rows.image, refused),
        "api_url": format!("/api/images/{id}"),
        "image": view,
    });
    html(state, "image.html", &context)
}

/// The fields of the form for a description: the current texts, or those that were refused.
fn description_form(
    image: &image::Model,
    refused: Option<(&Description, &Problem)>,
) -> serde_json::Value {
    match refused {
        Some((typed, problem)) => json!({
            "caption": typed.caption,
            "paragraph": typed.paragraph,
            "tags": typed.tags,
            "error": sentence(problem.detail()),
        }),
        None => json!({
            "caption": image.caption_text,
            "paragraph": image.caption_paragraph,
            "tags": image.tags.as_ref().map(|tags| tags.0.join(", ")),
            "error": null,
        }),
    }
}

/// Earlier captions, for viewers who see details.
async fn caption_history(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
) -> Result<Vec<CaptionView>, Problem> {
    if !viewer.may(Action::SeeDetails) {
        return Ok(Vec::new());
    }
    let rows = caption::history(id, CAPTIONS_SHOWN).all(&state.db).await?;
    Ok(rows.into_iter().skip(1).map(CaptionView::from).collect())
}

fn rendition_view(
    viewer: &Viewer,
    rows: &ImageRows,
    rendition: Rendition,
    urls: &UrlSource,
) -> RenditionView {
    let (label, step) = match rendition {
        Rendition::Original => ("Original", None),
        Rendition::Anonymised => ("Anonymised", Some(StepKind::Anonymise)),
        Rendition::Thumbnail => ("Thumbnail", Some(viewer.thumbnail_step(&rows.image))),
    };
    let seen = viewer.rendition(&rows.image, rendition);
    let note = seen
        .is_err()
        .then_some("only those who are signed in see the original");
    let key: Option<ObjectKey> = seen.ok().flatten();
    let (width, height) = (
        rows.image.width.unsigned_abs(),
        rows.image.height.unsigned_abs(),
    );
    let url = rows.own_url(viewer, rendition);
    let is_rare = rendition == Rendition::Original
        && matches!(&*rows.image.content_type, "image/heic" | "image/avif");
    let fallback_src = rows.url(viewer, Rendition::Thumbnail, urls);
    let full_size = key.is_some() && rendition != Rendition::Thumbnail;
    RenditionView {
        name: rendition.as_str(),
        label,
        src: rows.url(viewer, rendition, urls),
        save_url: match urls {
            UrlSource::Own => url.clone(),
            UrlSource::Presigned(_) => url.as_ref().map(|_| save_address(rows, rendition)),
        },
        url,
        state: step
            .and_then(|name| rows.step(name))
            .map_or(StepState::Done, |step| step.state)
            .as_str(),
        width: full_size.then_some(width),
        height: full_size.then_some(height),
        bytes_text: rows.bytes(viewer, rendition).map(size),
        note,
        rare_type: is_rare.then(|| rows.image.content_type.clone()),
        fallback_src: fallback_src.filter(|_| is_rare),
    }
}

fn save_address(rows: &ImageRows, rendition: Rendition) -> String {
    let (id, name) = (rows.image.id, rendition.as_str());
    format!("/api/images/{id}/{name}?{SAVE}")
}

fn facts(rows: &ImageRows, viewer: &Viewer) -> Vec<Fact> {
    let image = &rows.image;
    let known = viewer.disclosure(image);
    let dimensions = known.dimensions();
    let taken = known.taken_at();
    let faces = known
        .faces(&rows.boxes)
        .filter(|_| image.copy_version.is_some());
    let described = image.caption_at.map(|at| known.moment(at).text());
    let bytes = known.bytes().and_then(|bytes| u64::try_from(bytes).ok());
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let facts = [
        (
            "Size",
            dimensions.map(|(width, height)| format!("{width} × {height} pixels")),
        ),
        ("Uploaded", Some(known.moment(image.uploaded_at).text())),
        (
            "Taken",
            taken.map(|taken| taken.format("%-d %b %Y, %H:%M").to_string()),
        ),
        ("Camera", owned(known.camera())),
        ("Faces found", faces.map(|faces| faces.len().to_string())),
        ("Caption language", image.caption_language.clone()),
        ("Described", described),
        (
            "File",
            known
                .tells(Known::MediaType)
                .then(|| known.media_type().to_owned()),
        ),
        ("File size", bytes.map(size)),
        ("Uploaded by", owned(known.uploaded_by())),
        ("SHA-256", owned(known.sha256())),
    ];
    facts
        .into_iter()
        .filter_map(|(label, value)| value.map(|value| Fact { label, value }))
        .collect()
}

/// `POST /images/{id}/steps/{step}/retry`
pub async fn retry(
    State(state): State<AppState>,
    viewer: Viewer,
    headers: HeaderMap,
    Path((id, step)): Path<(Uuid, String)>,
) -> Response {
    let page = format!("/images/{id}");
    match retry_step(&state, &viewer, id, &step).await {
        Ok(()) => Redirect::to(&came_from(&headers).unwrap_or(page)).into_response(),
        Err(problem) => or_login(problem, &page),
    }
}

/// The page with the button, which may be the gallery; none if it is not a page of this server.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let referer: axum::http::Uri = headers.get("referer")?.to_str().ok()?.parse().ok()?;
    let host = headers.get("host")?.to_str().ok()?;
    let ours = referer.authority()?.as_str() == host;
    let address = referer.path_and_query()?.as_str();
    (ours && !address.starts_with("//")).then(|| address.to_owned())
}

#[derive(Debug, Deserialize)]
pub struct Description {
    caption: String,
    #[serde(default)]
    paragraph: String,
    tags: String,
}

/// `POST /images/{id}/caption`
pub async fn describe(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    Form(new): Form<Description>,
) -> Result<Response, Problem> {
    let address = format!("/images/{id}");
    let edit = CaptionEdit {
        caption: Some(new.caption.clone()),
        paragraph: Some(new.paragraph.clone()),
        tags: Some(new.tags.split(',').map(str::to_owned).collect()),
    };
    match edit_caption(&state, &viewer, id, edit).await {
        Ok(()) => Ok(Redirect::to(&address).into_response()),
        Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            let shown = page(&state, &viewer, id, Some((&new, &problem))).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
        Err(problem) => Ok(or_login(problem, &address)),
    }
}

/// `POST /images/{id}/delete`
pub async fn delete(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Response {
    match delete_image(&state, &viewer, id).await {
        // It may have been deleted before.
        Ok(true | false) => Redirect::to("/gallery").into_response(),
        Err(problem) => or_login(problem, &format!("/images/{id}")),
    }
}
