//! What Prometheus reads from a running server, what a collector gets of the machine, and the line
//! that each request leaves in the log.

use std::net::{TcpListener, TcpStream};

use platform::testing::Collector;

use crate::harness::{Home, Server, eventually};

/// The metrics of the machine.
const MACHINE: [&str; 10] = [
    "memory_usage",
    "tcp_connections",
    "tcp_connections_http",
    "tcp_connections_ssh",
    "io_wait",
    "cpu_steal",
    "available_virtual_storage",
    "memory_bottleneck",
    "multiple_ssh_connections",
    "low_virtual_storage",
];

/// The address that a server logged at its start.
fn metrics_url(server: &Server) -> String {
    let log = server.log();
    let line = log
        .lines()
        .find_map(|line| line.split_once("metrics are at "));
    let (_, url) = line.unwrap_or_else(|| panic!("no address: {log}"));
    url.trim().to_owned()
}

/// The value of a metric without labels.
fn value(scrape: &str, name: &str) -> Option<f64> {
    let mut lines = scrape.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn prometheus_reads_the_machine_and_the_gallery() {
    // The machine is measured once at the start, perhaps before anybody is connected to the server.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();

    let home = Home::with(&[("VITRINE_METRICS_BIND", "127.0.0.1:0")]);
    let server = home.serve();
    let refused = server.try_upload("notes.jpg", b"notes".to_vec()).await;
    assert_eq!(refused.unwrap().status(), 415);

    let url = metrics_url(&server);
    let scrape = eventually("all has been measured", async || {
        let response = reqwest::get(&url).await.unwrap();
        assert_eq!(response.status(), 200);
        let kind = &response.headers()["content-type"];
        assert!(
            kind.to_str()
                .unwrap()
                .starts_with("text/plain; version=0.0.4")
        );
        let text = response.text().await.unwrap();
        let is_complete = MACHINE.iter().all(|name| value(&text, name).is_some());
        is_complete.then_some(text)
    })
    .await;

    let memory = value(&scrape, "memory_usage").unwrap();
    assert!(memory > 0.0 && memory <= 100.0, "{memory}");
    assert!(value(&scrape, "tcp_connections").unwrap() >= 1.0);
    assert!(value(&scrape, "available_virtual_storage").unwrap() > 0.0);
    for part in [
        "vitrine_uploads_total{outcome=\"refused\"} 1\n",
        "vitrine_queue_age_seconds ",
        "vitrine_event_streams 0\n",
        "db_client_connection_count{db_client_connection_state=\"used\"} ",
        "http_server_request_duration_seconds_bucket{",
    ] {
        assert!(scrape.contains(part), "{part} is missing: {scrape}");
    }

    let base = url.strip_suffix("/metrics").unwrap();
    let gallery = reqwest::get(format!("{base}/gallery")).await.unwrap();
    assert_eq!(gallery.status(), 404);
    let metrics = server.get("/metrics").send().await.unwrap();
    assert_eq!(metrics.status(), 404);
    assert!(server.terminate().await.success());
}

#[tokio::test]
async fn a_collector_gets_the_metrics_of_the_machine() {
    let collector = Collector::start().await;
    let home = Home::with(&collector.variables());
    let _server = home.serve();

    for name in MACHINE {
        eventually(name, async || {
            let points = collector.points();
            points.iter().any(|point| point.name == name).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn each_request_leaves_one_line_without_personal_data() {
    let home = Home::with(&[("VITRINE_LOG_FORMAT", "json")]);
    let server = home.serve();

    let response = server
        .get("/gallery?q=anna.schmidt")
        .header("user-agent", "curious/1.0")
        .send()
        .await
        .unwrap();
    let number = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let length = response.bytes().await.unwrap().len();
    let id = "6f9b2f0e-5d6f-4d55-8e3f-2b3bb0a1c111";
    let path = format!("/images/{id}");
    assert_eq!(server.get(&path).send().await.unwrap().status(), 404);

    let lines = eventually("both are logged", async || {
        let answered = server.logged("answered");
        (answered.len() == 2).then_some(answered)
    })
    .await;
    let [found, missing] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert_eq!(found["trace_id"], number.as_str());
    assert_eq!(found["http.route"], "/gallery");
    assert_eq!(
        (&found["status"], &found["bytes"]),
        (&200.into(), &length.into())
    );
    assert!(found["millis"].as_f64().unwrap() > 0.0);
    assert_eq!(missing["status"], 404);
    for personal in ["anna", "curious", "127.0.0.1", id] {
        assert!(!format!("{lines:?}").contains(personal), "{personal}");
    }
}

#[test]
fn metrics_that_cannot_be_served_stop_the_start() {
    let home = Home::with(&[("VITRINE_METRICS_BIND", "9464")]);
    let refused = home.run(["serve"]);
    assert!(
        refused
            .refusal()
            .contains("VITRINE_METRICS_BIND=127.0.0.1:9464")
    );

    let mut home = Home::with(&[("VITRINE_METRICS_BIND", "127.0.0.1:0")]);
    home.set("OTEL_SDK_DISABLED", "true");
    let refused = home.run(["serve"]);
    assert!(
        refused.refusal().contains("OTEL_SDK_DISABLED"),
        "{refused:#?}"
    );
}
