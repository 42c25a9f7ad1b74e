//! A person's boxes in place of those that an image has.

use entity::image_box::State;
use functions::pipeline::boxes::{Drawn, Replaced, replace};
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

/// Boxes of an image at most.
const BOXES: usize = 1000;
/// Characters of a reason at most.
const REASON_LENGTH: usize = 500;

/// Replaces the boxes of an image, which the viewer has seen in `version`.
///
/// # Errors
/// 401 or 403 if the viewer may not, 404 if there is no such image, 409 if the boxes have another
/// version by now, 422 if a box makes no sense.
pub(crate) async fn replace_boxes(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    version: i32,
    wanted: Vec<Drawn>,
) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    let image = state.image(viewer, id).await?.image;
    if wanted.len() > BOXES {
        return Err(Problem::invalid(format!(
            "there are {} boxes; {BOXES} are the most",
            wanted.len()
        )));
    }
    let size = (image.width, image.height);
    let drawn = wanted
        .into_iter()
        .map(|wanted| checked(wanted, size))
        .collect::<Result<_, _>>()?;
    let name = viewer.name();
    match replace(&state.db, &state.dispatch, id, version, drawn, name).await? {
        Replaced::Saved(_) => Ok(()),
        Replaced::Stale(current) => Err(outdated(current, version)),
        Replaced::Gone => Err(Problem::not_found("image")),
    }
}

pub(crate) fn outdated(current: i32, seen: i32) -> Problem {
    Problem::new(
        ProblemKind::OutdatedBoxes,
        format!("the boxes have version {current} by now, not {seen}; read them again"),
    )
}

/// The box with its reason in order, if it lies within a picture of this size.
fn checked(wanted: Drawn, (width, height): (i32, i32)) -> Result<Drawn, Problem> {
    let fits = |start: i32, length: i32, limit: i32| {
        start >= 0 && length >= 1 && i64::from(start) + i64::from(length) <= i64::from(limit)
    };
    if !fits(wanted.x, wanted.width, width) || !fits(wanted.y, wanted.height, height) {
        return Err(Problem::invalid(format!(
            "a box of {} × {} pixels at {}, {} is empty or not within the {width} × {height} pixels of \
             the picture",
            wanted.width, wanted.height, wanted.x, wanted.y
        )));
    }
    let reason = wanted.reason.as_deref().map(str::trim);
    let reason = reason.filter(|reason| !reason.is_empty() && wanted.state == State::Keep);
    if wanted.state == State::Keep && reason.is_none() {
        return Err(Problem::invalid(
            "a box with state `keep` needs a `reason`; say why this may be shown",
        ));
    }
    let length = reason.map_or(0, |reason| reason.chars().count());
    if length > REASON_LENGTH {
        return Err(Problem::invalid(format!(
            "the reason has {length} characters; {REASON_LENGTH} are the most"
        )));
    }
    Ok(Drawn {
        // PostgreSQL does not store NUL.
        reason: reason.map(|reason| reason.replace(char::is_control, " ")),
        ..wanted
    })
}
