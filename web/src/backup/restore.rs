//! Brings a backup back: rows into an empty database with the schema that they had, then objects. The
//! caller brings the schema up to date in between.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use entity::image;
use entity::step::{self, StepKind, StepState};
use functions::pipeline::dispatch::Dispatch;
use functions::pipeline::lifecycle::rerun;
use futures::TryStreamExt as _;
use futures::stream::{self, StreamExt as _};
use migration::{Migrator, MigratorTrait as _, PATIENCE};
use platform::database::begin_write;
use platform::objects::archive::Archive;
use platform::objects::{Body, ObjectStore, Scratch};
use sea_orm::sea_query::{Alias, Expr, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Statement,
};
use uuid::Uuid;

use super::BackupError;
use super::images::{ImageRow, Wanted, images_of_part};
use super::manifest::Snapshot;
use super::objects::receive;
use super::rows::Part;
use super::tables::{LEFT_OUT, TABLES};
use super::take::applied;

/// Images whose objects are copied at the same time.
const AT_ONCE: usize = 8;

/// Rows of a statement: MySQL and SQLite limit the number of values.
const ROWS: usize = 200;

/// Steps that are queued at once.
const STEPS: u64 = 500;

/// Tables of the schema itself, which are never empty.
const OF_THE_SCHEMA: [&str; 2] = ["change_turn", "seaql_migrations"];

pub struct Restore<'a> {
    pub archive: &'a dyn Archive,
    pub snapshot: &'a Snapshot,
    /// Remembers that a restore has begun, until it is finished.
    pub marker: PathBuf,
}

/// What was brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    pub copied: u64,
    /// Objects that were there already.
    pub kept: u64,
    /// Objects that the backup lacks, too.
    pub missing: u64,
}

impl Restore<'_> {
    /// Reads all parts, so that a damaged backup is found before anything is written.
    pub async fn verify(&self) -> Result<(), BackupError> {
        for (table, files) in &self.snapshot.manifest.tables {
            let mut rows = 0;
            for number in self.snapshot.manifest.parts(table) {
                rows += self.part(table, number).await?.rows.len() as u64;
            }
            if rows != files.rows {
                let reason = format!("{table} has {rows} rows instead of {}", files.rows);
                return Err(BackupError::Damaged(reason));
            }
        }
        Ok(())
    }

    /// Brings the rows back, all or none. Does nothing if an earlier restore of this snapshot did so.
    ///
    /// # Errors
    /// If there are any rows, or the schema is newer than the backup's.
    pub async fn rows(&self, db: &DatabaseConnection) -> Result<(), BackupError> {
        let present = present_tables(db).await?;
        if !present.is_empty() {
            if self.has_begun() {
                return Ok(());
            }
            return Err(BackupError::Refused(format!(
                "the database has rows already ({}); restore into an empty one, and set \
                 DATABASE_URL or VITRINE_DATA to it",
                present.join(", ")
            )));
        }
        self.migrate(db).await?;
        self.write_marker()?;
        let tx = begin_write(db).await?;
        let gone: HashSet<Uuid> = self.snapshot.manifest.gone.iter().copied().collect();
        for table in TABLES {
            for number in self.snapshot.manifest.parts(table) {
                let part = self.part(table, number).await?;
                insert(&tx, table, &part, &gone).await?;
            }
        }
        continue_numbers(&tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives an empty database the schema of the backup.
    async fn migrate(&self, db: &DatabaseConnection) -> Result<(), BackupError> {
        let known: Vec<String> = Migrator::migrations()
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect();
        let wanted = &self.snapshot.manifest.migrations;
        if !known.starts_with(wanted) {
            return Err(BackupError::Refused(format!(
                "the backup has a schema that this version does not know; use vitrine {} or a \
                 later one",
                self.snapshot.manifest.vitrine
            )));
        }
        let applied = applied(db).await?.len();
        let missing = wanted.len().checked_sub(applied).ok_or_else(|| {
            BackupError::Refused(
                "the database has a newer schema than the backup; restore into an empty database, \
                 which gets the schema of the backup first"
                    .to_owned(),
            )
        })?;
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        if missing > 0 {
            migration::up_by::<Migrator>(db, missing, PATIENCE).await?;
        }
        Ok(())
    }

    /// Brings the objects back. Those that are there are kept, so a restore that was cut short goes
    /// on where it stopped. `progress` is told of images, and of how many there are.
    pub async fn objects(
        &self,
        db: &DatabaseConnection,
        store: &dyn ObjectStore,
        scratch: &Scratch,
        progress: impl Fn(u64, u64),
    ) -> Result<Restored, BackupError> {
        let manifest = &self.snapshot.manifest;
        let images = manifest.rows_of("image");
        let gone: HashSet<Uuid> = manifest.gone.iter().copied().collect();
        let mut restored = Restored::default();
        let mut done = 0;
        for number in manifest.parts("image") {
            let part = images_of_part(self.archive, &self.snapshot.name, manifest, number).await?;
            let mut copied = stream::iter(part)
                .filter(|image| std::future::ready(!gone.contains(&image.id)))
                .map(|image| self.image(image, db, store, scratch))
                .buffer_unordered(AT_ONCE);
            while let Some(one) = copied.try_next().await? {
                restored.copied += one.copied;
                restored.kept += one.kept;
                restored.missing += one.missing;
                done += 1;
                progress(done, images);
            }
        }
        Ok(restored)
    }

    async fn image(
        &self,
        image: ImageRow,
        db: &DatabaseConnection,
        store: &dyn ObjectStore,
        scratch: &Scratch,
    ) -> Result<Restored, BackupError> {
        let mut restored = Restored::default();
        for wanted in image.objects() {
            let path = wanted.path();
            let size = self.archive.size(&path).await?;
            let Some(size) = size else {
                restored.missing += 1;
                continue;
            };
            if store.size(&wanted.key).await? == Some(size) {
                restored.kept += 1;
            } else {
                self.object(&wanted, store, scratch).await?;
                restored.copied += 1;
            }
            // Words were written into it after the rows were read: they are written again.
            if !wanted.is_original() && wanted.bytes != Some(size) {
                words_are_due(db, image.id).await?;
            }
        }
        Ok(restored)
    }

    async fn object(
        &self,
        wanted: &Wanted,
        store: &dyn ObjectStore,
        scratch: &Scratch,
    ) -> Result<(), BackupError> {
        let path = wanted.path();
        let Some(object) = self.archive.open(&path).await? else {
            return Err(BackupError::Damaged(format!("{path} is missing")));
        };
        let mut file = receive(scratch, object, &path).await?;
        if let Some(expected) = &wanted.sha256
            && hex::encode(file.sha256()) != *expected
        {
            return Err(BackupError::Damaged(format!("{path} has another SHA-256")));
        }
        let finished = file.finish().await;
        finished.map_err(|source| BackupError::Io {
            doing: format!("copying {path}"),
            source,
        })?;
        Ok(store.put(&wanted.key, Body::File(file)).await?)
    }

    /// The restore is finished.
    pub fn end(&self) -> Result<(), BackupError> {
        match std::fs::remove_file(&self.marker) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(marking(&self.marker, error))
            }
            _ => Ok(()),
        }
    }

    async fn part(&self, table: &str, number: usize) -> Result<Part, BackupError> {
        let Snapshot { name, manifest } = self.snapshot;
        Part::read(self.archive, name, manifest, table, number).await
    }

    /// Names the snapshot and where it is.
    fn mark(&self) -> String {
        format!("{} in {}\n", self.snapshot.name, self.archive.describe())
    }

    fn has_begun(&self) -> bool {
        std::fs::read_to_string(&self.marker).is_ok_and(|text| text == self.mark())
    }

    fn write_marker(&self) -> Result<(), BackupError> {
        let written = std::fs::write(&self.marker, self.mark());
        written.map_err(|error| marking(&self.marker, error))
    }
}

fn marking(marker: &Path, source: std::io::Error) -> BackupError {
    BackupError::Io {
        doing: format!("writing {}", marker.display()),
        source,
    }
}

/// The tables that have rows.
async fn present_tables(db: &DatabaseConnection) -> Result<Vec<&'static str>, DbErr> {
    let mut present = Vec::new();
    let schema = migration::SchemaManager::new(db);
    for table in TABLES.into_iter().chain(LEFT_OUT) {
        if OF_THE_SCHEMA.contains(&table) || !schema.has_table(table).await? {
            continue;
        }
        let first = Query::select()
            .expr(Expr::value(1))
            .from(Alias::new(table))
            .limit(1)
            .to_owned();
        if db.query_one(&first).await?.is_some() {
            present.push(table);
        }
    }
    Ok(present)
}

/// Inserts a part, without what belongs to images that are gone.
async fn insert(
    tx: &DatabaseTransaction,
    table: &str,
    part: &Part,
    gone: &HashSet<Uuid>,
) -> Result<(), BackupError> {
    // These refer to their image by a foreign key; other tables outlive it.
    let image = match table {
        "image" => part.place("id"),
        "step" | "box" | "caption" => part.place("image_id"),
        _ => None,
    };
    let is_kept = |row: &&Vec<sea_orm::JsonValue>| {
        let id = image.and_then(|place| Uuid::try_parse(row[place].as_str()?).ok());
        id.is_none_or(|id| !gone.contains(&id))
    };
    let rows: Vec<_> = part.rows.iter().filter(is_kept).collect();
    for rows in rows.chunks(ROWS) {
        let names = part.columns.iter().map(|column| Alias::new(&*column.name));
        let mut insert = Query::insert()
            .into_table(Alias::new(table))
            .columns(names)
            .to_owned();
        for row in rows {
            let values = part.values(row)?.into_iter().map(Expr::value);
            insert
                .values(values)
                .map_err(|error| BackupError::Damaged(format!("a row of {table}: {error}")))?;
        }
        tx.execute(&insert).await?;
    }
    Ok(())
}

/// PostgreSQL counts on from its own number, not from the largest row.
async fn continue_numbers(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        let next = "SELECT setval(pg_get_serial_sequence('change', 'seq'), \
                    (SELECT COALESCE(MAX(seq), 0) + 1 FROM change), false)";
        tx.query_one_raw(Statement::from_string(DbBackend::Postgres, next))
            .await?;
    }
    Ok(())
}

async fn words_are_due(db: &DatabaseConnection, id: Uuid) -> Result<(), DbErr> {
    image::Entity::update_many()
        .filter(image::Column::Id.eq(id))
        .col_expr(image::Column::WordsDue, Expr::value(entity::now()))
        .exec(db)
        .await?;
    Ok(())
}

/// Queues the steps that were pending. Returns how many.
pub async fn queue_pending(db: &DatabaseConnection, dispatch: &Dispatch) -> Result<u64, DbErr> {
    let mut queued = 0;
    for kind in StepKind::ALL {
        let mut after = Uuid::nil();
        loop {
            let ids: Vec<Uuid> = step::Entity::find()
                .select_only()
                .column(step::Column::ImageId)
                .filter(step::Column::Name.eq(kind))
                .filter(step::Column::State.is_in([StepState::Queued, StepState::Running]))
                .filter(step::Column::ImageId.gt(after))
                .order_by_asc(step::Column::ImageId)
                .limit(STEPS)
                .into_tuple()
                .all(db)
                .await?;
            let Some(last) = ids.last() else { break };
            after = *last;
            let wanted: Vec<_> = ids.into_iter().map(|id| (id, kind)).collect();
            queued += rerun(db, dispatch, &wanted).await?.len() as u64;
        }
    }
    Ok(queued)
}
