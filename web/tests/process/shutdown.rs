//! A clean shutdown: requests and steps in progress are finished, within a bounded time.

use std::time::{Duration, Instant};

use entity::step::StepState;
use futures::StreamExt as _;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::crash::half_an_upload;
use crate::harness::{Home, eventually, within};
use crate::photo;

/// How long a server may take to stop: its grace period for requests and jobs, and some margin.
const BOUND: Duration = Duration::from_secs(30);

#[tokio::test]
async fn sigterm_and_sigint_stop_the_server_cleanly() {
    for signal in ["TERM", "INT"] {
        let home = Home::new();
        let mut server = home.serve();
        server.send(signal);
        let status = server.exited().await;
        assert_eq!(status.code(), Some(0), "SIG{signal}");
        assert_eq!(home.half_written(), Vec::<std::path::PathBuf>::new());
    }
}

#[tokio::test]
async fn a_draining_server_turns_its_health_first_and_answers_until_it_closes() {
    let drain = Duration::from_secs(3);
    let home = Home::with(&[("VITRINE_DRAIN_SECONDS", "3")]);
    let mut server = home.serve();
    let begun = Instant::now();
    server.send("TERM");
    eventually("its health has turned", async || {
        let answer = reqwest::get(format!("{}/health", server.url)).await;
        (answer.unwrap().status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;

    // Each on a connection of its own.
    let page = reqwest::get(format!("{}/gallery", server.url)).await;
    assert_eq!(page.unwrap().status(), StatusCode::OK);
    server.upload("photo.jpg", photo(1)).await;
    assert!(begun.elapsed() < drain, "too slow to tell");

    assert!(server.exited().await.success());
    assert!(begun.elapsed() >= drain);
}

#[tokio::test]
async fn a_second_signal_ends_a_draining_server_at_once() {
    for signal in ["TERM", "INT"] {
        let home = Home::with(&[("VITRINE_DRAIN_SECONDS", "600")]);
        let mut server = home.serve();
        server.send("TERM");
        eventually("it drains", async || {
            server.log().contains("draining").then_some(())
        })
        .await;

        server.send(signal);
        let bound = Duration::from_secs(10);
        let status = within(bound, "it has stopped", async || server.has_exited()).await;

        assert_eq!(status.code(), Some(1), "SIG{signal}");
    }
}

#[tokio::test]
async fn shutdown_finishes_running_steps_and_keeps_queued_ones() {
    // One worker, so that some steps are still queued when it is stopped.
    let home = Home::with(&[("VITRINE_WORKERS", "1")]);
    let mut server = home.serve();
    let uploads = (0..12).map(|seed| server.upload("photo.jpg", photo(seed)));
    futures::future::join_all(uploads).await;
    let stored = home.stored().await;
    let in_state = async |state| {
        let steps = stored.steps().await;
        steps.iter().filter(|step| step.state == state).count()
    };
    eventually("a step is in progress", async || {
        (in_state(StepState::Running).await > 0).then_some(())
    })
    .await;

    server.send("TERM");
    let status = within(BOUND, "it has stopped", async || server.has_exited()).await;

    assert_eq!(status.code(), Some(0));
    assert_eq!(in_state(StepState::Running).await, 0);
    let waiting = in_state(StepState::Queued).await;
    assert!(waiting > 0, "all was done before it could be stopped");
    assert_eq!(stored.jobs().await, waiting as u64);

    let server = home.serve();
    server.settled().await;
    server.terminate().await;
    stored.assert_whole().await;
    assert_eq!(stored.lost_attempts().await, 0);
}

#[tokio::test]
async fn shutdown_ends_an_open_event_stream() {
    let home = Home::new();
    let mut server = home.serve();
    let response = server.get("/api/events").send().await.unwrap();
    let mut events = response.bytes_stream();
    let first = events.next().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first);
    assert!(first.contains(": listening"), "{first}");

    server.send("TERM");

    while let Some(chunk) = events.next().await {
        chunk.unwrap();
    }
    let exited = within(Duration::from_secs(10), "it has stopped", async || {
        server.has_exited()
    });
    assert!(exited.await.success());
}

#[tokio::test]
async fn shutdown_lets_an_upload_finish() {
    let home = Home::new();
    let mut server = home.serve();
    let file = photo(1);
    let mut client = half_an_upload(&server, &file).await;
    eventually("half of it has arrived", async || {
        (!home.half_written().is_empty()).then_some(())
    })
    .await;

    server.send("TERM");
    eventually("it stops", async || {
        server.log().contains("stopping").then_some(())
    })
    .await;
    client.write_all(&file[file.len() / 2..]).await.unwrap();
    client.write_all(b"\r\n--x--\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(server.exited().await.success());
    assert_eq!(home.stored().await.images().await.len(), 1);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_an_endless_upload() {
    let home = Home::new();
    let mut server = home.serve();
    let client = half_an_upload(&server, &photo(1)).await;
    eventually("half of it has arrived", async || {
        (!home.half_written().is_empty()).then_some(())
    })
    .await;

    server.send("TERM");
    let status = within(BOUND, "it has stopped", async || server.has_exited()).await;

    assert_eq!(status.code(), Some(0));
    drop(client);
    assert!(home.stored().await.images().await.is_empty());
    assert_eq!(home.half_written(), Vec::<std::path::PathBuf>::new());
}
