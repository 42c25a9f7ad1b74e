//! `vitrine serve`

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use platform::settings::Settings;
use platform::telemetry::{Scrape, Telemetry};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::app::App;
use crate::dev;

/// Everything else is in the settings.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Read styles, scripts and templates from this folder, and reload open pages on changes. A
    /// release refuses this.
    #[arg(long, value_name = "FOLDER", hide = true)]
    dev_files: Option<std::path::PathBuf>,
}

pub(super) async fn run(
    settings: Settings,
    telemetry: Telemetry,
    arguments: Arguments,
) -> anyhow::Result<ExitCode> {
    if let Some(folder) = arguments.dev_files {
        dev::read_from(folder)?;
    }
    let (bind, metrics_bind) = (settings.bind, settings.metrics_bind);
    let has_password = !settings.is_keyboard_admin();
    let signals = StopSignals::listen()?;
    let mut app = App::build(settings).await?;
    app.has_metrics = telemetry.has_metrics();
    if let Some(bind) = metrics_bind {
        app.metrics = Some(listen_for_prometheus(bind, &telemetry).await?);
    }
    // The first picture need not wait for a process, and the log tells what this system lacks.
    match app.state.pixels.warm().await {
        Ok(confinement) => {
            if let Some(gap) = confinement.gap() {
                warn!("{gap}");
            }
        }
        Err(error) => error!(%error, "pictures cannot be worked on"),
    }
    let listener = TcpListener::bind(bind).await.with_context(|| {
        format!("cannot listen on {bind}; choose another address, for example VITRINE_BIND=127.0.0.1:8081")
    })?;
    let address = listener.local_addr()?;
    let mut greeting = format!("Vitrine is at http://{address}\n");
    if !has_password {
        greeting += "There is no password: programs of this user on this machine are the admin.\n";
    }
    // A closed standard output does not stop the server.
    let _ = std::io::stdout().write_all(greeting.as_bytes());
    tokio::select! {
        stopped = app.run_until(listener, signals.first.cancelled()) => stopped?,
        () = signals.second.cancelled() => {
            warn!("stopped at once, by a second signal; the next start continues");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// SIGTERM and SIGINT: the first asks for a clean stop, the second for one at once.
struct StopSignals {
    first: CancellationToken,
    second: CancellationToken,
}

impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (first, second) = (CancellationToken::new(), CancellationToken::new());
        let signals = [first.clone(), second.clone()];
        tokio::spawn(async move {
            for received in signals {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                received.cancel();
            }
        });
        Ok(Self { first, second })
    }
}

async fn listen_for_prometheus(
    bind: SocketAddr,
    telemetry: &Telemetry,
) -> anyhow::Result<(TcpListener, Scrape)> {
    let scrape = telemetry.scrape().context(
        "VITRINE_METRICS_BIND is set, but OTEL_SDK_DISABLED turns metrics off; unset one of them",
    )?;
    let listener = TcpListener::bind(bind).await.with_context(|| {
        format!("cannot serve metrics on {bind}; choose another address, for example VITRINE_METRICS_BIND=127.0.0.1:9464")
    })?;
    info!("metrics are at http://{}/metrics", listener.local_addr()?);
    Ok((listener, scrape.clone()))
}
