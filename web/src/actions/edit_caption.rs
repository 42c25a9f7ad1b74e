//! A person's caption and tags in place of the machine's.

use axum::http::StatusCode;
use functions::pipeline::captions::{Edit, Edited, Words, by_person};
use uuid::Uuid;

use crate::access::{Action, Viewer};
use crate::image_rows::ImageRows;
use crate::problem::Problem;
use crate::state::AppState;

/// Characters of a caption at most.
const CAPTION_LENGTH: usize = 2000;
/// Tags at most.
const TAGS: usize = 30;
/// Characters of a tag at most.
const TAG_LENGTH: usize = 40;

/// Writes what a person says.
///
/// # Errors
/// 401 or 403 if they may not, 404 if there is no such image, 422 if there is nothing to write
/// or too much.
pub(crate) async fn edit_caption(
    state: &AppState,
    viewer: &Viewer,
    id: Uuid,
    edit: Edit,
) -> Result<(), Problem> {
    viewer.require(Action::Manage)?;
    ImageRows::get(state, id).await?;
    let edit = tidy(edit)?;
    match by_person(&state.db, id, viewer.name(), edit).await? {
        Edited::Saved => Ok(()),
        Edited::NoCaption => Err(refused(
            "there is no caption yet that tags could go with; write one",
        )),
        Edited::Gone => Err(Problem::not_found("image")),
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
