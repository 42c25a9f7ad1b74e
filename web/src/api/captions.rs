//! What people say about a picture instead of a machine.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use functions::captions::{Edit, Words, by_person};
use serde::Deserialize;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::problem::Problem;
use crate::state::AppState;
use crate::view::{ImageJson, ImageRows};

/// Characters of a caption at most.
const CAPTION_LENGTH: usize = 2000;
/// Tags at most.
const TAGS: usize = 30;
/// Characters of a tag at most.
const TAG_LENGTH: usize = 40;

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
    write(&state, &viewer, id, patch.into()).await?;
    let rows = ImageRows::get(&state, id).await?;
    Ok(Json(ImageJson::new(&rows, &viewer, &state.links().await)))
}

/// Writes what a person says.
///
/// # Errors
/// 401 or 403 if they may not, 404 if there is no such image, 422 if there is nothing to write
/// or too much.
pub(crate) async fn write(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    edit: Edit,
) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    ImageRows::get(state, id).await?;
    let edit = tidy(edit)?;
    match by_person(&state.db, id, viewer.name(), edit).await? {
        Some(()) => Ok(()),
        None => Err(refused(
            "there is no caption yet that tags could go with; write one",
        )),
    }
}

fn tidy(edit: Edit) -> Result<Edit, Problem> {
    if edit == Edit::default() {
        return Err(refused(
            "there is nothing to change; send `caption` or `tags`",
        ));
    }
    let caption = edit.caption.map(tidy_words).transpose()?;
    let tags = edit.tags.map(tidy_tags).transpose()?;
    Ok(Edit { caption, tags })
}

fn tidy_words(words: Words) -> Result<Words, Problem> {
    let text = one_line(&words.text);
    let paragraph = words.paragraph.as_deref().map(one_line);
    if text.is_empty() {
        return Err(refused("the caption is empty; say what the picture shows"));
    }
    for (name, text) in [("caption", Some(&text)), ("paragraph", paragraph.as_ref())] {
        let count = text.map_or(0, |text| text.chars().count());
        if count > CAPTION_LENGTH {
            return Err(refused(format!(
                "the {name} has {count} characters; {CAPTION_LENGTH} are the most"
            )));
        }
    }
    Ok(Words {
        text,
        paragraph: paragraph.filter(|paragraph| !paragraph.is_empty()),
    })
}

/// In lower case, each once, in the order given.
fn tidy_tags(tags: Vec<String>) -> Result<Vec<String>, Problem> {
    let mut tidy: Vec<String> = Vec::new();
    for tag in tags {
        let tag = one_line(&tag).to_lowercase();
        if tag.chars().count() > TAG_LENGTH {
            return Err(refused(format!(
                "a tag has {TAG_LENGTH} characters at most, and this one has more: {tag}"
            )));
        }
        if !tag.is_empty() && !tidy.contains(&tag) {
            tidy.push(tag);
        }
    }
    if tidy.len() > TAGS {
        return Err(refused(format!(
            "there are {} tags; {TAGS} are the most",
            tidy.len()
        )));
    }
    Ok(tidy)
}

/// Alt text is read aloud: line breaks and control characters say nothing.
fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_and_tags_are_tidied() {
        let edit = tidy(Edit {
            caption: Some(Words {
                text: " Two\npeople\u{0} dance ".to_owned(),
                paragraph: Some(" \n".to_owned()),
            }),
            tags: Some(vec![
                " Dance".to_owned(),
                "dance".to_owned(),
                " ".to_owned(),
            ]),
        })
        .unwrap();
        let words = edit.caption.unwrap();
        assert_eq!(words.text, "Two people dance");
        assert_eq!(words.paragraph, None);
        assert_eq!(edit.tags, Some(vec!["dance".to_owned()]));
    }
}
