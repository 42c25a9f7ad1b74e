//! Attacks by pictures, over sockets, on a server with 6 GB of address space: it survives them all,
//! keeps answering, and stays small.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use functions::testing::{self, Chunk, png};
use futures::StreamExt as _;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, StatusCode};
use tokio::task::JoinHandle;

use crate::harness::{Home, Server, eventually, is_done, signal};
use crate::photo;

const ADDRESS_SPACE: u64 = 6 << 20;

/// What a server and its workers may take together, in kilobytes.
const RESIDENT: u64 = 400 << 10;

/// How long half of the answers of `/health` may take, if nothing else goes on on this machine, and
/// each of them in any case: a thread that decoded made all of them wait for seconds.
const QUICK: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Watches a server from outside.
struct Watch {
    stop: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    health: JoinHandle<Vec<Duration>>,
    memory: std::thread::JoinHandle<()>,
    others_are_busy: bool,
}

impl Watch {
    fn of(server: &Server) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let most = Arc::new(AtomicU64::new(0));
        let health = {
            let stop = Arc::clone(&stop);
            let url = format!("{}/health", server.url);
            let client = reqwest::Client::new();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    let response = client.get(&url).send().await.unwrap();
                    assert_eq!(response.status(), StatusCode::OK);
                    times.push(begun.elapsed());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                times
            })
        };
        let memory = {
            let (stop, most, server) = (Arc::clone(&stop), Arc::clone(&most), server.pid());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let all = workers_of(server).into_iter().chain([server]);
                    most.fetch_max(all.map(resident).sum(), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                }
            })
        };
        Self {
            stop,
            most,
            health,
            memory,
            others_are_busy: others_are_busy(),
        }
    }

    async fn end(self, attack: &str) {
        self.stop.store(true, Ordering::Relaxed);
        self.memory.join().unwrap();
        let mut times = self.health.await.unwrap();
        times.sort();
        let most = self.most.load(Ordering::Relaxed);
        let [median, late, worst] = [50, 99, 100].map(|of| times[(times.len() - 1) * of / 100]);
        println!(
            "{attack}: {} MB resident at most; of {} answers of /health, half within {median:.0?}, \
             99 in 100 within {late:.0?}, all within {worst:.0?}",
            most >> 10,
            times.len()
        );
        assert!(most < RESIDENT, "{attack}: {most} kB");
        assert!(worst < LONGEST, "{attack}: {worst:?}");
        if self.others_are_busy {
            println!("NOT JUDGED: how long /health takes, because this machine is busy otherwise");
        } else {
            assert!(median < QUICK, "{attack}: {median:?}");
        }
    }
}

/// Whether more programs than processors wanted to run in the last minute, twice over.
fn others_are_busy() -> bool {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Option<f64> = text.split(' ').next().and_then(|load| load.parse().ok());
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    load.is_some_and(|load| load > 2.0 * processors as f64)
}

/// The processes that a server started for pictures.
fn workers_of(server: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut workers: Vec<u32> = processes
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            (parent == server.to_string()).then(|| entry.file_name().to_str()?.parse().ok())?
        })
        .collect();
    workers.sort_unstable();
    workers
}

/// In kilobytes; of pages that processes share, each has its part.
fn resident(process: u32) -> u64 {
    let file = PathBuf::from(format!("/proc/{process}/smaps_rollup"));
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.unwrap_or(0)
}

/// Uploads all of them at once, and returns how often there was each answer.
async fn upload_at_once(server: &Server, files: Vec<Vec<u8>>) -> Vec<StatusCode> {
    let uploads = files
        .into_iter()
        .map(|file| server.try_upload("photo", file));
    let answers = futures::future::join_all(uploads).await;
    answers
        .into_iter()
        .map(|answer| answer.unwrap().status())
        .collect()
}

/// A JPEG whose EXIF directories point at each other, of some 66 KB.
fn exif_bomb(seed: u64) -> Vec<u8> {
    const ENTRIES: u16 = 1800;
    let size = 2 + u32::from(ENTRIES) * 12 + 4;
    let mut block = b"Exif\0\0II*\0\x08\0\0\0".to_vec();
    for directory in 0..3 {
        let next = 8 + (directory + 1) % 3 * size;
        block.extend(ENTRIES.to_le_bytes());
        for n in 0..ENTRIES {
            let tag: u16 = [0x8769, 0x8825, 0xA005, 0x014A][usize::from(n % 4)];
            block.extend(tag.to_le_bytes());
            block.extend([4, 0, 1, 0, 0, 0]);
            block.extend(next.to_le_bytes());
        }
        block.extend(next.to_le_bytes());
    }
    testing::with_segment(&photo(seed), 0xE1, &block)
}

/// A PNG of 8 × 8 pixels whose colour profile inflates to 800 MB.
fn profile_bomb(seed: u8) -> Vec<u8> {
    let profile = [b"bomb\0\0".to_vec(), deflated_zeros(800 << 20)].concat();
    png(
        8,
        8,
        8,
        2,
        &[Chunk(*b"iCCP", profile)],
        &vec![vec![seed; 24]; 8],
    )
}

fn deflated_zeros(count: u64) -> Vec<u8> {
    let level = flate2::Compression::fast();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
    std::io::copy(
        &mut std::io::Read::take(std::io::repeat(0), count),
        &mut encoder,
    )
    .unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_bombs_cost_a_server_next_to_nothing() {
    let home = Home::new();
    let server = home.serve_within(ADDRESS_SPACE);
    let watch = Watch::of(&server);
    let answers = upload_at_once(&server, (0..16).map(exif_bomb).collect()).await;
    assert_eq!(answers, [StatusCode::CREATED; 16]);
    server.settled().await;
    watch.end("16 EXIF bombs at once").await;

    let watch = Watch::of(&server);
    let bombs = [1, 2, 3, 4].map(profile_bomb).to_vec();
    let answers = upload_at_once(&server, bombs).await;
    assert_eq!(answers, [StatusCode::CREATED; 4], "the profile is left out");
    let images = server.settled().await;
    assert!(images.iter().all(is_done));
    watch.end("4 iCCP bombs at once").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_large_uploads_side_by_side_wait_on_disk() {
    let home = Home::new();
    let server = home.serve_within(ADDRESS_SPACE);
    let watch = Watch::of(&server);
    // Segments that no reader needs.
    let segment = [&[0xFF, 0xEB, 0xFF, 0xFF][..], &[0x55; 65_533]].concat();
    let padding = Bytes::from(segment.repeat(747));
    let client = reqwest::Client::new();
    let uploads = (0..40).map(|seed| {
        let file = photo(seed);
        let length = (file.len() + padding.len()) as u64;
        let pieces = [
            Bytes::copy_from_slice(&file[..2]),
            padding.clone(),
            Bytes::copy_from_slice(&file[2..]),
        ];
        let pieces = futures::stream::iter(pieces.map(Ok::<_, std::io::Error>));
        let part = Part::stream_with_length(Body::wrap_stream(pieces), length);
        client
            .post(format!("{}/api/images", server.url))
            .multipart(Form::new().part("file", part.file_name("large.jpg")))
            .send()
    });
    let answers: Vec<_> = futures::stream::iter(uploads)
        .buffer_unordered(40)
        .map(|answer| answer.unwrap().status())
        .collect()
        .await;
    assert_eq!(answers, [StatusCode::CREATED; 40]);
    watch.end("40 uploads of 49 MB at once").await;
    assert!(server.settled().await.iter().all(is_done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_that_workers_are_killed_in_the_middle_of_their_jobs() {
    let home = Home::new();
    let server = home.serve();
    for seed in 0..4 {
        let large = testing::photo(seed, 2400, 1600);
        server.upload("large.jpg", large).await;
    }
    let mut killed = Vec::new();
    for _ in 0..3 {
        let busy = eventually("a worker works", async || {
            workers_of(server.pid())
                .into_iter()
                // A process that was killed may be running for a moment.
                .find(|it| !killed.contains(it) && is_running(*it))
        })
        .await;
        signal("KILL", busy);
        killed.push(busy);
    }
    let images = server.settled().await;
    assert!(images.iter().all(is_done));
    assert_eq!(server.get("/health").send().await.unwrap().status(), 200);
}

fn is_running(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.contains(") R ")
}

#[tokio::test]
async fn workers_end_with_a_server_that_is_killed() {
    let home = Home::new();
    let server = home.serve();
    server.upload("photo.jpg", photo(1)).await;
    let workers = workers_of(server.pid());
    assert!(!workers.is_empty());
    server.kill_9();
    for worker in workers {
        let folder = PathBuf::from(format!("/proc/{worker}/exe"));
        eventually("the worker is gone", async || {
            folder.read_link().is_err().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn the_secrets_of_a_server_are_not_in_its_workers() {
    let home = Home::with(&[("VITRINE_ADMIN_PASSWORD", "correct horse battery")]);
    let server = home.serve();
    let workers = eventually("a worker is ready", async || {
        let workers = workers_of(server.pid());
        (!workers.is_empty()).then_some(workers)
    })
    .await;
    for worker in workers {
        let environment = std::fs::read(format!("/proc/{worker}/environ")).unwrap();
        assert_eq!(environment, b"MALLOC_ARENA_MAX=1\0");
    }
}
