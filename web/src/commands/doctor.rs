//! `vitrine doctor`: checks everything the server depends on. Invalid settings end the command
//! before it starts.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use entity::image;
use functions::faces::{self, FaceDetector as _};
use functions::pipeline::pixel_workers::{Confinement, MemoryBudget, PixelWorkers};
use migration::{Migrator, MigratorTrait as _};
use platform::database;
use platform::disk::Space;
use platform::objects::{Body, ObjectKey};
use platform::settings::{MEGABYTE, Settings};
use sea_orm::PaginatorTrait as _;
use uuid::Uuid;

use super::doctor_captions;
use crate::error_chain::error_chain;
use crate::services::Services;

pub(super) async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let mut checkup = Checkup { healthy: true };
    checkup.note("settings", Ok(describe(&settings)));
    for warning in &settings.warnings {
        checkup.warn("settings", warning);
    }
    match open(settings).await {
        Ok((services, schema)) => {
            checkup.note("schema", Ok(schema));
            checkup.note("database", rows(&services).await);
            checkup.note("store", write_read_delete(&services).await);
            checkup.note("captions", doctor_captions::check(&services).await);
            match doctor_captions::text_in_pictures(&services.settings).await {
                Ok(found) => checkup.note("text in pictures", Ok(found)),
                Err(warning) => checkup.warn("text in pictures", &warning),
            }
            checkup.note("disk", room(&services));
            if let Some(warning) = readable_by_others(&services.settings.data) {
                checkup.warn("files", &warning);
            }
        }
        Err(error) => checkup.note("start", Err(error)),
    }
    match pixels().await {
        Ok(confinement) => {
            checkup.note("pixels", Ok(confined(confinement)));
            if let Some(gap) = confinement.gap() {
                checkup.warn("pixels", gap);
            }
        }
        Err(error) => checkup.note("pixels", Err(error)),
    }
    checkup.note("faces", Ok(faces::bundled().name().to_owned()));
    Ok(if checkup.healthy {
        println!("All is well.");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Checkup {
    healthy: bool,
}

impl Checkup {
    fn note(&mut self, what: &str, found: anyhow::Result<String>) {
        match found {
            Ok(found) => println!("ok    {what}: {found}"),
            Err(error) => {
                self.healthy = false;
                println!("FAIL  {what}: {}", error_chain(error.as_ref()));
            }
        }
    }

    fn warn(&mut self, what: &str, warning: &str) {
        println!("warn  {what}: {warning}");
    }
}

fn describe(settings: &Settings) -> String {
    let password = if settings.is_keyboard_admin() {
        "no password"
    } else {
        "password set"
    };
    format!(
        "listening on {}, {password}, data in {}, {} workers",
        settings.bind,
        settings.data.display(),
        settings.workers
    )
}

/// Starts a process for pictures.
async fn pixels() -> anyhow::Result<Confinement> {
    let workers = PixelWorkers::new(1, MemoryBudget::of_this_machine());
    Ok(workers.warm().await?)
}

fn confined(Confinement { files, calls }: Confinement) -> String {
    let by: Vec<_> = [(files, "Landlock"), (calls, "seccomp")]
        .into_iter()
        .filter_map(|(is_there, name)| is_there.then_some(name))
        .collect();
    match by.is_empty() {
        true => "decoded in processes of their own".to_owned(),
        false => format!(
            "decoded in processes of their own, confined by {}",
            by.join(" and ")
        ),
    }
}

/// Opens everything as the server does, and reports which migrations that applied.
async fn open(settings: Settings) -> anyhow::Result<(Services, String)> {
    let before = applied_migrations(&settings).await?;
    let services = Services::open(settings).await?;
    let schema = match Migrator::migrations().len() - before {
        0 => "up to date".to_owned(),
        1 => "1 migration was missing and is applied now".to_owned(),
        missing => format!("{missing} migrations were missing and are applied now"),
    };
    Ok((services, schema))
}

async fn applied_migrations(settings: &Settings) -> anyhow::Result<usize> {
    std::fs::create_dir_all(&settings.data)
        .with_context(|| format!("the data folder {} cannot be made", settings.data.display()))?;
    let db = database::connect(&settings.database)
        .await
        .context("the database cannot be opened; see DATABASE_URL and VITRINE_DATA")?;
    let applied = Migrator::get_applied_migrations_read_only(&db).await?;
    db.close().await?;
    Ok(applied.len())
}

async fn rows(services: &Services) -> anyhow::Result<String> {
    let images = image::stored().count(&services.db).await?;
    let jobs = services.queue.depth().await?;
    Ok(format!(
        "{:?}, {images} images, {jobs} jobs waiting",
        services.settings.database.kind()
    ))
}

/// How much room is left for uploads, on the disks of the data folder and of unfinished uploads.
fn room(services: &Services) -> anyhow::Result<String> {
    let data = Space::at(&services.settings.data).context("the data folder's disk")?;
    let uploads = services.scratch.space().context("the uploads' disk")?;
    let space = if uploads.free < data.free {
        uploads
    } else {
        data
    };
    let megabytes = |bytes| bytes / MEGABYTE;
    ensure!(
        !space.is_nearly_full(),
        "nearly full: {} MB are free, and below {} MB no photos are taken; make room",
        megabytes(space.free),
        megabytes(space.reserve())
    );
    Ok(format!("{} MB are free", megabytes(space.free)))
}

/// Files of earlier versions, which others on this machine may read.
fn readable_by_others(data: &Path) -> Option<String> {
    let is_open = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
    };
    let database = data.join("vitrine.sqlite");
    (is_open(data) && is_open(&database)).then(|| {
        format!(
            "others on this machine may read {}; run `chmod -R go= {}`",
            database.display(),
            data.display()
        )
    })
}

async fn write_read_delete(services: &Services) -> anyhow::Result<String> {
    // The key of a thumbnail, because an upload would start the functions.
    let key = ObjectKey::thumbnail(Uuid::new_v4());
    let content = Bytes::from_static(b"vitrine doctor was here");
    services
        .store
        .put(&key, Body::Bytes(content.clone()))
        .await?;
    let read = services.store.get(&key).await;
    services.store.delete(&key).await?;
    ensure!(
        read? == content,
        "the object that was read differs from the one written"
    );
    ensure!(
        services.store.size(&key).await?.is_none(),
        "a deleted object is still there"
    );
    Ok(format!(
        "{} (wrote, read and deleted an object)",
        services.store.describe()
    ))
}
