//! Work on pixels, in processes of their own. A file that breaks or takes over a decoder has a process
//! without files, network and secrets, which is bounded in memory and time, and is replaced.
//!
//! A worker is this same program with the argument `pixel-worker`. It gets a job over a socket, and
//! the file as a descriptor; results come back through a file in memory. Pixels never leave it.

mod budget;
mod child;
mod job;
mod memory_file;
#[cfg(feature = "testing")]
mod misbehaviour;
mod process;
mod sandbox;
mod wire;

#[cfg(feature = "testing")]
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::objects::{ObjectKey, ObjectStore, StoreError};
use tokio::sync::Semaphore;
use tracing::warn;

use process::{Done, Failure, Worker};
use wire::Request;

use entity::embedded::EmbeddedWords;

use crate::faces;
#[cfg(feature = "testing")]
use crate::faces::FaceDetector;
use crate::picture::{Inspection, Limits, Refusal};
use crate::steps::anonymise::{self, Anonymised};
use crate::steps::thumbnail::Thumbnail;

pub use budget::{MemoryBudget, Room};
pub use child::{is_worker, run};
pub use job::{CaptionParts, Job, JobError, Output};
pub use memory_file::PictureFile;
#[cfg(feature = "testing")]
pub use misbehaviour::Misbehaviour;
pub use sandbox::Confinement;

/// Why work on pixels has no result. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PixelError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{0}")]
    Detector(String),
    /// More memory than all pictures together may take; found in the header.
    #[error(
        "the picture needs {} MB of memory, more than the {} MB there are for pictures; send a smaller copy",
        needed.div_ceil(1 << 20),
        budget >> 20
    )]
    TooLarge { needed: u64, budget: u64 },
    #[error("the picture's decoder crashed: {0}")]
    Crashed(String),
    #[error("the picture's decoder needed more memory than a picture of its size does")]
    OutOfMemory,
    #[error("the picture took longer than any should")]
    TookTooLong,
    /// By the system, or by somebody: it says nothing about the picture.
    #[error("the process that worked on the picture was killed")]
    Killed,
    /// This machine has no room for a process, or the program is gone.
    #[error("no process can be started for the picture: {0}")]
    NotStarted(String),
    #[error("the picture cannot be passed on: {0}")]
    Io(String),
}

impl From<JobError> for PixelError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Refused(refusal) => Self::Refused(refusal),
            JobError::Detector(reason) => Self::Detector(reason),
            JobError::Panicked(reason) => Self::Crashed(reason),
            JobError::Io(reason) => Self::Io(reason),
        }
    }
}

/// CPU time limits of a job. Its wall-clock time may be twice as long.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimits {
    /// For reading the header.
    pub header: Duration,
    /// For the rest, while somebody waits for an answer.
    pub verify: Duration,
    /// For the rest otherwise. Searching 100 megapixels for faces takes some ten seconds.
    pub step: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            verify: Duration::from_secs(30),
            step: Duration::from_secs(120),
        }
    }
}

/// The workers of this process. Cheap to clone.
#[derive(Clone)]
pub struct PixelWorkers {
    shared: Arc<Shared>,
    /// How many jobs run at once for those who have this clone.
    at_once: Arc<Semaphore>,
    times: TimeLimits,
    #[cfg(feature = "testing")]
    in_process: Option<Arc<dyn FaceDetector>>,
}

struct Shared {
    program: PathBuf,
    budget: MemoryBudget,
    idle: Mutex<Vec<Worker>>,
    most_idle: usize,
}

impl PixelWorkers {
    /// Workers that run this same program; none is started yet. `at_once` jobs run at once.
    pub fn new(at_once: usize, budget: MemoryBudget) -> Self {
        // The program may be replaced by a new version while it runs.
        Self::of_program("/proc/self/exe".into(), at_once, budget)
    }

    /// Workers that run `program`, whose `main` asks [`is_worker`].
    pub fn of_program(program: PathBuf, at_once: usize, budget: MemoryBudget) -> Self {
        let at_once = at_once.max(1);
        Self {
            shared: Arc::new(Shared {
                program,
                budget,
                idle: Mutex::default(),
                most_idle: at_once + 1,
            }),
            at_once: Arc::new(Semaphore::new(at_once)),
            times: TimeLimits::default(),
            #[cfg(feature = "testing")]
            in_process: None,
        }
    }

    /// The same processes and budget with a queue of its own, so that uploads do not wait for steps.
    pub fn with_own_queue(&self, at_once: usize) -> Self {
        Self {
            at_once: Arc::new(Semaphore::new(at_once.max(1))),
            ..self.clone()
        }
    }

    /// The same with other limits.
    #[cfg(feature = "testing")]
    pub fn with_time_limits(&self, times: TimeLimits) -> Self {
        Self {
            times,
            ..self.clone()
        }
    }

    /// Does the work in this process with another detector, which no worker knows.
    #[cfg(feature = "testing")]
    pub fn with_detector(&self, detector: Arc<dyn FaceDetector>) -> Self {
        Self {
            in_process: Some(detector),
            ..self.clone()
        }
    }

    /// Starts a worker if none is idle, so that the first picture need not wait for one.
    pub async fn warm(&self) -> Result<Confinement, PixelError> {
        let worker = self.idle_worker().await?;
        let confinement = worker.confinement;
        self.keep(worker);
        Ok(confinement)
    }

    /// The name of the detector that the workers search with.
    pub fn detector_name(&self) -> &str {
        #[cfg(feature = "testing")]
        if let Some(detector) = &self.in_process {
            return detector.name();
        }
        faces::BUNDLED
    }

    /// Waits for room for a file of this size, wherever it is: a worker reads it into its memory.
    pub async fn room(&self, bytes: u64) -> Room {
        self.shared.budget.room_for_file(bytes).await
    }

    /// An object of the store, where a worker can read it.
    pub async fn object(
        &self,
        store: &dyn ObjectStore,
        key: &ObjectKey,
        bytes: u64,
    ) -> Result<PictureFile, StoreError> {
        let room = self.room(bytes).await;
        let failed = |source| StoreError::Io {
            doing: format!("reading {key}"),
            source,
        };
        if let Some(file) = store.file(key).await? {
            return PictureFile::of_file(file, room).map_err(failed);
        }
        let object = store.open(key).await?;
        PictureFile::of_stream(object.stream, room, |_| {})
            .await
            .map_err(failed)
    }

    /// Proves that a picture can be decoded, and returns what its header says. `for_steps` refuses
    /// one for which there will never be memory for each of its steps.
    pub async fn verify(
        &self,
        picture: &PictureFile,
        limits: &Limits,
        for_steps: bool,
    ) -> Result<(Inspection, Option<EmbeddedWords>), PixelError> {
        let done = self.run(Job::Verify { for_steps }, picture, limits).await?;
        match done.output {
            Output::Verified(embedded) => Ok((done.inspection, embedded)),
            _ => Err(other_output()),
        }
    }

    pub async fn thumbnail(
        &self,
        picture: &PictureFile,
        limits: &Limits,
        size: u32,
    ) -> Result<(Inspection, Thumbnail), PixelError> {
        let done = self.run(Job::Thumbnail { size }, picture, limits).await?;
        match done.output {
            Output::Thumbnail(made) => Ok((done.inspection, made)),
            _ => Err(other_output()),
        }
    }

    pub async fn anonymise(
        &self,
        picture: &PictureFile,
        limits: &Limits,
        request: anonymise::Request,
    ) -> Result<Anonymised, PixelError> {
        let job = Job::Anonymise(request);
        match self.run(job, picture, limits).await?.output {
            Output::Anonymised(made) => Ok(made),
            _ => Err(other_output()),
        }
    }

    /// Prepares the input of a captioner with [`Job::CaptionInput`].
    pub async fn caption_input(
        &self,
        picture: &PictureFile,
        limits: &Limits,
        job: Job,
    ) -> Result<(Inspection, CaptionParts), PixelError> {
        let done = self.run(job, picture, limits).await?;
        match done.output {
            Output::CaptionInput(made) => Ok((done.inspection, made)),
            _ => Err(other_output()),
        }
    }

    /// Lets a worker misbehave, and returns what it reports.
    #[cfg(feature = "testing")]
    pub async fn misbehave(
        &self,
        picture: &PictureFile,
        how: Misbehaviour,
    ) -> Result<String, PixelError> {
        let limits = Limits::megapixels(100);
        match self
            .run(Job::Misbehave(how), picture, &limits)
            .await?
            .output
        {
            Output::Behaved(told) => Ok(told),
            _ => Err(other_output()),
        }
    }

    /// Does a job, once more if its worker is killed from outside.
    async fn run(
        &self,
        job: Job,
        picture: &PictureFile,
        limits: &Limits,
    ) -> Result<Done, PixelError> {
        let request = Request {
            job,
            limits: *limits,
            bytes: picture.bytes,
        };
        match self.attempt(&request, picture).await {
            Err(PixelError::Killed) => self.attempt(&request, picture).await,
            result => result,
        }
    }

    async fn attempt(&self, request: &Request, picture: &PictureFile) -> Result<Done, PixelError> {
        // It is never closed.
        let _turn = self.at_once.acquire().await.ok();
        #[cfg(feature = "testing")]
        if let Some(detector) = &self.in_process {
            return in_this_process(request, picture, Arc::clone(detector)).await;
        }
        let mut worker = self.idle_worker().await?;
        let times = (self.times.header, self.time_for(&request.job));
        let room = async |found: &Inspection| self.room_for_work(&request.job, found).await;
        let failure = match worker.perform(request, picture, times, room).await {
            Ok(done) => {
                self.keep(worker);
                return Ok(done);
            }
            Err(failure) => failure,
        };
        match failure {
            Failure::Job(error @ JobError::Panicked(_)) => {
                self.replace(worker);
                Err(error.into())
            }
            Failure::Job(error) => {
                self.keep(worker);
                Err(error.into())
            }
            Failure::Denied(error) => {
                self.keep(worker);
                Err(error)
            }
            failure => {
                let error = worker.diagnose(failure).await;
                self.start_another();
                Err(error)
            }
        }
    }

    fn time_for(&self, job: &Job) -> Duration {
        match job {
            Job::Verify { .. } => self.times.verify,
            _ => self.times.step,
        }
    }

    /// Waits for room for work, and says how many bytes that are.
    async fn room_for_work(
        &self,
        job: &Job,
        found: &Inspection,
    ) -> Result<(u64, Room), PixelError> {
        let most = match job {
            Job::Verify { for_steps: true } => Job::LARGEST.memory_needed(found),
            job => job.memory_needed(found),
        };
        let budget = &self.shared.budget;
        let too_large = |too_much: budget::TooMuch| PixelError::TooLarge {
            needed: most,
            budget: too_much.budget,
        };
        budget.check(most).map_err(too_large)?;
        let needed = job.memory_needed(found);
        let room = budget.room_for_work(needed).await.map_err(too_large)?;
        Ok((needed, room))
    }

    async fn idle_worker(&self) -> Result<Worker, PixelError> {
        loop {
            // The lock is not held while the worker is looked at.
            let idle = self.shared.idle().pop();
            let Some(mut worker) = idle else { break };
            if worker.is_alive() {
                return Ok(worker);
            }
        }
        Worker::start(&self.shared.program)
            .await
            .map_err(|error| PixelError::NotStarted(error.to_string()))
    }

    fn keep(&self, worker: Worker) {
        if worker.is_worn() {
            self.replace(worker);
            return;
        }
        let mut idle = self.shared.idle();
        if idle.len() < self.shared.most_idle {
            idle.push(worker);
        }
    }

    fn replace(&self, worker: Worker) {
        drop(worker);
        self.start_another();
    }

    /// Has a worker ready for the next job.
    fn start_another(&self) {
        let workers = self.clone();
        tokio::spawn(async move {
            if let Err(error) = workers.warm().await {
                warn!(%error, "no worker for pixels can be started");
            }
        });
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn other_output() -> PixelError {
    PixelError::Crashed("it did something else".to_owned())
}

#[cfg(feature = "testing")]
async fn in_this_process(
    request: &Request,
    picture: &PictureFile,
    detector: Arc<dyn FaceDetector>,
) -> Result<Done, PixelError> {
    let (job, limits) = (request.job.clone(), request.limits);
    let bytes = picture
        .read()
        .map_err(|error: io::Error| PixelError::Io(error.to_string()))?;
    let work = move || {
        Ok(Done {
            inspection: crate::picture::inspect(&bytes, &limits)?,
            output: job.perform(&bytes, &limits, detector.as_ref())?,
        })
    };
    let done = tokio::task::spawn_blocking(|| child::caught(work)).await;
    Ok(done.map_err(|error| PixelError::Crashed(error.to_string()))??)
}
