//! Writes the gallery as files that any program reads, so that nobody is locked in:
//!
//! ```text
//! originals/2026-11-26/Harbour (5f3a9c10).jpg    as it was uploaded, with its description in it
//! originals/2026-11-26/Harbour (5f3a9c10).json   everything that is known about it
//! anonymised/2026-11-26/Harbour (5f3a9c10).jpg   the copy without recognisable faces
//! ```
//!
//! The JSON is written last. An image whose files exist and whose JSON is unchanged is skipped.

mod names;
mod sidecar;

use std::path::{Path, PathBuf};

use entity::image::{self, Audience, Cursor, Model};
use entity::image_box;
use functions::pipeline::copy_words::words_of;
use functions::words::{Rights, has_xmp, with_words};
use futures::TryStreamExt as _;
use futures::stream::{self, StreamExt as _};
use platform::objects::{ObjectKey, ObjectStore, StoreError};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DbErr, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _,
};
use tokio::fs;
use uuid::Uuid;

/// Images that are read from the database together.
const BATCH: u64 = 100;

/// Images that are written at the same time; each is in memory meanwhile.
const AT_ONCE: usize = 4;

/// Problems that are kept, of those that are counted.
const EXAMPLES: usize = 20;

/// What ends the name of a file that is not completely written.
const UNFINISHED: &str = "part";

pub struct Export<'a> {
    pub db: &'a DatabaseConnection,
    pub store: &'a dyn ObjectStore,
    pub rights: &'a Rights,
    pub folder: &'a Path,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub written: u64,
    /// Images that were there already.
    pub kept: u64,
    /// Images whose original is missing.
    pub missing: u64,
    /// The first of them.
    pub examples: Vec<String>,
    /// Images without an anonymised copy.
    pub without_copy: u64,
    /// Images that are deleted, or whose upload is not finished.
    pub invisible: u64,
}

/// The export did not finish. Running it again goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("writing {}: {source}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
}

enum Outcome {
    Written { has_copy: bool },
    Kept { has_copy: bool },
    Missing(String),
}

impl Export<'_> {
    /// Exports all images, newest first. `progress` is told of images, and of how many there are.
    pub async fn run(&self, progress: impl Fn(u64, u64)) -> Result<Exported, ExportError> {
        let images = image::stored().count(self.db).await?;
        let mut exported = Exported {
            invisible: image::Entity::find()
                .count(self.db)
                .await?
                .saturating_sub(images),
            ..Exported::default()
        };
        let mut done = 0;
        let mut after: Option<Cursor> = None;
        loop {
            let page = image::page(&Audience::Staff, after, BATCH)
                .all(self.db)
                .await?;
            let Some(last) = page.last() else {
                return Ok(exported);
            };
            after = Some(last.cursor());
            let boxes = self.boxes(page.iter().map(|image| image.id)).await?;
            let mut written = stream::iter(&page)
                .map(|image| self.image(image, &boxes))
                .buffer_unordered(AT_ONCE);
            while let Some(outcome) = written.try_next().await? {
                exported.note(outcome);
                done += 1;
                progress(done, images);
            }
        }
    }

    async fn boxes(&self, ids: impl Iterator<Item = Uuid>) -> Result<Vec<image_box::Model>, DbErr> {
        image_box::Entity::find()
            .filter(image_box::Column::ImageId.is_in(ids))
            .filter(image_box::Column::RemovedIn.is_null())
            .all(self.db)
            .await
    }

    async fn image(
        &self,
        image: &Model,
        boxes: &[image_box::Model],
    ) -> Result<Outcome, ExportError> {
        let stem = names::stem(image);
        let at = |area: &str, ending: &str| self.folder.join(format!("{area}/{stem}.{ending}"));
        let (original, copy) = (
            at("originals", names::extension(image)),
            at("anonymised", "jpg"),
        );
        let description = at("originals", "json");
        let has_copy = image.copy_version.is_some();
        let boxes = boxes.iter().filter(|found| found.image_id == image.id);
        let text = sidecar::text(image, boxes);
        let is_there = fs::read(&description).await.is_ok_and(|old| old == text)
            && original.exists()
            && (copy.exists() || !has_copy);
        if is_there {
            return Ok(Outcome::Kept { has_copy });
        }
        let key = match ObjectKey::parse(&image.object_key) {
            Ok(key) => key,
            Err(error) => return Ok(Outcome::Missing(format!("{}: {error}", image.object_key))),
        };
        let Some(bytes) = self.object(&key).await? else {
            return Ok(Outcome::Missing(format!("{key} is missing")));
        };
        write(&original, &self.described(image, bytes)).await?;
        let copied = match has_copy {
            true => {
                self.object(&ObjectKey::anonymised(image.id, image.copy_id))
                    .await?
            }
            false => None,
        };
        if let Some(bytes) = &copied {
            write(&copy, bytes).await?;
        }
        write(&description, &text).await?;
        Ok(Outcome::Written {
            has_copy: copied.is_some(),
        })
    }

    async fn object(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, StoreError> {
        match self.store.get(key).await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(StoreError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The original with its description as XMP, if it is a JPEG that brought none of its own: what
    /// an editor wrote is not lost.
    fn described(&self, image: &Model, original: Vec<u8>) -> Vec<u8> {
        match has_xmp(&original) {
            true => original,
            false => with_words(&original, &words_of(image, self.rights)),
        }
    }
}

impl Exported {
    fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Written { has_copy } => {
                self.written += 1;
                self.without_copy += u64::from(!has_copy);
            }
            Outcome::Kept { has_copy } => {
                self.kept += 1;
                self.without_copy += u64::from(!has_copy);
            }
            Outcome::Missing(reason) => {
                self.missing += 1;
                if self.examples.len() < EXAMPLES {
                    self.examples.push(reason);
                }
            }
        }
    }
}

/// Writes a file that is complete once it has its name.
async fn write(path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    let writing = async {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).await?;
        }
        let unfinished = path.with_added_extension(UNFINISHED);
        fs::write(&unfinished, bytes).await?;
        fs::rename(&unfinished, path).await
    };
    writing.await.map_err(|source| ExportError::Io {
        path: path.to_owned(),
        source,
    })
}
