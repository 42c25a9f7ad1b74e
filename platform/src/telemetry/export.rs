//! Exports traces and metrics to a collector, over OTLP in HTTP and Protobuf. Threads of their own
//! send in the background, from queues that drop what does not fit. An outage of the collector is
//! logged once, and once when it is over.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{
    MetricExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{self, SdkTracerProvider, SpanData};
use reqwest::blocking::Client;
use tracing::{info, warn};
use url::{Host, Url};
use uuid::Uuid;

use super::scrape::Scrape;
use super::set;

/// The time for the last spans and metrics to be sent before the process ends.
const LAST_GRACE: Duration = Duration::from_secs(2);

/// The timeout of a request unless another one is set, as in the specification of OTLP.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where Prometheus reads metrics; the settings have the address.
const METRICS_BIND: &str = "VITRINE_METRICS_BIND";

const EXAMPLE: &str = "http://localhost:4318";

/// The exporters, if any. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    tracing: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    scrape: Option<Scrape>,
    is_flushing: Arc<AtomicBool>,
}

impl Telemetry {
    pub(super) fn tracing(&self) -> Option<&SdkTracerProvider> {
        self.tracing.as_ref()
    }

    /// Whether traces are exported.
    pub fn has_traces(&self) -> bool {
        self.tracing.is_some()
    }

    /// Whether metrics are exported, or kept for Prometheus.
    pub fn has_metrics(&self) -> bool {
        self.metrics.is_some()
    }

    /// What Prometheus reads, if `VITRINE_METRICS_BIND` is set.
    pub fn scrape(&self) -> Option<&Scrape> {
        self.scrape.as_ref()
    }

    /// Sends everything that has been recorded: Lambda may freeze the process between two
    /// invocations. Waits for `limit` at most; the rest is sent in the background.
    pub async fn flush(&self, limit: Duration) {
        let is_idle = self.tracing.is_none() && self.metrics.is_none();
        // With a slow collector, flushes would pile up.
        if is_idle || self.is_flushing.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = self.clone();
        let flushing = tokio::task::spawn_blocking(move || {
            // Errors have been logged already.
            if let Some(tracing) = &this.tracing {
                let _ = tracing.force_flush();
            }
            if let Some(metrics) = &this.metrics {
                let _ = metrics.force_flush();
            }
            this.is_flushing.store(false, Ordering::Release);
        });
        if tokio::time::timeout(limit, flushing).await.is_err() {
            warn!("the telemetry collector is slow; not waiting for it");
        }
    }

    /// Sends the rest and stops. After two seconds the rest is dropped.
    pub fn shutdown(self) {
        let (done, ended) = mpsc::channel();
        let mut waiting = 0;
        let mut end = |shutdown: Box<dyn FnOnce() + Send>| {
            waiting += 1;
            let done = done.clone();
            thread::spawn(move || {
                shutdown();
                // The receiver may have timed out.
                let _ = done.send(());
            });
        };
        if let Some(tracing) = self.tracing {
            end(Box::new(move || drop(tracing.shutdown())));
        }
        if let Some(metrics) = self.metrics {
            end(Box::new(move || drop(metrics.shutdown())));
        }
        let deadline = Instant::now() + LAST_GRACE;
        for _ in 0..waiting {
            let left = deadline.saturating_duration_since(Instant::now());
            if ended.recv_timeout(left).is_err() {
                warn!("the last telemetry is lost; the collector did not accept it in time");
                return;
            }
        }
    }
}

/// Starts the configured exporters, as `service` unless the environment has another name.
pub(super) fn start(service: &str) -> Result<Telemetry, String> {
    if set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(Telemetry::default());
    }
    let traces = Signal::wanted("TRACES")?;
    let metrics = Signal::wanted("METRICS")?;
    let resource = resource(service);
    let tracing = match traces {
        None => None,
        Some(signal) => {
            let exporter = SpanExporter::builder()
                .with_http()
                .with_http_client(signal.client()?)
                .with_timeout(signal.timeout)
                .build()
                .map_err(|error| signal.failed(&error))?;
            let exporter = Watched::new("traces", exporter);
            Some(
                SdkTracerProvider::builder()
                    .with_resource(resource.clone())
                    .with_batch_exporter(exporter)
                    .build(),
            )
        }
    };
    let (metrics, scrape) = match (metrics, set(METRICS_BIND)) {
        (None, None) => (None, None),
        (signal, bind) => {
            let (provider, scrape) = meters(resource, signal, bind.is_some())?;
            global::set_meter_provider(provider.clone());
            (Some(provider), scrape)
        }
    };
    Ok(Telemetry {
        tracing,
        metrics,
        scrape,
        is_flushing: Arc::default(),
    })
}

/// Metrics for a collector, for Prometheus, or for both.
fn meters(
    resource: Resource,
    signal: Option<Signal>,
    is_scraped: bool,
) -> Result<(SdkMeterProvider, Option<Scrape>), String> {
    let mut builder = SdkMeterProvider::builder().with_resource(resource);
    if let Some(signal) = signal {
        let exporter = MetricExporter::builder()
            .with_http()
            .with_http_client(signal.client()?)
            .with_timeout(signal.timeout)
            .build()
            .map_err(|error| signal.failed(&error))?;
        builder = builder.with_periodic_exporter(Watched::new("metrics", exporter));
    }
    let mut scrape = None;
    if is_scraped {
        let (kept, exporter) = Scrape::new()?;
        builder = builder.with_reader(exporter);
        scrape = Some(kept);
    }
    Ok((builder.build(), scrape))
}

/// Traces or metrics, with the endpoint.
struct Signal {
    variable: String,
    endpoint: Url,
    timeout: Duration,
}

impl Signal {
    /// None if it is not configured. The exporter itself handles headers and the path below the
    /// endpoint.
    fn wanted(name: &str) -> Result<Option<Self>, String> {
        if set(&format!("OTEL_{name}_EXPORTER")).is_some_and(|exporter| exporter == "none") {
            return Ok(None);
        }
        let own = |what: &str| {
            [
                format!("OTEL_EXPORTER_OTLP_{name}_{what}"),
                format!("OTEL_EXPORTER_OTLP_{what}"),
            ]
            .into_iter()
            .find_map(|variable| Some((set(&variable)?, variable)))
        };
        let Some((endpoint, variable)) = own("ENDPOINT") else {
            return Ok(None);
        };
        let url = Url::parse(&endpoint).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(endpoint) = url else {
            // It may hold a password, so it is not repeated.
            return Err(format!(
                "{variable} is not an HTTP address; an example is {variable}={EXAMPLE}"
            ));
        };
        if let Some((protocol, variable)) = own("PROTOCOL")
            && protocol != "http/protobuf"
        {
            return Err(format!(
                "{variable}={protocol} is not spoken here; an example is {variable}=http/protobuf"
            ));
        }
        let timeout = match own("TIMEOUT") {
            None => PATIENCE,
            Some((millis, variable)) => Duration::from_millis(millis.parse().map_err(|_| {
                format!("{variable}={millis} is no number of milliseconds; an example is {variable}=10000")
            })?),
        };
        Ok(Some(Self {
            variable,
            endpoint,
            timeout,
        }))
    }

    /// A collector on this machine is never behind a proxy.
    fn client(&self) -> Result<Client, String> {
        let is_here = match self.endpoint.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        let timeout = self.timeout;
        // A blocking client must not be created on an async thread.
        let made = thread::spawn(move || {
            let mut builder = Client::builder().timeout(timeout);
            if is_here {
                builder = builder.no_proxy();
            }
            builder.build()
        });
        match made.join() {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(self.failed("the client for it could not be made")),
        }
    }

    fn failed(&self, error: impl fmt::Display) -> String {
        format!(
            "{} is set, but nothing can be sent there: {error}",
            self.variable
        )
    }
}

/// The identity of this process. Each process is an instance of its own, or their metrics would be
/// mixed up.
fn resource(service: &str) -> Resource {
    let mut attributes = vec![
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", Uuid::new_v4().to_string()),
    ];
    for (name, variable) in [
        ("faas.name", "AWS_LAMBDA_FUNCTION_NAME"),
        ("faas.version", "AWS_LAMBDA_FUNCTION_VERSION"),
        ("cloud.region", "AWS_REGION"),
    ] {
        attributes.extend(set(variable).map(|value| KeyValue::new(name, value)));
    }
    // The environment takes precedence.
    let said = Resource::builder().build();
    attributes.retain(|attribute| said.get(&attribute.key).is_none());
    let is_named = set("OTEL_SERVICE_NAME").is_some()
        || set("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|said| said.contains("service.name="));
    let mut builder = Resource::builder().with_attributes(attributes);
    if !is_named {
        builder = builder.with_service_name(service.to_owned());
    }
    builder.build()
}

/// An exporter whose outages are logged once, not for every batch.
#[derive(Debug)]
struct Watched<E> {
    what: &'static str,
    exporter: E,
    is_failing: AtomicBool,
}

impl<E> Watched<E> {
    fn new(what: &'static str, exporter: E) -> Self {
        Self {
            what,
            exporter,
            is_failing: AtomicBool::new(false),
        }
    }

    fn told(&self, result: OTelSdkResult) -> OTelSdkResult {
        let what = self.what;
        let failed_before = self.is_failing.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !failed_before => {
                warn!(%error, "{what} do not reach the collector; they are lost until it answers");
            }
            Ok(()) if failed_before => info!("{what} reach the collector again"),
            _ => {}
        }
        result
    }
}

impl<E: trace::SpanExporter> trace::SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.told(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Watched<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.told(self.exporter.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
