//! Parts of the page of an image: its renditions, facts and earlier captions.

use entity::caption;
use entity::image::{self, Author};
use entity::publication_record;
use entity::step::{StepKind, StepState};
use serde::Serialize;

use super::{date_and_time, size};
use crate::access::{Moment, Rendition, Viewer};
use crate::image_rows::ImageRows;
use crate::picture_urls::{SAVE, UrlSource};

#[derive(Debug, Serialize)]
pub(super) struct RenditionView {
    name: &'static str,
    label: &'static str,
    save_label: &'static str,
    url: Option<String>,
    src: Option<String>,
    save_url: Option<String>,
    state: &'static str,
    width: Option<u32>,
    height: Option<u32>,
    bytes_text: Option<String>,
    /// The media type and a JPEG in its place, where not every browser shows the original.
    rare_type: Option<String>,
    fallback_src: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Fact {
    label: &'static str,
    value: String,
    /// The instant that the value stands for.
    at: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct CaptionView {
    text: String,
    paragraph: Option<String>,
    by: String,
    created_text: String,
    created_at: String,
}

impl From<caption::Model> for CaptionView {
    fn from(row: caption::Model) -> Self {
        let by = match row.written_by {
            Author::Person => row.author_name.or(Some("A person".to_owned())),
            Author::Machine if row.provider.as_deref() == Some("describe") => {
                Some("Described without AI".to_owned())
            }
            Author::Machine => row.model.or(row.provider),
        };
        Self {
            text: row.text,
            paragraph: row.paragraph,
            by: by.unwrap_or_default(),
            created_text: date_and_time(row.created_at),
            created_at: row.created_at.to_rfc3339(),
        }
    }
}

impl RenditionView {
    pub(super) fn new(
        viewer: &Viewer,
        rows: &ImageRows,
        rendition: Rendition,
        urls: &UrlSource,
    ) -> Self {
        let (label, save_label, step) = match rendition {
            Rendition::Original => ("Original", "Save the original, faces visible", None),
            Rendition::Anonymised => ("Copy", "Save the copy", Some(StepKind::Anonymise)),
            Rendition::Thumbnail => (
                "Thumbnail",
                "Save the thumbnail",
                Some(viewer.thumbnail_step(&rows.image)),
            ),
        };
        let (width, height) = (
            rows.image.width.unsigned_abs(),
            rows.image.height.unsigned_abs(),
        );
        let url = rows.own_url(viewer, rendition);
        let is_rare = rendition == Rendition::Original
            && matches!(&*rows.image.content_type, "image/heic" | "image/avif");
        let fallback_src = rows.url(viewer, Rendition::Thumbnail, urls);
        let full_size = url.is_some() && rendition != Rendition::Thumbnail;
        Self {
            name: rendition.as_str(),
            label,
            save_label,
            src: rows.url(viewer, rendition, urls),
            save_url: match urls {
                UrlSource::Own => url.clone(),
                UrlSource::Presigned(_) => url.as_ref().map(|_| save_address(rows, rendition)),
            },
            url,
            state: step
                .and_then(|name| rows.step(name))
                .map_or(StepState::Done, |step| step.state)
                .as_str(),
            width: full_size.then_some(width),
            height: full_size.then_some(height),
            bytes_text: rows.bytes(viewer, rendition).map(size),
            rare_type: is_rare.then(|| rows.image.content_type.clone()),
            fallback_src: fallback_src.filter(|_| is_rare),
        }
    }
}

fn save_address(rows: &ImageRows, rendition: Rendition) -> String {
    let (id, name) = (rows.image.id, rendition.as_str());
    format!("/api/images/{id}/{name}?{SAVE}")
}

/// Whether it is public, and who decided that.
#[derive(Debug, Serialize)]
pub(super) struct ReleaseView {
    state: &'static str,
    legacy: bool,
    by: Option<String>,
    at: Option<String>,
    text: Option<String>,
    uncertain: i32,
}

impl ReleaseView {
    pub(super) fn new(image: &image::Model) -> Self {
        Self {
            state: image.review.as_str(),
            legacy: image.legacy,
            by: image.released_by.clone(),
            at: image.released_at.map(|at| at.to_rfc3339()),
            text: image.released_at.map(date_and_time),
            uncertain: image.uncertain,
        }
    }
}

/// A line of the publication record.
#[derive(Debug, Serialize)]
pub(super) struct RecordView {
    action: String,
    by: Option<String>,
    at: String,
    text: String,
    facts: String,
    caption: Option<String>,
}

impl From<publication_record::Model> for RecordView {
    fn from(row: publication_record::Model) -> Self {
        let mut facts = vec![format!(
            "{} boxes, version {}",
            row.boxes.0.len(),
            row.boxes_version
        )];
        facts.extend(
            row.detector
                .map(|detector| format!("searched by {detector}")),
        );
        facts.extend(row.prompt_version.map(|prompt| format!("prompt {prompt}")));
        for sent in row.sent.0 {
            let what = sent.rendition.unwrap_or_else(|| "a picture".to_owned());
            facts.push(format!("{what} sent to {}", sent.provider));
        }
        let action = row.action.as_str();
        Self {
            action: format!("{}{}", action[..1].to_uppercase(), &action[1..]),
            by: row.by_name,
            at: row.at.to_rfc3339(),
            text: date_and_time(row.at),
            facts: facts.join(", "),
            caption: row.caption_text,
        }
    }
}

/// The box of a covered face.
#[derive(Debug, Serialize)]
pub(super) struct FaceView {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

/// The faces that are covered, for viewers who may know them.
pub(super) fn faces(rows: &ImageRows, viewer: &Viewer) -> Vec<FaceView> {
    let faces = viewer.disclosure(&rows.image).faces(&rows.boxes);
    let faces = faces.unwrap_or_default().into_iter();
    faces
        .map(|row| FaceView {
            x: row.x,
            y: row.y,
            width: row.width,
            height: row.height,
        })
        .collect()
}

/// What the viewer may know about an image.
pub(super) fn facts(rows: &ImageRows, viewer: &Viewer) -> Vec<Fact> {
    let image = &rows.image;
    let known = viewer.disclosure(image);
    let mut facts = Vec::new();
    let mut add = |label, value: Option<String>, at: Option<Moment>| {
        let at = at.map(Moment::attribute);
        facts.extend(value.map(|value| Fact { label, value, at }));
    };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    add("File name", owned(known.file_name()), None);
    let size_in_pixels = known.dimensions();
    let size_in_pixels = size_in_pixels.map(|(width, height)| format!("{width} × {height} pixels"));
    add("Size", size_in_pixels, None);
    let uploaded = known.moment(image.uploaded_at);
    add("Uploaded", Some(uploaded.text()), Some(uploaded));
    add("Uploaded by", owned(known.uploaded_by()), None);
    // By the camera's clock, whose zone is not known.
    let taken = known.taken_at();
    let taken = taken.map(|taken| taken.format("%-d %b %Y, %H:%M").to_string());
    add("Taken", taken, None);
    add("Camera", owned(known.camera()), None);
    let faces = known.faces(&rows.boxes);
    let faces = faces.filter(|_| image.copy_version.is_some());
    add(
        "Faces found",
        faces.map(|faces| faces.len().to_string()),
        None,
    );
    add("Caption language", image.caption_language.clone(), None);
    let described = image.caption_at.map(|at| known.moment(at));
    add("Described", described.map(Moment::text), described);
    add("File", Some(known.media_type().to_owned()), None);
    let bytes = known.bytes().and_then(|bytes| u64::try_from(bytes).ok());
    add("File size", bytes.map(size), None);
    add("SHA-256", owned(known.sha256()), None);
    facts
}
