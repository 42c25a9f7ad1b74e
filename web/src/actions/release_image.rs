//! Making images public, and taking them back.

use functions::pipeline::release::{self, Decided};
use uuid::Uuid;

use super::boxes::outdated;
use super::image_notes::check_caption;
use super::removal_requests::keep_all;
use crate::access::{Action, Viewer};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;
use crate::state::AppState;

/// What a person decides about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It becomes public.
    Release(Seen),
    Withdraw,
    Hold,
}

/// What the person looked at before releasing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The version of the boxes: if they have another one by now, nothing is released. None releases
    /// whatever there is.
    pub(crate) version: Option<i32>,
    /// The caption: it counts as checked if it is still that one.
    pub(crate) caption: Option<String>,
}

/// # Errors
/// 401 or 403 if the viewer may not, 404 if there is no such image, 409 if the copy is not ready or the
/// boxes have changed.
pub(crate) async fn decide(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    decision: Decision,
) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    let (db, name) = (&state.db, viewer.name());
    let decided = match &decision {
        Decision::Release(seen) => release::release(db, id, seen.version, name).await?,
        Decision::Withdraw => release::withdraw(db, id, name).await?,
        Decision::Hold => release::hold(db, id, name).await?,
    };
    match (decided, decision) {
        (Decided::Done, Decision::Release(seen)) => {
            if let Some(caption) = seen.caption {
                check_caption(state, viewer, id, caption).await?;
            }
            keep_all(state, viewer, id).await
        }
        (Decided::Done, _) => Ok(()),
        (Decided::NotReady(reason), _) => Err(Problem::new(ProblemKind::NotReady, reason)),
        (
            Decided::Stale(current),
            Decision::Release(Seen {
                version: Some(seen),
                ..
            }),
        ) => Err(outdated(current, seen)),
        (Decided::Stale(_) | Decided::Gone, _) => Err(Problem::not_found("image")),
    }
}

/// Releases everything that nobody has to look at. Returns how many images.
pub(crate) async fn release_certain(state: &AppState, viewer: &Viewer) -> Result<u64, Problem> {
    viewer.require(Action::Manage)?;
    Ok(release::release_certain(&state.db, viewer.name()).await?)
}
