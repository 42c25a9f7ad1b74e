//! `vitrine loadtest` against a real server: what it counts, what it logs, when it fails, and what
//! it refuses to touch.

use std::net::TcpListener;

use serde_json::Value;

use crate::harness::{Finished, Home, Server};
use crate::photo;

fn report(finished: Finished) -> Value {
    serde_json::from_str(&finished.succeeded().stdout).unwrap()
}

fn load(home: &Home, server: &Server, path: &str, more: &[&str]) -> Finished {
    let endpoint = format!("{}{path}", server.url);
    home.run([&["loadtest", "--endpoint", &endpoint], more].concat())
}

#[test]
fn every_request_is_counted_logged_and_traced_to_its_instance() {
    let home = Home::with(&[("VITRINE_INSTANCE_ID", "web-1")]);
    let server = home.serve();

    let report = report(load(
        &home,
        &server,
        "/load-balancer-test",
        &["-c", "40", "-b", "cafe", "-l", "requests.log", "--json"],
    ));

    assert_eq!(
        (&report["requests"], &report["failed"]),
        (&40.into(), &0.into())
    );
    let instances = report["instances"].as_object().unwrap();
    assert_eq!(instances.keys().collect::<Vec<_>>(), ["web-1"]);
    assert_eq!(instances["web-1"]["requests"], 40);
    assert!(instances["web-1"]["mean_ms"].as_f64().unwrap() > 0.0);
    let log = std::fs::read_to_string(home.desk().join("requests.log")).unwrap();
    let mut lines: Vec<Vec<_>> = log.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(
        lines.remove(0),
        ["trace_id", "status", "latency_ms", "instance"]
    );
    lines.sort();
    assert_eq!(lines.len(), 40);
    for (number, line) in (1..).zip(lines) {
        assert_eq!(line[0], format!("cafe00000000000000000000{number:08}"));
        assert_eq!((line[1], line[3]), ("200", "web-1"));
    }
    // The server knows the request by the same id.
    assert!(server.log().contains("cafe0000000000000000000000000017"));
}

#[test]
fn exit_status_tells_whether_limits_were_kept() {
    let home = Home::new();
    let server = home.serve();

    let good = ["-c", "5", "--max-error-rate", "0", "--max-p99-ms", "60000"];
    load(&home, &server, "/health", &good).succeeded();

    let slow = load(
        &home,
        &server,
        "/health",
        &["-c", "5", "--max-p99-ms", "0.0001"],
    );
    assert_eq!(slow.status.code(), Some(1));
    assert!(
        slow.stderr.contains("more than --max-p99-ms 0.0001"),
        "{slow:#?}"
    );

    let missing = ["-c", "5", "--max-error-rate", "0.5"];
    let missing = load(&home, &server, "/nothing-here", &missing);
    assert_eq!(missing.status.code(), Some(1));
    assert!(missing.stdout.contains("error 4xx: 5"), "{missing:#?}");

    let unanswered = home.run(["loadtest", "-e", "http://127.0.0.1:1/", "-c", "3", "--json"]);
    assert_eq!(unanswered.status.code(), Some(1));
    let report: Value = serde_json::from_str(&unanswered.stdout).unwrap();
    assert_eq!(report["errors"]["connect"], 3);
}

#[test]
fn a_rate_spreads_requests_over_the_time() {
    let home = Home::new();
    let server = home.serve();

    let arguments = ["--rate", "20", "--duration", "1", "--json"];
    let report = report(load(&home, &server, "/health", &arguments));

    assert_eq!(report["requests"], 20);
    assert!(report["seconds"].as_f64().unwrap() >= 0.95);
}

#[tokio::test]
async fn photos_of_a_folder_are_uploaded() {
    let home = Home::with(&[("VITRINE_WORKERS", "0")]);
    let server = home.serve();
    let folder = home.desk().join("photos");
    std::fs::create_dir(&folder).unwrap();
    for seed in 1..=3 {
        std::fs::write(folder.join(format!("{seed}.jpg")), photo(seed)).unwrap();
    }

    let report = report(load(&home, &server, "", &["--upload", "photos", "--json"]));

    assert_eq!(report["statuses"]["201"], 3);
    assert_eq!(server.images().await.len(), 3);
}

#[test]
fn other_machines_are_refused_before_anything_is_sent() {
    // Linux connects to this machine for this address, so that a request would be seen.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let home = Home::new();

    let refused = home.run([
        "loadtest",
        "-e",
        &format!("http://0.0.0.0:{port}/"),
        "-c",
        "1",
    ]);

    assert!(
        refused.refusal().contains("add --i-may 0.0.0.0"),
        "{refused:#?}"
    );
    let seen = listener.accept().unwrap_err();
    assert_eq!(seen.kind(), std::io::ErrorKind::WouldBlock);
}
