//! An image as the templates need it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use entity::image::{Author, Review};
use entity::search::Words;
use entity::step::{self, Attempt, StepState};
use functions::picture::placeholder;
use serde::Serialize;

use super::highlight::{self, Part};
use super::languages::Languages;
use super::{day, first_words, more_words};
use crate::access::{Action, Fact, Rendition, Viewer};
use crate::image_rows::ImageRows;
use crate::picture_urls::UrlSource;

/// Width and height of the frame of an image whose size the viewer does not know yet.
const UNKNOWN_SHAPE: (i32, i32) = (4, 3);

#[derive(Debug, Serialize)]
pub(super) struct ImageView {
    id: String,
    pub(super) url: String,
    /// Whether the viewer sees the name of the file.
    file_name: Option<String>,
    /// The caption, or what stands for it.
    pub(super) heading: String,
    alt: String,
    caption: Option<String>,
    caption_parts: Vec<Part>,
    caption_note: Option<String>,
    paragraph: Option<String>,
    decorative: bool,
    checked: bool,
    /// As a BCP 47 tag.
    caption_language: Option<String>,
    width: i32,
    height: i32,
    thumbnail_url: Option<String>,
    thumbnail_src: Option<String>,
    placeholder: Option<String>,
    uploaded_at: String,
    uploaded_text: String,
    uploaded_day: String,
    state: &'static str,
    /// Whether it is public, for viewers who learn that.
    release: Option<ReleaseView>,
    /// Why all captions wait, if that is why this image has none yet.
    paused: Option<String>,
    steps: Vec<StepView>,
}

#[derive(Debug, Serialize)]
struct ReleaseView {
    state: &'static str,
    text: &'static str,
}

#[derive(Debug, Serialize)]
struct StepView {
    name: &'static str,
    label: &'static str,
    state: &'static str,
    attempts: i32,
    error: Option<String>,
    /// The whole error, if `error` leaves out a technical cause.
    more: Option<String>,
    paused: bool,
    finished_at: Option<String>,
    queued_at: String,
    queued_text: String,
    started_at: Option<String>,
    started_text: Option<String>,
    finished_text: Option<String>,
    millis: Option<i64>,
    history: Vec<AttemptView>,
    may_retry: bool,
}

#[derive(Debug, Serialize)]
struct AttemptView {
    attempt: i32,
    outcome: &'static str,
    at: String,
    text: String,
    millis: Option<i64>,
    error: Option<String>,
}

impl ImageView {
    pub(super) fn new(rows: &ImageRows, viewer: &Viewer, urls: &UrlSource) -> Self {
        let image = &rows.image;
        let caption = image.caption_text.clone();
        let known = viewer.disclosure(image);
        let file_name = known.file_name().map(str::to_owned);
        let (width, height) = known.dimensions().unwrap_or(UNKNOWN_SHAPE);
        let uploaded = known.moment(image.uploaded_at);
        let name = file_name.as_deref().unwrap_or("Picture");
        let heading = match &caption {
            Some(caption) => caption.clone(),
            None if image.decorative => name.to_owned(),
            None => format!("{name}, not described yet"),
        };
        let alt = if image.decorative {
            String::new()
        } else {
            heading.clone()
        };
        Self {
            id: image.id.to_string(),
            url: format!("/images/{}", image.id),
            heading,
            alt,
            file_name,
            caption_note: caption.as_ref().map(|_| caption_note(rows, viewer)),
            paragraph: image.caption_paragraph.clone(),
            decorative: image.decorative,
            checked: image.caption_checked_at.is_some(),
            caption_language: image.caption_language.clone().filter(|_| caption.is_some()),
            caption_parts: caption.as_deref().map_or_else(Vec::new, highlight::none),
            caption,
            width,
            height,
            thumbnail_url: rows.own_url(viewer, Rendition::Thumbnail),
            thumbnail_src: rows.url(viewer, Rendition::Thumbnail, urls),
            placeholder: known.thumbhash().and_then(data_uri),
            uploaded_at: uploaded.attribute(),
            uploaded_text: uploaded.text(),
            uploaded_day: day(image.uploaded_at),
            state: rows.state().as_str(),
            release: known.tells(Fact::Release).then(|| ReleaseView {
                state: image.review.as_str(),
                text: state_text(image.review),
            }),
            paused: rows
                .steps
                .iter()
                .find_map(|step| rows.pause_of(step))
                .map(|pause| format!("Not described yet: paused ({})", pause.why.as_str())),
            steps: rows
                .steps
                .iter()
                .map(|step| StepView::new(rows, step, viewer))
                .collect(),
        }
    }
}

impl ImageView {
    /// Shows the caption in the language that the viewer likes best. Called before words are marked.
    pub(super) fn in_language(mut self, rows: &ImageRows, languages: &Languages) -> Self {
        let image = &rows.image;
        let translations = image.caption_translations.clone().unwrap_or_default().0;
        let main = image.caption_language.as_deref().unwrap_or_default();
        let all = std::iter::once(main).chain(translations.iter().map(|other| &*other.language));
        if let Some(best) = languages.best(all)
            && let Some(other) = best.checked_sub(1).map(|at| translations[at].clone())
        {
            if !image.decorative {
                self.alt.clone_from(&other.text);
            }
            self.heading.clone_from(&other.text);
            self.caption_parts = highlight::none(&other.text);
            self.caption = Some(other.text);
            self.paragraph = other.paragraph;
            self.caption_language = Some(other.language);
        }
        self
    }

    /// Marks the words of a search in the caption.
    pub(super) fn marking(mut self, words: Option<&Words>) -> Self {
        if let (Some(caption), Some(words)) = (&self.caption, words) {
            self.caption_parts = highlight::around(words, caption);
        }
        self
    }
}

pub(super) fn state_text(review: Review) -> &'static str {
    match review {
        Review::Review => "In review",
        Review::Held => "Held",
        Review::Released => "Released",
    }
}

/// Who wrote the caption, and who checked it when.
pub(super) fn caption_note(rows: &ImageRows, viewer: &Viewer) -> String {
    let written = written_by(rows);
    let Some(at) = rows.image.caption_checked_at else {
        return written;
    };
    let by = rows.image.caption_checked_by.as_deref();
    let by = by.filter(|_| viewer.disclosure(&rows.image).tells(Fact::Sender));
    let by = by.map_or_else(String::new, |name| format!(" by {name}"));
    format!("{written}, checked{by} on {}", at.format("%-d %b %Y"))
}

fn written_by(rows: &ImageRows) -> String {
    let image = &rows.image;
    match (image.caption_by, image.caption_provider.as_deref()) {
        (Some(Author::Person), _) => "Written by a person".to_owned(),
        (_, Some("describe") | None) => "Described without AI".to_owned(),
        (_, Some(provider)) => match &image.caption_model {
            Some(model) => format!("Written by {model}"),
            None => format!("Written by {provider}"),
        },
    }
}

fn data_uri(thumbhash: &str) -> Option<String> {
    let png = placeholder::png(&BASE64.decode(thumbhash).ok()?)?;
    Some(format!("data:image/png;base64,{}", BASE64.encode(png)))
}

impl StepView {
    fn new(rows: &ImageRows, step: &step::Model, viewer: &Viewer) -> Self {
        let known = viewer.disclosure(&rows.image);
        let details = known.tells(Fact::Attempts);
        let mut history = step.history.clone().unwrap_or_default().0;
        history.retain(|_| details);
        let millis = history.last().and_then(millis);
        let error = rows.reason(step, details);
        Self {
            name: step.name.as_str(),
            label: step.name.label(),
            state: step.state.as_str(),
            attempts: step.attempts,
            error: error.as_deref().map(|error| first_words(error).to_owned()),
            more: error.as_deref().and_then(more_words).map(str::to_owned),
            paused: rows.pause_of(step).is_some(),
            finished_at: step.finished_at.map(|at| known.moment(at).attribute()),
            queued_at: known.moment(step.queued_at).attribute(),
            queued_text: known.moment(step.queued_at).text(),
            started_at: step.started_at.map(|at| known.moment(at).attribute()),
            started_text: step.started_at.map(|at| known.moment(at).text()),
            finished_text: step.finished_at.map(|at| known.moment(at).text()),
            millis: millis.filter(|_| !step.state.is_pending()),
            history: history.iter().map(AttemptView::new).collect(),
            may_retry: step.state == StepState::Failed && viewer.may(Action::Manage),
        }
    }
}

impl AttemptView {
    fn new(attempt: &Attempt) -> Self {
        let outcome = match (attempt.state, attempt.finished_at) {
            (StepState::Done, _) => "done",
            (StepState::Failed, _) => "failed",
            (StepState::Blocked, _) => "blocked",
            (StepState::Queued | StepState::Running, Some(_)) => "retry",
            (StepState::Queued, None) => "lost",
            (StepState::Running, None) => "running",
        };
        Self {
            attempt: attempt.attempt,
            outcome,
            at: attempt.started_at.to_rfc3339(),
            text: attempt.started_at.format("%-d %b, %H:%M:%S").to_string(),
            millis: millis(attempt),
            error: attempt.error.clone(),
        }
    }
}

fn millis(attempt: &Attempt) -> Option<i64> {
    let finished = attempt.finished_at?;
    Some((finished - attempt.started_at).num_milliseconds())
}
