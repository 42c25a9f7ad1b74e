//! A disk that fills up: it shows before anything is lost.

use std::path::Path;

use platform::disk::Space;
use reqwest::StatusCode;
use serde_json::Value;

use crate::harness::{Finished, Home};
use crate::photo;

/// Of the disk, in megabytes. A twentieth is the reserve.
const SIZE: u32 = 64;

#[tokio::test]
async fn on_a_nearly_full_disk_uploads_get_503_until_there_is_room() {
    let home = Home::new();
    let Some(command) = home.vitrine_on_small_disk(SIZE, "true", "serve") else {
        return;
    };
    let server = home.serve_by(command);
    let first = server.upload("first.jpg", photo(1)).await;
    // The disk as the server sees it.
    let disk = format!("/proc/{}/root{}", server.pid(), home.data().display());
    let filler = format!("{disk}/filler");
    let ready = async || {
        let answer = server.get("/health/ready").send().await.unwrap();
        let status = answer.status();
        (status, answer.json::<Value>().await.unwrap())
    };
    assert_eq!(ready().await.1["disk"], "ok");

    // One megabyte is left, which is less than the reserve.
    let free = Space::at(Path::new(&disk)).unwrap().free;
    let room = usize::try_from(free).unwrap() - (1 << 20);
    std::fs::write(&filler, vec![1; room]).unwrap();

    let refused = server.try_upload("second.jpg", photo(2)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let problem: Value = refused.json().await.unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("no space left"), "{detail}");
    let (status, found) = ready().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&found["disk"], &found["database"]),
        (&"nearly full".into(), &"ok".into())
    );
    let health = server.get("/health").send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    // What is there is served, and finished.
    let images = server.settled().await;
    assert_eq!(images[0]["id"], first);

    std::fs::remove_file(filler).unwrap();
    server.upload("second.jpg", photo(2)).await;
    assert_eq!(ready().await.0, StatusCode::OK);
}

#[test]
fn doctor_says_that_the_disk_is_nearly_full() {
    let home = Home::new();
    let fill = "head -c 61M /dev/zero > filler";
    let Some(mut command) = home.vitrine_on_small_disk(SIZE, fill, "doctor") else {
        return;
    };

    let found = Finished::of(&mut command);

    assert_eq!(found.status.code(), Some(1), "{found:#?}");
    let line = found
        .lines()
        .into_iter()
        .find(|line| line.contains("disk:"));
    let line = line.unwrap_or_else(|| panic!("{found:#?}"));
    assert!(
        line.starts_with("FAIL") && line.contains("nearly full"),
        "{line}"
    );
}
