//! Real photos, if there is a folder of them beside the repository.

use std::path::{Path, PathBuf};

use functions::testing::real_photos;
use image::RgbImage;
use image::imageops::rotate180;
use reqwest::StatusCode;
use serde_json::Value;

use crate::harness::{Home, Server, is_done};

/// The limit of the server's peak memory with the default settings, in kilobytes.
const MOST_MEMORY: u64 = 400_000;

fn files_below(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

#[tokio::test]
async fn every_file_is_processed_or_refused_within_the_memory_limit() {
    let Some(folder) = real_photos() else { return };
    let home = Home::new();
    let server = home.serve();
    let mut taken = 0;
    for file in files_below(&folder) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let content = std::fs::read(&file).unwrap();
        let answer = server.try_upload(name, content).await.unwrap();
        match answer.status() {
            StatusCode::CREATED => taken += 1,
            StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY => {
                let problem: Value = answer.json().await.unwrap();
                let detail = problem["detail"].as_str().unwrap();
                assert!(detail.len() > 20, "{name}: {detail}");
            }
            other => panic!("{name}: {other}"),
        }
    }

    let images = server.settled().await;

    assert_eq!(images.len(), taken);
    for image in &images {
        assert!(is_done(image), "{image:#?}");
    }
    let peak = peak_memory(&server);
    println!("{taken} photos; {} MB at the peak", peak / 1000);
    assert!(peak < MOST_MEMORY, "{peak} kB");
    assert!(server.terminate().await.success());
    home.stored().await.assert_whole().await;
}

/// Peak resident memory of a process, in kilobytes.
fn peak_memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_thumbnails_of_all_eight_orientations_are_upright() {
    let Some(folder) = real_photos() else { return };
    let home = Home::new();
    let server = home.serve();
    let mut ids = Vec::new();
    for number in 1..=8 {
        let name = format!("landscape_{number}.jpg");
        let content = std::fs::read(folder.join("orientation").join(&name)).unwrap();
        ids.push(server.upload(&name, content).await);
    }
    server.settled().await;

    let upright = thumbnail(&server, &ids[0]).await;

    assert!(upright.width() > upright.height());
    // What the digit in the middle makes up, compared with what a wrong turn would.
    let wrong = difference(&upright, &rotate180(&upright));
    for id in &ids[1..] {
        let other = thumbnail(&server, id).await;
        assert_eq!(other.dimensions(), upright.dimensions());
        let found = difference(&upright, &other);
        assert!(found < 10.0 && found * 4.0 < wrong, "{found} of {wrong}");
    }
}

async fn thumbnail(server: &Server, id: &str) -> RgbImage {
    let address = format!("/api/images/{id}/thumbnail");
    let answer = server.get(&address).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let bytes = answer.bytes().await.unwrap();
    image::load_from_memory(&bytes).unwrap().into_rgb8()
}

/// The mean difference per channel and pixel, from 0 to 255.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let pairs = a.as_raw().iter().zip(b.as_raw());
    let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}
