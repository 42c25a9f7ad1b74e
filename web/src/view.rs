//! An image as a viewer may see it, in the JSON of the contract. Made from rows, and never the
//! rows themselves.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::image::{self, Author, Face};
use entity::step::{self, Name, State};
use sea_orm::{DatabaseConnection, DbErr};
use serde::Serialize;
use uuid::Uuid;

use crate::access::{Action, Rendition, Viewer};
use crate::problem::Problem;

/// An image with its steps, as it stands in the database.
#[derive(Clone, Debug)]
pub struct ImageRows {
    /// The image.
    pub image: image::Model,
    /// Its steps, in the order of [`Name::ALL`].
    pub steps: Vec<step::Model>,
}

impl ImageRows {
    /// Adds the steps to some images, in one query.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn load(
        db: &DatabaseConnection,
        images: Vec<image::Model>,
    ) -> Result<Vec<Self>, DbErr> {
        let mut steps: HashMap<Uuid, Vec<step::Model>> = HashMap::new();
        if !images.is_empty() {
            let ids = images.iter().map(|image| image.id);
            for step in step::of_all(ids).all(db).await? {
                steps.entry(step.image_id).or_default().push(step);
            }
        }
        Ok(images
            .into_iter()
            .map(|image| {
                let mut steps = steps.remove(&image.id).unwrap_or_default();
                steps.sort_by_key(|step| Name::ALL.iter().position(|name| *name == step.name));
                Self { image, steps }
            })
            .collect())
    }

    /// One visible image.
    ///
    /// # Errors
    /// 404 if there is none.
    pub async fn get(db: &DatabaseConnection, id: Uuid) -> Result<Self, Problem> {
        let found = image::visible_by_id(id).one(db).await?;
        Self::load(db, found.into_iter().collect())
            .await?
            .pop()
            .ok_or_else(|| Problem::not_found("image"))
    }

    /// A step.
    pub fn step(&self, name: Name) -> Option<&step::Model> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The address of a rendition: none if it is not there yet, or not for this viewer. It
    /// changes when the rendition is made anew, so that browsers may keep what they have.
    pub fn url(&self, viewer: &Viewer, rendition: Rendition) -> Option<String> {
        viewer.rendition(&self.image, rendition).ok()??;
        let version = match rendition {
            Rendition::Original => self.image.stored_at,
            Rendition::Thumbnail => self.made_at(viewer.thumbnail_step()),
            Rendition::Anonymised => self.made_at(Name::Anonymise),
        };
        let version = version.map_or(0, |instant| instant.timestamp_micros());
        Some(format!(
            "/api/images/{}/{}?v={version:x}",
            self.image.id,
            rendition.as_str()
        ))
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
    finished_at: Option<DateTime<Utc>>,
}

impl ImageJson {
    /// The image as this viewer may see it.
    pub fn new(rows: &ImageRows, viewer: &Viewer) -> Self {
        let image = &rows.image;
        let details = viewer.may(Action::SeeDetails);
        let step = |name| {
            rows.step(name).map(|step| StepJson {
                state: step.state,
                attempts: step.attempts,
                error: step.error.as_ref().map(|error| reason(error, details)),
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
                original: rows.url(viewer, Rendition::Original),
                thumbnail: rows.url(viewer, Rendition::Thumbnail),
                anonymised: rows.url(viewer, Rendition::Anonymised),
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
