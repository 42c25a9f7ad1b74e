//! Telemetry: logs always, and traces and metrics if there is a collector
//! (`OTEL_EXPORTER_OTLP_ENDPOINT`). Without one, no thread is started, and nothing is kept or sent;
//! each trace has an id all the same, for the logs.

mod export;
mod fields;
mod json;
mod metric_table;
pub mod metrics;
mod scrape;
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
pub use metric_table::markdown as metrics_markdown;
pub use scrape::{CONTENT_TYPE, Scrape};
pub use trace::{TRACEPARENT, begin, traceparent};

/// The default log filter. Spans of SQL statements are for traces: in a log they would precede
/// every line. PostgreSQL's notices are about tables of migrations that exist already.
const DEFAULT_FILTER: &str = "info,sea_orm=warn,sea_orm_migration=warn,sqlx::postgres::notice=warn";

const OURS: [&str; 5] = ["web", "functions", "platform", "entity", "migration"];

/// Libraries whose spans are useful: SQL statements and calls of AWS.
const THEIRS: [&str; 4] = [
    "sea_orm",
    "aws_sdk_s3",
    "aws_sdk_sqs",
    "aws_sdk_secretsmanager",
];

/// The format of logs.
#[derive(Clone, Copy)]
enum LogFormat {
    Text,
    Json,
}

/// Starts logging to standard error, and exporters if they are configured. `service` is the name of
/// this process unless `OTEL_SERVICE_NAME` is set. Call it before there is a runtime. Later calls
/// have no effect on logs and traces.
///
/// # Errors
/// If a variable is invalid, in one sentence that names it.
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
    // It fails only if logging is started already.
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

/// The log filter.
fn filter() -> Result<Targets, String> {
    let wanted = set("VITRINE_LOG");
    let wanted = wanted.as_deref().unwrap_or(DEFAULT_FILTER);
    wanted.parse().map_err(|error| {
        format!(
            "VITRINE_LOG={wanted} cannot be read ({error}); an example is VITRINE_LOG=info,functions=debug"
        )
    })
}

/// JSON on Lambda, unless another format is set.
fn format() -> Result<LogFormat, String> {
    match set("VITRINE_LOG_FORMAT").as_deref() {
        None if set("AWS_LAMBDA_RUNTIME_API").is_some() => Ok(LogFormat::Json),
        None | Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => Err(format!(
            "VITRINE_LOG_FORMAT={other} is not one of text, json; an example is VITRINE_LOG_FORMAT=json"
        )),
    }
}

/// The filter for traces. Spans of libraries count only inside spans of ours: workers that poll for
/// jobs once a second are no traces.
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
        if is_ours(metadata, exporting) {
            Interest::always()
        } else if exporting && metadata.is_span() && is_from(&THEIRS, metadata) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    };
    DynFilterFn::new(
        move |metadata, context: &tracing_subscriber::layer::Context<'_, S>| {
            let theirs = || {
                exporting
                    && metadata.is_span()
                    && is_from(&THEIRS, metadata)
                    && context.lookup_current().is_some()
            };
            is_ours(metadata, exporting) || theirs()
        },
    )
    .with_callsite_filter(callsite)
    .with_max_level_hint(if exporting {
        LevelFilter::DEBUG
    } else {
        LevelFilter::INFO
    })
}

/// Without an exporter, spans give requests their ids, and events in them would be recorded for nobody.
fn is_ours(metadata: &Metadata<'_>, exporting: bool) -> bool {
    is_from(&OURS, metadata)
        && *metadata.level() <= Level::INFO
        && (exporting || metadata.is_span())
}

fn is_from(crates: &[&str], metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next().unwrap_or_default();
    crates.contains(&name)
}

/// An environment variable. An empty value counts as unset.
fn set(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
}
