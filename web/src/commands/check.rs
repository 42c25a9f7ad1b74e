//! `vitrine check`: whether every row has its objects, and every object its row.

use std::process::ExitCode;

use chrono::DateTime;
use clap::Args;
use functions::drivers::local;
use indicatif::{ProgressBar, ProgressStyle};
use platform::settings::Settings;
use serde_json::json;

use crate::check::{Check, PATIENCE, Report};
use crate::services::Services;
use crate::work_lock;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Repair what can be repaired without losing anything: queue steps whose results are missing,
    /// finish what was cut short, delete copies that belong to no row. Originals are never deleted.
    #[arg(long)]
    repair: bool,
    /// Do not read the originals: compare sizes, but no SHA-256.
    #[arg(long)]
    sizes_only: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Status 0 only if nothing was found, repaired or not.
pub(super) async fn run(settings: Settings, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let services = Services::open(settings).await?;
    let report = check(&services, &arguments).await?;
    if arguments.repair && !report.is_clean() {
        let context = services.context()?;
        local::sweep(&context, &services.dispatch, PATIENCE, DateTime::UNIX_EPOCH).await?;
    }
    services.db.close().await?;
    match arguments.json {
        true => println!("{:#}", document(&report)),
        false => print(&report, arguments.repair),
    }
    Ok(match report.is_clean() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

async fn check(services: &Services, arguments: &Arguments) -> anyhow::Result<Report> {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("{spinner} {pos} images, {per_sec}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let checked = checking(services, arguments)
        .run(|images| bar.set_position(images))
        .await;
    bar.finish_and_clear();
    Ok(checked?)
}

fn checking<'a>(services: &'a Services, arguments: &Arguments) -> Check<'a> {
    Check {
        db: &services.db,
        store: services.store.as_ref(),
        dispatch: &services.dispatch,
        queue: &services.queue,
        worker_lock: work_lock::path(&services.settings),
        reads_originals: !arguments.sizes_only,
        repairs: arguments.repair,
        patience: PATIENCE,
    }
}

fn document(report: &Report) -> serde_json::Value {
    json!({
        "clean": report.is_clean(),
        "images": report.images,
        "objects": report.objects,
        "originals_read": report.originals_read,
        "findings": report.findings,
    })
}

fn print(report: &Report, repaired: bool) {
    println!(
        "{} images and {} objects checked, {} originals read.",
        report.images, report.objects, report.originals_read
    );
    for (finding, tally) in &report.findings {
        let note = match (repaired, finding.advice()) {
            (_, Some(advice)) => format!("; {advice}"),
            (true, None) if tally.repaired == tally.count => "; repaired".to_owned(),
            (true, None) => format!("; {} repaired, the others left", tally.repaired),
            (false, None) => "; `vitrine check --repair` repairs that".to_owned(),
        };
        println!("{:>8} {}{note}", tally.count, finding.describe());
        for example in &tally.examples {
            println!("           {example}");
        }
        let more = tally.count - tally.examples.len() as u64;
        if more > 0 {
            println!("           and {more} more");
        }
    }
    match report.is_clean() {
        true => println!("All is well."),
        false
            if repaired
                && report
                    .findings
                    .keys()
                    .any(|finding| finding.is_for_a_server()) =>
        {
            println!(
                "A running `vitrine serve`, or the next one, does the work that is queued. Check again then."
            );
        }
        false => {}
    }
}
