//! What a process tells about itself: logs always, and traces and metrics if somebody collects
//! them (`OTEL_EXPORTER_OTLP_ENDPOINT`). Without a collector no thread is started, nothing is
//! kept and nothing is sent; every trace has its number all the same, for the logs.

mod export;
mod fields;
mod json;
pub mod metrics;
mod trace;

use std::io::IsTerminal as _;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::{DynFilterFn, Targets};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt};

pub use export::Telemetry;
pub use trace::{TRACEPARENT, begin, traceparent};

/// What is logged when nothing is set. Spans of statements are for traces: in a log they would
/// stand before every line. What PostgreSQL notices is that tables of the migrations are there
/// already.
const DEFAULT_FILTER: &str = "info,sea_orm=warn,sea_orm_migration=warn,sqlx::postgres::notice=warn";

/// Our own crates.
const OURS: [&str; 5] = ["web", "functions", "platform", "entity", "migration"];

/// Libraries that say well enough what they do: statements of SQL, and calls of AWS.
const THEIRS: [&str; 4] = [
    "sea_orm",
    "aws_sdk_s3",
    "aws_sdk_sqs",
    "aws_sdk_secretsmanager",
];

/// How logs look.
#[derive(Clone, Copy)]
enum LogFormat {
    Text,
    Json,
}

/// Starts logging to standard error, and traces and metrics if they are wanted; `service` is our
/// name unless `OTEL_SERVICE_NAME` says another one. Call it before there is a runtime. Later
/// calls have no effect on logs and traces.
///
/// # Errors
/// If a variable cannot be understood, in one sentence that names it.
pub fn init(service: &str) -> Result<Telemetry, String> {
    let filter = filter()?;
    let format = format()?;
    let telemetry = export::start(service)?;
    let tracer = match telemetry.tracing() {
        Some(provider) => provider.tracer("vitrine"),
        None => SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOff)
            .build()
            .tracer("vitrine"),
    };
    let traces = OpenTelemetryLayer::new(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_level(false)
        .with_target(false)
        .with_filter(traced(telemetry.tracing().is_some()));
    let subscriber = Registry::default().with(traces);
    let is_terminal = std::io::stderr().is_terminal();
    let logs = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal);
    // It fails only if logging has been started before.
    let _ = match format {
        LogFormat::Text => {
            let logs = logs.fmt_fields(fields::ForPeople);
            subscriber.with(logs.with_filter(filter)).try_init()
        }
        LogFormat::Json => {
            let logs = logs
                .fmt_fields(JsonFields::new())
                .event_format(json::OneLine);
            subscriber.with(logs.with_filter(filter)).try_init()
        }
    };
    Ok(telemetry)
}

/// What is logged.
fn filter() -> Result<Targets, String> {
    let wanted = set("VITRINE_LOG");
    let wanted = wanted.as_deref().unwrap_or(DEFAULT_FILTER);
    wanted.parse().map_err(|error| {
        format!(
            "VITRINE_LOG={wanted} cannot be read ({error}); an example is VITRINE_LOG=info,functions=debug"
        )
    })
}

/// Machines read what is logged on Lambda, unless it is said otherwise.
fn format() -> Result<LogFormat, String> {
    match set("VITRINE_LOG_FORMAT").as_deref() {
        None if set("AWS_LAMBDA_RUNTIME_API").is_some() => Ok(LogFormat::Json),
        None | Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => Err(format!(
            "VITRINE_LOG_FORMAT={other} is none of text, json; an example is VITRINE_LOG_FORMAT=json"
        )),
    }
}

/// What becomes part of a trace. What libraries do counts only as part of something that we do:
/// workers that look for jobs once a second are no traces.
fn traced<S>(
    exporting: bool,
) -> DynFilterFn<
    S,
    impl Fn(&Metadata<'_>, &tracing_subscriber::layer::Context<'_, S>) -> bool,
    impl Fn(&'static Metadata<'static>) -> tracing::subscriber::Interest,
>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    use tracing::subscriber::Interest;
    let callsite = move |metadata: &'static Metadata<'static>| {
        if is_from(&OURS, metadata) && *metadata.level() <= Level::INFO {
            Interest::always()
        } else if exporting && metadata.is_span() && is_from(&THEIRS, metadata) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    };
    DynFilterFn::new(
        move |metadata, context: &tracing_subscriber::layer::Context<'_, S>| {
            if is_from(&OURS, metadata) {
                return *metadata.level() <= Level::INFO;
            }
            exporting
                && metadata.is_span()
                && is_from(&THEIRS, metadata)
                && context.lookup_current().is_some()
        },
    )
    .with_callsite_filter(callsite)
    .with_max_level_hint(if exporting {
        LevelFilter::DEBUG
    } else {
        LevelFilter::INFO
    })
}

fn is_from(crates: &[&str], metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    crates.contains(&name)
}

/// A variable of the environment. An empty value counts as none.
fn set(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}
