//! A picture on the release desk as its template needs it.

use entity::image_box::{self, ByKind, State};
use entity::removal_request;
use entity::step::{StepKind, StepState};
use functions::steps::anonymise::ELLIPSE;
use serde::Serialize;

use super::view::{caption_note, state_text};
use super::{date_and_time, sentence};
use crate::access::{Rendition, Viewer};
use crate::box_json::BoxJson;
use crate::image_rows::ImageRows;
use crate::problem::Problem;

/// Empty rows in the form without scripts.
const NEW_ROWS: usize = 2;

#[derive(Debug, Serialize)]
pub(super) struct DeskView {
    id: String,
    url: String,
    heading: String,
    /// Why it is on the desk, and what was found.
    why: String,
    uploaded_at: String,
    uploaded_text: String,
    uploaded_by: Option<String>,
    state: &'static str,
    state_text: &'static str,
    width: i32,
    height: i32,
    /// The axes of an ellipse, as multiples of the sides of its box.
    ellipse: f64,
    original_url: Option<String>,
    copy_url: Option<String>,
    version: i32,
    boxes_json: String,
    boxes: Vec<Shown>,
    rows: Vec<Row>,
    caption: Option<String>,
    caption_note: Option<String>,
    tags: String,
    requests: Vec<RequestView>,
}

/// A box over the picture.
#[derive(Debug, Serialize)]
struct Shown {
    shape: &'static str,
    state: &'static str,
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    cx: f64,
    cy: f64,
    rx: f64,
    ry: f64,
}

/// A box in the form without scripts; numbers are empty for a new one.
#[derive(Debug, Serialize)]
struct Row {
    legend: String,
    id: String,
    x: String,
    y: String,
    width: String,
    height: String,
    state: &'static str,
    reason: String,
    states: Vec<Choice>,
}

#[derive(Debug, Serialize)]
pub(super) struct Choice {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct RequestView {
    pub(super) id: String,
    pub(super) image_url: String,
    pub(super) at: String,
    pub(super) text: String,
    pub(super) age: String,
    pub(super) reason: Option<String>,
}

impl DeskView {
    pub(super) fn new(
        rows: &ImageRows,
        viewer: &Viewer,
        requests: &[removal_request::Model],
    ) -> Result<Self, Problem> {
        let image = &rows.image;
        let boxes: Vec<_> = rows.boxes.iter().map(BoxJson::from).collect();
        // Few browsers show HEIC; a small picture is better than none.
        let original = match &*image.content_type {
            "image/heic" => Rendition::Thumbnail,
            _ => Rendition::Original,
        };
        Ok(Self {
            id: image.id.to_string(),
            url: format!("/images/{}", image.id),
            heading: image.file_name.clone(),
            why: why(rows),
            uploaded_at: image.uploaded_at.to_rfc3339(),
            uploaded_text: date_and_time(image.uploaded_at),
            uploaded_by: image.uploaded_by.clone(),
            state: image.review.as_str(),
            state_text: state_text(image.review),
            width: image.width,
            height: image.height,
            ellipse: ELLIPSE,
            original_url: rows.own_url(viewer, original),
            copy_url: rows.own_url(viewer, Rendition::Anonymised),
            version: image.boxes_version,
            boxes_json: serde_json::to_string(&boxes).map_err(Problem::internal)?,
            boxes: rows.boxes.iter().map(Shown::new).collect(),
            rows: form_rows(&rows.boxes),
            caption: image.caption_text.clone(),
            caption_note: image
                .caption_text
                .as_ref()
                .map(|_| caption_note(rows, viewer)),
            tags: image.tags.clone().unwrap_or_default().0.join(", "),
            requests: requests.iter().map(RequestView::new).collect(),
        })
    }
}

impl Shown {
    fn new(row: &image_box::Model) -> Self {
        let (width, height) = (f64::from(row.width), f64::from(row.height));
        Self {
            shape: row.shape.as_str(),
            state: row.state.as_str(),
            x: row.x,
            y: row.y,
            width: row.width,
            height: row.height,
            cx: f64::from(row.x) + width / 2.0,
            cy: f64::from(row.y) + height / 2.0,
            rx: (width / 2.0 * ELLIPSE).round(),
            ry: (height / 2.0 * ELLIPSE).round(),
        }
    }
}

impl RequestView {
    pub(super) fn new(row: &removal_request::Model) -> Self {
        Self {
            id: row.id.to_string(),
            image_url: format!("/review?image={}", row.image_id),
            at: row.created_at.to_rfc3339(),
            text: date_and_time(row.created_at),
            age: age((entity::now() - row.created_at).num_minutes()),
            reason: row.reason.clone(),
        }
    }
}

/// How long somebody has been waiting.
fn age(minutes: i64) -> String {
    let (count, unit) = match minutes {
        ..60 => (minutes.max(0), "minute"),
        60..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

/// The state of the copy first, then what is uncertain, then what was found.
fn why(rows: &ImageRows) -> String {
    let copy = rows.step(StepKind::Anonymise).map(|step| step.state);
    let mut parts = Vec::new();
    match copy {
        Some(StepState::Queued | StepState::Running) => {
            parts.push("the copy is being made".to_owned());
        }
        Some(StepState::Failed | StepState::Blocked) => {
            parts.push("the copy could not be made".to_owned());
        }
        Some(StepState::Done) | None => {}
    }
    if rows.image.legacy {
        parts.push("public since before there was a release".to_owned());
    }
    let counted = |state: State| rows.boxes.iter().filter(|row| row.state == state).count();
    let plural = |count: usize| if count == 1 { "" } else { "es" };
    let uncertain = counted(State::Uncertain);
    if uncertain > 0 {
        parts.push(format!("{uncertain} uncertain box{}", plural(uncertain)));
    }
    let covered = counted(State::Cover);
    if covered > 0 {
        parts.push(format!("{covered} box{} covered", plural(covered)));
    }
    let kept = counted(State::Keep);
    if kept > 0 {
        parts.push(format!("{kept} kept visible"));
    }
    if rows.boxes.is_empty() && copy == Some(StepState::Done) {
        parts.push("no face was found".to_owned());
    }
    sentence(&parts.join(", "))
}

fn form_rows(boxes: &[image_box::Model]) -> Vec<Row> {
    let known = boxes.iter().enumerate().map(|(index, row)| Row {
        legend: format!(
            "Box {}, by {}",
            index + 1,
            match (row.by_kind, &row.by_name) {
                (ByKind::Detector, _) => "the detector",
                (ByKind::Person, Some(name)) => name,
                (ByKind::Person, None) => "a person",
            }
        ),
        id: row.id.to_string(),
        x: row.x.to_string(),
        y: row.y.to_string(),
        width: row.width.to_string(),
        height: row.height.to_string(),
        state: row.state.as_str(),
        reason: row.reason.clone().unwrap_or_default(),
        states: choices(row.state == State::Uncertain, "Removed"),
    });
    let new = (0..NEW_ROWS).map(|_| Row {
        legend: "New box".to_owned(),
        id: String::new(),
        x: String::new(),
        y: String::new(),
        width: String::new(),
        height: String::new(),
        state: "cover",
        reason: String::new(),
        states: choices(false, "Not used"),
    });
    known.chain(new).collect()
}

fn choices(is_uncertain: bool, removed: &'static str) -> Vec<Choice> {
    let choice = |name, label| Choice { name, label };
    let mut choices = vec![
        choice("cover", "Covered"),
        choice("keep", "Kept visible"),
        choice("remove", removed),
    ];
    if is_uncertain {
        choices.insert(0, choice("uncertain", "Uncertain, covered"));
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn the_age_of_a_request_is_told_in_the_largest_fitting_unit() {
        for (minutes, text) in [
            (-1, "0 minutes ago"),
            (1, "1 minute ago"),
            (59, "59 minutes ago"),
            (60, "1 hour ago"),
            (2879, "47 hours ago"),
            (2880, "2 days ago"),
        ] {
            assert_eq!(age(minutes), text);
        }
    }
}
