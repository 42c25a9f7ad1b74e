//! The server is killed with SIGKILL and started again.

use entity::step::StepState;
use futures::StreamExt as _;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::{Home, Server, Stored, eventually, is_done, signal};
use crate::photo;

const IMAGES: u64 = 40;
const STEPS: usize = 3 * IMAGES as usize;

async fn count(stored: &Stored, state: StepState) -> usize {
    let steps = stored.steps().await;
    steps.iter().filter(|step| step.state == state).count()
}

#[tokio::test]
async fn repeated_kills_lose_no_image_and_repeat_none() {
    let home = Home::new();
    let mut server = home.serve();
    let stored = home.stored().await;
    futures::stream::iter(0..IMAGES)
        .map(|seed| server.upload("photo.jpg", photo(seed)))
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await;
    // Once while most images only have a thumbnail, once while some are done, and then until a kill
    // interrupts a running step.
    let mut caught = 0;
    for done in (50..STEPS).step_by(40).chain(100..STEPS) {
        eventually("so many steps are done", async || {
            (count(&stored, StepState::Done).await >= done).then_some(())
        })
        .await;
        server.kill_9();
        assert!(
            count(&stored, StepState::Done).await < STEPS,
            "it was too fast"
        );
        caught += count(&stored, StepState::Running).await;
        server = home.serve();
        assert_eq!(server.images().await.len() as u64, IMAGES);
        if done >= 90 && caught > 0 {
            break;
        }
    }

    let images = server.settled().await;

    assert!(images.iter().all(is_done));
    eventually("no job is left", async || {
        (stored.jobs().await == 0).then_some(())
    })
    .await;
    stored.assert_whole().await;
    assert!(caught > 0);
    assert_eq!(stored.lost_attempts().await, caught);
    assert_eq!(home.half_written(), Vec::<std::path::PathBuf>::new());
    assert!(server.terminate().await.success());
}

#[tokio::test]
async fn a_kill_during_an_upload_leaves_nothing_behind() {
    let home = Home::new();
    let server = home.serve();
    let file = photo(1);
    let mut client = half_an_upload(&server, &file).await;
    eventually("half of it has arrived", async || {
        (!home.half_written().is_empty()).then_some(())
    })
    .await;
    server.kill_9();
    assert!(!home.half_written().is_empty());
    // The client has not noticed yet; what it still sends is lost.
    let _ = client.write_all(&file[file.len() / 2..]).await;

    let server = home.serve();

    eventually("it is cleared away", async || {
        home.half_written().is_empty().then_some(())
    })
    .await;
    assert_eq!(server.images().await, Vec::<Value>::new());
    assert!(home.stored().await.images().await.is_empty());
    assert!(home.stored().await.objects().is_empty());
    server.upload("photo.jpg", file).await;
}

#[tokio::test]
async fn a_client_that_disconnects_during_an_upload_leaves_nothing_behind() {
    let home = Home::new();
    let server = home.serve();
    let client = half_an_upload(&server, &photo(1)).await;
    eventually("half of it has arrived", async || {
        (!home.half_written().is_empty()).then_some(())
    })
    .await;

    drop(client);

    eventually("it is cleared away", async || {
        home.half_written().is_empty().then_some(())
    })
    .await;
    assert_eq!(server.images().await, Vec::<Value>::new());
}

#[tokio::test]
async fn uploads_and_deletions_interrupted_by_a_kill_are_completed() {
    let home = Home::new();
    let server = home.serve();
    let ids: Vec<_> = futures::stream::iter(0..6)
        .map(|seed| server.upload("photo.jpg", photo(seed)))
        .buffer_unordered(6)
        .collect()
        .await;
    server.settled().await;
    // Some requests are answered before the kill; others never are.
    let deletions = futures::future::join_all(ids.iter().map(|id| {
        let address = format!("{}/api/images/{id}", server.url);
        reqwest::Client::new().delete(address).send()
    }));
    let (deletions, ()) = tokio::join!(deletions, async {
        eventually("a deletion has begun", async || {
            (server.images().await.len() < ids.len()).then_some(())
        })
        .await;
        signal("KILL", server.pid());
    });
    let promised = deletions
        .iter()
        .filter(|answer| matches!(answer, Ok(answer) if answer.status() == StatusCode::NO_CONTENT))
        .count();
    server.kill_9();

    let server = home.serve();

    let stored = home.stored().await;
    eventually("everything begun is completed", async || {
        let rows = stored.images().await;
        rows.iter()
            .all(|row| row.deleted_at.is_none())
            .then_some(())
    })
    .await;
    assert!(server.images().await.len() <= ids.len() - promised);
    stored.assert_whole().await;
}

/// A client that has sent the first half of a photo and does not send the rest.
pub(crate) async fn half_an_upload(server: &Server, file: &[u8]) -> TcpStream {
    let host = server.url.strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(host).await.unwrap();
    let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"half.jpg\"\r\n\
                Content-Type: image/jpeg\r\n\r\n";
    let request = format!(
        "POST /api/images HTTP/1.1\r\nHost: {host}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n{head}",
        head.len() + file.len() + "\r\n--x--\r\n".len(),
    );
    client.write_all(request.as_bytes()).await.unwrap();
    client.write_all(&file[..file.len() / 2]).await.unwrap();
    client
}
