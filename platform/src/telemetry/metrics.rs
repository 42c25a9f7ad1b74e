//! Metrics. Without an exporter, all of this does nothing.
//!
//! Names and attributes follow OpenTelemetry's semantic conventions where there are any.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter};
use opentelemetry::{KeyValue, global};

static INSTRUMENTS: LazyLock<Instruments> =
    LazyLock::new(|| Instruments::of(&global::meter("vitrine")));

struct Instruments {
    requests: Histogram<f64>,
    uploads: Counter<u64>,
    steps: Histogram<f64>,
    queue_age: Gauge<f64>,
    captions: Histogram<f64>,
    tokens: Counter<u64>,
    cost: Counter<f64>,
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
        let seconds = |name, description, bounds: &[f64]| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(bounds.to_vec())
                .build()
        };
        Self {
            requests: seconds(
                "http.server.request.duration",
                "Time from a request to the beginning of its response",
                &SECONDS,
            ),
            uploads: meter
                .u64_counter("vitrine.uploads")
                .with_description("Uploads, by outcome")
                .build(),
            steps: seconds(
                "vitrine.step.duration",
                "Duration of attempts at steps, by step and outcome",
                &LONG,
            ),
            queue_age: meter
                .f64_gauge("vitrine.queue.age")
                .with_unit("s")
                .with_description("Age of the oldest claimable job")
                .build(),
            captions: seconds(
                "vitrine.caption.request.duration",
                "Duration of requests to captioning providers, by outcome",
                &LONG,
            ),
            tokens: meter
                .u64_counter("vitrine.caption.tokens")
                .with_unit("{token}")
                .with_description("Tokens counted by captioning providers")
                .build(),
            cost: meter
                .f64_counter("vitrine.caption.cost")
                .with_description(
                    "Cost of captions at the configured prices, in the currency of the attribute",
                )
                .build(),
        }
    }
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
