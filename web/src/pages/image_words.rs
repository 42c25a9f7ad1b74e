//! Words on the page of an image: those that its file brought along, offered to people, and the HTML
//! with which another page shows the picture.

use entity::embedded::EmbeddedWords;
use serde::Serialize;

use crate::access::{Action, Client, Rendition, Viewer};
use crate::image_rows::ImageRows;
use crate::state::AppState;

/// The file's own words, for one click to take.
#[derive(Debug, Serialize)]
pub(super) struct Offer {
    caption: String,
    paragraph: String,
    tags: String,
    credit: Option<String>,
}

impl Offer {
    /// None if there are no words to take, or not for this viewer: they may name people.
    pub(super) fn of(rows: &ImageRows, viewer: &Viewer) -> Option<Self> {
        if !viewer.may(Action::Manage) {
            return None;
        }
        let EmbeddedWords {
            alt_text,
            extended_description,
            caption,
            credit,
            copyright,
            keywords,
        } = rows.image.embedded.clone()?;
        let mut texts = alt_text
            .into_iter()
            .chain(caption)
            .chain(extended_description.clone());
        let caption = texts.next()?;
        let paragraph = extended_description
            .or_else(|| texts.next())
            .filter(|paragraph| *paragraph != caption);
        Some(Self {
            caption,
            paragraph: paragraph.unwrap_or_default(),
            tags: keywords.join(", "),
            credit: credit.or(copyright),
        })
    }
}

/// An `<img>` for another page: the public copy with its size, its alt text and the language of that.
/// None if there is no copy yet.
pub(super) fn copy_html(
    state: &AppState,
    client: Option<&Client>,
    rows: &ImageRows,
    viewer: &Viewer,
) -> Option<String> {
    viewer
        .rendition(&rows.image, Rendition::Anonymised)
        .ok()??;
    let image = &rows.image;
    let origin = state.proxies.origin(client).unwrap_or_default();
    let address = format!("{origin}/api/images/{}/anonymised", image.id);
    let mut html = format!("<img src=\"{}\"", escaped(&address));
    if let Some((width, height)) = viewer.disclosure(image).dimensions() {
        html += &format!(" width=\"{width}\" height=\"{height}\"");
    }
    let alt = match &image.caption_text {
        Some(text) if !image.decorative => text,
        _ => "",
    };
    html += &format!(" alt=\"{}\"", escaped(alt));
    if let Some(language) = image.caption_language.as_ref().filter(|_| !alt.is_empty()) {
        html += &format!(" lang=\"{}\"", escaped(language));
    }
    Some(html + ">")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
