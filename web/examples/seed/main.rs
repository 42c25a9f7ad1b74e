//! `make seed`: fills the gallery of the settings with pictures, captions, tags and messages, so
//! that there is something to see during development. Everything is drawn and written by this
//! program; running it again adds nothing.

mod canvas;
mod gallery;
mod scenes;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use ::image::ExtendedColorType;
use ::image::codecs::jpeg::JpegEncoder;
use anyhow::{Context as _, anyhow, ensure};
use chrono::TimeDelta;
use entity::step::{Attempt, History, StepKind, StepState};
use entity::{caption, change, image, job, message, step};
use functions::drivers::local;
use functions::pipeline::captions::{Edit, Words, by_person};
use functions::pipeline::pixel_workers;
use platform::database::begin_write;
use platform::settings::Settings;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, DatabaseConnection, EntityTrait as _, QueryFilter as _};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use web::services::Services;

use crate::gallery::{Caption, MESSAGES, Photo, photos};

/// Between one upload and the next.
const HOURS_APART: i64 = 37;

fn main() -> anyhow::Result<ExitCode> {
    // Pictures are decoded in processes of this program.
    if pixel_workers::is_worker() {
        return Ok(pixel_workers::run());
    }
    tokio::runtime::Runtime::new()?.block_on(seed())?;
    Ok(ExitCode::SUCCESS)
}

async fn seed() -> anyhow::Result<()> {
    let vitrine = std::env::args_os().nth(1).map(PathBuf::from);
    let vitrine = vitrine.context("give the program `vitrine` that imports the pictures")?;
    let services = Services::open(Settings::load().await?).await?;
    let folder = tempfile::tempdir()?;
    println!("Drawing {} pictures.", photos().len());
    let drawn = draw_all(folder.path())?;
    let mut new = Vec::new();
    for (photo, sha256) in photos().into_iter().zip(&drawn) {
        if find(&services.db, sha256).await?.is_none() {
            new.push((photo, sha256));
        }
    }
    import(&vitrine, folder.path())?;
    let count = i64::try_from(new.len())?;
    for ((photo, sha256), age) in new.iter().zip((0..count).rev()) {
        let image = find(&services.db, sha256).await?;
        let id = image.context("it was imported")?.id;
        date(
            &services.db,
            photo,
            id,
            TimeDelta::hours(5 + age * HOURS_APART),
        )
        .await?;
    }
    // A running server helps; what it has claimed is waited for.
    let context = services.context()?;
    while services.queue.depth().await? > 0 {
        if local::drain(&context, &services.queue).await? == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }
    for (photo, sha256) in photos().iter().zip(&drawn) {
        let image = find(&services.db, sha256).await?;
        let image = image.context("it was imported")?;
        describe(&services.db, photo, &image).await?;
    }
    let posted = post_messages(&services.db).await?;
    services.db.close().await?;
    println!("{} pictures and {posted} messages are new.", new.len());
    Ok(())
}

/// Draws each picture into a file, on every core. Returns the checksums.
fn draw_all(folder: &Path) -> anyhow::Result<Vec<String>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut drawn = vec![String::new(); photos().len()];
    let share = drawn.len().div_ceil(cores);
    std::thread::scope(|scope| {
        let threads: Vec<_> = drawn
            .chunks_mut(share)
            .enumerate()
            .map(|(number, chunk)| {
                scope.spawn(move || -> anyhow::Result<()> {
                    let mine = photos().into_iter().skip(number * share);
                    for (photo, sha256) in mine.zip(chunk) {
                        *sha256 = draw(&photo, folder)?;
                    }
                    Ok(())
                })
            })
            .collect();
        for thread in threads {
            let ended = thread.join();
            ended.map_err(|_| anyhow!("a picture cannot be drawn"))??;
        }
        anyhow::Ok(())
    })?;
    Ok(drawn)
}

fn draw(photo: &Photo, folder: &Path) -> anyhow::Result<String> {
    let (width, height) = photo.size;
    let mut canvas = (photo.scene)(width, height, photo.seed);
    canvas.finish(photo.seed);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90).encode(
        &canvas.bytes(),
        u32::try_from(width)?,
        u32::try_from(height)?,
        ExtendedColorType::Rgb8,
    )?;
    std::fs::write(folder.join(photo.file_name), &jpeg)?;
    Ok(hex::encode(Sha256::digest(&jpeg)))
}

fn import(vitrine: &Path, folder: &Path) -> anyhow::Result<()> {
    let status = Command::new(vitrine)
        .arg("import")
        .arg(folder)
        .status()
        .with_context(|| format!("{} does not start", vitrine.display()))?;
    ensure!(status.success(), "the pictures were not imported");
    Ok(())
}

async fn find(db: &DatabaseConnection, sha256: &str) -> anyhow::Result<Option<image::Model>> {
    let found = image::Entity::find().filter(image::Column::Sha256.eq(sha256));
    Ok(found.one(db).await?)
}

/// Dates a picture back, so that they did not all come at once.
async fn date(
    db: &DatabaseConnection,
    photo: &Photo,
    id: Uuid,
    age: TimeDelta,
) -> anyhow::Result<()> {
    let uploaded_at = entity::now() - age;
    let taken_at = (uploaded_at - TimeDelta::hours(9)).naive_utc();
    image::Entity::update_many()
        .filter(image::Column::Id.eq(id))
        .col_expr(image::Column::UploadedAt, Expr::value(uploaded_at))
        .col_expr(image::Column::TakenAt, Expr::value(taken_at))
        .col_expr(
            image::Column::Camera,
            Expr::value(photo.camera.map(str::to_owned)),
        )
        .exec(db)
        .await?;
    Ok(())
}

/// Writes a caption, unless a person has: this goes on after a run that was interrupted. What
/// somebody tried again is left as it is.
async fn describe(
    db: &DatabaseConnection,
    photo: &Photo,
    image: &image::Model,
) -> anyhow::Result<()> {
    let id = image.id;
    match &photo.caption {
        Caption::Machine => {}
        Caption::Written(..) if image.caption_by == Some(image::Author::Person) => {}
        Caption::Written(name, text, tags) => {
            let edit = Edit {
                caption: Some(Words {
                    text: (*text).to_owned(),
                    paragraph: None,
                }),
                tags: Some(tags.iter().map(|&tag| tag.to_owned()).collect()),
            };
            by_person(db, id, Some(name), edit).await?;
        }
        Caption::Missing(state, reason) => {
            let step = step::Entity::find_by_id((id, StepKind::Annotate));
            let step = step.one(db).await?.context("the image has a step")?;
            let attempts = step.history.map_or(0, |history| history.0.len());
            if step.state == StepState::Done && attempts <= 1 {
                leave_undescribed(db, id, *state, reason).await?;
            }
        }
    }
    Ok(())
}

/// Has an image look as if a provider had failed it.
async fn leave_undescribed(
    db: &DatabaseConnection,
    id: Uuid,
    state: StepState,
    reason: &str,
) -> anyhow::Result<()> {
    let attempts = if state == StepState::Failed { 5 } else { 1 };
    let now = entity::now();
    let mut history = History::default();
    for attempt in 1..=attempts {
        let started_at = now - TimeDelta::minutes(i64::from(attempts - attempt + 1));
        history.push(Attempt {
            attempt,
            started_at,
            finished_at: Some(started_at + TimeDelta::seconds(50)),
            state: if attempt < attempts {
                StepState::Queued
            } else {
                state
            },
            error: Some(reason.to_owned()),
            unusable_answer: false,
            crashed: false,
        });
    }
    let tx = begin_write(db).await?;
    step::Entity::update_many()
        .filter(step::Column::ImageId.eq(id))
        .filter(step::Column::Name.eq(StepKind::Annotate))
        .col_expr(step::Column::State, Expr::value(state))
        .col_expr(step::Column::Attempts, Expr::value(attempts))
        .col_expr(step::Column::Error, Expr::value(reason))
        .col_expr(step::Column::History, Expr::value(history))
        .exec(&tx)
        .await?;
    let nothing = || Expr::value(None::<String>);
    image::Entity::update_many()
        .filter(image::Column::Id.eq(id))
        .col_expr(image::Column::CaptionText, nothing())
        .col_expr(image::Column::CaptionBy, nothing())
        .col_expr(image::Column::CaptionProvider, nothing())
        .col_expr(image::Column::CaptionModel, nothing())
        .col_expr(image::Column::CaptionPromptVersion, nothing())
        .col_expr(image::Column::CaptionLanguage, nothing())
        .exec(&tx)
        .await?;
    caption::Entity::delete_many()
        .filter(caption::Column::ImageId.eq(id))
        .exec(&tx)
        .await?;
    job::Entity::delete_many()
        .filter(job::Column::ImageId.eq(id))
        .exec(&tx)
        .await?;
    change::record(&tx, id, change::Kind::Image).await?;
    tx.commit().await?;
    Ok(())
}

/// Posts the messages that are not there yet. Returns how many that were.
async fn post_messages(db: &DatabaseConnection) -> anyhow::Result<usize> {
    let known: HashMap<_, _> = message::Entity::find()
        .all(db)
        .await?
        .into_iter()
        .map(|row| (row.body, row.author))
        .collect();
    let mut posted = 0;
    for ((author, body), age) in MESSAGES.into_iter().zip((0..6).rev()) {
        if known.get(body).is_some_and(|known| known == author) {
            continue;
        }
        let row = message::ActiveModel {
            id: Set(Uuid::now_v7()),
            author: Set(author.to_owned()),
            body: Set(body.to_owned()),
            created_at: Set(entity::now() - TimeDelta::hours(3 + age * 29)),
        };
        message::Entity::insert(row)
            .exec_without_returning(db)
            .await?;
        posted += 1;
    }
    Ok(posted)
}
