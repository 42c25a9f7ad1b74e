//! `vitrine restore`: a backup into an empty database and a store.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use platform::database;
use platform::settings::Settings;

use super::archive_place;
use super::copy_progress::{copy_progress, show};
use crate::backup::{Restore, newest_snapshot, queue_pending};
use crate::check::{Check, PATIENCE, Report};
use crate::services::{self, Services};
use crate::work_lock;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A folder, or s3://BUCKET/PREFIX, that `vitrine backup` wrote.
    #[arg(value_name = "DIR|s3://…")]
    place: String,
    /// This snapshot instead of the newest one.
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
}

pub(super) async fn run(settings: Settings, arguments: Arguments) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&settings.data)
        .with_context(|| format!("the data folder {} cannot be made", settings.data.display()))?;
    // On one machine no server may run meanwhile.
    let refusal = format!(
        "a vitrine works in {}; stop it first",
        settings.data.display()
    );
    let _lock = work_lock::take(&settings, &refusal)?;
    let archive = archive_place::open(&settings, &arguments.place).await?;
    let found = newest_snapshot(archive.as_ref(), arguments.snapshot.as_deref()).await?;
    let Some(snapshot) = found else {
        bail!(
            "there is no complete backup in {}; see what `vitrine backup` said",
            archive.describe()
        );
    };
    let restore = Restore {
        archive: archive.as_ref(),
        snapshot: &snapshot,
        marker: settings.data.join("restoring"),
    };
    restore.verify().await?;
    let db = database::connect(&settings.database)
        .await
        .context("the database cannot be opened; see DATABASE_URL and VITRINE_DATA")?;
    restore.rows(&db).await?;
    db.close().await?;
    // Brings the schema up to date.
    let services = Services::open(settings).await?;
    let (store, scratch) = services::store(&services.settings, None).await?;
    let bar = copy_progress();
    let restored = restore
        .objects(&services.db, store.as_ref(), &scratch, |done, all| {
            show(&bar, done, all);
        })
        .await;
    bar.finish_and_clear();
    let restored = restored?;
    let queued = queue_pending(&services.db, &services.dispatch).await?;
    let report = check(&services).await?;
    restore.end()?;
    println!(
        "Snapshot {} is restored: {} objects copied, {} were there already, {queued} pending steps \
         queued.",
        snapshot.name, restored.copied, restored.kept
    );
    services.db.close().await?;
    Ok(tell(&report))
}

/// Compares rows and objects. Originals were compared while they were copied. Renditions that are
/// missing or older than their rows are made again.
async fn check(services: &Services) -> anyhow::Result<Report> {
    let check = Check {
        db: &services.db,
        store: services.store.as_ref(),
        dispatch: &services.dispatch,
        queue: &services.queue,
        worker_lock: None,
        reads_originals: false,
        repairs: true,
        patience: PATIENCE,
    };
    Ok(check.run(|_| {}).await?)
}

fn tell(report: &Report) -> ExitCode {
    if report.is_clean() {
        println!("All is well: every row has its objects. Start `vitrine serve`.");
        return ExitCode::SUCCESS;
    }
    for (finding, tally) in &report.findings {
        println!("{:>8} {}", tally.count, finding.describe());
    }
    let is_repaired = |tally: &crate::check::Tally| tally.repaired == tally.count;
    match report.findings.values().all(is_repaired) {
        true => {
            println!("`vitrine serve` makes them again. Run `vitrine check` then.");
            ExitCode::SUCCESS
        }
        false => {
            println!("Run `vitrine check` to see what is left.");
            ExitCode::FAILURE
        }
    }
}
