//! `POST /review/{id}`: the form of the desk, which does without scripts what the desk's scripts do by
//! the API.

use std::time::Duration;

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use entity::image::Audience;
use entity::image_box::State as BoxState;
use functions::pipeline::boxes::Drawn;
use uuid::Uuid;

use super::or_login;
use crate::access::{Action, Viewer};
use crate::actions::boxes::replace_boxes;
use crate::actions::delete_image::delete_image;
use crate::actions::edit_caption::{CaptionEdit, edit_caption};
use crate::actions::release_image::{Decision, Seen, decide};
use crate::extract::Path;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

/// How long a release waits for the copy of boxes that came with it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Field after field: those of a box begin with its `id`.
type Fields = Vec<(String, String)>;

/// `POST /review/{id}`
pub async fn post(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    Form(fields): Form<Fields>,
) -> Response {
    let back = field(&fields, "back").unwrap_or_default();
    match act(&state, &viewer, id, &fields).await {
        Ok(said) => Redirect::to(&address(back, id, said)).into_response(),
        Err(problem) => or_login(problem, &format!("/review?image={id}")),
    }
}

/// The desk with the next picture, or with the same one if it still needs somebody.
fn address(back: &str, id: Uuid, said: &str) -> String {
    // Nothing but a query, so that the address is always the desk's.
    let pairs = url::form_urlencoded::parse(back.as_bytes());
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs).append_pair("said", said);
    if matches!(said, "saved" | "waiting" | "withdrawn") {
        query.append_pair("image", &id.to_string());
    }
    format!("/review?{}", query.finish())
}

async fn act(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    fields: &Fields,
) -> Result<&'static str, Problem> {
    viewer.require(Action::Manage)?;
    let what = field(fields, "do").unwrap_or("save");
    if what == "delete" {
        delete_image(state, viewer, id).await?;
        return Ok("deleted");
    }
    save_words(state, viewer, id, fields).await?;
    save_boxes(state, viewer, id, fields).await?;
    match what {
        "release" => release(state, viewer, id, fields).await,
        "hold" => {
            decide(state, viewer, id, Decision::Hold).await?;
            Ok("held")
        }
        "withdraw" => {
            decide(state, viewer, id, Decision::Withdraw).await?;
            Ok("withdrawn")
        }
        _ => Ok("saved"),
    }
}

async fn release(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    fields: &Fields,
) -> Result<&'static str, Problem> {
    state
        .live
        .until_settled(&Audience::Staff, id, PATIENCE)
        .await?;
    let caption = field(fields, "caption").map(|text| text.trim().to_owned());
    let seen = Seen {
        version: None,
        caption: caption.filter(|text| !text.is_empty()),
    };
    match decide(state, viewer, id, Decision::Release(seen)).await {
        Ok(()) => Ok("released"),
        Err(problem) if problem.kind() == ProblemKind::NotReady => Ok("waiting"),
        Err(problem) => Err(problem),
    }
}

/// Words that differ from those that are there. A caption that is emptied stays as it was.
async fn save_words(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    fields: &Fields,
) -> Result<(), Problem> {
    let image = state.image(viewer, id).await?.image;
    let caption = field(fields, "caption").map(str::trim).unwrap_or_default();
    let tags = field(fields, "tags").unwrap_or_default();
    let tags: Vec<_> = tags
        .split(',')
        .map(|tag| tag.trim().to_lowercase())
        .filter(|tag| !tag.is_empty())
        .collect();
    let is_new = |text: &&str| !text.is_empty() && Some(*text) != image.caption_text.as_deref();
    let current = image.tags.clone().unwrap_or_default().0;
    let edit = CaptionEdit {
        caption: Some(caption).filter(is_new).map(str::to_owned),
        paragraph: None,
        tags: (tags != current).then_some(tags),
    };
    if edit == CaptionEdit::default() {
        return Ok(());
    }
    edit_caption(state, viewer, id, edit).await
}

async fn save_boxes(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    fields: &Fields,
) -> Result<(), Problem> {
    // The forms of pages with scripts have no boxes.
    if field(fields, "id").is_none() {
        return Ok(());
    }
    let version = field(fields, "version").unwrap_or_default();
    let version = number("version", version)?;
    replace_boxes(state, viewer, id, version, boxes(fields)?).await
}

fn boxes(fields: &Fields) -> Result<Vec<Drawn>, Problem> {
    let starts = fields.iter().enumerate();
    let starts: Vec<_> = starts
        .filter(|(_, (name, _))| name == "id")
        .map(|(at, _)| at)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([fields.len()]);
    let mut boxes = Vec::new();
    for (start, end) in starts.iter().zip(ends) {
        let row = &fields[*start..end];
        let state = match field(row, "state") {
            Some("cover") => BoxState::Cover,
            Some("keep") => BoxState::Keep,
            Some("uncertain") => BoxState::Uncertain,
            _ => continue,
        };
        let text = |name| field(row, name).map(str::trim).unwrap_or_default();
        let names = ["x", "y", "width", "height"];
        if names.iter().all(|name| text(name).is_empty()) {
            continue;
        }
        let [x, y, width, height] = names.map(|name| number(name, text(name)));
        boxes.push(Drawn {
            id: text("id").parse().ok(),
            x: x?,
            y: y?,
            width: width?,
            height: height?,
            shape: None,
            covers: None,
            state,
            reason: Some(text("reason").to_owned()),
        });
    }
    Ok(boxes)
}

fn number(name: &str, text: &str) -> Result<i32, Problem> {
    text.parse()
        .map_err(|_| Problem::invalid(format!("`{text}` for {name} is no whole number")))
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn each_id_begins_a_box_and_empty_or_removed_ones_are_left_out() {
        let boxes = boxes(&fields(&[
            ("caption", "Ada"),
            ("id", "0197c0de-0000-7000-8000-000000000000"),
            ("x", "1"),
            ("y", "2"),
            ("width", "30"),
            ("height", " 40 "),
            ("state", "keep"),
            ("reason", "consent"),
            ("id", "0197c0de-0000-7000-8000-000000000001"),
            ("x", "1"),
            ("y", "2"),
            ("width", "30"),
            ("height", "40"),
            ("state", "remove"),
            ("id", ""),
            ("x", ""),
            ("y", ""),
            ("width", ""),
            ("height", ""),
            ("state", "cover"),
        ]))
        .unwrap();
        assert_eq!(boxes.len(), 1);
        assert!(boxes[0].id.is_some());
        assert_eq!((boxes[0].x, boxes[0].height), (1, 40));
        assert_eq!(boxes[0].state, BoxState::Keep);
    }

    #[test]
    fn a_number_that_cannot_be_read_is_named() {
        let row = [
            ("id", ""),
            ("x", "left"),
            ("y", "2"),
            ("width", "3"),
            ("height", "4"),
            ("state", "cover"),
        ];
        let problem = boxes(&fields(&row)).unwrap_err();
        assert!(problem.detail().contains("`left` for x"));
    }

    #[test]
    fn the_form_leads_back_to_the_desk_only() {
        let id = Uuid::nil();
        let address = address("//evil.example/?filter=held", id, "released");
        assert!(address.starts_with("/review?"), "{address}");
        assert_eq!(
            super::address("filter=held", id, "held"),
            "/review?filter=held&said=held"
        );
    }
}
