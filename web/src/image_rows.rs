//! The rows of an image and its steps, and the addresses at which a viewer finds its pictures.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::image;
use entity::step::{self, StepKind, StepState};
use functions::pipeline::provider_budget::Pause;
use platform::objects::{Disposition, ObjectKey, Signer, StoreError};
use sea_orm::{DatabaseConnection, DbErr};
use tracing::error;
use uuid::Uuid;

use crate::access::{Rendition, Viewer};
use crate::caption_pause::CaptionPause;
use crate::picture_urls::{ReadOptions, UrlSource};
use crate::problem::Problem;
use crate::state::AppState;

/// An image with its steps, as it stands in the database.
#[derive(Clone, Debug)]
pub struct ImageRows {
    /// The image.
    pub image: image::Model,
    /// Its steps, in the order of [`StepKind::ALL`].
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
        caption_pause: &CaptionPause,
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
        let pause = caption_pause.pause().await?;
        Ok(ids
            .iter()
            .filter_map(|id| images.remove(id))
            .map(|image| {
                let mut steps = steps.remove(&image.id).unwrap_or_default();
                steps.sort_by_key(|step| StepKind::ALL.iter().position(|name| *name == step.name));
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
        Self::load(&state.db, &state.caption_pause, &[id])
            .await?
            .pop()
            .ok_or_else(|| Problem::not_found("image"))
    }

    /// A step.
    pub fn step(&self, name: StepKind) -> Option<&step::Model> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Why this step waits for everybody's sake; none if it does not.
    pub fn pause_of(&self, step: &step::Model) -> Option<&Pause> {
        let waits = step.name == StepKind::Annotate && step.state == StepState::Queued;
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
            Rendition::Thumbnail => self.made_at(viewer.thumbnail_step(&self.image)),
            Rendition::Anonymised => self.made_at(StepKind::Anonymise),
        };
        let micros = made_at.map_or(0, |instant| instant.timestamp_micros());
        format!("{micros:x}")
    }

    fn made_at(&self, name: StepKind) -> Option<DateTime<Utc>> {
        let step = self.step(name)?;
        step.finished_at.or(Some(step.queued_at))
    }

    /// The address of a rendition: none if it is not there yet, or not for this viewer. It
    /// changes when the rendition is made anew, so that browsers may keep what they have.
    pub fn url(&self, viewer: &Viewer, rendition: Rendition, urls: &UrlSource) -> Option<String> {
        let key = viewer.rendition(&self.image, rendition).ok()??;
        let own = self.own_url(viewer, rendition);
        let UrlSource::Presigned(signer) = urls else {
            return own;
        };
        let look = ReadOptions {
            save: false,
            head: false,
        };
        match self.presigned(viewer, rendition, &key, signer, look) {
            Ok(url) => Some(url),
            Err(error) => {
                error!(%error, "an address cannot be signed");
                own
            }
        }
    }

    /// The presigned address of a rendition. That the viewer may see it is the caller's to know:
    /// the key comes from [`Viewer::rendition`].
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn presigned(
        &self,
        viewer: &Viewer,
        rendition: Rendition,
        key: &ObjectKey,
        signer: &Signer,
        options: ReadOptions,
    ) -> Result<String, StoreError> {
        let name = self.saved_name(viewer, rendition);
        let disposition = if options.save {
            Disposition::Attachment(&name)
        } else {
            Disposition::Inline(&name)
        };
        let version = self.version(viewer, rendition);
        signer.read(key, &version, disposition, options.head)
    }

    /// What a rendition is called once somebody has saved it.
    fn saved_name(&self, viewer: &Viewer, rendition: Rendition) -> String {
        let name = self.file_name(viewer);
        if rendition == Rendition::Original {
            return name;
        }
        let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
        format!("{stem}-{}.jpg", rendition.as_str())
    }

    /// What the file is called for this viewer. Names of files often are names of people.
    pub fn file_name(&self, viewer: &Viewer) -> String {
        if viewer.sees_details_of(&self.image) {
            self.image.file_name.clone()
        } else {
            format!("{}.jpg", self.image.id)
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
