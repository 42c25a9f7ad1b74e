//! An image in the JSON of the contract, as a viewer may see it.

use chrono::{DateTime, Utc};
use entity::image::{Author, Face};
use entity::step::{StepKind, StepState};
use serde::Serialize;
use uuid::Uuid;

use crate::access::{Rendition, Viewer};
use crate::image_rows::ImageRows;
use crate::picture_urls::UrlSource;

/// An image in JSON.
#[derive(Debug, Serialize)]
pub struct ImageJson {
    id: Uuid,
    file_name: String,
    content_type: String,
    bytes: i64,
    width: i32,
    height: i32,
    sha256: Option<String>,
    uploaded_at: DateTime<Utc>,
    uploaded_by: Option<String>,
    caption: Option<CaptionJson>,
    tags: Vec<String>,
    faces: Vec<Face>,
    thumbhash: Option<String>,
    urls: Urls,
    steps: Steps,
}

#[derive(Debug, Serialize)]
struct CaptionJson {
    text: String,
    paragraph: Option<String>,
    by: Option<Author>,
    provider: Option<String>,
    model: Option<String>,
    prompt_version: Option<String>,
    language: Option<String>,
    generated_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct Urls {
    original: Option<String>,
    thumbnail: Option<String>,
    anonymised: Option<String>,
}

#[derive(Debug, Serialize)]
struct Steps {
    annotate: Option<StepJson>,
    thumbnail: Option<StepJson>,
    anonymise: Option<StepJson>,
}

#[derive(Debug, Serialize)]
struct StepJson {
    state: StepState,
    attempts: i32,
    error: Option<String>,
    paused: Option<PauseJson>,
    finished_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct PauseJson {
    cause: &'static str,
    until: DateTime<Utc>,
}

impl ImageJson {
    /// The image as this viewer may see it.
    pub fn new(rows: &ImageRows, viewer: &Viewer, urls: &UrlSource) -> Self {
        let image = &rows.image;
        let details = viewer.sees_details_of(image);
        let step = |name| {
            rows.step(name).map(|step| StepJson {
                state: step.state,
                attempts: step.attempts,
                error: rows.reason(step, details),
                paused: rows.pause_of(step).map(|pause| PauseJson {
                    cause: pause.why.as_str(),
                    until: pause.until,
                }),
                finished_at: step.finished_at,
            })
        };
        Self {
            id: image.id,
            file_name: rows.file_name(viewer),
            content_type: image.content_type.clone(),
            bytes: image.bytes,
            width: image.width,
            height: image.height,
            sha256: details.then(|| image.sha256.clone()),
            uploaded_at: image.uploaded_at,
            uploaded_by: image.uploaded_by.clone().filter(|_| details),
            caption: image.caption_text.clone().map(|text| CaptionJson {
                text,
                paragraph: image.caption_paragraph.clone(),
                by: image.caption_by,
                provider: image.caption_provider.clone(),
                model: image.caption_model.clone(),
                prompt_version: image.caption_prompt_version.clone(),
                language: image.caption_language.clone(),
                generated_at: image.caption_at,
            }),
            tags: image.tags.clone().unwrap_or_default().0,
            faces: image.faces.clone().unwrap_or_default().0,
            thumbhash: image.thumbhash.clone(),
            urls: Urls {
                original: rows.url(viewer, Rendition::Original, urls),
                thumbnail: rows.url(viewer, Rendition::Thumbnail, urls),
                anonymised: rows.url(viewer, Rendition::Anonymised, urls),
            },
            steps: Steps {
                annotate: step(StepKind::Annotate),
                thumbnail: step(StepKind::Thumbnail),
                anonymise: step(StepKind::Anonymise),
            },
        }
    }
}
