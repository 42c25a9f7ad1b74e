//! `vitrine import`: takes photos in from files and folders, in the same way as uploads. Photos
//! that are there already are skipped, so it can be stopped at any time and run again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use functions::pipeline::lifecycle::Accepted;
use futures::{Stream, StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use platform::settings::Settings;
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;
use walkdir::{DirEntry, WalkDir};

use super::cancel_on_signal;
use crate::actions::image_notes::tidy_context;
use crate::ingest::{Ingest, UploadLimits, UploadMeta};
use crate::problem::Problem;
use crate::services::{Services, cores};

/// What to import.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files and folders; folders with everything below them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// A few words about all of these photos, which go to the captioner with each.
    #[arg(long, value_name = "WORDS")]
    context: Option<String>,
}

#[derive(Debug, Default)]
struct Summary {
    imported: usize,
    existing: usize,
    /// The files that were not imported, by reason.
    skipped: BTreeMap<String, Vec<PathBuf>>,
}

impl Summary {
    fn skip(&mut self, path: PathBuf, reason: impl Into<String>) {
        self.skipped.entry(reason.into()).or_default().push(path);
    }

    /// Files finish in any order.
    fn sort(&mut self) {
        for paths in self.skipped.values_mut() {
            paths.sort();
        }
    }
}

pub(super) async fn run(settings: Settings, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut summary = Summary::default();
    let files = find(&arguments.paths, &mut summary);
    let context = arguments
        .context
        .as_deref()
        .map(tidy_context)
        .transpose()
        .map_err(|problem| anyhow::anyhow!("--context: {}", problem.detail()))?
        .filter(|context| !context.is_empty());
    let services = Services::open(settings).await?;
    let ingest = Ingest {
        db: &services.db,
        store: services.store.as_ref(),
        scratch: &services.scratch,
        pixels: &services.pixels,
        limits: UploadLimits::from(&services.settings),
    };
    let bar = progress_bar(files.len());
    let stop = CancellationToken::new();
    cancel_on_signal(stop.clone())?;
    // Checking a picture needs a core, storing it the disk: one more than cores keeps both busy.
    let mut results = stream::iter(files)
        .take_while(|_| std::future::ready(!stop.is_cancelled()))
        .map(|path| {
            let (ingest, context) = (&ingest, context.as_deref());
            async move { (take(ingest, &path, context).await, path) }
        })
        .buffer_unordered(cores() + 1);
    while let Some((result, path)) = results.next().await {
        match result {
            Ok(Accepted::Created(_)) => summary.imported += 1,
            Ok(Accepted::Existing(_)) => summary.existing += 1,
            Err(problem) => {
                bar.suspend(|| eprintln!("{}: {}", path.display(), problem.detail()));
                summary.skip(path, problem.detail());
            }
        }
        bar.inc(1);
    }
    drop(results);
    bar.finish_and_clear();
    services.db.close().await?;
    summary.sort();
    print(&summary, stop.is_cancelled());
    Ok(if summary.skipped.is_empty() && !stop.is_cancelled() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every file below the paths that may be a photo of theirs, in the order of their names.
fn find(paths: &[PathBuf], summary: &mut Summary) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        let is_wanted = |entry: &DirEntry| entry.depth() == 0 || !is_passed_over(entry);
        let entries = WalkDir::new(path)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(is_wanted);
        for entry in entries {
            match entry {
                Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(path).to_owned();
                    let reason = match (error.loop_ancestor(), error.io_error()) {
                        (Some(_), _) => "a link that leads back to a folder above it".to_owned(),
                        (None, Some(cause)) => cause.to_string(),
                        (None, None) => error.to_string(),
                    };
                    eprintln!("{}: {reason}", path.display());
                    summary.skip(path, reason);
                }
            }
        }
    }
    files
}

/// Folders in which network stores and systems keep previews, deleted files and snapshots.
const SYSTEM_FOLDERS: [&str; 14] = [
    "$recycle.bin",
    "#recycle",
    "#snapshot",
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "@sharebin",
    "@tmp",
    "__macosx",
    "lost+found",
    "lost.dir",
    "recycler",
    "system volume information",
    "trashes",
];

/// What lies beside photos: edits, descriptions, previews and lists of other programs.
const SIDECARS: [&str; 12] = [
    "aae", "cos", "ctg", "dop", "db", "ini", "json", "pp3", "thm", "txt", "xml", "xmp",
];

/// Hidden, of the system, or beside a photo: passed over without a word.
fn is_passed_over(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy().to_lowercase();
    if name.starts_with('.') {
        return true;
    }
    if entry.file_type().is_dir() {
        return SYSTEM_FOLDERS.contains(&name.as_str());
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| SIDECARS.contains(&extension))
}

async fn take(
    ingest: &Ingest<'_>,
    path: &Path,
    context: Option<&str>,
) -> Result<Accepted, Problem> {
    let meta = UploadMeta {
        file_name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        name: Some("admin".to_owned()),
        context: context.map(str::to_owned),
        ..UploadMeta::default()
    };
    let chunks = read(path).await?;
    ingest.take(meta, chunks).await
}

async fn read(path: &Path) -> Result<impl Stream<Item = Result<Bytes, Problem>> + Unpin, Problem> {
    let unreadable =
        |error: std::io::Error| Problem::bad_request(format!("cannot be read: {error}"));
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    Ok(ReaderStream::with_capacity(file, 256 * 1024).map(move |chunk| chunk.map_err(unreadable)))
}

fn progress_bar(files: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} photos, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(files as u64).with_style(style)
}

fn print(summary: &Summary, stopped: bool) {
    let skipped: usize = summary.skipped.values().map(Vec::len).sum();
    println!(
        "{} imported, {} there already, {skipped} skipped.",
        summary.imported, summary.existing
    );
    for (reason, paths) in &summary.skipped {
        println!("  {} × {reason}", paths.len());
        for path in paths.iter().take(10) {
            println!("      {}", path.display());
        }
        if paths.len() > 10 {
            println!("      and {} more", paths.len() - 10);
        }
    }
    if stopped {
        println!("Stopped. Run the same command again to go on; what is there already is skipped.");
    } else if summary.imported > 0 {
        println!("A running `vitrine serve`, or the next one, works on the new ones.");
    }
}
