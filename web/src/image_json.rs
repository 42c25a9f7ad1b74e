//! An image in the JSON of the API, as a viewer may see it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::embedded::EmbeddedWords;
use entity::image::{Author, Review, Translation};
use entity::image_box;
use entity::step::StepState;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Action, Fact, Rendition, Viewer};
use crate::image_rows::{ImageRows, ImageState};
use crate::json_enum::json_enum;
use crate::picture_urls::UrlSource;

/// An image. What visitors do not learn is null or empty; `docs/access.md` lists it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Image)]
pub struct ImageJson {
    id: Uuid,
    /// Visitors see the id in its place.
    #[schema(example = "party.jpg")]
    file_name: String,
    /// Of the original; visitors see that of the anonymised copy.
    #[schema(example = "image/jpeg")]
    content_type: String,
    /// Of the original. Null for a visitor.
    #[schema(required, example = 2_481_032, minimum = 1)]
    bytes: Option<i64>,
    /// In pixels, upright. Null for a visitor until the image is anonymised.
    #[schema(required, example = 4032, minimum = 1)]
    width: Option<i32>,
    /// In pixels, upright. Null for a visitor until the image is anonymised.
    #[schema(required, example = 3024, minimum = 1)]
    height: Option<i32>,
    /// Of the original, in hexadecimal digits. Null for a visitor.
    #[schema(required)]
    sha256: Option<String>,
    /// Visitors are told the day alone: every instant is midnight UTC.
    uploaded_at: DateTime<Utc>,
    /// Null for a visitor.
    #[schema(required)]
    uploaded_by: Option<String>,
    state: ImageState,
    #[schema(required)]
    caption: Option<CaptionJson>,
    #[schema(example = json!(["party", "cake"]))]
    tags: Vec<String>,
    /// Words that the file brought along. Null if there are none, and for those who do not manage
    /// the gallery: they may name people.
    #[schema(required)]
    embedded: Option<EmbeddedJson>,
    /// The picture says nothing that needs words: show it with an empty alt text.
    decorative: bool,
    /// What a person said about it, for the captioner. Null for those who do not manage the gallery.
    #[schema(required)]
    context: Option<String>,
    /// Empty until the image is anonymised, and for a visitor.
    faces: Vec<FaceJson>,
    /// A [ThumbHash](https://evanw.github.io/thumbhash/) in Base64; for a visitor that of the
    /// anonymised copy.
    #[schema(required)]
    thumbhash: Option<String>,
    urls: Urls,
    /// By name: `thumbnail`, `anonymise` and `annotate`.
    #[schema(value_type = BTreeMap<String, StepJson>)]
    steps: BTreeMap<&'static str, StepJson>,
    /// Not for visitors, who see released images only.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<ReleaseJson>,
}

/// The caption, which is the picture's alt text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Caption)]
struct CaptionJson {
    #[schema(example = "Two people cut a cake at a garden table")]
    text: String,
    /// A longer description.
    #[schema(required)]
    paragraph: Option<String>,
    #[schema(required)]
    by: Option<AuthorJson>,
    /// `describe`, `gemini` or `openai`; null if a person wrote the caption.
    #[schema(required)]
    provider: Option<String>,
    #[schema(required)]
    model: Option<String>,
    #[schema(required)]
    prompt_version: Option<String>,
    /// As in `en` or `de-CH`.
    #[schema(required)]
    language: Option<String>,
    #[schema(required)]
    generated_at: Option<DateTime<Utc>>,
    /// When a person found it right.
    #[schema(required)]
    checked_at: Option<DateTime<Utc>>,
    /// Null for a visitor.
    #[schema(required)]
    checked_by: Option<String>,
    /// The same in other languages.
    translations: Vec<TranslationJson>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaptionTranslation)]
struct TranslationJson {
    /// As in `en` or `de-x-simple`, which is plain German.
    language: String,
    text: String,
    #[schema(required)]
    paragraph: Option<String>,
}

impl From<Translation> for TranslationJson {
    fn from(translation: Translation) -> Self {
        let Translation {
            language,
            text,
            paragraph,
        } = translation;
        Self {
            language,
            text,
            paragraph,
        }
    }
}

/// IPTC metadata of the uploaded file, from its XMP or IPTC-IIM.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmbeddedWords)]
struct EmbeddedJson {
    #[schema(required)]
    alt_text: Option<String>,
    #[schema(required)]
    extended_description: Option<String>,
    #[schema(required)]
    caption: Option<String>,
    #[schema(required)]
    credit: Option<String>,
    #[schema(required)]
    copyright: Option<String>,
    keywords: Vec<String>,
}

impl From<EmbeddedWords> for EmbeddedJson {
    fn from(words: EmbeddedWords) -> Self {
        let EmbeddedWords {
            alt_text,
            extended_description,
            caption,
            credit,
            copyright,
            keywords,
        } = words;
        Self {
            alt_text,
            extended_description,
            caption,
            credit,
            copyright,
            keywords,
        }
    }
}

json_enum! {
    AuthorJson as Author for Author {
        Machine,
        Person,
    }
}

/// The box of a face, in pixels of the upright image.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Face)]
struct FaceJson {
    #[schema(minimum = 0)]
    x: i32,
    #[schema(minimum = 0)]
    y: i32,
    #[schema(minimum = 1)]
    width: u32,
    #[schema(minimum = 1)]
    height: u32,
    /// How sure the detector is, on its own scale.
    score: f32,
}

impl From<&image_box::Model> for FaceJson {
    fn from(row: &image_box::Model) -> Self {
        Self {
            x: row.x,
            y: row.y,
            width: row.width.unsigned_abs(),
            height: row.height.unsigned_abs(),
            score: row.score.unwrap_or(1.0),
        }
    }
}

/// Whether the image is public.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Release)]
struct ReleaseJson {
    state: ReviewJson,
    /// When somebody decided so.
    #[schema(required)]
    at: Option<DateTime<Utc>>,
    /// Who did: a person, a program, or `rule:at-once`.
    #[schema(required)]
    by: Option<String>,
    /// It was public before there was a release.
    legacy: bool,
}

json_enum! {
    ReviewJson as ReleaseState for Review {
        /// Somebody has to decide.
        Review,
        /// It is not to be public for now.
        Held,
        Released,
    }
}

/// Where the pictures are: on this server, or presigned addresses of the store, which expire.
/// Null while a rendition is not made, or where the viewer may not see it.
#[derive(Debug, Serialize, ToSchema)]
struct Urls {
    #[schema(required)]
    original: Option<String>,
    #[schema(required)]
    thumbnail: Option<String>,
    #[schema(required)]
    anonymised: Option<String>,
}

/// What a function does to the image.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Step)]
struct StepJson {
    state: StepStateJson,
    /// Since it was last queued by a person.
    #[schema(minimum = 0)]
    attempts: i32,
    /// Why it is not done.
    #[schema(required)]
    error: Option<String>,
    /// Why all captions wait, if they do.
    #[schema(required)]
    paused: Option<PauseJson>,
    #[schema(required)]
    finished_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StepState)]
enum StepStateJson {
    /// Waits for a worker, or for the next attempt.
    Queued,
    Running,
    Done,
    /// Given up; a retry begins a new round of attempts.
    Failed,
    /// The provider refused the picture, which is final.
    Blocked,
}

impl From<StepState> for StepStateJson {
    fn from(state: StepState) -> Self {
        match state {
            StepState::Queued => Self::Queued,
            StepState::Running => Self::Running,
            StepState::Done => Self::Done,
            StepState::Failed => Self::Failed,
            StepState::Blocked => Self::Blocked,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pause)]
struct PauseJson {
    /// `budget`, `rate`, `busy`, `unreachable` or `rejected`.
    #[schema(value_type = String, example = "budget")]
    cause: &'static str,
    until: DateTime<Utc>,
}

impl ImageJson {
    /// The image as this viewer may see it.
    pub fn new(rows: &ImageRows, viewer: &Viewer, urls: &UrlSource) -> Self {
        let image = &rows.image;
        let known = viewer.disclosure(image);
        let steps = rows.steps.iter().map(|step| {
            let paused = rows.pause_of(step).map(|pause| PauseJson {
                cause: pause.why.as_str(),
                until: pause.until,
            });
            let json = StepJson {
                state: step.state.into(),
                attempts: step.attempts,
                error: rows.reason(step, known.tells(Fact::Attempts)),
                paused,
                finished_at: step.finished_at.map(|at| known.moment(at).instant()),
            };
            (step.name.as_str(), json)
        });
        let (width, height) = known.dimensions().unzip();
        let faces = known.faces(&rows.boxes).unwrap_or_default();
        // Senders get an answer for what they do not see yet.
        let is_seen = viewer.sees(image);
        let text = image.caption_text.clone().filter(|_| is_seen);
        let tags = image.tags.clone().filter(|_| is_seen);
        let release = known.tells(Fact::Release).then(|| ReleaseJson {
            state: image.review.into(),
            at: image.reviewed_at,
            by: image.reviewed_by.clone(),
            legacy: image.legacy,
        });
        Self {
            id: image.id,
            file_name: rows.file_name(viewer),
            content_type: known.media_type().to_owned(),
            bytes: known.bytes(),
            width,
            height,
            sha256: known.sha256().map(str::to_owned),
            uploaded_at: known.moment(image.uploaded_at).instant(),
            uploaded_by: known.uploaded_by().map(str::to_owned),
            state: rows.state(),
            caption: text.map(|text| CaptionJson {
                text,
                paragraph: image.caption_paragraph.clone(),
                by: image.caption_by.map(Into::into),
                provider: image.caption_provider.clone(),
                model: image.caption_model.clone(),
                prompt_version: image.caption_prompt_version.clone(),
                language: image.caption_language.clone(),
                generated_at: image.caption_at.map(|at| known.moment(at).instant()),
                checked_at: image
                    .caption_checked_at
                    .map(|at| known.moment(at).instant()),
                checked_by: image
                    .caption_checked_by
                    .clone()
                    .filter(|_| known.tells(Fact::Sender)),
                translations: image
                    .caption_translations
                    .clone()
                    .unwrap_or_default()
                    .0
                    .into_iter()
                    .map(Into::into)
                    .collect(),
            }),
            tags: tags.unwrap_or_default().0,
            embedded: viewer
                .may(Action::Manage)
                .then(|| image.embedded.clone().map(Into::into))
                .flatten(),
            decorative: image.decorative,
            context: image.context.clone().filter(|_| viewer.may(Action::Manage)),
            faces: faces.into_iter().map(Into::into).collect(),
            thumbhash: known.thumbhash().map(str::to_owned),
            urls: Urls {
                original: rows.url(viewer, Rendition::Original, urls),
                thumbnail: rows.url(viewer, Rendition::Thumbnail, urls),
                anonymised: rows.url(viewer, Rendition::Anonymised, urls),
            },
            steps: steps.collect(),
            release,
        }
    }
}
