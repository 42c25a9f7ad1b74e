//! A person's caption, paragraph and tags in place of the machine's.

use functions::pipeline::captions::{Edit, Edited, Words, by_person};
use functions::words::one_line;
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::problem::Problem;
use crate::state::AppState;

/// Characters of a caption or paragraph at most.
const CAPTION_LENGTH: usize = 2000;
/// Tags at most.
const TAGS: usize = 30;
/// Characters of a tag at most.
const TAG_LENGTH: usize = 40;

/// A person's change. None leaves a field unchanged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CaptionEdit {
    pub(crate) caption: Option<String>,
    /// An empty one removes the paragraph. So does a new caption that comes without one: the
    /// paragraph belonged to the old caption.
    pub(crate) paragraph: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
}

/// # Errors
/// 401 or 403 if the viewer may not, 404 if there is no such image, 422 if there is nothing to
/// change or a text is too long.
pub(crate) async fn edit_caption(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    edit: CaptionEdit,
) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    let image = state.image(viewer, id).await?.image;
    let edit = tidy(edit, image.caption_text)?;
    match by_person(&state.db, id, viewer.name(), edit).await? {
        Edited::Saved => {
            state.copy_words.refresh(id).await;
            Ok(())
        }
        Edited::NoCaption => Err(Problem::invalid(
            "there is no caption yet that tags could go with; write one",
        )),
        Edited::Gone => Err(Problem::not_found("image")),
    }
}

/// `current` is the caption that a paragraph without a new caption goes with.
fn tidy(edit: CaptionEdit, current: Option<String>) -> Result<Edit, Problem> {
    if edit == CaptionEdit::default() {
        return Err(Problem::invalid(
            "there is nothing to change; send `caption`, `paragraph`, `tags`, `context`, `decorative` or \
             `checked`",
        ));
    }
    let words = match (edit.caption, edit.paragraph) {
        (None, None) => None,
        (Some(text), paragraph) => Some(Words { text, paragraph }),
        (None, paragraph) => {
            let text = current.ok_or_else(|| {
                Problem::invalid(
                    "there is no caption yet that a paragraph could go with; write one",
                )
            })?;
            Some(Words { text, paragraph })
        }
    };
    Ok(Edit {
        caption: words.map(tidy_words).transpose()?,
        tags: edit.tags.map(tidy_tags).transpose()?,
    })
}

fn tidy_words(words: Words) -> Result<Words, Problem> {
    let text = one_line(&words.text);
    let paragraph = words.paragraph.as_deref().map(one_line);
    if text.is_empty() {
        return Err(Problem::invalid(
            "the caption is empty; say what the picture shows",
        ));
    }
    for (name, text) in [("caption", Some(&text)), ("paragraph", paragraph.as_ref())] {
        let count = text.map_or(0, |text| text.chars().count());
        if count > CAPTION_LENGTH {
            return Err(Problem::invalid(format!(
                "the {name} has {count} characters; {CAPTION_LENGTH} are the most"
            )));
        }
    }
    Ok(Words {
        text,
        paragraph: paragraph.filter(|paragraph| !paragraph.is_empty()),
    })
}

/// Tags in lower case, without duplicates, in the order given.
fn tidy_tags(tags: Vec<String>) -> Result<Vec<String>, Problem> {
    let mut tidy: Vec<String> = Vec::new();
    for tag in tags {
        let tag = one_line(&tag).to_lowercase();
        if tag.chars().count() > TAG_LENGTH {
            let begin: String = tag.chars().take(TAG_LENGTH).collect();
            return Err(Problem::invalid(format!(
                "a tag has {TAG_LENGTH} characters at most, and this one has more: {begin}…"
            )));
        }
        if !tag.is_empty() && !tidy.contains(&tag) {
            // Checked here, so that no list is compared with itself.
            if tidy.len() == TAGS {
                return Err(Problem::invalid(format!(
                    "there are more than {TAGS} tags; send fewer"
                )));
            }
            tidy.push(tag);
        }
    }
    Ok(tidy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_and_tags_are_tidied() {
        let edit = CaptionEdit {
            caption: Some(" Two\npeople\u{202e}\u{0} dance ".to_owned()),
            paragraph: Some(" \n".to_owned()),
            tags: Some(vec![
                " Dance".to_owned(),
                "dance".to_owned(),
                " ".to_owned(),
            ]),
        };
        let edit = tidy(edit, None).unwrap();
        let words = edit.caption.unwrap();
        assert_eq!(words.text, "Two people dance");
        assert_eq!(words.paragraph, None);
        assert_eq!(edit.tags, Some(vec!["dance".to_owned()]));
    }

    #[test]
    fn a_paragraph_alone_goes_with_the_current_caption() {
        let edit = || CaptionEdit {
            paragraph: Some("At length.".to_owned()),
            ..CaptionEdit::default()
        };
        let words = tidy(edit(), Some("Ada".to_owned())).unwrap().caption;
        assert_eq!(words.unwrap().text, "Ada");
        assert!(tidy(edit(), None).is_err());
    }
}
