//! `vitrine backup`: rows and objects into a folder or a bucket, while servers go on.

use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Args;
use platform::settings::Settings;
use serde_json::json;

use super::archive_place;
use super::copy_progress::{copy_progress, show};
use crate::backup::{Backup, Pruned, Taken, prune};
use crate::services::Services;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A folder, or s3://BUCKET/PREFIX. Only what is new is copied.
    #[arg(value_name = "DIR|s3://…")]
    place: String,
    /// Afterwards, delete snapshots that are older than so many days, and the objects that no snapshot
    /// has any more. The new snapshot always stays. Without it, nothing is ever deleted.
    #[arg(long, value_name = "DAYS")]
    keep_days: Option<u32>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: Settings, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let services = Services::open(settings).await?;
    let archive = archive_place::open(&services.settings, &arguments.place).await?;
    let backup = Backup {
        db: &services.db,
        store: services.store.as_ref(),
        archive: archive.as_ref(),
    };
    let bar = copy_progress();
    let taken = backup.run(|done, all| show(&bar, done, all)).await;
    bar.finish_and_clear();
    let taken = taken?;
    let pruned = match arguments.keep_days {
        Some(days) => {
            let oldest = entity::now() - TimeDelta::days(days.into());
            Some(prune(archive.as_ref(), oldest).await?)
        }
        None => None,
    };
    services.db.close().await?;
    match arguments.json {
        true => {
            let mut document = json!(taken);
            document["pruned"] = json!(pruned);
            println!("{document:#}");
        }
        false => {
            print(&taken, &archive.describe());
            if let Some(pruned) = &pruned {
                print_pruned(pruned);
            }
        }
    }
    Ok(match taken.missing {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn print(taken: &Taken, place: &str) {
    println!(
        "Snapshot {} is in {place}: {} rows; {} objects copied ({} bytes), {} were there already.",
        taken.snapshot, taken.rows, taken.copied, taken.copied_bytes, taken.kept
    );
    if taken.gone > 0 {
        println!(
            "{} images were deleted meanwhile and are left out.",
            taken.gone
        );
    }
    if taken.missing > 0 {
        println!("{} objects could not be copied:", taken.missing);
        for example in &taken.examples {
            println!("    {example}");
        }
        println!("`vitrine check` tells what is wrong with the store.");
    }
}

fn print_pruned(pruned: &Pruned) {
    println!(
        "Deleted {} old snapshots, and {} objects that no snapshot has any more.",
        pruned.snapshots, pruned.objects
    );
    if let Some(name) = &pruned.unfinished {
        println!(
            "No object was deleted, because snapshot {name} is being taken or was cut short. If no backup is \
             running, delete its folder, or wait until it is old."
        );
    }
}
