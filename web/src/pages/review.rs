//! `/review`, the release desk, and the contact sheet of what needs no look at each.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::NaiveDate;
use entity::desk::{self, Filter, Wanted};
use entity::image::{self, Audience};
use entity::removal_request;
use sea_orm::{PaginatorTrait as _, QuerySelect as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::desk_view::{Choice, DeskView};
use super::view::ImageView;
use super::{Page, html, or_login};
use crate::access::{Action, Viewer};
use crate::actions::release_image;
use crate::actions::review_images::review_images;
use crate::extract::Query;
use crate::image_rows::ImageRows;
use crate::paging::Paging;
use crate::problem::Problem;
use crate::state::AppState;

/// Pictures of the queue on one page.
const QUEUE: u64 = 24;

/// Pictures on a contact sheet at most.
const SHEET: u64 = 200;

const FILTERS: [(Filter, Choice); 9] = [
    (Filter::Unreviewed, choice("unreviewed", "Not reviewed")),
    (Filter::Held, choice("held", "Held")),
    (Filter::Failed, choice("failed", "Copy failed")),
    (Filter::Unchecked, choice("unchecked", "Words not checked")),
    (
        Filter::NotDescribed,
        choice("not-described", "Could not be described"),
    ),
    (
        Filter::WithoutAltText,
        choice("without-alt-text", "Without alt text"),
    ),
    (Filter::Requests, choice("requests", "Asked to be removed")),
    (Filter::Released, choice("released", "Released")),
    (
        Filter::Legacy,
        choice("legacy", "Public since before there was a release"),
    ),
];

const fn choice(name: &'static str, label: &'static str) -> Choice {
    Choice { name, label }
}

/// The query of the desk. Forms send empty fields, too.
#[derive(Debug, Default, Deserialize)]
pub struct DeskQuery {
    filter: Option<String>,
    by: Option<String>,
    day: Option<String>,
    image: Option<Uuid>,
    /// What was done before; see [`message`].
    said: Option<String>,
}

#[derive(Debug, Serialize)]
struct QueueItem {
    id: String,
    url: String,
    alt: String,
    thumbnail_url: Option<String>,
}

impl DeskQuery {
    fn wanted(&self) -> Result<Wanted, Problem> {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        let filter = match given(&self.filter) {
            None => Filter::Unreviewed,
            Some(name) => FILTERS
                .iter()
                .find(|(_, choice)| choice.name == name)
                .map(|(filter, _)| *filter)
                .ok_or_else(|| Problem::bad_request(format!("there is no filter `{name}`")))?,
        };
        let day = given(&self.day).map(|day| {
            NaiveDate::parse_from_str(&day, "%Y-%m-%d")
                .map_err(|_| Problem::bad_request(format!("`{day}` is no day; send 2026-11-26")))
        });
        Ok(Wanted {
            filter,
            by: given(&self.by),
            day: day.transpose()?,
        })
    }
}

/// The query that leads to the same pictures.
fn query_of(wanted: &Wanted) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if wanted.filter != Filter::Unreviewed {
        query.append_pair("filter", name_of(wanted.filter));
    }
    if let Some(by) = &wanted.by {
        query.append_pair("by", by);
    }
    if let Some(day) = wanted.day {
        query.append_pair("day", &day.to_string());
    }
    query.finish()
}

fn name_of(filter: Filter) -> &'static str {
    FILTERS
        .iter()
        .find(|(other, _)| *other == filter)
        .map_or("unreviewed", |(_, choice)| choice.name)
}

/// What happened to the picture before, in words.
fn message(said: &str) -> Option<(&'static str, &'static str)> {
    Some(match said {
        "released" => ("info", "Released."),
        "held" => ("info", "Held back."),
        "withdrawn" => ("info", "Withdrawn: visitors no longer see it."),
        "saved" => ("info", "Saved."),
        "deleted" => ("info", "Deleted."),
        "answered" => ("info", "Answered."),
        "certain" => ("info", "Everything without an uncertain box is released."),
        "waiting" => (
            "error",
            "Saved, but not released: the copy is still being made. Release it once it is done.",
        ),
        _ => return None,
    })
}

/// `GET /review`
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Query(query): Query<DeskQuery>,
) -> Result<Response, Problem> {
    if let Err(problem) = viewer.require(Action::Manage) {
        return Ok(or_login(problem, "/review"));
    }
    let wanted = query.wanted()?;
    let paging = Paging {
        after: None,
        limit: QUEUE,
    };
    let page = review_images(&state, &viewer, &wanted, &paging).await?;
    let current = match query.image {
        Some(id) => Some(state.image_for(&Audience::Staff, id).await?),
        None => page.rows.first().cloned(),
    };
    let desk = match &current {
        Some(rows) => {
            let requests = removal_request::open_of(rows.image.id);
            let requests = requests.all(&state.db).await?;
            Some(DeskView::new(rows, &viewer, &requests)?)
        }
        None => None,
    };
    let back = query_of(&wanted);
    let queue: Vec<_> = page
        .rows
        .iter()
        .map(|rows| QueueItem::new(rows, &viewer, &back))
        .collect();
    let message = query.said.as_deref().and_then(message);
    let context = json!({
        "page": Page::new(&state, &viewer, "/review", "Review"),
        "left": page.left,
        "filter": {
            "name": name_of(wanted.filter),
            "choices": FILTERS.iter().map(|(_, choice)| choice).collect::<Vec<_>>(),
            "uploaders": uploaders(&state).await?,
            "by": wanted.by,
            "day": wanted.day.map(|day| day.to_string()),
            "is_set": !back.is_empty(),
        },
        "open_requests": removal_request::open().count(&state.db).await?,
        "message": message.map(|(kind, text)| json!({ "kind": kind, "text": text })),
        "queue": queue,
        "desk": desk,
        "back": back,
    });
    html(&state, "review.html", &context)
}

async fn uploaders(state: &AppState) -> Result<Vec<String>, Problem> {
    Ok(desk::uploaders().into_tuple().all(&state.db).await?)
}

impl QueueItem {
    fn new(rows: &ImageRows, viewer: &Viewer, back: &str) -> Self {
        let id = rows.image.id;
        let query = url::form_urlencoded::Serializer::new(back.to_owned())
            .append_pair("image", &id.to_string())
            .finish();
        Self {
            id: id.to_string(),
            url: format!("/review?{query}"),
            alt: rows.image.file_name.clone(),
            thumbnail_url: rows.own_url(viewer, crate::access::Rendition::Thumbnail),
        }
    }
}

/// `GET /review/certain`: the copies of everything without an uncertain box.
pub async fn contact_sheet(
    State(state): State<AppState>,
    viewer: Viewer,
) -> Result<Response, Problem> {
    if let Err(problem) = viewer.require(Action::Manage) {
        return Ok(or_login(problem, "/review/certain"));
    }
    let count = desk::certain().count(&state.db).await?;
    let ids = desk::certain().limit(SHEET).select_only();
    let ids: Vec<Uuid> = ids
        .column(image::Column::Id)
        .into_tuple()
        .all(&state.db)
        .await?;
    let rows = ImageRows::load(&state.db, &state.caption_pause, &Audience::Staff, &ids).await?;
    let urls = state.url_source().await;
    let images: Vec<_> = rows
        .iter()
        .map(|rows| {
            let copy = rows.own_url(&viewer, crate::access::Rendition::Anonymised);
            json!({ "image": ImageView::new(rows, &viewer, &urls), "copy_url": copy })
        })
        .collect();
    let context = json!({
        "page": Page::new(&state, &viewer, "/review", "Release without a look at each"),
        "count": count,
        "items": images,
    });
    html(&state, "review_certain.html", &context)
}

/// `POST /review/certain`
pub async fn release_certain(State(state): State<AppState>, viewer: Viewer) -> Response {
    match release_image::release_certain(&state, &viewer).await {
        Ok(_) => Redirect::to("/review?said=certain").into_response(),
        Err(problem) => or_login(problem, "/review/certain"),
    }
}
