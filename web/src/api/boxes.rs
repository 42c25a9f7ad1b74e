//! `/api/images/{id}/boxes`

use axum::Json;
use axum::extract::State;
use functions::pipeline::boxes::Drawn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::problems::{InvalidContent, NotFound, OutdatedBoxes, TooLarge, UnsupportedType};
use crate::access::{Action, Viewer};
use crate::actions::boxes::replace_boxes;
use crate::box_json::{BoxJson, CoversJson, ShapeJson, StateJson};
use crate::extract::{JsonObject, Path};
use crate::problem::Problem;
use crate::state::AppState;

/// The boxes of an image.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Boxes)]
pub struct BoxesJson {
    /// Grows with each change.
    version: i32,
    /// The version that the copy shows; null before there is a copy.
    #[schema(required)]
    copy_version: Option<i32>,
    items: Vec<BoxJson>,
}

/// The boxes that an image is to have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBoxes)]
pub struct NewBoxes {
    /// The version that was read.
    version: i32,
    /// At most 1000. A box that is left out is removed.
    #[schema(max_items = 1000)]
    items: Vec<NewBox>,
}

/// A box to be. Other fields that a box has are ignored, so that boxes can be sent as they were read.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewBox, example = json!({"x": 812, "y": 240, "width": 96, "height": 120, "state": "cover"}))]
struct NewBox {
    /// Of the box in whose place it comes; one that differs in nothing stays as it is.
    id: Option<Uuid>,
    /// In pixels of the upright image, within which the box lies.
    #[schema(minimum = 0)]
    x: i32,
    #[schema(minimum = 0)]
    y: i32,
    #[schema(minimum = 1)]
    width: i32,
    #[schema(minimum = 1)]
    height: i32,
    /// By default an ellipse for a face, a rectangle for anything else.
    shape: Option<ShapeJson>,
    /// By default a face.
    covers: Option<CoversJson>,
    state: StateJson,
    /// Required for `keep`: at most 500 characters.
    reason: Option<String>,
}

/// Read the boxes of an image
///
/// For admins, and programs that read. What is covered on the public copy, what a person left
/// uncovered and why, and what is uncertain.
#[utoipa::path(
    get, path = "/api/images/{id}/boxes", operation_id = "readBoxes", tag = "Release",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The boxes.", body = BoxesJson), NotFound),
    security(("token" = ["read"]), ("session" = []), ()),
)]
pub async fn show(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
) -> Result<Json<BoxesJson>, Problem> {
    viewer.require(Action::SeeDetails)?;
    boxes(&state, &viewer, id).await
}

/// Replace the boxes of an image
///
/// For admins. The copy is made anew from the boxes, without another search. On a released image,
/// boxes that cover more leave it released, and hide it until the copy is ready; boxes that cover less
/// send it back to review. What is removed stays in the history.
#[utoipa::path(
    put, path = "/api/images/{id}/boxes", operation_id = "replaceBoxes", tag = "Release",
    params(("id" = Uuid, Path)),
    request_body = NewBoxes,
    responses(
        (status = 200, description = "The boxes as they are now.", body = BoxesJson),
        NotFound, OutdatedBoxes, TooLarge, UnsupportedType, InvalidContent,
    ),
    security(("token" = ["manage"]), ("session" = []), ()),
)]
pub async fn replace(
    State(state): State<AppState>,
    viewer: Viewer,
    Path(id): Path<Uuid>,
    body: Result<JsonObject<NewBoxes>, Problem>,
) -> Result<Json<BoxesJson>, Problem> {
    viewer.require(Action::Manage)?;
    let JsonObject(new) = body?;
    let wanted = new.items.into_iter().map(Drawn::from).collect();
    replace_boxes(&state, &viewer, id, new.version, wanted).await?;
    boxes(&state, &viewer, id).await
}

async fn boxes(state: &AppState, viewer: &Viewer, id: Uuid) -> Result<Json<BoxesJson>, Problem> {
    let rows = state.image(viewer, id).await?;
    Ok(Json(BoxesJson {
        version: rows.image.boxes_version,
        copy_version: rows.image.copy_version,
        items: rows.boxes.iter().map(BoxJson::from).collect(),
    }))
}

impl From<NewBox> for Drawn {
    fn from(new: NewBox) -> Self {
        Self {
            id: new.id,
            x: new.x,
            y: new.y,
            width: new.width,
            height: new.height,
            shape: new.shape.map(Into::into),
            covers: new.covers.map(Into::into),
            state: new.state.into(),
            reason: new.reason,
        }
    }
}
