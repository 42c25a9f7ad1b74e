//! `/images/{id}` and its forms: one page for visitors, another with tasks for those who see details.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use entity::caption;
use entity::image;
use entity::publication_record;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::image_parts::{CaptionView, RecordView, ReleaseView, RenditionView, faces, facts};
use super::image_words::{Offer, copy_html};
use super::languages::Languages;
use super::view::ImageView;
use super::{Page, html, or_login, sentence};
use crate::access::{Action, Client, Rendition, Viewer};
use crate::actions::delete_image::delete_image;
use crate::actions::edit_caption::{CaptionEdit, edit_caption};
use crate::actions::image_notes::{ImageNotes, note_image};
use crate::actions::release_image::{self, Decision, Seen};
use crate::actions::retry_step::retry_step;
use crate::extract::{Path, Query};
use crate::image_rows::ImageRows;
use crate::problem::Problem;
use crate::state::AppState;

/// How many captions of the history are shown, the current one included.
const CAPTIONS_SHOWN: u64 = 20;

/// Characters of a page's title at most: browsers and search engines show fewer.
const TITLE_LENGTH: usize = 90;

#[derive(Debug, Default, Deserialize)]
pub struct Look {
    /// `visitor` shows the page as visitors see it.
    #[serde(rename = "as")]
    role: Option<String>,
}

impl Look {
    fn is_as_visitor(&self) -> bool {
        self.role.as_deref() == Some("visitor")
    }
}

/// `GET /images/{id}`
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    languages: Languages,
    client: Option<Extension<Client>>,
    Path(id): Path<Uuid>,
    Query(look): Query<Look>,
) -> Result<Response, Problem> {
    let asked = Asked {
        languages,
        client: client.map(|Extension(client)| client),
    };
    if look.is_as_visitor() {
        return preview(&state, &viewer, id, &asked).await;
    }
    let rows = state.image(&viewer, id).await?;
    if viewer.sees_details_of(&rows.image) {
        tasks_page(&state, &viewer, &rows, &asked, None).await
    } else {
        visitors_page(&state, &viewer, &rows, &asked, false).await
    }
}

/// How the page was asked for.
#[derive(Default)]
struct Asked {
    languages: Languages,
    client: Option<Client>,
}

/// What visitors get at this address, for somebody who may see the image.
async fn preview(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    asked: &Asked,
) -> Result<Response, Problem> {
    let own_url = format!("/images/{id}");
    let visitor = viewer.as_visitor();
    match state.image(&visitor, id).await {
        Ok(rows) => visitors_page(state, &visitor, &rows, asked, true).await,
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => {
            state.image(viewer, id).await?;
            let context = json!({
                "page": Page::new(state, &visitor, "", "Not found").preview_of(&own_url),
                "status": 404,
                "heading": "Not found",
                "detail": "Visitors do not see this picture, because it is not released.",
                "trace_id": null,
            });
            html(state, "error.html", &context)
        }
        Err(problem) => Err(problem),
    }
}

/// The picture, its words and its date.
async fn visitors_page(
    state: &AppState,
    viewer: &Viewer,
    rows: &ImageRows,
    asked: &Asked,
    is_preview: bool,
) -> Result<Response, Problem> {
    let urls = state.url_source().await;
    let view = ImageView::new(rows, viewer, &urls).in_language(rows, &asked.languages);
    let picture = RenditionView::new(viewer, rows, viewer.public_rendition(), &urls);
    let (previous_url, next_url) = neighbours(state, viewer, rows).await?;
    let title = shortened(&view.heading);
    let page = Page::new(state, viewer, &view.url, &title);
    let context = json!({
        "page": if is_preview { page.preview_of(&view.url) } else { page },
        "picture": picture,
        "previous_url": previous_url,
        "next_url": next_url,
        "html": copy_html(state, asked.client.as_ref(), rows, viewer),
        "thats_me_url": state.takes_removal_requests.then(|| format!("{}/thats-me", view.url)),
        "image": view,
    });
    html(state, "image.html", &context)
}

/// Original and copy, with what there is to do about them; after a refusal with the texts that were
/// typed and the reason.
async fn tasks_page(
    state: &AppState,
    viewer: &Viewer,
    rows: &ImageRows,
    asked: &Asked,
    refused: Option<(&Description, &Problem)>,
) -> Result<Response, Problem> {
    let urls = state.url_source().await;
    let renditions = [Rendition::Anonymised, Rendition::Original]
        .map(|rendition| RenditionView::new(viewer, rows, rendition, &urls));
    let (previous_url, next_url) = neighbours(state, viewer, rows).await?;
    let view = ImageView::new(rows, viewer, &urls).in_language(rows, &asked.languages);
    let title = shortened(&view.heading);
    let context = json!({
        "page": Page::new(state, viewer, &view.url, &title),
        "renditions": renditions,
        "faces": faces(rows, viewer),
        "release": ReleaseView::new(&rows.image),
        "records": records(state, viewer, rows.image.id).await?,
        "facts": facts(rows, viewer),
        "tags": rows.image.tags.clone().unwrap_or_default(),
        "previous_url": previous_url,
        "next_url": next_url,
        "context": rows.image.context,
        "translations": rows.image.caption_translations.clone().unwrap_or_default(),
        "offer": Offer::of(rows, viewer),
        "html": copy_html(state, asked.client.as_ref(), rows, viewer),
        "captions": caption_history(state, viewer, rows.image.id).await?,
        "form": description_form(&rows.image, refused),
        "api_url": format!("/api/images/{}", rows.image.id),
        "image": view,
    });
    html(state, "image_tasks.html", &context)
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

/// The pages of the newer and the older image.
async fn neighbours(
    state: &AppState,
    viewer: &Viewer,
    rows: &ImageRows,
) -> Result<(Option<String>, Option<String>), Problem> {
    let cursor = rows.image.cursor();
    let audience = viewer.audience();
    let newer = image::newer_than(&audience, cursor).one(&state.db).await?;
    let older = image::page(&audience, Some(cursor), 1);
    let older = older.one(&state.db).await?;
    let address = |image: image::Model| format!("/images/{}", image.id);
    Ok((newer.map(address), older.map(address)))
}

/// The beginning of a text, up to the end of a word.
fn shortened(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(TITLE_LENGTH) else {
        return text.to_owned();
    };
    let whole_words = text[..end]
        .rsplit_once(' ')
        .map_or(&text[..end], |(words, _)| words);
    format!("{whole_words}…")
}

/// Who made it public or took it back, for viewers who see details.
async fn records(state: &AppState, viewer: &Viewer, id: Uuid) -> Result<Vec<RecordView>, Problem> {
    if !viewer.may(Action::SeeDetails) {
        return Ok(Vec::new());
    }
    let rows = publication_record::of(id).all(&state.db).await?;
    Ok(rows.into_iter().map(RecordView::from).collect())
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
            let rows = state.image(&viewer, id).await?;
            let refused = Some((&new, &problem));
            let shown = tasks_page(&state, &viewer, &rows, &Asked::default(), refused).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
        Err(problem) => Ok(or_login(problem, &address)),
    }
}

#[derive(Debug, Deserialize)]
pub struct Decided {
    #[serde(rename = "do")]
    what: String,
}

/// `POST /images/{id}/decide`
pub async fn decide(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    Form(decided): Form<Decided>,
) -> Response {
    let page = format!("/images/{id}");
    let decision = match decided.what.as_str() {
        "release" => Decision::Release(Seen::default()),
        "withdraw" => Decision::Withdraw,
        "hold" => Decision::Hold,
        other => {
            let detail = format!("`{other}` is none of `release`, `withdraw` and `hold`");
            return Problem::bad_request(detail).into_response();
        }
    };
    match release_image::decide(&state, &viewer, id, decision).await {
        Ok(()) => Redirect::to(&page).into_response(),
        Err(problem) => or_login(problem, &page),
    }
}

/// The buttons and fields beside a caption. A checkbox that is not ticked is not sent.
#[derive(Debug, Deserialize)]
pub struct NotesForm {
    /// Which of the forms it is.
    change: Change,
    #[serde(default)]
    context: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    Context,
    Checked,
    NotChecked,
    Decorative,
    NotDecorative,
}

/// `POST /images/{id}/notes`
pub async fn note(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    Form(form): Form<NotesForm>,
) -> Response {
    let page = format!("/images/{id}");
    let mut notes = ImageNotes::default();
    match form.change {
        Change::Context => notes.context = Some(form.context),
        Change::Checked => notes.checked = Some(true),
        Change::NotChecked => notes.checked = Some(false),
        Change::Decorative => notes.decorative = Some(true),
        Change::NotDecorative => notes.decorative = Some(false),
    }
    match note_image(&state, &viewer, id, notes).await {
        Ok(()) => Redirect::to(&page).into_response(),
        Err(problem) => or_login(problem, &page),
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
