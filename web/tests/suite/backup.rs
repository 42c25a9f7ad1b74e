//! Backups are whole, hold no more than they need, and come back.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use entity::{api_token, caption, image, message, publication_record, step};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use functions::pipeline::lifecycle::delete;
use functions::testing;
use platform::aws;
use platform::database;
use platform::objects::archive::{Archive, FolderArchive, S3Archive};
use platform::objects::{
    Body, ObjectKey, ObjectStore, OpenObject, Scratch, ScratchFile, StoreError,
};
use platform::settings::Settings;
use sea_orm::{DatabaseConnection, EntityTrait as _, QueryOrder as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use uuid::Uuid;
use web::backup::{
    Backup, BackupError, Pruned, Restore, Restored, Taken, newest_snapshot, prune, queue_pending,
};
use web::services::Services;

use crate::app::TestApp;
use crate::check::quick_app;
use crate::databases;
use crate::ports::Finds;
use crate::s3::moto;

impl TestApp {
    async fn back_up(&self, archive: &dyn Archive) -> Result<Taken, BackupError> {
        let backup = Backup {
            db: &self.state.db,
            store: self.state.store.as_ref(),
            archive,
        };
        backup.run(|_, _| {}).await
    }

    pub(crate) async fn new_photo(&self, seed: u64) -> Uuid {
        let photo = testing::photo(seed, 64, 48);
        let id = self.upload("Füchse 🦊.jpg", photo).await.id();
        self.drain().await;
        id
    }
}

/// A data folder and a database, both empty.
struct Target {
    folder: TempDir,
    database_url: Option<String>,
}

impl Target {
    async fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            database_url: databases::empty().await,
        }
    }

    fn settings(&self) -> Settings {
        let data = self.folder.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        let mut variables = BTreeMap::from([
            ("VITRINE_DATA".to_owned(), data.to_str().unwrap().to_owned()),
            ("VITRINE_CAPTIONER".to_owned(), "describe".to_owned()),
        ]);
        if let Some(url) = &self.database_url {
            variables.insert("DATABASE_URL".to_owned(), url.clone());
        }
        Settings::from_variables(variables).unwrap()
    }

    /// As `vitrine restore` does it, without the check at its end.
    async fn restore(&self, archive: &dyn Archive) -> Result<Restored, BackupError> {
        let settings = self.settings();
        let snapshot = newest_snapshot(archive, None).await?.unwrap();
        let restore = Restore {
            archive,
            snapshot: &snapshot,
            marker: settings.data.join("restoring"),
        };
        restore.verify().await?;
        let db = database::connect(&settings.database).await?;
        let rows = restore.rows(&db).await;
        db.close().await?;
        rows?;
        let services = Services::open(settings).await.unwrap();
        let (db, store) = (&services.db, services.store.as_ref());
        let restored = restore
            .objects(db, store, &services.scratch, |_, _| {})
            .await?;
        queue_pending(db, &services.dispatch).await?;
        restore.end()?;
        services.db.close().await?;
        Ok(restored)
    }

    async fn serve(self) -> TestApp {
        let mut app = TestApp::builder()
            .on_data_in(self.folder, self.database_url)
            .spawn()
            .await;
        app.find_faces_with(Finds::nothing());
        app
    }
}

/// The gallery of a backup, restored elsewhere.
async fn restored(archive: &dyn Archive) -> TestApp {
    let target = Target::new().await;
    target.restore(archive).await.unwrap();
    target.serve().await
}

fn folder() -> (TempDir, FolderArchive) {
    let folder = tempfile::tempdir().unwrap();
    let archive = FolderArchive::open(folder.path()).unwrap();
    (folder, archive)
}

/// All rows that a backup holds, of the tables with something in them.
async fn rows(db: &DatabaseConnection) -> impl PartialEq + std::fmt::Debug + use<> {
    let images = image::Entity::find().order_by_asc(image::Column::Id);
    let steps = step::Entity::find()
        .order_by_asc(step::Column::ImageId)
        .order_by_asc(step::Column::Name);
    let captions = caption::Entity::find().order_by_asc(caption::Column::Id);
    let records = publication_record::Entity::find();
    (
        images.all(db).await.unwrap(),
        steps.all(db).await.unwrap(),
        captions.all(db).await.unwrap(),
        records.all(db).await.unwrap(),
        message::Entity::find().all(db).await.unwrap(),
        api_token::Entity::find().all(db).await.unwrap(),
    )
}

#[tokio::test]
async fn a_restored_gallery_is_the_one_that_was_backed_up() {
    let app = quick_app().await;
    let id = app.new_photo(1).await;
    app.release(id).await;
    let change = json!({ "caption": "Zwei Füchse 🦊, \"im\" Schnee" });
    app.edit(id, &change).await.expect(200);
    let greeting = json!({ "author": "Zoë", "body": "Grüße\n\u{1f44b}" });
    app.post_json("/api/messages", &greeting).await.expect(201);
    let token = [("name", "website"), ("may", "read")];
    app.post_form("/tokens", &token).await;
    app.new_photo(2).await;
    let (_folder, archive) = folder();
    let before = rows(&app.state.db).await;

    let taken = app.back_up(&archive).await.unwrap();
    app.new_photo(3).await;
    let target = Target::new().await;
    let brought = target.restore(&archive).await.unwrap();

    assert_eq!((taken.copied, taken.kept, taken.missing), (8, 0, 0));
    assert_eq!((brought.copied, brought.missing), (8, 0));
    let there = target.serve().await;
    assert_eq!(rows(&there.state.db).await, before);
    let report = there.check(false).await;
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.originals_read, 2);
    let found = there.get("/api/images?q=fuchse").await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
    // Numbers go on where they were.
    there.new_photo(4).await;
    assert_eq!(there.rows().await.len(), 3);
}

#[tokio::test]
async fn pending_steps_go_on_after_a_restore() {
    let app = quick_app().await;
    let photo = testing::photo(1, 64, 48);
    let id = app.upload("a.jpg", photo).await.id();
    let (_folder, archive) = folder();
    app.back_up(&archive).await.unwrap();

    let there = restored(&archive).await;

    assert_eq!(there.drain().await, 3);
    assert!(there.row(id).await.unwrap().copy_version.is_some());
    assert!(there.check(false).await.is_clean());
}

#[tokio::test]
async fn a_second_backup_copies_only_what_is_new() {
    let app = quick_app().await;
    let id = app.new_photo(1).await;
    let (_folder, archive) = folder();
    app.back_up(&archive).await.unwrap();
    app.new_photo(2).await;

    let second = app.back_up(&archive).await.unwrap();
    let change = json!({ "caption": "Two foxes" });
    app.edit(id, &change).await.expect(200);
    app.state.copy_words.refresh(id).await;
    let third = app.back_up(&archive).await.unwrap();

    assert_eq!((second.copied, second.kept), (4, 4));
    // The copy has other words in it.
    assert_eq!((third.copied, third.kept), (1, 7));
    assert!(restored(&archive).await.check(false).await.is_clean());
}

#[tokio::test]
async fn a_backup_that_was_cut_short_does_not_count() {
    let app = quick_app().await;
    app.new_photo(1).await;
    let (_folder, archive) = folder();
    let cut = Hooked::new(&archive, |path| path.starts_with("objects/thumbnails/"));

    let failed = app.back_up(&cut).await;

    assert!(matches!(failed, Err(BackupError::Store(_))), "{failed:?}");
    assert_eq!(newest_snapshot(&archive, None).await.unwrap(), None);
    let whole = app.back_up(&archive).await.unwrap();
    assert!(whole.kept >= 1, "it goes on where it stopped: {whole:?}");
    assert!(restored(&archive).await.check(false).await.is_clean());
}

#[tokio::test]
async fn images_that_are_deleted_meanwhile_are_left_out() {
    let app = quick_app().await;
    let (stays, goes) = (app.new_photo(1).await, app.new_photo(2).await);
    let (_folder, archive) = folder();
    // The rows are read, and no object is copied yet.
    let hooked = Hooked::new(&archive, |_| false);
    hooked.delete_when("/rows/change.", &app, goes);

    let taken = app.back_up(&hooked).await.unwrap();

    assert_eq!((taken.gone, taken.missing), (1, 0));
    let there = restored(&archive).await;
    let ids: Vec<_> = there.rows().await.iter().map(|row| row.id).collect();
    assert_eq!(ids, [stays]);
    assert!(there.check(false).await.is_clean());
}

#[tokio::test]
async fn damaged_originals_do_not_get_into_a_backup() {
    let app = quick_app().await;
    let id = app.new_photo(1).await;
    let key = ObjectKey::parse(&app.row(id).await.unwrap().object_key).unwrap();
    let mut bytes = app.object(&key).await;
    *bytes.last_mut().unwrap() ^= 1;
    let body = Body::Bytes(bytes.into());
    app.state.store.put(&key, body).await.unwrap();
    let (_folder, archive) = folder();

    let taken = app.back_up(&archive).await.unwrap();

    assert_eq!(taken.missing, 1);
    assert_eq!(
        taken.examples,
        [format!("{key} is damaged: it has another SHA-256")]
    );
    let path = format!("objects/{key}");
    assert_eq!(archive.size(&path).await.unwrap(), None);
}

#[tokio::test]
async fn rows_are_never_restored_onto_others() {
    let app = quick_app().await;
    app.new_photo(1).await;
    let (_folder, archive) = folder();
    app.back_up(&archive).await.unwrap();
    let target = Target::new().await;
    target.restore(&archive).await.unwrap();

    let again = target.restore(&archive).await;

    let Err(BackupError::Refused(reason)) = again else {
        panic!("{again:?}");
    };
    assert!(reason.contains("has rows already (image, step"), "{reason}");
}

#[tokio::test]
async fn a_restore_that_was_cut_short_goes_on() {
    let app = quick_app().await;
    app.new_photo(1).await;
    let (_folder, archive) = folder();
    app.back_up(&archive).await.unwrap();
    let target = Target::new().await;
    let cut = Hooked::new(&archive, |path| path.starts_with("objects/anonymised/"));

    let failed = target.restore(&cut).await;
    let resumed = target.restore(&archive).await.unwrap();

    assert!(failed.is_err());
    assert_eq!((resumed.copied, resumed.kept), (2, 2));
    assert!(target.serve().await.check(false).await.is_clean());
}

#[tokio::test]
async fn a_damaged_backup_is_found_before_anything_is_written() {
    let app = quick_app().await;
    app.new_photo(1).await;
    let (folder, archive) = folder();
    app.back_up(&archive).await.unwrap();
    let files = archive.list("snapshots").await.unwrap();
    let part = files
        .iter()
        .find(|path| path.contains("/rows/step."))
        .unwrap();
    let part = folder.path().join(part);
    let mut bytes = std::fs::read(&part).unwrap();
    bytes.pop();
    std::fs::write(&part, bytes).unwrap();
    let target = Target::new().await;

    let failed = target.restore(&archive).await;

    assert!(matches!(failed, Err(BackupError::Damaged(_))), "{failed:?}");
    assert!(target.serve().await.rows().await.is_empty());
}

#[tokio::test]
async fn a_backup_with_an_older_schema_comes_up_to_date() {
    let app = quick_app().await;
    app.new_photo(1).await;
    let (folder, archive) = folder();
    app.back_up(&archive).await.unwrap();
    make_older(folder.path(), &archive).await;
    let target = Target::new().await;

    target.restore(&archive).await.unwrap();

    let there = target.serve().await;
    assert_eq!(there.rows().await.len(), 1);
    assert!(there.check(false).await.is_clean());
}

/// As if the backup were from before the trash: without that migration and later ones, and without
/// its columns.
async fn make_older(folder: &Path, archive: &FolderArchive) {
    let files = archive.list("snapshots").await.unwrap();
    let find = |part: &str| folder.join(files.iter().find(|path| path.contains(part)).unwrap());
    let part = find("/rows/image.");
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(&part).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let mut lines = text.lines();
    let mut header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let columns = header["columns"].as_array_mut().unwrap();
    let is_newer = |column: &Value| column["name"] == "purge_at" || column["name"] == "deleted_by";
    let is_kept: Vec<bool> = columns.iter().map(|column| !is_newer(column)).collect();
    columns.retain(|column| !is_newer(column));
    let mut older = GzEncoder::new(Vec::new(), Compression::fast());
    writeln!(older, "{header}").unwrap();
    for line in lines {
        let row: Vec<Value> = serde_json::from_str(line).unwrap();
        let cells = row.into_iter().zip(&is_kept);
        let cells: Vec<Value> = cells
            .filter_map(|(cell, kept)| kept.then_some(cell))
            .collect();
        writeln!(older, "{}", Value::from(cells)).unwrap();
    }
    let bytes = older.finish().unwrap();
    let path = find("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let migrations = manifest["migrations"].as_array_mut().unwrap();
    let trash = migrations
        .iter()
        .position(|name| name == "m20261126_000030_trash");
    migrations.truncate(trash.unwrap());
    manifest["tables"]["image"]["parts"][0] = hex::encode(Sha256::digest(&bytes)).into();
    std::fs::write(&part, bytes).unwrap();
    std::fs::write(&path, manifest.to_string()).unwrap();
}

#[tokio::test]
async fn a_bucket_holds_backups_below_a_prefix() {
    let Some(moto) = moto().await else { return };
    let scratch = tempfile::tempdir().unwrap();
    let config = aws::config(&moto.settings()).await;
    let bucket = moto.bucket().await;
    let archive = S3Archive::new(
        &config,
        &bucket,
        "backups/gallery/",
        Scratch::open(scratch.path()).unwrap(),
    );
    let app = quick_app().await;
    app.new_photo(1).await;

    let first = app.back_up(&archive).await.unwrap();
    let second = app.back_up(&archive).await.unwrap();

    assert_eq!((first.copied, second.copied), (4, 0));
    let pruned = prune(&archive, entity::now()).await.unwrap();
    assert_eq!((pruned.snapshots, pruned.objects), (1, 0));
    assert!(restored(&archive).await.check(false).await.is_clean());
}

#[tokio::test]
async fn what_was_deleted_leaves_the_backup_with_the_last_snapshot_that_has_it() {
    let app = quick_app().await;
    let (stays, goes) = (app.new_photo(1).await, app.new_photo(2).await);
    let (_folder, archive) = folder();
    app.back_up(&archive).await.unwrap();
    let between = entity::now();
    let (db, store) = (&app.state.db, app.state.store.as_ref());
    assert!(
        delete(db, store, goes, None, TimeDelta::zero())
            .await
            .unwrap()
    );
    let of_the_deleted = async || {
        let files = archive.list("objects").await.unwrap();
        let id = goes.to_string();
        files.iter().filter(|path| path.contains(&id)).count()
    };

    app.back_up(&archive).await.unwrap();
    let early = prune(&archive, between - TimeDelta::days(1)).await.unwrap();
    assert_eq!(early, Pruned::default());
    assert_eq!(of_the_deleted().await, 4);

    let pruned = prune(&archive, between).await.unwrap();
    assert_eq!((pruned.snapshots, pruned.objects), (1, 4));
    assert_eq!(of_the_deleted().await, 0);
    let again = prune(&archive, entity::now()).await.unwrap();
    assert_eq!(again, Pruned::default(), "the newest snapshot stays");
    let there = restored(&archive).await;
    let ids: Vec<_> = there.rows().await.iter().map(|row| row.id).collect();
    assert_eq!(ids, [stays]);
    assert!(there.check(false).await.is_clean());
}

#[tokio::test]
async fn objects_stay_while_a_snapshot_may_need_them_that_is_not_complete() {
    let app = quick_app().await;
    app.new_photo(1).await;
    let (_folder, archive) = folder();
    app.back_up(&archive).await.unwrap();
    let orphan = "objects/uploads/another.jpg";
    archive
        .put(orphan, Bytes::from_static(b"new"))
        .await
        .unwrap();
    let begun = "snapshots/2999-01-01T00-00-00.000Z/rows/image.00001.jsonl.gz";
    archive.put(begun, Bytes::new()).await.unwrap();

    let pruned = prune(&archive, entity::now()).await.unwrap();
    assert_eq!(
        pruned.unfinished.as_deref(),
        Some("2999-01-01T00-00-00.000Z")
    );
    assert!(archive.size(orphan).await.unwrap().is_some());

    let old = "snapshots/2001-01-01T00-00-00.000Z/rows/image.00001.jsonl.gz";
    archive.put(old, Bytes::new()).await.unwrap();
    archive.delete(begun).await.unwrap();
    let pruned = prune(&archive, entity::now()).await.unwrap();
    assert_eq!((pruned.snapshots, pruned.objects), (1, 1));
    assert!(archive.size(orphan).await.unwrap().is_none());
}

/// A part of a path, and the image that is deleted when it is written.
type Deletion = (&'static str, DatabaseConnection, Arc<dyn ObjectStore>, Uuid);

/// An archive that fails for some paths, or during whose work something happens.
struct Hooked<'a> {
    archive: &'a FolderArchive,
    fails: fn(&str) -> bool,
    deletion: Mutex<Option<Deletion>>,
}

impl<'a> Hooked<'a> {
    fn new(archive: &'a FolderArchive, fails: fn(&str) -> bool) -> Self {
        Self {
            archive,
            fails,
            deletion: Mutex::default(),
        }
    }

    /// Deletes an image when a path with this in it is written.
    fn delete_when(&self, part: &'static str, app: &TestApp, id: Uuid) {
        let (db, store) = (app.state.db.clone(), app.state.store.clone());
        *self.deletion.lock().unwrap() = Some((part, db, store, id));
    }

    async fn touch(&self, path: &str) -> Result<(), StoreError> {
        if (self.fails)(path) {
            return Err(StoreError::Unavailable {
                doing: format!("touching {path}"),
                reason: "the cable is out".to_owned(),
            });
        }
        let due = {
            let mut deletion = self.deletion.lock().unwrap();
            let is_due = deletion
                .as_ref()
                .is_some_and(|(part, ..)| path.contains(part));
            if is_due { deletion.take() } else { None }
        };
        if let Some((_, db, store, id)) = due {
            let now = TimeDelta::zero();
            delete(&db, store.as_ref(), id, None, now).await.unwrap();
        }
        Ok(())
    }
}

#[async_trait]
impl Archive for Hooked<'_> {
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.touch(path).await?;
        self.archive.put(path, bytes).await
    }

    async fn put_file(&self, path: &str, file: ScratchFile) -> Result<(), StoreError> {
        self.touch(path).await?;
        self.archive.put_file(path, file).await
    }

    async fn open(&self, path: &str) -> Result<Option<OpenObject>, StoreError> {
        self.touch(path).await?;
        self.archive.open(path).await
    }

    async fn size(&self, path: &str) -> Result<Option<u64>, StoreError> {
        self.archive.size(path).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.archive.list(folder).await
    }

    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.archive.delete(path).await
    }

    fn scratch(&self) -> &Scratch {
        self.archive.scratch()
    }

    fn describe(&self) -> String {
        self.archive.describe()
    }
}
