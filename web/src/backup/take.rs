//! Takes a backup while servers go on.

use entity::image;
use futures::TryStreamExt as _;
use futures::stream::{self, StreamExt as _};
use migration::{Migrator, MigratorTrait as _};
use platform::objects::archive::Archive;
use platform::objects::{ObjectStore, StoreError};
use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait as _,
    IsolationLevel, TransactionTrait as _,
};

use serde::Serialize;

use super::BackupError;
use super::images::{ImageRow, Wanted, images_of_part};
use super::manifest::{self, Manifest, Snapshot, newest_snapshot};
use super::objects::receive;
use super::tables;

/// Images whose objects are copied at the same time.
const AT_ONCE: usize = 8;

/// Problems that are kept, of those that are counted.
const EXAMPLES: usize = 20;

pub struct Backup<'a> {
    pub db: &'a DatabaseConnection,
    pub store: &'a dyn ObjectStore,
    pub archive: &'a dyn Archive,
}

/// A backup that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    pub snapshot: String,
    pub rows: u64,
    pub copied: u64,
    pub copied_bytes: u64,
    /// Objects that were in the backup already.
    pub kept: u64,
    /// Images that were deleted meanwhile.
    pub gone: u64,
    /// Objects that could not be copied, because they are missing or damaged in the store.
    pub missing: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// What became of an object.
enum Copied {
    Now(u64),
    Kept(u64),
    /// Its image was deleted meanwhile.
    ImageGone,
    /// Another copy has taken its place; a restored gallery makes it again.
    Replaced,
    Missing(String),
}

impl Backup<'_> {
    /// Takes a snapshot. `progress` is told of the images whose objects are copied, and of how many
    /// there are.
    pub async fn run(&self, progress: impl Fn(u64, u64)) -> Result<Taken, BackupError> {
        let previous = newest_snapshot(self.archive, None).await?;
        let mut manifest = Manifest::begun(applied(self.db).await?);
        let name = manifest::name(manifest.started_at);
        let tx = begin_snapshot(self.db).await?;
        tables::dump(&tx, self.archive, &name, &mut manifest).await?;
        tx.commit().await?;
        let mut taken = Taken {
            rows: manifest.tables.values().map(|table| table.rows).sum(),
            snapshot: name,
            ..Taken::default()
        };
        let images = manifest.rows_of("image");
        let mut done = 0;
        for number in manifest.parts("image") {
            let part = images_of_part(self.archive, &taken.snapshot, &manifest, number).await?;
            let mut copied = stream::iter(part)
                .map(|image| self.copy_objects(image, previous.as_ref()))
                .buffer_unordered(AT_ONCE);
            while let Some((image, objects)) = copied.try_next().await? {
                note(&image, objects, &mut taken, &mut manifest);
                done += 1;
                progress(done, images);
            }
        }
        manifest.missing = taken.missing;
        manifest.finished_at = entity::now();
        manifest::write(self.archive, &taken.snapshot, &manifest).await?;
        Ok(taken)
    }

    async fn copy_objects(
        &self,
        image: ImageRow,
        previous: Option<&Snapshot>,
    ) -> Result<(ImageRow, Vec<Copied>), BackupError> {
        let mut copied = Vec::new();
        for wanted in image.objects() {
            copied.push(self.copy(&image, &wanted, previous).await?);
        }
        Ok((image, copied))
    }

    async fn copy(
        &self,
        image: &ImageRow,
        wanted: &Wanted,
        previous: Option<&Snapshot>,
    ) -> Result<Copied, BackupError> {
        let path = wanted.path();
        if let Some(size) = self.archive.size(&path).await?
            && is_up_to_date(wanted, size, previous)
        {
            return Ok(Copied::Kept(size));
        }
        let object = match self.store.open(&wanted.key).await {
            Ok(object) => object,
            Err(StoreError::NotFound(_)) => {
                return Ok(self.why_missing(image, wanted).await?);
            }
            Err(error) => return Err(error.into()),
        };
        let file = receive(self.archive.scratch(), object, &path).await?;
        if let Some(expected) = &wanted.sha256
            && hex::encode(file.sha256()) != *expected
        {
            let problem = format!("{} is damaged: it has another SHA-256", wanted.key);
            return Ok(Copied::Missing(problem));
        }
        let bytes = file.bytes();
        self.archive.put_file(&path, file).await?;
        Ok(Copied::Now(bytes))
    }

    /// The row may have changed since the snapshot.
    async fn why_missing(&self, image: &ImageRow, wanted: &Wanted) -> Result<Copied, DbErr> {
        let row = image::Entity::find_by_id(image.id).one(self.db).await?;
        Ok(match row {
            None => Copied::ImageGone,
            Some(row) if row.is_being_removed(entity::now()) => Copied::ImageGone,
            Some(row) if !wanted.is_original() && row.copy_id != image.copy_id => Copied::Replaced,
            Some(_) => Copied::Missing(format!("{} is missing", wanted.key)),
        })
    }
}

/// Whether the object in the backup, of this size, is the one that is wanted. Originals never change.
/// Copies do when their words do, perhaps without another size.
fn is_up_to_date(wanted: &Wanted, size: u64, previous: Option<&Snapshot>) -> bool {
    let is_unchanged = wanted.is_original()
        || previous.is_some_and(|previous| {
            let since = previous.manifest.started_at;
            wanted
                .changed_at
                .is_none_or(|changed_at| changed_at < since)
        });
    is_unchanged && wanted.bytes == Some(size)
}

fn note(image: &ImageRow, objects: Vec<Copied>, taken: &mut Taken, manifest: &mut Manifest) {
    if objects
        .iter()
        .any(|object| matches!(object, Copied::ImageGone))
    {
        taken.gone += 1;
        manifest.gone.push(image.id);
        return;
    }
    for object in objects {
        match object {
            Copied::Now(bytes) => {
                taken.copied += 1;
                taken.copied_bytes += bytes;
                manifest.objects += 1;
                manifest.bytes += bytes;
            }
            Copied::Kept(bytes) => {
                taken.kept += 1;
                manifest.objects += 1;
                manifest.bytes += bytes;
            }
            Copied::Missing(problem) => {
                taken.missing += 1;
                if taken.examples.len() < EXAMPLES {
                    taken.examples.push(problem);
                }
            }
            Copied::Replaced | Copied::ImageGone => {}
        }
    }
}

/// A transaction that sees the rows of one moment.
async fn begin_snapshot(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match db.get_database_backend() {
        // In WAL mode, each transaction reads from one moment.
        DbBackend::Sqlite => db.begin().await,
        _ => {
            let isolation = Some(IsolationLevel::RepeatableRead);
            db.begin_with_config(isolation, Some(AccessMode::ReadOnly))
                .await
        }
    }
}

/// The names of the migrations of this database, oldest first.
pub(super) async fn applied(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let applied = Migrator::get_applied_migrations_read_only(db).await?;
    Ok(applied.iter().map(|one| one.name().to_owned()).collect())
}
