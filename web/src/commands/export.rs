//! `vitrine export`: the gallery as files with readable names.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use functions::words::Rights;
use platform::settings::Settings;

use super::copy_progress::{copy_progress, show};
use crate::export::{Export, Exported};
use crate::services::Services;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A folder. What is there already is skipped, so it can be stopped and run again.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) async fn run(settings: Settings, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let services = Services::open(settings).await?;
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let rights = Rights {
        credit: services.settings.credit.clone(),
        licence: services.settings.licence.clone(),
    };
    let export = Export {
        db: &services.db,
        store: services.store.as_ref(),
        rights: &rights,
        folder,
    };
    let bar = copy_progress();
    let exported = export.run(|done, all| show(&bar, done, all)).await;
    bar.finish_and_clear();
    let exported = exported?;
    services.db.close().await?;
    print(&exported);
    Ok(match exported.missing {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn print(exported: &Exported) {
    println!(
        "{} images written, {} were there already.",
        exported.written, exported.kept
    );
    if exported.without_copy > 0 {
        println!("{} have no anonymised copy yet.", exported.without_copy);
    }
    if exported.invisible > 0 {
        println!(
            "{} are left out: deleted, or not completely uploaded.",
            exported.invisible
        );
    }
    if exported.missing > 0 {
        println!(
            "{} are left out, because their original is missing:",
            exported.missing
        );
        for example in &exported.examples {
            println!("    {example}");
        }
    }
    println!(
        "Messages, tokens, earlier captions and the publication record are not part of an export; \
         `vitrine backup` has them."
    );
}
