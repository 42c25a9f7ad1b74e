//! The rows of an image and its steps, and the URLs of its pictures for a viewer.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::image::{self, Audience};
use entity::image_box;
use entity::step::{self, StepKind, StepState};
use functions::pipeline::provider_budget::Pause;
use platform::Format;
use platform::objects::{Disposition, ObjectKey, Signer, StoreError};
use sea_orm::{DatabaseConnection, DbErr};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tracing::error;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Rendition, Viewer};
use crate::caption_pause::CaptionPause;
use crate::picture_urls::{ReadOptions, UrlSource};

#[derive(Clone, Debug)]
pub struct ImageRows {
    pub image: image::Model,
    /// In the order of [`StepKind::ALL`].
    pub steps: Vec<step::Model>,
    /// Oldest first; none for visitors.
    pub boxes: Vec<image_box::Model>,
    /// Why all captions wait, if they do.
    pub pause: Option<Pause>,
}

impl ImageRows {
    /// Those of these images that the audience sees, in this order.
    ///
    /// Steps are read before images, so that an image is at least as new as its steps: where a
    /// step is done, its result is there.
    pub async fn load(
        db: &DatabaseConnection,
        caption_pause: &CaptionPause,
        audience: &Audience,
        ids: &[Uuid],
    ) -> Result<Vec<Self>, DbErr> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut steps: HashMap<Uuid, Vec<step::Model>> = HashMap::new();
        for step in step::of_all(ids.iter().copied()).all(db).await? {
            steps.entry(step.image_id).or_default().push(step);
        }
        let images = image::visible_among(audience, ids.iter().copied())
            .all(db)
            .await?;
        let mut images: HashMap<_, _> = images.into_iter().map(|image| (image.id, image)).collect();
        let mut boxes: HashMap<Uuid, Vec<image_box::Model>> = HashMap::new();
        // Visitors are told nothing of boxes.
        if *audience != Audience::Public {
            for row in image_box::of_all(images.keys().copied()).all(db).await? {
                boxes.entry(row.image_id).or_default().push(row);
            }
        }
        let pause = caption_pause.pause().await?;
        Ok(ids
            .iter()
            .filter_map(|id| images.remove(id))
            .map(|image| {
                let mut steps = steps.remove(&image.id).unwrap_or_default();
                steps.sort_by_key(|step| StepKind::ALL.iter().position(|name| *name == step.name));
                Self {
                    boxes: boxes.remove(&image.id).unwrap_or_default(),
                    image,
                    steps,
                    pause: pause.clone(),
                }
            })
            .collect())
    }

    /// The state of the image as a whole.
    pub fn state(&self) -> ImageState {
        let any = |state| self.steps.iter().any(|step| step.state == state);
        if any(StepState::Failed) {
            ImageState::Failed
        } else if self.is_pending() {
            ImageState::Working
        } else if any(StepState::Blocked) {
            ImageState::Blocked
        } else {
            ImageState::Ready
        }
    }

    /// Whether a step is queued or running.
    pub fn is_pending(&self) -> bool {
        self.steps.iter().any(|step| step.state.is_pending())
    }

    /// The step with this name, unless the image was made before there was such a step.
    pub fn step(&self, name: StepKind) -> Option<&step::Model> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Why this step waits, if it waits because all captions do.
    pub fn pause_of(&self, step: &step::Model) -> Option<&Pause> {
        let waits = step.name.asks_provider() && step.state == StepState::Queued;
        self.pause.as_ref().filter(|_| waits)
    }

    /// Why a step is not done. `details` are for viewers who may see them.
    pub fn reason(&self, step: &step::Model, details: bool) -> Option<String> {
        match self.pause_of(step) {
            Some(pause) if details => Some(pause.to_string()),
            Some(pause) => Some(format!("paused: {}", pause.why.as_str())),
            None => step.error.as_ref().map(|error| reason(error, details)),
        }
    }

    /// The size of a rendition in bytes: none if it is not there yet, not for this viewer, or not
    /// known.
    pub fn bytes(&self, viewer: &Viewer, rendition: Rendition) -> Option<u64> {
        let key = viewer.rendition(&self.image, rendition).ok()??;
        let image = &self.image;
        let bytes = match rendition {
            Rendition::Original => Some(image.bytes),
            Rendition::Anonymised => image.anonymised_bytes,
            Rendition::Thumbnail if key == ObjectKey::thumbnail(image.id) => image.thumbnail_bytes,
            Rendition::Thumbnail => image.anonymised_thumbnail_bytes,
        };
        bytes.and_then(|bytes| u64::try_from(bytes).ok())
    }

    /// The URL of a rendition on this server; none if it is not made yet or the viewer may not see
    /// it.
    pub fn own_url(&self, viewer: &Viewer, rendition: Rendition) -> Option<String> {
        viewer.rendition(&self.image, rendition).ok()??;
        Some(format!(
            "/api/images/{}/{}?v={}",
            self.image.id,
            rendition.as_str(),
            self.version(viewer, rendition)
        ))
    }

    /// Changes whenever the rendition is made anew. It is a hash, so that it does not tell when
    /// that was; the checksum in it is not known to visitors.
    pub fn version(&self, viewer: &Viewer, rendition: Rendition) -> String {
        let made_at = match rendition {
            Rendition::Original => self.image.stored_at,
            Rendition::Thumbnail => self.made_at(viewer.thumbnail_step(&self.image)),
            // Its words change without it being made anew.
            Rendition::Anonymised => self.made_at(StepKind::Anonymise).max(self.image.words_at),
        };
        let micros = made_at.map_or(0, |instant| instant.timestamp_micros());
        let is_of_the_copy = match rendition {
            Rendition::Original => false,
            Rendition::Thumbnail => viewer.thumbnail_step(&self.image) == StepKind::Anonymise,
            Rendition::Anonymised => true,
        };
        let copy = self.image.copy_id.filter(|_| is_of_the_copy);
        let copy = copy.unwrap_or_default();
        let hash = Sha256::new()
            .chain_update(&self.image.sha256)
            .chain_update(micros.to_be_bytes())
            .chain_update(copy)
            .finalize();
        hash.iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
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

    /// The presigned URL of a rendition. The key comes from [`Viewer::rendition`], which decides
    /// whether the viewer may see it.
    pub fn presigned(
        &self,
        viewer: &Viewer,
        rendition: Rendition,
        key: &ObjectKey,
        signer: &Signer,
        options: ReadOptions,
    ) -> Result<String, StoreError> {
        let name = self.saved_name(viewer, rendition);
        let disposition = disposition(&name, options.save);
        let version = self.version(viewer, rendition);
        signer.read(key, &version, disposition, options.head)
    }

    /// `Content-Disposition` of a rendition: a saved file has the photo's name.
    pub fn content_disposition(&self, viewer: &Viewer, rendition: Rendition, save: bool) -> String {
        disposition(&self.saved_name(viewer, rendition), save).to_string()
    }

    /// The file name of a download: the photo's, with the extension of what the bytes are.
    fn saved_name(&self, viewer: &Viewer, rendition: Rendition) -> String {
        let name = self.file_name(viewer);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        if rendition != Rendition::Original {
            return format!("{stem}-{}.jpg", rendition.as_str());
        }
        match Format::from_content_type(&self.image.content_type) {
            Some(format) if !format.is_extension(extension) => {
                format!("{stem}.{}", format.extension())
            }
            _ => name,
        }
    }

    /// The file name for this viewer. Visitors do not see the real one, which is often the name of
    /// a person.
    pub fn file_name(&self, viewer: &Viewer) -> String {
        match viewer.disclosure(&self.image).file_name() {
            Some(name) => name.to_owned(),
            None => format!("{}.jpg", self.image.id),
        }
    }
}

/// The state of an image as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImageState {
    /// A step is queued or running.
    Working,
    /// Every step is done.
    Ready,
    /// A step was given up; others may still be queued or running.
    Failed,
    /// The caption provider refused the picture; everything else is done.
    Blocked,
}

impl ImageState {
    /// The name in JSON and templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
        }
    }
}

fn disposition(name: &str, save: bool) -> Disposition<'_> {
    if save {
        Disposition::Attachment(name)
    } else {
        Disposition::Inline(name)
    }
}

/// The error of a step, without details for viewers who may not see them.
fn reason(error: &str, details: bool) -> String {
    if details {
        error.to_owned()
    } else {
        "this could not be done".to_owned()
    }
}
