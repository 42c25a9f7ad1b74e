//! `PATCH /api/images/{id}`

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::actions::edit_caption::{CaptionEdit, edit_caption};
use crate::actions::image_notes::{ImageNotes, note_image};
use crate::api::image_answer::one;
use crate::api::problems::{InvalidContent, NotFound, TooLarge, UnsupportedType};
use crate::extract::{JsonObject, Path};
use crate::image_json::ImageJson;
use crate::problem::Problem;
use crate::state::AppState;

/// A person's change. Omitted fields stay unchanged.
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
    /// A few words about the picture, at most 500 characters, which go to the captioner with it the
    /// next time it is described. An empty text removes them.
    context: Option<String>,
    /// The picture says nothing that needs words: its alt text is empty.
    decorative: Option<bool>,
    /// The caption is right, or is not checked any more.
    checked: Option<bool>,
}

impl Patch {
    fn notes(&mut self) -> Option<ImageNotes> {
        let notes = ImageNotes {
            context: self.context.take(),
            decorative: self.decorative.take(),
            checked: self.checked.take(),
        };
        (notes != ImageNotes::default()).then_some(notes)
    }

    fn has_caption(&self) -> bool {
        self.caption.is_some() || self.paragraph.is_some() || self.tags.is_some()
    }
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

/// Write caption, paragraph and tags, and what a person says about the image
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
    patch: Result<JsonObject<Patch>, Problem>,
) -> Result<Json<ImageJson>, Problem> {
    viewer.require(Action::Manage)?;
    let JsonObject(mut patch) = patch?;
    let notes = patch.notes();
    if patch.has_caption() || notes.is_none() {
        edit_caption(&state, &viewer, id, patch.try_into()?).await?;
    }
    if let Some(notes) = notes {
        note_image(&state, &viewer, id, notes).await?;
    }
    one(&state, &viewer, id).await
}
