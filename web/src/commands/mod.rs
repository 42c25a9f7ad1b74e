//! The command line. Each command is a file of its own.

mod archive_place;
mod backup;
mod check;
mod copy_progress;
mod doctor;
mod doctor_captions;
mod export;
mod health;
mod import;
mod loadtest;
mod migrate;
mod render;
mod reprocess;
mod restore;
mod serve;
mod token;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use platform::settings::{Settings, markdown};
use platform::telemetry::{self, Telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;

/// Photos in; thumbnails, captions and anonymised copies out.
#[derive(Debug, Parser)]
#[command(name = "vitrine", version, about, after_help = AFTER)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "Settings are environment variables; `vitrine settings` lists them.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the gallery and work on what is uploaded.
    Serve(serve::Arguments),
    /// Bring the database's schema up to date.
    Migrate,
    /// Take in photos from files and folders.
    Import(import::Arguments),
    /// Run one function on a file, without database or store; prints a line of JSON.
    Render(render::Arguments),
    /// Have functions run again.
    Reprocess(reprocess::Arguments),
    /// Send many requests to a server and report latencies and errors.
    Loadtest(loadtest::Arguments),
    /// Make, list and revoke tokens for programs.
    Token(token::Arguments),
    /// Check settings, database and store.
    Doctor,
    /// Check that every row has its objects and every object its row; status 0 only if so.
    Check(check::Arguments),
    /// Copy rows and objects into a folder or a bucket, while servers go on.
    Backup(backup::Arguments),
    /// Write all pictures and their descriptions as files with readable names.
    Export(export::Arguments),
    /// Bring a backup back, into an empty database.
    Restore(restore::Arguments),
    /// Ask the server on this machine whether it is alive; for health checks.
    Health,
    /// List all settings, as a page in Markdown.
    Settings,
}

/// How long blocking work may continue after everything else has ended.
const LAST_GRACE: Duration = Duration::from_secs(2);

pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Render(arguments) => within_runtime(render::run(arguments)),
        Command::Loadtest(arguments) => within_runtime(loadtest::run(arguments)),
        Command::Health => health::run(),
        Command::Settings => {
            print!("{}", markdown());
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve(arguments) => {
            start(async |settings, telemetry| serve::run(settings, telemetry, arguments).await)
        }
        Command::Migrate => start(async |settings, _| migrate::run(settings).await),
        Command::Import(arguments) => {
            start(async |settings, _| import::run(settings, arguments).await)
        }
        Command::Reprocess(arguments) => {
            start(async |settings, _| reprocess::run(settings, arguments).await)
        }
        Command::Token(arguments) => {
            start(async |settings, _| token::run(settings, arguments).await)
        }
        Command::Backup(arguments) => {
            start(async |settings, _| backup::run(settings, arguments).await)
        }
        Command::Export(arguments) => {
            start(async |settings, _| export::run(settings, arguments).await)
        }
        Command::Restore(arguments) => {
            start(async |settings, _| restore::run(settings, arguments).await)
        }
        Command::Check(arguments) => {
            start(async |settings, _| check::run(settings, arguments).await)
        }
        Command::Doctor => start(async |settings, _| doctor::run(settings).await),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("vitrine: {}", error_chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command that needs settings and telemetry.
fn start(
    command: impl AsyncFnOnce(Settings, Telemetry) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    platform::process::keep_files_private();
    let telemetry = telemetry::init("vitrine").map_err(|error| anyhow::anyhow!(error))?;
    let handle = telemetry.clone();
    let result = within_runtime(async { command(Settings::load().await?, handle).await });
    telemetry.shutdown();
    result
}

fn within_runtime(
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(LAST_GRACE);
    result
}

/// Cancels the token at the first SIGTERM or SIGINT, which no longer end the process by themselves.
fn cancel_on_signal(stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}
