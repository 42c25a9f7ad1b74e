//! The cold start of the functions on Lambda: the time from the start of the program to its first
//! request for an event, its memory then, and the time for its first photo. The programs are those
//! in the archives, built for this machine's processor by `functions/lambda.sh`; PostgreSQL, S3,
//! Gemini and Lambda's Runtime API are on loopback. `make bench` runs it.
//!
//! Arguments are `ARCHITECTURE COMMAND…`, for programs of another architecture, such as `aarch64
//! qemu-aarch64-static -L /an/arm64/root`.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use entity::step::{self, StepKind, StepState};
use functions::testing;
use functions::testing::provider::{KEY, Provider};
use functions::testing::runtime::Runtime;
use migration::testing::{Kind, ScratchServer};
use migration::{Migrator, PATIENCE};
use platform::Format;
use platform::events::announcement;
use platform::objects::{Body, ObjectKey, ObjectStore as _, S3Store};
use platform::testing::Moto;
use sea_orm::{ColumnTrait as _, Database, DatabaseConnection, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use uuid::Uuid;

const STARTS: usize = 20;
/// Longer than anything here takes, even in an emulator.
const DEADLINE: Duration = Duration::from_secs(120);

/// The services of the functions, and the command that runs their programs.
struct Bench {
    programs: PathBuf,
    by_way_of: Vec<String>,
    variables: Vec<(String, String)>,
    db: DatabaseConnection,
    store: S3Store,
}

/// One measured start.
struct Start {
    time: Duration,
    /// Resident, in kilobytes.
    memory: u64,
    first: Duration,
}

#[tokio::main]
async fn main() {
    // Cargo itself adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|it| it != "--bench");
    let architecture = arguments.next();
    let architecture = architecture.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let by_way_of: Vec<_> = arguments.collect();
    let programs = programs(&architecture);
    let (Some(postgres), Some(moto)) = (ScratchServer::start(Kind::Postgres), Moto::start().await)
    else {
        return;
    };
    let gemini = Provider::start().await;
    let bench = Bench::new(programs, by_way_of, &postgres, &moto, &gemini).await;
    println!("{STARTS} starts, {architecture}; the median, and the worst in brackets");
    println!(
        "{:<12}{:>18}{:>16}{:>18}",
        "", "ready, ms", "memory, MB", "first photo, ms"
    );
    for name in StepKind::ALL {
        let mut starts = Vec::new();
        for number in 0..STARTS as u64 {
            starts.push(bench.start(name, number).await);
        }
        let ready = figures(starts.iter().map(|start| milliseconds(start.time)));
        let memory = figures(starts.iter().map(|start| start.memory as f64 / 1000.0));
        let first = figures(starts.iter().map(|start| milliseconds(start.first)));
        println!("{:<12}{ready:>18}{memory:>16}{first:>18}", name.as_str());
    }
}

impl Bench {
    async fn new(
        programs: PathBuf,
        by_way_of: Vec<String>,
        postgres: &ScratchServer,
        moto: &Moto,
        gemini: &Provider,
    ) -> Self {
        let url = postgres.empty_database().await;
        let db = Database::connect(&url).await.unwrap();
        migration::up::<Migrator>(&db, PATIENCE).await.unwrap();
        let bucket = moto.bucket().await;
        let store = S3Store::new(&moto.sdk_config().await, &bucket, None).await;
        let ours = [
            ("DATABASE_URL", url),
            ("VITRINE_STORAGE", format!("s3://{bucket}")),
            ("GEMINI_API_KEY", KEY.to_owned()),
            ("GEMINI_BASE_URL", gemini.gemini_url()),
            ("VITRINE_LOG", "warn".to_owned()),
        ];
        let mut variables = moto.variables();
        variables.extend(ours.map(|(name, value)| (name.to_owned(), value)));
        Self {
            programs,
            by_way_of,
            variables,
            db,
            store: store.unwrap(),
        }
    }

    /// Starts a function once and sends it a photo that it has to adopt.
    async fn start(&self, name: StepKind, number: u64) -> Start {
        let id = Uuid::now_v7();
        let key = ObjectKey::original(id, Format::Jpeg);
        let seed = number + 1000 * StepKind::ALL.iter().position(|it| *it == name).unwrap() as u64;
        let photo = testing::photo(seed, 1200, 800);
        self.store
            .put(&key, Body::Bytes(photo.into()))
            .await
            .unwrap();

        let mut runtime = Runtime::start().await;
        let begin = Instant::now();
        let mut program = self.run(name, &runtime);
        let asking = tokio::select! {
            asking = runtime.asked() => asking,
            ended = program.wait() => panic!("{name} ended before its first event: {ended:?}"),
            () = tokio::time::sleep(DEADLINE) => panic!("{name} asks for no event"),
        };
        let time = asking.since - begin;
        let memory = resident(program.id().unwrap());

        let begin = Instant::now();
        let answer = timeout(DEADLINE, runtime.invoke(asking, batch(&key))).await;
        let first = begin.elapsed();
        assert_eq!(answer.unwrap(), Ok(json!({ "batchItemFailures": [] })));
        assert_eq!(self.state(&key, name).await, StepState::Done);
        program.kill().await.unwrap();
        Start {
            time,
            memory,
            first,
        }
    }

    /// With only the environment that Lambda gives.
    fn run(&self, name: StepKind, runtime: &Runtime) -> Child {
        let program = self.programs.join(name.as_str()).join("bootstrap");
        let mut words = self
            .by_way_of
            .iter()
            .map(Path::new)
            .chain([program.as_path()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).env_clear();
        command.envs(self.variables.iter().cloned());
        command.envs(runtime.variables(name.as_str()));
        command.stdin(Stdio::null());
        command.kill_on_drop(true);
        command.spawn().unwrap()
    }

    async fn state(&self, key: &ObjectKey, name: StepKind) -> StepState {
        let image = entity::image::by_object_key(&key.path())
            .one(&self.db)
            .await;
        let step = step::Entity::find()
            .filter(step::Column::ImageId.eq(image.unwrap().unwrap().id))
            .filter(step::Column::Name.eq(name));
        step.one(&self.db).await.unwrap().unwrap().state
    }
}

/// The folder with the programs, below the target folder.
fn programs(architecture: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let inside = format!("{architecture}-unknown-linux-gnu/lambda/out");
    let mut folders = here.ancestors().map(|folder| folder.join(&inside));
    folders
        .find(|folder| folder.join(StepKind::Annotate.as_str()).exists())
        .expect("functions/lambda.sh has built the programs")
}

/// A batch with one message of SQS about this object.
fn batch(key: &ObjectKey) -> Value {
    json!({ "Records": [{
        "messageId": Uuid::new_v4(), "receiptHandle": "receipt", "body": announcement(key),
        "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {},
        "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
    }] })
}

/// The resident memory of a process in kilobytes.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kibibytes * 1024 / 1000
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The median and the maximum.
fn figures(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let median = values[values.len() / 2];
    format!("{median:.1} ({:.1})", values[values.len() - 1])
}
