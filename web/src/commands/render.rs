//! `vitrine render`: the functions on a plain file. For trying things and for measurements.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use functions::picture::Limits;
use functions::pipeline::pixel_workers::{Job, MemoryBudget, PictureFile, PixelWorkers};
use functions::pipeline::setup::captioner;
use functions::steps::annotate::{Subject, Taken};
use functions::steps::anonymise::{Found, Request};
use platform::settings::Settings;
use serde_json::{Value, json};

/// What to render, and from what.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to make.
    rendition: Rendition,
    /// The picture.
    input: PathBuf,
    /// Where the result goes; without it, only the line of JSON is printed.
    output: Option<PathBuf>,
    /// Side of the square that a thumbnail fits into, in pixels.
    #[arg(long)]
    size: Option<u32>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rendition {
    Thumbnail,
    Anonymised,
    Caption,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load().await?;
    let limits = Limits {
        max_pixels: settings.max_pixels,
    };
    let size = arguments.size.unwrap_or(settings.thumbnail_size);
    let pixels = PixelWorkers::new(1, MemoryBudget::of_this_machine());
    // A server has one before the first picture comes.
    pixels.warm().await?;
    let unreadable = || format!("{} cannot be read", arguments.input.display());
    let bytes = std::fs::metadata(&arguments.input)
        .with_context(unreadable)?
        .len();
    let room = pixels.room(bytes).await;
    let file = PictureFile::open(&arguments.input, room).with_context(unreadable)?;
    let output = arguments.output.as_deref();
    let (mut line, millis) = match arguments.rendition {
        Rendition::Thumbnail => {
            let start = Instant::now();
            let (_, made) = pixels.thumbnail(&file, &limits, size).await?;
            let millis = start.elapsed();
            write(output, &made.jpeg)?;
            (
                json!({ "width": made.width, "height": made.height }),
                millis,
            )
        }
        Rendition::Anonymised => {
            let start = Instant::now();
            let made = pixels
                .anonymise(&file, &limits, Request::first(size))
                .await?;
            let millis = start.elapsed();
            write(output, &made.jpeg)?;
            let boxes: Vec<_> = made.found.iter().map(box_json).collect();
            let line = json!({ "width": made.width, "height": made.height, "boxes": boxes });
            (line, millis)
        }
        Rendition::Caption => {
            let captioner = captioner(&settings)?;
            let job = Job::CaptionInput {
                known: None,
                source: settings.caption_source,
                jpeg_use: captioner.jpeg_use(),
            };
            let start = Instant::now();
            let (inspection, input) = pixels.caption_input(&file, &limits, job).await?;
            let subject = Subject {
                picture: input.picture,
                faces: input.faces,
                is_portrait: input.is_portrait,
                is_blurred: input.is_blurred,
                taken: Taken::of(&inspection, entity::now()),
                language: settings.caption_language,
                more_languages: settings.more_languages,
                context: None,
            };
            let caption = captioner.caption(&subject).await?;
            let millis = start.elapsed();
            write(output, caption.text.as_bytes())?;
            let mut line = json!({
                "width": inspection.width,
                "height": inspection.height,
                "faces": input.faces,
                "caption": caption.text,
                "tags": caption.tags,
                "provider": caption.provider,
            });
            // Only captioners that ask a model have these.
            for (name, text) in [("model", caption.model), ("paragraph", caption.paragraph)] {
                if let Some(text) = text {
                    line[name] = Value::from(text);
                }
            }
            (line, millis)
        }
    };
    line["millis"] = Value::from((millis.as_secs_f64() * 1e4).round() / 10.0);
    println!("{line}");
    Ok(ExitCode::SUCCESS)
}

/// A box with its score and what came of it.
fn box_json(found: &Found) -> Value {
    let Found { face, pass, state } = found;
    json!({
        "x": face.x, "y": face.y, "width": face.width, "height": face.height,
        "score": face.score, "pass": pass, "state": state,
    })
}

fn write(output: Option<&Path>, content: &[u8]) -> anyhow::Result<()> {
    match output {
        Some(path) => std::fs::write(path, content)
            .with_context(|| format!("{} cannot be written", path.display())),
        None => Ok(()),
    }
}
