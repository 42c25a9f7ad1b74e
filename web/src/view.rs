//! An image as a viewer may see it, in the JSON of the contract. Made from rows, and never the
//! rows themselves.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::image::{self, Author, Face};
use entity::step::{self, Name, State};
use functions::allowance::Pause;
use sea_orm::{DatabaseConnection, DbErr};
use serde::Serialize;
use uuid::Uuid;

use crate::access::{Action, Rendition, Viewer};
use crate::captioning::Captioning;
use crate::links::Links;
use crate::problem::Problem;
use crate::state::AppState;

/// An image with its steps, as it stands in the database.
#[derive(Clone, Debug)]
pub struct ImageRows {
    /// The image.
    pub image: image::Model,
    /// Its steps, in the order of [`Name::ALL`].
    pub steps: Vec<step::Model>,
    /// Why captions wait, if they do.
    pub pause: Option<Pause>,
}

impl ImageRows {
    /// Some images, in this order; those that do not exist for people who look are left out.
    ///
    /// Steps are read first. So an image is at least as new as its steps, and whoever sees that a
    /// step is done sees what it did.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn load(
        db: &DatabaseConnection,
        captioning: &Captioning,
        ids: &[Uuid],
    ) -> Result<Vec<Self>, DbErr> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut steps: HashMap<Uuid, Vec<step::Model>> = HashMap::new();
        for step in step::of_all(ids.iter().copied()).all(db).await? {
            steps.entry(step.image_id).or_default().push(step);
        }
        let images = image::visible_among(ids.iter().copied()).all(db).await?;
        let mut images: HashMap<_, _> = images.into_iter().map(|image| (image.id, image)).collect();
        let pause = captioning.pause().await?;
        Ok(ids
            .iter()
            .filter_map(|id| images.remove(id))
            .map(|image| {
                let mut steps = steps.remove(&image.id).unwrap_or_default();
                steps.sort_by_key(|step| Name::ALL.iter().position(|name| *name == step.name));
                Self {
                    image,
                    steps,
                    pause: pause.clone(),
                }
            })
            .collect())
    }

    /// One visible image.
    ///
    /// # Errors
    /// 404 if there is none.
    pub async fn get(state: &AppState, id: Uuid) -> Result<Self, Problem> {
        Self::load(&state.db, &state.captioning, &[id])
            .await?
            .pop()
            .ok_or_else(|| Problem::not_found("image"))
    }

    /// A step.
    pub fn step(&self, name: Name) -> Option<&step::Model> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Why this step waits for everybody's sake; none if it does not.
    pub fn pause_of(&self, step: &step::Model) -> Option<&Pause> {
        let waits = step.name == Name::Annotate && step.state == State::Queued;
        self.pause.as_ref().filter(|_| waits)
    }

    /// Why a step is not done, in full for those who can do something about it.
    pub fn reason(&self, step: &step::Model, details: bool) -> Option<String> {
        match self.pause_of(step) {
            Some(pause) if details => Some(pause.to_string()),
            Some(pause) => Some(format!("paused: {}", pause.why.as_str())),
            None => step.error.as_ref().map(|error| reason(error, details)),
        }
    }

    /// The address of a rendition on this server: none if it is not there yet, or not for this
    /// viewer.
    pub fn own_url(&self, viewer: &Viewer, rendition: Rendition) -> Option<String> {
        viewer.rendition(&self.image, rendition).ok()??;
        Some(format!(
            "/api/images/{}/{}?v={}",
            self.image.id,
            rendition.as_str(),
            self.version(viewer, rendition)
        ))
    }

    /// Tells a rendition from the one that was there before it was made anew.
    pub fn version(&self, viewer: &Viewer, rendition: Rendition) -> String {
        let made_at = match rendition {
            Rendition::Original => self.image.stored_at,
            Rendition::Thumbnail => self.made_at(viewer.thumbnail_step()),
            Rendition::Anonymised => self.made_at(Name::Anonymise),
        };
        let micros = made_at.map_or(0, |instant| instant.timestamp_micros());
        format!("{micros:x}")
    }

    fn made_at(&self, name: Name) -> Option<DateTime<Utc>> {
        let step = self.step(name)?;
        step.finished_at.or(Some(step.queued_at))
    }

    /// What the file is called for this viewer. Names of files often are names of people.
    pub fn file_name(&self, viewer: &Viewer) -> String {
        if viewer.may(Action::SeeDetails) {
            self.image.file_name.clone()
        } else {
            format!("{}.jpg", self.image.id)
        }
    }
}

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
    state: State,
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
    pub fn new(rows: &ImageRows, viewer: &Viewer, links: &Links) -> Self {
        let image = &rows.image;
        let details = viewer.may(Action::SeeDetails);
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
                original: rows.url(viewer, Rendition::Original, links),
                thumbnail: rows.url(viewer, Rendition::Thumbnail, links),
                anonymised: rows.url(viewer, Rendition::Anonymised, links),
            },
            steps: Steps {
                annotate: step(Name::Annotate),
                thumbnail: step(Name::Thumbnail),
                anonymise: step(Name::Anonymise),
            },
        }
    }
}

/// Why a step is not done: in full for those who can do something about it.
pub fn reason(error: &str, details: bool) -> String {
    if details {
        error.to_owned()
    } else {
        "this could not be done".to_owned()
    }
}
