//! What a person says about an image besides its caption: words for the captioner, that it is
//! decorative, and that its caption is right.

use functions::pipeline::captions::{Check, Notes, note};
use functions::words::one_line;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::problem::Problem;
use crate::state::AppState;

/// Characters of the words for the captioner at most.
const CONTEXT_LENGTH: usize = 500;

/// What a person changes; none leaves a field as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ImageNotes {
    /// An empty text removes it.
    pub(crate) context: Option<String>,
    pub(crate) decorative: Option<bool>,
    pub(crate) checked: Option<bool>,
}

/// # Errors
/// 401 or 403 if the viewer may not, 404 if there is no such image, 422 if the words are too long or
/// there is no caption that could be checked.
pub(crate) async fn note_image(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    notes: ImageNotes,
) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    let image = state.image(viewer, id).await?.image;
    if notes.checked.is_some() && image.caption_text.is_none() {
        return Err(Problem::invalid(
            "there is no caption yet that could be checked; write one",
        ));
    }
    let notes = Notes {
        context: notes.context.as_deref().map(tidy_context).transpose()?,
        decorative: notes.decorative,
        checked: notes.checked.map(|is_right| Check {
            is_right,
            by: viewer.name().map(str::to_owned),
            seen: None,
        }),
    };
    if !note(&state.db, id, notes).await? {
        return Err(Problem::not_found("image"));
    }
    state.copy_words.refresh(id).await;
    Ok(())
}

/// Notes that somebody found this caption right. Nothing happens if it is another one by now.
pub(crate) async fn check_caption(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    seen: String,
) -> Result<(), Problem> {
    let check = Check {
        is_right: true,
        by: viewer.name().map(str::to_owned),
        seen: Some(seen),
    };
    let notes = Notes {
        checked: Some(check),
        ..Notes::default()
    };
    note(&state.db, id, notes).await?;
    Ok(())
}

/// Words for the captioner as one line, which may be empty.
///
/// # Errors
/// 422 if it is too long.
pub(crate) fn tidy_context(text: &str) -> Result<String, Problem> {
    let line = one_line(text);
    let count = line.chars().count();
    if count > CONTEXT_LENGTH {
        return Err(Problem::invalid(format!(
            "`context` has {count} characters; {CONTEXT_LENGTH} are the most"
        )));
    }
    Ok(line)
}
