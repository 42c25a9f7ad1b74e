//! Workers for pixels, as processes of one of the programs: what they can do, what they cannot, and
//! what becomes of a job whose worker misbehaves or is killed.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use functions::picture::{Detail, Limits, Refusal, decode, inspect};
use functions::pipeline::pixel_workers::{
    Job, MemoryBudget, Misbehaviour, PictureFile, PixelError, PixelWorkers, TimeLimits,
};
use functions::steps::annotate::{JpegUse, Known};
use functions::steps::{anonymise, thumbnail};
use functions::{faces, testing};
use platform::Format;
use platform::settings::CaptionSource;

const LIMITS: Limits = Limits {
    max_pixels: 100_000_000,
};

fn workers() -> PixelWorkers {
    with_budget(1 << 30)
}

fn with_budget(bytes: u64) -> PixelWorkers {
    let program = env!("CARGO_BIN_EXE_thumbnail").into();
    PixelWorkers::of_program(program, 1, MemoryBudget::new(bytes))
}

async fn file(workers: &PixelWorkers, bytes: &[u8]) -> PictureFile {
    let room = workers.room(bytes.len() as u64).await;
    PictureFile::of_bytes(bytes, room).unwrap()
}

/// Misbehaves on a small picture.
async fn misbehave(workers: &PixelWorkers, how: Misbehaviour) -> Result<String, PixelError> {
    let picture = file(workers, &testing::photo(1, 64, 48)).await;
    workers.misbehave(&picture, how).await
}

/// The worker that is idle, by its number.
async fn idle(workers: &PixelWorkers) -> u32 {
    let told = misbehave(workers, Misbehaviour::Nothing).await.unwrap();
    told.parse().unwrap()
}

fn send(signal: &str, process: u32) {
    let sent = std::process::Command::new("sh")
        .args(["-c", &format!("kill -{signal} {process}")])
        .status();
    assert!(sent.unwrap().success());
}

async fn is_gone(process: u32) {
    let status = PathBuf::from(format!("/proc/{process}/status"));
    let is_dead = || match std::fs::read_to_string(&status) {
        Ok(status) => status.contains("State:\tZ"),
        Err(_) => true,
    };
    for _ in 0..1000 {
        if is_dead() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("process {process} is still there");
}

#[tokio::test]
async fn workers_make_what_this_process_would_make() {
    let workers = workers();
    let detector = faces::bundled();
    let picture = testing::quarters(300, 200);
    for format in Format::ALL {
        let bytes = testing::encoded(format, &picture, None, None);
        let picture = file(&workers, &bytes).await;

        let (inspection, made) = workers.thumbnail(&picture, &LIMITS, 100).await.unwrap();
        assert_eq!(made, thumbnail::make(&bytes, 100, &LIMITS).unwrap());
        assert_eq!(inspection, inspect(&bytes, &LIMITS).unwrap());
        assert_eq!(
            workers.verify(&picture, &LIMITS, true).await,
            Ok((inspection, None))
        );

        let request = anonymise::Request::first(100);
        let here = anonymise::make(&bytes, &request, &detector, &LIMITS).unwrap();
        let made = workers.anonymise(&picture, &LIMITS, request).await.unwrap();
        assert!(made.jpeg == here.jpeg && made.thumbnail == here.thumbnail);
        assert_eq!((made.found, made.thumbhash), (here.found, here.thumbhash));
    }
}

#[tokio::test]
async fn a_captioner_that_sends_no_picture_gets_none() {
    let workers = workers();
    let picture = file(&workers, &testing::photo(1, 300, 200)).await;
    for jpeg_use in [JpegUse::Nothing, JpegUse::Sending] {
        let job = Job::CaptionInput {
            known: None,
            source: CaptionSource::Anonymised,
            jpeg_use,
        };
        let (_, input) = workers.caption_input(&picture, &LIMITS, job).await.unwrap();
        assert_eq!((input.picture.width, input.faces), (300, 0));
        let is_jpeg = input.picture.jpeg.starts_with(b"\xFF\xD8");
        assert_eq!(is_jpeg, jpeg_use == JpegUse::Sending);
    }
}

#[tokio::test]
async fn text_is_read_on_the_covered_picture_whatever_providers_may_see() {
    let workers = workers();
    let picture = file(&workers, &testing::jpeg(&testing::sign("KUCHEN", 8))).await;
    let sign = anonymise::Region::from(&faces::Face {
        x: 60,
        y: 160,
        width: 400,
        height: 150,
        score: 0.9,
        certainty: faces::Certainty::Sure,
    });
    let shown = async |jpeg_use| {
        let job = Job::CaptionInput {
            known: Some(Known {
                cover: vec![sign],
                faces: 1,
            }),
            source: CaptionSource::Original,
            jpeg_use,
        };
        let (_, input) = workers.caption_input(&picture, &LIMITS, job).await.unwrap();
        let shown = decode(&input.picture.jpeg, &LIMITS, Detail::Full).unwrap();
        // The upright stroke of the K.
        let dark = (200..256).filter(|y| shown.pixel(104, *y)[0] < 60).count();
        (shown.width, dark > 40)
    };
    assert_eq!(shown(JpegUse::Sending).await, (1200, true));
    assert_eq!(shown(JpegUse::Reading).await, (1200, false));
}

#[tokio::test]
async fn refusals_come_back_as_they_are_and_the_worker_stays() {
    let workers = workers();
    let before = idle(&workers).await;
    let text = file(&workers, b"no picture").await;
    assert_eq!(
        workers.verify(&text, &LIMITS, true).await,
        Err(PixelError::Refused(Refusal::NotAnImage))
    );
    let large = file(&workers, &testing::claiming(Format::Png, 20_000, 20_000)).await;
    let refused = workers.verify(&large, &LIMITS, true).await.unwrap_err();
    assert!(refused.to_string().contains("400") || refused.to_string().contains("20000"));
    assert_eq!(idle(&workers).await, before);
}

#[tokio::test]
async fn a_file_on_disk_is_read_where_it_is() {
    let workers = workers();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    std::fs::write(&path, testing::photo(1, 64, 48)).unwrap();
    let picture = PictureFile::open(&path, workers.room(1).await).unwrap();
    assert_eq!(
        workers
            .verify(&picture, &LIMITS, true)
            .await
            .unwrap()
            .0
            .width,
        64
    );
}

#[tokio::test]
async fn a_picture_that_needs_more_memory_than_all_may_have_is_refused_from_its_header() {
    let workers = with_budget(160 << 20);
    let large = file(&workers, &testing::claiming(Format::Png, 9_000, 9_000)).await;
    let refused = workers.verify(&large, &LIMITS, true).await.unwrap_err();
    assert!(
        matches!(refused, PixelError::TooLarge { budget, .. } if budget == 96 << 20),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("more than the 96 MB"));
}

#[tokio::test]
async fn a_worker_has_no_files_no_network_no_programs_and_no_environment() {
    let workers = workers();
    let confinement = workers.warm().await.unwrap();
    if confinement.gap().is_some() {
        println!("SKIPPED: {}", confinement.gap().unwrap());
        return;
    }
    for how in [
        Misbehaviour::OpenFile,
        Misbehaviour::Connect,
        Misbehaviour::StartProgram,
    ] {
        let told = misbehave(&workers, how).await.unwrap();
        assert_eq!(told, "permission denied", "{how:?}");
    }
    let variables = misbehave(&workers, Misbehaviour::ReadEnvironment).await;
    // The number of arenas of the allocator.
    assert_eq!(variables.as_deref(), Ok("1"));
}

#[tokio::test]
async fn a_job_that_crashes_or_panics_fails_alone_and_its_worker_is_replaced() {
    let workers = workers();
    let first = idle(&workers).await;
    let crashed = misbehave(&workers, Misbehaviour::Crash).await.unwrap_err();
    assert_eq!(crashed, PixelError::Crashed("signal 6".to_owned()));
    let second = idle(&workers).await;
    let panicked = misbehave(&workers, Misbehaviour::Panic).await.unwrap_err();
    assert_eq!(
        panicked.to_string(),
        "the picture's decoder crashed: a pixel out of bounds"
    );
    let third = idle(&workers).await;
    assert!(first != second && second != third && first != third);
    is_gone(first).await;
    is_gone(second).await;
}

#[tokio::test]
async fn a_memory_bomb_ends_at_its_bound() {
    let workers = workers();
    let bomb = misbehave(&workers, Misbehaviour::Bomb).await;
    assert_eq!(bomb, Err(PixelError::OutOfMemory));
    idle(&workers).await;
}

#[tokio::test]
async fn a_job_that_goes_on_for_ever_is_ended_by_either_clock() {
    let times = TimeLimits {
        step: Duration::from_secs(1),
        ..TimeLimits::default()
    };
    let workers = workers().with_time_limits(times);
    for how in [Misbehaviour::Spin, Misbehaviour::Sleep] {
        let worker = idle(&workers).await;
        let overtime = misbehave(&workers, how).await;
        assert_eq!(overtime, Err(PixelError::TookTooLong), "{how:?}");
        is_gone(worker).await;
    }
}

#[tokio::test]
async fn workers_leave_busy_processors_to_the_process_that_serves_people() {
    let workers = workers();
    let worker = idle(&workers).await;

    let expected = (niceness(std::process::id()) + 5).min(19);
    assert_eq!(niceness(worker), expected);
}

/// The 19th field of proc_pid_stat(5); the second one, in brackets, may have spaces.
fn niceness(process: u32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(16).unwrap().parse().unwrap()
}

#[tokio::test]
async fn nobody_notices_that_an_idle_worker_was_killed() {
    let workers = workers();
    // A service manager asks every process of a service to end.
    for signal in ["KILL", "TERM"] {
        let before = idle(&workers).await;
        send(signal, before);
        let after = idle(&workers).await;
        assert_ne!(before, after);
    }
}

#[tokio::test]
async fn a_job_whose_worker_is_killed_is_done_once_more_and_then_given_back() {
    let workers = workers();
    let mut worker = idle(&workers).await;
    let job = {
        let workers = workers.clone();
        tokio::spawn(async move { misbehave(&workers, Misbehaviour::Sleep).await })
    };
    for _ in 0..2 {
        // Asleep within its job, not at the socket.
        worker = asleep_in_its_job(worker).await;
        send("KILL", worker);
        is_gone(worker).await;
    }
    assert_eq!(job.await.unwrap(), Err(PixelError::Killed));
}

/// A child of this process that sleeps in [`Misbehaviour::Sleep`]: `before`, or one after it.
async fn asleep_in_its_job(before: u32) -> u32 {
    let sleeps = |process: &Path| {
        let call = std::fs::read_to_string(process.join("syscall")).unwrap_or_default();
        // clock_nanosleep(2) on x86_64 and on aarch64.
        call.starts_with("230 ") || call.starts_with("115 ")
    };
    for _ in 0..1000 {
        let children = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let path = entry.ok()?.path();
            let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(path.join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            (parent == std::process::id().to_string() && number >= before && sleeps(&path))
                .then_some(number)
        });
        if let Some(found) = children.last() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no worker sleeps in its job");
}

#[tokio::test]
async fn a_job_that_nobody_waits_for_any_more_ends() {
    let workers = workers();
    let worker = idle(&workers).await;
    let abandoned = tokio::time::timeout(
        Duration::from_millis(300),
        misbehave(&workers, Misbehaviour::Sleep),
    );
    assert!(abandoned.await.is_err());
    is_gone(worker).await;
    idle(&workers).await;
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_not_waited_for() {
    let program = PathBuf::from("/bin/false");
    let workers = PixelWorkers::of_program(program, 1, MemoryBudget::new(1 << 30));
    let error = workers.warm().await.unwrap_err();
    assert!(matches!(error, PixelError::NotStarted(_)), "{error:?}");
}
