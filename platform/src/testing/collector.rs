//! A collector of traces and metrics over OTLP that shows what has arrived.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Attributes as text, by name.
pub type Attributes = BTreeMap<String, String>;

/// An exported span.
#[derive(Clone, Debug)]
pub struct CollectedSpan {
    pub name: String,
    /// As a number of the protocol: 1 internal, 2 server, 3 client, 5 consumer.
    pub kind: i32,
    /// In hexadecimal.
    pub trace_id: String,
    pub span_id: String,
    /// Empty for a root span.
    pub parent_id: String,
    pub attributes: Attributes,
    pub resource: Attributes,
}

/// An exported metric.
#[derive(Clone, Debug)]
pub struct CollectedPoint {
    pub name: String,
    pub attributes: Attributes,
    /// The sum, or the last value.
    pub value: f64,
    /// The number of values of a histogram.
    pub count: u64,
}

/// A collector on a port of its own, gone when this is dropped.
pub struct Collector {
    endpoint: String,
    seen: Arc<Mutex<Seen>>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Seen {
    spans: Vec<CollectedSpan>,
    points: Vec<CollectedPoint>,
    headers: Vec<HeaderMap>,
}

type Shared = State<Arc<Mutex<Seen>>>;

impl Collector {
    /// A collector that accepts everything.
    pub async fn start() -> Self {
        Self::serving(
            Router::new()
                .route("/v1/traces", post(traces))
                .route("/v1/metrics", post(metrics)),
        )
        .await
    }

    /// A collector that accepts connections and never answers.
    pub async fn hanging() -> Self {
        Self::serving(
            Router::new().fallback(async |State(seen): Shared, headers: HeaderMap| {
                seen.lock().unwrap().headers.push(headers);
                std::future::pending::<()>().await;
            }),
        )
        .await
    }

    async fn serving(router: Router<Arc<Mutex<Seen>>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Seen>>::default();
        let router = router.with_state(Arc::clone(&seen));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            endpoint,
            seen,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Its address, as for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Environment variables for exporting to it, without delay.
    pub fn variables(&self) -> [(&'static str, &str); 3] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &self.endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ]
    }

    pub fn spans(&self) -> Vec<CollectedSpan> {
        self.seen.lock().unwrap().spans.clone()
    }

    /// The metrics that have arrived, in order.
    pub fn points(&self) -> Vec<CollectedPoint> {
        self.seen.lock().unwrap().points.clone()
    }

    pub fn headers(&self) -> Vec<HeaderMap> {
        self.seen.lock().unwrap().headers.clone()
    }
}

async fn traces(State(seen): Shared, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut seen = seen.lock().unwrap();
    seen.headers.push(headers);
    for of_resource in request.resource_spans {
        let resource = resource(of_resource.resource);
        let spans = of_resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans);
        seen.spans.extend(spans.map(|span| CollectedSpan {
            name: span.name,
            kind: span.kind,
            trace_id: hex::encode(span.trace_id),
            span_id: hex::encode(span.span_id),
            parent_id: hex::encode(span.parent_span_id),
            attributes: attributes(span.attributes),
            resource: resource.clone(),
        }));
    }
}

async fn metrics(State(seen): Shared, headers: HeaderMap, body: Bytes) {
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    let mut seen = seen.lock().unwrap();
    seen.headers.push(headers);
    let of_resources = request.resource_metrics.into_iter();
    let scopes = of_resources.flat_map(|of_resource| of_resource.scope_metrics);
    for metric in scopes.flat_map(|scope| scope.metrics) {
        let point = |said, value, count| CollectedPoint {
            name: metric.name.clone(),
            attributes: attributes(said),
            value,
            count,
        };
        match metric.data {
            Some(Data::Histogram(histogram)) => {
                seen.points
                    .extend(histogram.data_points.into_iter().map(|found| {
                        point(found.attributes, found.sum.unwrap_or_default(), found.count)
                    }));
            }
            Some(Data::Sum(sum)) => {
                seen.points.extend(
                    sum.data_points
                        .into_iter()
                        .map(|found| point(found.attributes, number(found.value), 0)),
                );
            }
            Some(Data::Gauge(gauge)) => {
                seen.points.extend(
                    gauge
                        .data_points
                        .into_iter()
                        .map(|found| point(found.attributes, number(found.value), 0)),
                );
            }
            other => panic!("a kind of metric that we do not have: {other:?}"),
        }
    }
}

fn number(value: Option<number_data_point::Value>) -> f64 {
    match value.unwrap() {
        number_data_point::Value::AsDouble(value) => value,
        number_data_point::Value::AsInt(value) => value as f64,
    }
}

fn resource(resource: Option<Resource>) -> Attributes {
    attributes(resource.unwrap_or_default().attributes)
}

fn attributes(list: Vec<KeyValue>) -> Attributes {
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(yes)) => yes.to_string(),
        other => format!("{other:?}"),
    };
    list.into_iter()
        .map(|pair| (pair.key, text(pair.value.and_then(|value| value.value))))
        .collect()
}
