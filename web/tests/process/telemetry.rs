//! Logs with trace ids, and traces and metrics sent to a collector, which may be unreachable.

use std::ops::Range;
use std::time::Duration;

use functions::testing::provider::{KEY, Provider};
use platform::objects::{ObjectKey, ObjectStore as _, S3Store};
use platform::testing::{CollectedPoint, Collector, Moto};
use serde_json::Value;

use crate::harness::{Home, STEPS, Server, eventually, is_done, named, trace_of, within};
use crate::photo;

/// How long an idle server may take to stop: two seconds for telemetry, the rest for a slow machine.
const BOUND: Duration = Duration::from_secs(20);

/// The trace context that a client sends with its upload.
const THEIRS: &str = "0af7651916cd43dd8448eb211c80319c";

fn home(variables: &[(&str, &str)], provider: &Provider) -> Home {
    let mut home = Home::with(variables);
    let openai = provider.openai();
    home.set("OPENAI_BASE_URL", &openai.base_url);
    home.set("OPENAI_MODEL", &openai.model);
    home.set("OPENAI_API_KEY", KEY);
    home.set("VITRINE_CAPTION_PRICE", "USD 1 2");
    home
}

#[tokio::test]
async fn one_trace_spans_the_upload_and_all_three_steps() {
    let (collector, provider) = (Collector::start().await, Provider::start().await);
    let home = home(&collector.variables(), &provider);
    let server = home.serve();

    let response = server.try_upload("photo.jpg", photo(1)).await.unwrap();
    let number = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let image: Value = response.json().await.unwrap();
    let id = image["id"].as_str().unwrap();
    assert!(server.settled().await.iter().all(is_done));
    let spans = trace_of(&collector, id).await;

    let roots: Vec<_> = spans
        .iter()
        .filter(|span| span.parent_id.is_empty())
        .collect();
    let [request] = roots[..] else {
        panic!("not one beginning but {roots:#?}");
    };
    assert_eq!(request.trace_id, number);
    assert_eq!(
        (request.name.as_str(), request.kind),
        ("POST /api/images", 2)
    );
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/images"),
        ("url.path", "/api/images"),
        ("http.response.status_code", "201"),
        ("image_id", id),
    ] {
        assert_eq!(request.attributes[name], value, "{name}");
    }
    for step in STEPS {
        let job = named(&spans, &format!("process {step}"));
        let done = named(&spans, step);
        assert_eq!(job.kind, 5, "{step} is a span of a consumer");
        assert_eq!(done.parent_id, job.span_id);
        assert_eq!(done.attributes["attempt"], "1");
        let inside = |name: &str| {
            let mut inside = spans.iter().filter(|span| span.parent_id == done.span_id);
            inside.any(|span| span.name == name)
        };
        assert!(inside("store get"), "{step}");
        assert_eq!(inside("store put"), step != "annotate", "{step}");
    }
    let asked = named(&spans, "POST");
    assert_eq!(asked.kind, 3);
    assert_eq!(asked.parent_id, named(&spans, "annotate").span_id);
    assert_eq!(asked.attributes["http.response.status_code"], "200");
    assert_eq!(asked.attributes["gen_ai.request.model"], "gemma3");
    assert!(spans.iter().any(|span| {
        span.attributes
            .get("db.system")
            .is_some_and(|system| system == "sqlite")
    }));
    assert_eq!(request.resource["service.name"], "vitrine");
    assert!(!format!("{spans:?}").contains(KEY), "the key is in a trace");
}

#[tokio::test]
async fn idle_workers_make_no_traces() {
    let collector = Collector::start().await;
    let home = Home::with(&collector.variables());
    let server = home.serve();

    server.get("/health").send().await.unwrap();
    eventually("the request has arrived", async || {
        let spans = collector.spans();
        spans
            .iter()
            .any(|span| span.name == "GET /health")
            .then_some(())
    })
    .await;

    let others = collector.spans().into_iter();
    let others: Vec<_> = others.filter(|span| span.name != "GET /health").collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[tokio::test]
async fn an_upload_continues_the_trace_of_its_sender() {
    let collector = Collector::start().await;
    let home = Home::with(&collector.variables());
    let server = home.serve();

    let response = server
        .get("/health")
        .header("traceparent", format!("00-{THEIRS}-b7ad6b7169203331-01"))
        .send()
        .await
        .unwrap();

    assert_eq!(response.headers()["x-request-id"], THEIRS);
    let span = eventually("the span has arrived", async || {
        collector
            .spans()
            .into_iter()
            .find(|span| span.trace_id == THEIRS)
    })
    .await;
    assert_eq!(span.parent_id, "b7ad6b7169203331");
}

#[tokio::test]
async fn requests_uploads_and_steps_are_counted_and_timed() {
    let (collector, provider) = (Collector::start().await, Provider::start().await);
    let home = home(&collector.variables(), &provider);
    let server = home.serve();
    server.upload("photo.jpg", photo(1)).await;
    server.try_upload("again.jpg", photo(1)).await.unwrap();
    server
        .try_upload("text.jpg", b"hello".to_vec())
        .await
        .unwrap();
    server.settled().await;

    let arrived = async |name: &str, attributes: &[(&str, &str)]| -> CollectedPoint {
        eventually(&format!("{name} {attributes:?}"), async || {
            collector.points().into_iter().rev().find(|point| {
                point.name == name
                    && attributes.iter().all(|(name, value)| {
                        point
                            .attributes
                            .get(*name)
                            .is_some_and(|found| found == value)
                    })
            })
        })
        .await
    };
    for (status, times) in [("201", 1), ("200", 1), ("415", 1)] {
        let requests = arrived(
            "http.server.request.duration",
            &[
                ("http.route", "/api/images"),
                ("http.request.method", "POST"),
                ("http.response.status_code", status),
            ],
        )
        .await;
        assert_eq!(requests.count, times, "{status}");
    }
    for outcome in ["created", "existing", "refused"] {
        let uploads = arrived("vitrine.uploads", &[("outcome", outcome)]).await;
        assert_eq!(uploads.value, 1.0, "{outcome}");
    }
    for step in STEPS {
        let done = arrived(
            "vitrine.step.duration",
            &[("step", step), ("outcome", "done")],
        )
        .await;
        assert_eq!(done.count, 1, "{step}");
        assert!(done.value > 0.0, "{step}");
    }
    let captions = arrived(
        "vitrine.caption.request.duration",
        &[("outcome", "caption")],
    )
    .await;
    assert_eq!(captions.count, 1);
    let sent = arrived("vitrine.caption.tokens", &[("gen_ai.token.type", "input")]).await;
    let received = arrived("vitrine.caption.tokens", &[("gen_ai.token.type", "output")]).await;
    let cost = arrived("vitrine.caption.cost", &[("currency", "USD")]).await;
    assert!(sent.value > 0.0 && received.value > 0.0);
    let expected = (sent.value + 2.0 * received.value) / 1e6;
    assert!((cost.value - expected).abs() < 1e-9, "{cost:?}");
    arrived("vitrine.queue.age", &[]).await;
}

#[tokio::test]
async fn telemetry_is_flushed_on_shutdown() {
    let collector = Collector::start().await;
    let mut home = Home::with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())]);
    for name in ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"] {
        home.set(name, "3600000");
    }
    home.set("OTEL_SERVICE_NAME", "gallery");
    home.set(
        "OTEL_RESOURCE_ATTRIBUTES",
        "deployment.environment.name=test",
    );
    home.set("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=zoo");
    let server = home.serve();
    server.get("/health").send().await.unwrap();

    assert!(server.terminate().await.success());

    let spans = collector.spans();
    let span = named(&spans, "GET /health");
    assert_eq!(span.resource["service.name"], "gallery");
    assert_eq!(span.resource["deployment.environment.name"], "test");
    assert!(span.resource.contains_key("service.instance.id"));
    let points = collector.points();
    assert!(
        points
            .iter()
            .any(|point| point.name == "http.server.request.duration")
    );
    assert!(
        collector
            .headers()
            .iter()
            .all(|headers| headers["x-tenant"] == "zoo")
    );
}

/// Uploads, and waits until all steps are done.
async fn works(server: &Server, seeds: Range<u64>) {
    for seed in seeds {
        server.upload("photo.jpg", photo(seed)).await;
    }
    assert!(server.settled().await.iter().all(is_done));
}

#[tokio::test]
async fn an_unreachable_collector_is_warned_about_once_per_signal() {
    // The collector no longer listens there.
    let away = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let home = Home::with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &away),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "20"),
    ]);
    let mut server = home.serve();

    works(&server, 0..3).await;
    eventually("both are missed", async || {
        let log = server.log();
        let missed =
            ["traces", "metrics"].map(|what| log.contains(&format!("{what} do not reach")));
        (missed == [true, true]).then_some(())
    })
    .await;
    // Another upload makes more telemetry to send.
    works(&server, 3..6).await;
    server.send("TERM");
    let status = within(BOUND, "it has stopped", async || server.has_exited()).await;

    assert!(status.success());
    assert_eq!(
        server.log().matches("do not reach").count(),
        2,
        "{}",
        server.log()
    );
}

#[tokio::test]
async fn a_hanging_collector_delays_neither_work_nor_shutdown() {
    let collector = Collector::hanging().await;
    let home = Home::with(&collector.variables());
    let mut server = home.serve();

    works(&server, 0..3).await;
    eventually("it hangs", async || {
        (!collector.headers().is_empty()).then_some(())
    })
    .await;
    works(&server, 3..6).await;
    server.send("TERM");
    let status = within(BOUND, "it has stopped", async || server.has_exited()).await;

    assert!(status.success());
    assert!(
        server.log().contains("the last telemetry is lost"),
        "{}",
        server.log()
    );
}

/// The names of a process's threads.
fn threads(server: &Server) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
        .collect()
}

#[tokio::test]
async fn without_a_collector_no_exporter_is_started() {
    let collector = Collector::start().await;
    let exporting = |settings: &[(&str, &str)]| {
        let home = Home::with(settings);
        let server = home.serve();
        let threads = threads(&server);
        threads
            .iter()
            .filter(|name| name.starts_with("OpenTelemetry"))
            .count()
    };

    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
    assert_eq!(exporting(&[endpoint]), 2);
    assert_eq!(exporting(&[endpoint, ("OTEL_METRICS_EXPORTER", "none")]), 1);
    assert_eq!(exporting(&[endpoint, ("OTEL_SDK_DISABLED", "true")]), 0);
    assert_eq!(exporting(&[]), 0);
}

#[tokio::test]
async fn every_log_line_about_an_image_has_its_trace_id_without_a_collector() {
    // As on Lambda, where logs are read by machines.
    let home = Home::with(&[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")]);
    let server = home.serve();

    let response = server.try_upload("photo.jpg", photo(1)).await.unwrap();
    let number = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let image: Value = response.json().await.unwrap();
    server.settled().await;

    let done = eventually("all steps are logged", async || {
        let done = server.logged("done");
        (done.len() == 3).then_some(done)
    })
    .await;
    for line in done {
        assert_eq!(line["trace_id"], number.as_str(), "{line}");
        assert_eq!(line["image_id"], image["id"], "{line}");
        assert_eq!(line["attempt"], 1, "{line}");
        assert_eq!(line["level"], "INFO", "{line}");
        let names = line.as_object().unwrap().keys();
        assert!(
            names.into_iter().all(|name| !name.starts_with("otel.")),
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_problem_has_the_trace_id_of_its_request() {
    let home = Home::new();
    let server = home.serve();

    let response = server.get("/api/images/nothing").send().await.unwrap();

    let number = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["trace_id"], number.as_str());
}

#[tokio::test]
async fn on_aws_the_object_carries_its_trace() {
    let Some(moto) = Moto::start().await else {
        return;
    };
    let bucket = moto.bucket().await;
    let mut home = Home::with(&[("VITRINE_STORAGE", &format!("s3://{bucket}"))]);
    for (name, value) in moto.variables() {
        home.set(&name, &value);
    }
    let server = home.serve();

    let response = server.try_upload("photo.jpg", photo(1)).await.unwrap();
    let number = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let image: Value = response.json().await.unwrap();

    let store = S3Store::new(&moto.sdk_config().await, &bucket, None)
        .await
        .unwrap();
    let key = ObjectKey::parse(&format!("uploads/{}.jpg", image["id"].as_str().unwrap())).unwrap();
    let head = store.head(&key).await.unwrap().unwrap();
    let trace = &head.metadata["traceparent"];
    assert!(trace.starts_with(&format!("00-{number}-")), "{trace}");
}
