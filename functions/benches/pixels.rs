//! What it costs that pixels are touched in processes of their own: thumbnails of real photos, made
//! in this process and by a worker, in turn; and how long a worker takes to start, and how much
//! memory it has. `make bench` runs it.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use functions::picture::{Detail, Limits, inspect, memory_needed};
use functions::pipeline::pixel_workers::{MemoryBudget, Misbehaviour, PictureFile, PixelWorkers};
use functions::steps::{anonymise, thumbnail};
use functions::testing;

const ROUNDS: usize = 15;
const SIZE: u32 = 400;
const MB: f64 = 1024.0 * 1024.0;

fn main() {
    // As in the programs: otherwise only the workers would return memory after each picture.
    platform::memory::return_large_blocks();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let Some(photos) = testing::real_photos() else {
        return;
    };
    let limits = Limits::megapixels(100);
    let starts: Vec<Duration> = times(ROUNDS, async || {
        let begun = Instant::now();
        workers().warm().await.unwrap();
        begun.elapsed()
    })
    .await;
    println!("a worker is ready after {:.1} ms", median(starts));

    memory(&limits).await;
    let workers = workers();
    println!(
        "{:<40}{:>12}{:>12}{:>12}",
        "thumbnail, ms", "here", "worker", "more"
    );
    let mut differences = Vec::new();
    for path in files(&photos) {
        let make_here = || thumbnail::make(&std::fs::read(&path).unwrap(), SIZE, &limits);
        if make_here().is_err() {
            continue;
        }
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let expected = make_here().unwrap();
            here.push(begun.elapsed());
            let begun = Instant::now();
            let bytes = std::fs::metadata(&path).unwrap().len();
            let picture = PictureFile::open(&path, workers.room(bytes).await).unwrap();
            let (_, made) = workers.thumbnail(&picture, &limits, SIZE).await.unwrap();
            there.push(begun.elapsed());
            assert!(made == expected);
        }
        let (here, there) = (median(here), median(there));
        differences.push(there - here);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("{name:<40}{here:>12.1}{there:>12.1}{:>12.1}", there - here);
    }
    differences.sort_by(f64::total_cmp);
    println!(
        "more: {:.2} ms at the median of {} photos, {:.2} ms at most",
        differences[differences.len() / 2],
        differences.len(),
        differences[differences.len() - 1]
    );
}

/// What a new worker has, and what the job with the greatest need makes of it: resident memory, and
/// addresses, which is what its limit is about.
async fn memory(limits: &Limits) {
    println!(
        "{:<40}{:>12}{:>12}{:>12}",
        "a worker's memory, MB", "needs", "resident", "addresses"
    );
    for (width, height) in [(64, 48), (4000, 3000), (8000, 6000)] {
        let bytes = testing::photo(1, width, height);
        let inspection = inspect(&bytes, limits).unwrap();
        let workers = workers();
        let room = workers.room(bytes.len() as u64).await;
        let picture = PictureFile::of_bytes(&bytes, room).unwrap();
        let told = workers.misbehave(&picture, Misbehaviour::Nothing).await;
        let process = told.unwrap();
        let before = ["VmHWM", "VmPeak"].map(|name| status(&process, name));
        let request = anonymise::Request::first(SIZE);
        workers.anonymise(&picture, limits, request).await.unwrap();
        let after = ["VmHWM", "VmPeak"].map(|name| status(&process, name));
        let needs = memory_needed(&inspection, Detail::Full) as f64 / MB;
        println!(
            "{:<40}{needs:>12.0}{:>6.0} +{:>4.0}{:>6.0} +{:>4.0}",
            format!("anonymised, {width} × {height}"),
            before[0],
            after[0] - before[0],
            before[1],
            after[1] - before[1],
        );
    }
}

/// A line of `/proc/PID/status`, in megabytes.
fn status(process: &str, name: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.unwrap().parse::<f64>().unwrap() * 1024.0 / MB
}

fn workers() -> PixelWorkers {
    let program = env!("CARGO_BIN_EXE_thumbnail").into();
    PixelWorkers::of_program(program, 1, MemoryBudget::of_this_machine())
}

async fn times(count: usize, each: impl AsyncFn() -> Duration) -> Vec<Duration> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(each().await);
    }
    all
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// The files of all folders in a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths
    };
    entries(folder)
        .iter()
        .flat_map(|path| entries(path))
        .collect()
}
