//! Metrics. Without an exporter, all of this does nothing.
//!
//! Names and attributes follow OpenTelemetry's semantic conventions where there are any.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};
use opentelemetry::{KeyValue, global};

use super::metric_table::{self as table, Metric};
use crate::host::HostReading;

static INSTRUMENTS: LazyLock<Instruments> =
    LazyLock::new(|| Instruments::of(&global::meter("vitrine")));

struct Instruments {
    requests: Histogram<f64>,
    uploads: Counter<u64>,
    cached_answers: Counter<u64>,
    steps: Histogram<f64>,
    queue_age: Gauge<f64>,
    captions: Histogram<f64>,
    tokens: Counter<u64>,
    cost: Counter<f64>,
    event_streams: Gauge<u64>,
    pool: Gauge<u64>,
    host: HostInstruments,
}

struct HostInstruments {
    memory_usage: Gauge<f64>,
    tcp_connections: Gauge<u64>,
    tcp_connections_http: Gauge<u64>,
    tcp_connections_ssh: Gauge<u64>,
    io_wait: Gauge<f64>,
    cpu_steal: Gauge<f64>,
    available_virtual_storage: Gauge<f64>,
    memory_bottleneck: Gauge<u64>,
    multiple_ssh_connections: Gauge<u64>,
    low_virtual_storage: Gauge<u64>,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    /// The route as the router writes it; none if none matched.
    pub route: Option<String>,
    pub status: u16,
}

#[derive(Clone, Debug)]
pub struct CaptionRequest<'a> {
    pub provider: &'static str,
    pub model: &'a str,
    pub outcome: &'static str,
    /// None if the provider does not count tokens.
    pub tokens_in: Option<u64>,
    pub tokens_out: Option<u64>,
    /// In millionths of the currency, and the currency; none if no price is set.
    pub cost: Option<(i64, &'a str)>,
}

/// Bounds of histograms in seconds, from the conventions for HTTP.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The same for durations up to a lease.
const LONG: [f64; 11] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

impl Instruments {
    fn of(meter: &Meter) -> Self {
        Self {
            requests: histogram(meter, table::REQUESTS, &SECONDS),
            uploads: counter(meter, table::UPLOADS),
            cached_answers: counter(meter, table::CACHED_ANSWERS),
            steps: histogram(meter, table::STEPS, &LONG),
            queue_age: gauge(meter, table::QUEUE_AGE),
            captions: histogram(meter, table::CAPTIONS, &LONG),
            tokens: counter(meter, table::TOKENS),
            cost: meter
                .f64_counter(table::COST.name)
                .with_description(table::COST.meaning)
                .build(),
            event_streams: count(meter, table::EVENT_STREAMS),
            pool: count(meter, table::POOL),
            host: HostInstruments::of(meter),
        }
    }
}

impl HostInstruments {
    fn of(meter: &Meter) -> Self {
        Self {
            memory_usage: gauge(meter, table::MEMORY_USAGE),
            tcp_connections: count(meter, table::TCP_CONNECTIONS),
            tcp_connections_http: count(meter, table::TCP_CONNECTIONS_HTTP),
            tcp_connections_ssh: count(meter, table::TCP_CONNECTIONS_SSH),
            io_wait: gauge(meter, table::IO_WAIT),
            cpu_steal: gauge(meter, table::CPU_STEAL),
            available_virtual_storage: gauge(meter, table::AVAILABLE_VIRTUAL_STORAGE),
            memory_bottleneck: count(meter, table::MEMORY_BOTTLENECK),
            multiple_ssh_connections: count(meter, table::MULTIPLE_SSH_CONNECTIONS),
            low_virtual_storage: count(meter, table::LOW_VIRTUAL_STORAGE),
        }
    }

    fn record(&self, reading: &HostReading) {
        self.memory_usage.record(reading.memory_usage, &[]);
        self.tcp_connections.record(reading.tcp_connections, &[]);
        self.tcp_connections_http
            .record(reading.tcp_connections_http, &[]);
        self.tcp_connections_ssh
            .record(reading.tcp_connections_ssh, &[]);
        self.io_wait.record(reading.io_wait, &[]);
        self.cpu_steal.record(reading.cpu_steal, &[]);
        self.available_virtual_storage
            .record(reading.available_virtual_storage, &[]);
        self.memory_bottleneck
            .record(reading.memory_bottleneck().into(), &[]);
        self.multiple_ssh_connections
            .record(reading.multiple_ssh_connections().into(), &[]);
        self.low_virtual_storage
            .record(reading.low_virtual_storage().into(), &[]);
    }
}

fn histogram(meter: &Meter, metric: Metric, bounds: &[f64]) -> Histogram<f64> {
    meter
        .f64_histogram(metric.name)
        .with_unit(metric.unit)
        .with_description(metric.meaning)
        .with_boundaries(bounds.to_vec())
        .build()
}

fn counter(meter: &Meter, metric: Metric) -> Counter<u64> {
    meter
        .u64_counter(metric.name)
        .with_unit(metric.unit)
        .with_description(metric.meaning)
        .build()
}

fn gauge(meter: &Meter, metric: Metric) -> Gauge<f64> {
    meter
        .f64_gauge(metric.name)
        .with_unit(metric.unit)
        .with_description(metric.meaning)
        .build()
}

/// A gauge of whole numbers.
fn count(meter: &Meter, metric: Metric) -> Gauge<u64> {
    meter
        .u64_gauge(metric.name)
        .with_unit(metric.unit)
        .with_description(metric.meaning)
        .build()
}

pub fn request(request: &Request, took: Duration) {
    let mut attributes = vec![
        KeyValue::new("http.request.method", request.method),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("http.response.status_code", i64::from(request.status)),
    ];
    if let Some(route) = &request.route {
        attributes.push(KeyValue::new("http.route", route.clone()));
    }
    if request.status >= 500 {
        attributes.push(KeyValue::new("error.type", request.status.to_string()));
    }
    INSTRUMENTS.requests.record(took.as_secs_f64(), &attributes);
}

pub fn upload(outcome: &'static str) {
    INSTRUMENTS
        .uploads
        .add(1, &[KeyValue::new("outcome", outcome)]);
}

/// A page or JSON that can be answered from memory.
pub fn cached_answer(is_hit: bool) {
    let outcome = if is_hit { "hit" } else { "miss" };
    let outcome = KeyValue::new("outcome", outcome);
    INSTRUMENTS.cached_answers.add(1, &[outcome]);
}

pub fn step(step: &'static str, outcome: &'static str, took: Duration) {
    INSTRUMENTS.steps.record(
        took.as_secs_f64(),
        &[
            KeyValue::new("step", step),
            KeyValue::new("outcome", outcome),
        ],
    );
}

/// The age of the oldest claimable job; zero if there is none.
pub fn queue_age(age: Duration) {
    INSTRUMENTS.queue_age.record(age.as_secs_f64(), &[]);
}

/// The open event streams of this process.
pub fn event_streams(open: usize) {
    INSTRUMENTS.event_streams.record(open as u64, &[]);
}

/// The connections in the database's pool.
pub fn pool(used: usize, idle: usize) {
    for (state, connections) in [("used", used), ("idle", idle)] {
        let state = KeyValue::new("db.client.connection.state", state);
        INSTRUMENTS.pool.record(connections as u64, &[state]);
    }
}

pub fn host(reading: &HostReading) {
    INSTRUMENTS.host.record(reading);
}

pub fn caption(request: &CaptionRequest<'_>, took: Duration) {
    let asked = [
        KeyValue::new("gen_ai.provider.name", request.provider),
        KeyValue::new("gen_ai.request.model", request.model.to_owned()),
    ];
    let with = |key, value: String| {
        let [provider, model] = asked.clone();
        [provider, model, KeyValue::new(key, value)]
    };
    INSTRUMENTS.captions.record(
        took.as_secs_f64(),
        &with("outcome", request.outcome.to_owned()),
    );
    for (kind, tokens) in [("input", request.tokens_in), ("output", request.tokens_out)] {
        if let Some(tokens) = tokens {
            INSTRUMENTS
                .tokens
                .add(tokens, &with("gen_ai.token.type", kind.to_owned()));
        }
    }
    if let Some((micros, currency)) = request.cost {
        INSTRUMENTS
            .cost
            .add(micros as f64 / 1e6, &with("currency", currency.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    use super::*;
    use crate::telemetry::scrape::Scrape;

    #[test]
    fn a_scrape_has_every_metric_by_its_documented_name() {
        let (scrape, exporter) = Scrape::new().unwrap();
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let instruments = Instruments::of(&provider.meter("vitrine"));
        for histogram in [
            &instruments.requests,
            &instruments.steps,
            &instruments.captions,
        ] {
            histogram.record(0.1, &[]);
        }
        instruments.uploads.add(1, &[]);
        instruments.cached_answers.add(1, &[]);
        instruments.queue_age.record(1.0, &[]);
        instruments.tokens.add(1, &[]);
        instruments.cost.add(0.5, &[]);
        instruments.event_streams.record(1, &[]);
        instruments.pool.record(1, &[]);
        instruments.host.record(&HostReading {
            memory_usage: 85.5,
            ..HostReading::default()
        });

        let text = scrape.text().unwrap();

        let found: BTreeSet<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
            .filter(|name| *name != "target_info")
            .map(str::to_owned)
            .collect();
        let documented: BTreeSet<_> = table::names_in_prometheus().into_iter().collect();
        assert_eq!(found, documented);
        assert!(text.contains("\nmemory_usage 85.5\n"), "{text}");
        assert!(text.contains("\nlow_virtual_storage 1\n"), "{text}");
    }
}
