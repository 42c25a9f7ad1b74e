//! `vitrine loadtest`: sends requests to a server at a steady rate or as fast as it answers, and
//! reports latencies, errors and which instance answered. Its exit status says whether the given
//! limits were kept, so that scripts can rely on it.

mod answer;
mod client;
mod photos;
mod plan;
mod progress;
mod report;
mod request_log;
mod run;
mod target;
mod thresholds;
mod totals;
mod trace_ids;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;

use client::{Client, Work};
use photos::Photos;
use plan::Plan;
use request_log::RequestLog;
use target::Target;
use thresholds::Thresholds;
use trace_ids::TraceIds;

/// What to send where, how much of it, and what is good enough.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The address that requests go to; with --upload, that of the server.
    #[arg(
        short,
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080/load-balancer-test"
    )]
    endpoint: String,

    /// Allow an address that is not loopback, by its host: a load test can take a service down.
    #[arg(long, value_name = "HOST")]
    i_may: Option<String>,

    /// Requests in all; 100, or with --upload as many as photos, unless --duration is given.
    #[arg(short = 'c', long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    request_count: Option<u64>,

    /// Requests in flight at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    concurrency: u16,

    /// End after this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = plan::seconds)]
    duration: Option<Duration>,

    /// Requests per second, however slowly answers come. Latency counts from the planned start.
    #[arg(long, value_name = "NUMBER", value_parser = plan::rate)]
    rate: Option<f64>,

    /// Seconds until a request counts as failed.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = plan::seconds)]
    timeout: Duration,

    /// Hexadecimal digits that all trace ids begin with, before the number of the request.
    #[arg(short, long, value_name = "DIGITS")]
    base_trace_id: Option<String>,

    /// Write a line about each request: trace id, status, latency and instance.
    #[arg(short, long, value_name = "FILE")]
    log_file: Option<PathBuf>,

    /// Upload the photos of this folder, again and again, instead of reading.
    #[arg(long, value_name = "FOLDER")]
    upload: Option<PathBuf>,

    /// A token of Vitrine, for requests that need one.
    #[arg(long, env = "LOADTEST_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Print the report as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    thresholds: Thresholds,
}

/// How many requests are sent unless something else is asked for.
const DEFAULT_COUNT: u64 = 100;

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let target = Target::parse(&arguments.endpoint, arguments.i_may.as_deref())?;
    let photos = arguments.upload.as_deref().map(Photos::find).transpose()?;
    let default_count = photos.as_ref().map_or(DEFAULT_COUNT, Photos::count);
    let trace_ids = TraceIds::new(arguments.base_trace_id.as_deref())?;
    let count = match (arguments.request_count, arguments.duration) {
        (None, None) => Some(default_count),
        (count, _) => count,
    };
    let count = count.unwrap_or(trace_ids::LARGEST);
    ensure!(
        count <= trace_ids::LARGEST,
        "--request-count is more than {}, the largest number that a trace id holds",
        trace_ids::LARGEST
    );
    let plan = Plan {
        count,
        duration: arguments.duration,
        rate: arguments.rate,
        concurrency: usize::from(arguments.concurrency),
    };
    let log = arguments.log_file.as_deref().map(RequestLog::create);
    let log = log.transpose().context("--log-file cannot be written")?;
    platform::process::raise_open_files();
    let work = match photos {
        Some(photos) => Work::Upload(photos),
        None => Work::Get,
    };
    let client = Client::new(target, work, arguments.token, arguments.timeout, &plan)?;
    let measured = run::run(plan, client, trace_ids, log).await?;
    let report = report::Report::of(&measured);
    match arguments.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print!("{report}"),
    }
    let broken = arguments.thresholds.broken_by(&report);
    for sentence in &broken {
        eprintln!("vitrine: {sentence}");
    }
    Ok(if broken.is_empty() && !measured.was_interrupted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
