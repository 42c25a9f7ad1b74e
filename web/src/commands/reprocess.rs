//! `vitrine reprocess`: has functions run again. It only queues; a running `vitrine serve` (or
//! the next one) does the work.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use entity::image::{self, Cursor};
use entity::step::{self, Name, State};
use functions::lifecycle::requeue;
use functions::local::Queue;
use platform::database::begin_write;
use platform::settings::Settings;
use sea_orm::{ColumnTrait as _, DatabaseConnection, QueryFilter as _};
use uuid::Uuid;

use crate::parts::Parts;

/// Images in one transaction.
const BATCH: u64 = 200;

/// What to run again.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The function, or all three.
    #[arg(value_parser = ["thumbnail", "anonymise", "annotate", "all"])]
    step: String,
    /// Only this image; can be given several times.
    #[arg(long, value_name = "ID")]
    image: Vec<Uuid>,
    /// Only where it failed.
    #[arg(long)]
    failed: bool,
    /// Say how many, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(settings: Settings, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let parts = Parts::open(settings).await?;
    let steps = match arguments.step.parse::<Name>() {
        Ok(step) => vec![step],
        Err(_) => Name::ALL.to_vec(),
    };
    let mut count = 0;
    if arguments.image.is_empty() {
        let mut after = None;
        loop {
            let images = image::page(after, BATCH).all(&parts.db).await?;
            let Some(last) = images.last() else { break };
            after = Some(Cursor {
                uploaded_at: last.uploaded_at,
                id: last.id,
            });
            let ids: Vec<_> = images.iter().map(|image| image.id).collect();
            count += again(&parts.db, &parts.queue, &ids, &steps, &arguments).await?;
        }
    } else {
        for id in &arguments.image {
            if image::visible_by_id(*id).one(&parts.db).await?.is_none() {
                bail!("there is no image {id}; `GET /api/images` lists them");
            }
        }
        count = again(
            &parts.db,
            &parts.queue,
            &arguments.image,
            &steps,
            &arguments,
        )
        .await?;
    }
    parts.db.close().await?;
    let steps = if count == 1 { "step" } else { "steps" };
    if arguments.dry_run {
        println!("{count} {steps} would run again.");
    } else if count == 1 {
        println!("1 step is queued; a running `vitrine serve` works on it.");
    } else {
        println!("{count} steps are queued; a running `vitrine serve` works on them.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Queues the steps of some images in one transaction. What a provider refused stays refused.
async fn again(
    db: &DatabaseConnection,
    queue: &Queue,
    ids: &[Uuid],
    steps: &[Name],
    arguments: &Arguments,
) -> anyhow::Result<usize> {
    let tx = begin_write(db).await?;
    let mut select = step::of_all(ids.iter().copied())
        .filter(step::Column::Name.is_in(steps.iter().copied()))
        .filter(step::Column::State.ne(State::Blocked));
    if arguments.failed {
        select = select.filter(step::Column::State.eq(State::Failed));
    }
    let found = select.all(&tx).await?;
    if !arguments.dry_run {
        for step in &found {
            requeue(&tx, step.image_id, &[step.name]).await?;
            queue.push(&tx, step.image_id, &[step.name]).await?;
        }
    }
    tx.commit().await?;
    Ok(found.len())
}
