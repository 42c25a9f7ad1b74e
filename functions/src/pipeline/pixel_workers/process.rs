//! One worker process, seen from the process that started it: how it is started, bounded and ended,
//! and what its end means.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Once, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tracing::warn;

use super::PixelError;
use super::child::ARGUMENT;
use super::job::{JobError, Output};
use super::memory_file::{self, PictureFile};
use super::sandbox::Confinement;
use super::wire::{self, Permission, Report, Request};
use crate::picture::Inspection;

/// Memory for reading a header, besides the file: [`Limits`](crate::picture::Limits) bounds what
/// readers keep to a few megabytes.
const HEADER: u64 = 32 << 20;
/// Addresses beyond the memory that work is said to need. The limit is on addresses (RLIMIT_AS), of
/// which a process maps more than it uses: a JPEG encoder reserves as much as its worst result has,
/// the stack grows, and the allocator rounds up.
const MORE_ADDRESSES: u64 = 64 << 20;
/// A worker that has more addresses than this beyond its first ones has leaked memory, or keeps it.
const MOST_GROWTH: u64 = 96 << 20;
/// Jobs after which a worker is replaced, so that whatever a picture may have done to it ends.
const MOST_JOBS: u32 = 200;

/// How long a worker may take to be ready, and to be gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// The bytes at the end of a worker's standard error that are kept for the log.
const STDERR_KEPT: usize = 2048;

pub(super) struct Worker {
    child: Child,
    pid: Pid,
    socket: UnixStream,
    stderr_tail: JoinHandle<String>,
    pub(super) confinement: Confinement,
    first_addresses: u64,
    jobs: u32,
}

/// Why there is no output.
pub(super) enum Failure {
    /// The worker is well.
    Job(JobError),
    /// There is no room for it. The worker is well.
    Denied(PixelError),
    /// The worker is gone, or its answer is not one that was expected.
    Lost(io::Error),
    Overtime,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

pub(super) struct Done {
    pub(super) inspection: Inspection,
    pub(super) output: Output,
}

impl Worker {
    pub(super) async fn start(program: &Path) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new(program);
        command
            .arg0("vitrine")
            .arg(ARGUMENT)
            .env_clear()
            // One thread needs one arena, and each one reserves 64 MB of addresses.
            .env("MALLOC_ARENA_MAX", "1")
            .current_dir("/")
            // Ctrl-C is for the server, which lets jobs finish.
            .process_group(0)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = spawn(command).await?;
        let stderr = child.stderr.take();
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .ok_or_else(|| io::Error::other("it ended at once"))?;
        let mut worker = Self {
            child,
            pid,
            socket: UnixStream::from_std(ours)?,
            stderr_tail: tokio::spawn(stderr_tail(stderr)),
            confinement: Confinement {
                files: false,
                calls: false,
            },
            first_addresses: 0,
            jobs: 0,
        };
        let report = timeout(PATIENCE, wire::receive(&mut worker.socket)).await;
        match report {
            Ok(Ok(Report::Ready(confinement))) => worker.confinement = confinement,
            other => {
                let reason = match other {
                    Ok(Ok(report)) => format!("it says {report:?} instead of being ready"),
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "it is not ready after ten seconds".to_owned(),
                };
                let (_, words) = worker.end().await;
                return Err(io::Error::other(format!("{reason}; {words}")));
            }
        }
        worker.first_addresses = worker.usage()?.addresses;
        Ok(worker)
    }

    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it is better to take another one from now on.
    pub(super) fn is_worn(&self) -> bool {
        let grown = |usage: Usage| usage.addresses > self.first_addresses + MOST_GROWTH;
        self.jobs >= MOST_JOBS || self.usage().map_or(true, grown)
    }

    /// Does a job. `room` waits until there is memory for it, and says how much that is; what it
    /// returns besides is kept until the job is done.
    pub(super) async fn perform<R>(
        &mut self,
        request: &Request,
        picture: &PictureFile,
        (for_header, for_work): (Duration, Duration),
        room: impl AsyncFnOnce(&Inspection) -> Result<(u64, R), PixelError>,
    ) -> Result<Done, Failure> {
        self.jobs += 1;
        let results = memory_file::create()?;
        self.allow(request.bytes + HEADER, for_header)?;
        let files = [picture.file.as_fd(), results.as_fd()];
        let found = async {
            wire::send_with(&mut self.socket, request, files).await?;
            wire::receive(&mut self.socket).await
        };
        // A busy machine takes longer than the work itself.
        let inspection = match within(for_header * 2, found).await? {
            Report::Found(inspection) => inspection,
            Report::Failed(error) => return Err(Failure::Job(error)),
            other => return Err(out_of_turn(&other)),
        };
        let (bytes, _room) = match room(&inspection).await {
            Ok(room) => room,
            Err(denied) => {
                wire::send(&mut self.socket, &Permission::Denied).await?;
                return Err(Failure::Denied(denied));
            }
        };
        self.allow(2 * bytes + MORE_ADDRESSES, for_work)?;
        let worked = async {
            wire::send(&mut self.socket, &Permission::Granted).await?;
            wire::receive(&mut self.socket).await
        };
        match within(for_work * 2, worked).await? {
            Report::Done(output, lengths) => Ok(Done {
                inspection,
                output: fetched(output, lengths, results).await?,
            }),
            Report::Failed(error) => Err(Failure::Job(error)),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Ends it, and finds out from its end why it failed.
    pub(super) async fn diagnose(self, failure: Failure) -> PixelError {
        let overtime = matches!(failure, Failure::Overtime);
        let unexpected = match failure {
            Failure::Lost(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Some(error.to_string())
            }
            _ => None,
        };
        let had_ended = !overtime && self.has_ended().await;
        let pid = self.pid.as_raw_nonzero();
        let (status, words) = self.end().await;
        warn!(%pid, ?status, ?unexpected, %words, "a worker for pixels is replaced");
        if overtime {
            return PixelError::TookTooLong;
        }
        let signal = status.and_then(|status| status.signal());
        match signal {
            Some(libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP) if had_ended => {
                PixelError::Killed
            }
            Some(libc::SIGXCPU) => PixelError::TookTooLong,
            _ if words.contains("memory allocation of") => PixelError::OutOfMemory,
            Some(libc::SIGSYS) => PixelError::Crashed("it did what no decoder does".to_owned()),
            Some(signal) if had_ended => PixelError::Crashed(format!("signal {signal}")),
            _ => PixelError::Crashed(unexpected.unwrap_or_else(|| "it ended".to_owned())),
        }
    }

    /// Whether it ends by itself. The socket closes a moment before that.
    async fn has_ended(&self) -> bool {
        for _ in 0..100 {
            match usage(self.pid) {
                Ok(usage) if !usage.is_dead => tokio::time::sleep(Duration::from_millis(10)).await,
                _ => return true,
            }
        }
        false
    }

    async fn end(mut self) -> (Option<ExitStatus>, String) {
        // It may be dead already.
        let _ = self.child.start_kill();
        let status = timeout(PATIENCE, self.child.wait()).await;
        let words = timeout(PATIENCE, &mut self.stderr_tail).await;
        let words = words.ok().and_then(Result::ok).unwrap_or_default();
        (status.ok().and_then(Result::ok), words)
    }

    fn usage(&self) -> io::Result<Usage> {
        usage(self.pid)
    }

    /// From now on it may take this many addresses more than now, and this much time of a processor.
    fn allow(&self, bytes: u64, time: Duration) -> io::Result<()> {
        let usage = self.usage()?;
        let time = usage.cpu + time;
        self.limit(Resource::As, usage.addresses + bytes)?;
        self.limit(Resource::Cpu, time.as_secs() + 1)
    }

    /// Sets a soft limit, as far as the hard one lets it: the worker has ours.
    fn limit(&self, resource: Resource, most: u64) -> io::Result<()> {
        let maximum = getrlimit(resource).maximum;
        let limit = Rlimit {
            current: Some(maximum.map_or(most, |maximum| maximum.min(most))),
            maximum,
        };
        match prlimit(Some(self.pid), resource, limit) {
            Ok(_) => Ok(()),
            Err(Errno::PERM | Errno::NOSYS) => {
                static SAID: Once = Once::new();
                SAID.call_once(|| {
                    warn!("this system does not let a process bound another one: workers for pixels are bounded in time only");
                });
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    match timeout(limit, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::Overtime),
    }
}

fn out_of_turn(report: &Report) -> Failure {
    let kind = match report {
        Report::Ready(_) => "ready",
        Report::Found(_) => "found",
        Report::Done(..) => "done",
        Report::Failed(_) => "failed",
    };
    Failure::Lost(io::Error::other(format!("it said `{kind}` out of turn")))
}

/// Fills in the files of an output.
async fn fetched(mut output: Output, lengths: Vec<u64>, results: File) -> io::Result<Output> {
    let read = move || {
        let files = output.files();
        let total = lengths
            .iter()
            .try_fold(0_u64, |sum, next| sum.checked_add(*next));
        if files.len() != lengths.len() || total != Some(results.metadata()?.len()) {
            return Err(io::Error::other(
                "the files of a result are not what it says",
            ));
        }
        let mut start = 0;
        for (file, length) in files.into_iter().zip(lengths) {
            *file = memory_file::read(&results, start, length)?;
            start += length;
        }
        Ok(output)
    };
    spawn_blocking(read).await.map_err(io::Error::other)?
}

/// What a process uses.
struct Usage {
    cpu: Duration,
    /// Mapped memory, used or not, in bytes.
    addresses: u64,
    is_dead: bool,
}

/// From `/proc/PID/stat`, see proc_pid_stat(5).
fn usage(pid: Pid) -> io::Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))?;
    // The name may have spaces and parentheses. State is the third field.
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |field: usize| -> io::Result<u64> {
        let text = fields.get(field - 3).copied().unwrap_or_default();
        text.parse().map_err(io::Error::other)
    };
    Ok(Usage {
        cpu: Duration::from_secs((number(14)? + number(15)?) / clock_ticks_per_second()),
        addresses: number(23)?,
        is_dead: matches!(fields.first(), Some(&("Z" | "X"))),
    })
}

/// Starts a process from a thread that lasts as long as this process: a worker is told to die with
/// the thread that started it.
async fn spawn(mut command: Command) -> io::Result<Child> {
    type Task = Box<dyn FnOnce() + Send>;
    static STARTER: OnceLock<mpsc::Sender<Task>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, tasks) = mpsc::channel::<Task>();
        let run = move || tasks.into_iter().for_each(|task| task());
        if let Err(error) = thread::Builder::new()
            .name("worker-starter".into())
            .spawn(run)
        {
            warn!(%error, "no thread for starting workers");
        }
        sender
    });
    let runtime = Handle::current();
    let (answer, started) = oneshot::channel();
    let task = move || {
        let _runtime = runtime.enter();
        // If nobody waits any more, the worker ends again.
        let _ = answer.send(command.spawn());
    };
    let gone = || io::Error::other("the thread that starts workers is gone");
    starter.send(Box::new(task)).map_err(|_| gone())?;
    started.await.map_err(|_| gone())?
}

/// The last bytes of a worker's standard error, on one line.
async fn stderr_tail(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else {
        return String::new();
    };
    let mut kept = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut piece).await {
        kept.extend_from_slice(&piece[..length]);
        let surplus = kept.len().saturating_sub(STDERR_KEPT);
        kept.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&kept);
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}
