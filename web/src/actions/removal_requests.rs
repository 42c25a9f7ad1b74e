//! "That's me": somebody finds themselves on a public picture, and the place is covered at once. People
//! who manage images look at it afterwards, and may reverse it.

use entity::image::{self, Audience};
use entity::image_box::{self, Covers, Shape, State as BoxState};
use entity::removal_request::{self, ActiveModel, Column, Entity, Model, State};
use functions::pipeline::boxes::{self, Drawn, Replaced};
use rand::TryRng as _;
use rand::rngs::SysRng;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, UpdateMany};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Action, Client, Viewer};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

/// Characters of a reason at most.
const REASON_LENGTH: usize = 1000;

/// Who drew the boxes that requests bring.
const BY: &str = "request";

/// How often the boxes may change under a request before it is given up.
const TRIES: usize = 5;

/// Without a face to go by, a cover is this share of the picture's shorter side.
const COVER_SHARE: i32 = 6;

/// A new cover is so much larger than the faces that are known, in tenths.
const COVER_TENTHS: i32 = 14;

/// A place on a public picture, and why somebody does not want to be seen there.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRemovalRequest, example = json!({ "x": 812, "y": 344, "reason": "I did not agree to this." }))]
pub struct NewRequest {
    /// In pixels of the picture, from the left.
    pub x: i32,
    /// In pixels of the picture, from the top.
    pub y: i32,
    /// At most 1000 characters.
    pub reason: Option<String>,
}

/// What people who manage images decide about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    Keep,
    Reverse,
}

/// Covers the place, and notes the request.
///
/// # Errors
/// 404 if visitors do not see such a picture or requests are switched off, 422 for a place outside it
/// or a reason that is too long, 429 if this client asks too often.
pub(crate) async fn request_removal(
    state: &AppState,
    client: &Client,
    id: Uuid,
    wanted: NewRequest,
) -> Result<Model, Problem> {
    require_switched_on(state)?;
    let image = public_image(state, id).await?;
    let reason = tidy(wanted.reason)?;
    if !(0..image.width).contains(&wanted.x) || !(0..image.height).contains(&wanted.y) {
        return Err(Problem::invalid(format!(
            "the place {}, {} is outside the picture, which has {} × {} pixels",
            wanted.x, wanted.y, image.width, image.height
        )));
    }
    state.visitor_rates.admit_removal(client)?;
    let box_id = cover(state, id, (wanted.x, wanted.y)).await?;
    let row = ActiveModel {
        id: Set(Uuid::now_v7()),
        number: Set(new_number()?),
        image_id: Set(id),
        box_id: Set(box_id),
        x: Set(wanted.x),
        y: Set(wanted.y),
        reason: Set(reason),
        created_at: Set(entity::now()),
        state: Set(State::Open),
        answered_at: Set(None),
        answered_by: Set(None),
    };
    Ok(Entity::insert(row).exec_with_returning(&state.db).await?)
}

/// Where requests are switched off, there is no such page.
pub(crate) fn require_switched_on(state: &AppState) -> Result<(), Problem> {
    if state.takes_removal_requests {
        Ok(())
    } else {
        Err(Problem::not_found("page"))
    }
}

/// The image, if visitors see it.
pub(crate) async fn public_image(state: &AppState, id: Uuid) -> Result<image::Model, Problem> {
    let found = image::visible_by_id(&Audience::Public, id);
    let found = found.one(&state.db).await?;
    found.ok_or_else(|| Problem::not_found("image"))
}

/// The request with this number.
pub(crate) async fn by_number(state: &AppState, number: &str) -> Result<Model, Problem> {
    let found = removal_request::by_number(number).one(&state.db).await?;
    found.ok_or_else(|| Problem::not_found("request"))
}

/// Answers a request. Reversing it takes away the cover that it brought, which sends a released picture
/// back to review.
///
/// # Errors
/// 401 or 403 if the viewer may not, 404 if there is no such request, 409 if the boxes of the picture
/// keep changing.
pub(crate) async fn answer(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    answer: Answer,
) -> Result<Model, Problem> {
    viewer.require(Action::Manage)?;
    let request = Entity::find_by_id(id).one(&state.db).await?;
    let request = request.ok_or_else(|| Problem::not_found("request"))?;
    if answer == Answer::Reverse {
        uncover(state, viewer, &request).await?;
    }
    let became = match answer {
        Answer::Keep => State::Kept,
        Answer::Reverse => State::Reversed,
    };
    answered(viewer, became)
        .filter(Column::Id.eq(id))
        .exec(&state.db)
        .await?;
    Ok(request)
}

/// Answers what is open about an image that somebody releases as it is: what was asked for stays covered.
pub(crate) async fn keep_all(
    state: &AppState,
    viewer: &Viewer,
    image: Uuid,
) -> Result<(), Problem> {
    answered(viewer, State::Kept)
        .filter(Column::ImageId.eq(image))
        .filter(Column::State.eq(State::Open))
        .exec(&state.db)
        .await?;
    Ok(())
}

/// Writes the answer of a viewer into requests; say which.
fn answered(viewer: &Viewer, became: State) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(became))
        .col_expr(Column::AnsweredAt, Expr::value(entity::now()))
        .col_expr(
            Column::AnsweredBy,
            Expr::value(viewer.name().map(str::to_owned)),
        )
}

/// Returns the box that covers the place now; none if it was covered before.
async fn cover(state: &AppState, id: Uuid, place: (i32, i32)) -> Result<Option<Uuid>, Problem> {
    for _ in 0..TRIES {
        let image = public_or_being_covered(state, id).await?;
        let boxes = image_box::of(id).all(&state.db).await?;
        if covering(&boxes, place).is_some() {
            return Ok(None);
        }
        let wanted = with_cover(&boxes, place, (image.width, image.height));
        let version = image.boxes_version;
        let replaced = boxes::replace(&state.db, &state.dispatch, id, version, wanted, Some(BY));
        match replaced.await? {
            Replaced::Saved(_) => {
                let boxes = image_box::of(id).all(&state.db).await?;
                return Ok(covering(&boxes, place).map(|row| row.id));
            }
            Replaced::Stale(_) => {}
            Replaced::Gone => return Err(Problem::not_found("image")),
        }
    }
    Err(keeps_changing())
}

/// Two people may ask at the same time: while the copy is remade for one, the picture is not public.
async fn public_or_being_covered(state: &AppState, id: Uuid) -> Result<image::Model, Problem> {
    let found = image::visible_by_id(&Audience::Staff, id)
        .one(&state.db)
        .await?;
    found
        .filter(|image| image.review == image::Review::Released)
        .ok_or_else(|| Problem::not_found("image"))
}

async fn uncover(state: &AppState, viewer: &Viewer, request: &Model) -> Result<(), Problem> {
    let Some(cover) = request.box_id else {
        return Ok(());
    };
    // The box that a person had left visible before, if the cover took its place.
    let before = image_box::Entity::find()
        .filter(image_box::Column::ReplacedBy.eq(cover))
        .one(&state.db)
        .await?;
    for _ in 0..TRIES {
        let found = image::visible_by_id(&Audience::Staff, request.image_id);
        let Some(image) = found.one(&state.db).await? else {
            return Ok(());
        };
        let boxes = image_box::of(image.id).all(&state.db).await?;
        let mut wanted = Vec::new();
        for row in &boxes {
            if row.id != cover {
                wanted.push(as_drawn(row));
            } else if let Some(before) = &before {
                wanted.push(Drawn {
                    id: Some(row.id),
                    ..as_drawn(before)
                });
            }
        }
        let replaced = boxes::replace(
            &state.db,
            &state.dispatch,
            image.id,
            image.boxes_version,
            wanted,
            viewer.name(),
        );
        match replaced.await? {
            Replaced::Saved(_) | Replaced::Gone => return Ok(()),
            Replaced::Stale(_) => {}
        }
    }
    Err(keeps_changing())
}

/// The covered box around a place.
fn covering(boxes: &[image_box::Model], place: (i32, i32)) -> Option<&image_box::Model> {
    boxes
        .iter()
        .find(|row| row.state.is_covered() && contains(row, place))
}

/// The boxes with a cover over the place: the box that was left visible there, or a new one.
fn with_cover(
    boxes: &[image_box::Model],
    place: (i32, i32),
    (width, height): (i32, i32),
) -> Vec<Drawn> {
    let mut wanted: Vec<Drawn> = boxes.iter().map(as_drawn).collect();
    let kept = boxes
        .iter()
        .position(|row| !row.state.is_covered() && contains(row, place));
    if let Some(kept) = kept {
        wanted[kept].state = BoxState::Cover;
        wanted[kept].reason = None;
        return wanted;
    }
    let mut faces: Vec<_> = boxes
        .iter()
        .filter(|row| row.covers == Covers::Face)
        .map(|row| row.width.max(row.height))
        .collect();
    faces.sort_unstable();
    let shorter = width.min(height);
    let side = match faces.get(faces.len() / 2) {
        Some(median) => (median * COVER_TENTHS / 10).max(shorter / (2 * COVER_SHARE)),
        None => shorter / COVER_SHARE,
    };
    let side = side.clamp(1, shorter);
    wanted.push(Drawn {
        id: None,
        x: (place.0 - side / 2).clamp(0, width - side),
        y: (place.1 - side / 2).clamp(0, height - side),
        width: side,
        height: side,
        shape: Some(Shape::Ellipse),
        covers: Some(Covers::Face),
        state: BoxState::Cover,
        reason: None,
    });
    wanted
}

fn as_drawn(row: &image_box::Model) -> Drawn {
    Drawn {
        id: Some(row.id),
        x: row.x,
        y: row.y,
        width: row.width,
        height: row.height,
        shape: Some(row.shape),
        covers: Some(row.covers),
        state: row.state,
        reason: row.reason.clone(),
    }
}

fn contains(row: &image_box::Model, (x, y): (i32, i32)) -> bool {
    (row.x..row.x + row.width).contains(&x) && (row.y..row.y + row.height).contains(&y)
}

/// 20 characters of 32: 100 bits. No letter is taken for another one, or for a digit.
fn new_number() -> Result<String, Problem> {
    const ALPHABET: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";
    let mut bytes = [0; 20];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(Problem::internal)?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect())
}

/// Line breaks stay, other control characters become spaces.
fn tidy(reason: Option<String>) -> Result<Option<String>, Problem> {
    let Some(reason) = reason else {
        return Ok(None);
    };
    let plain: String = reason
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect();
    let plain = plain.trim();
    if plain.chars().count() > REASON_LENGTH {
        return Err(Problem::invalid(format!(
            "the reason is longer than {REASON_LENGTH} characters"
        )));
    }
    Ok((!plain.is_empty()).then(|| plain.to_owned()))
}

fn keeps_changing() -> Problem {
    Problem::new(
        ProblemKind::OutdatedBoxes,
        "somebody else is changing this picture; try again",
    )
}
