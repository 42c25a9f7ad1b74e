//! A worker: it confines itself, then does one job after the other until the process that started
//! it ends.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use super::job::{JobError, Output};
use super::wire::{
    Permission, Report, Request, receive_blocking, receive_with_blocking, send_blocking,
};
use super::{memory_file, sandbox};
use crate::faces::{self, FaceDetector};
use crate::picture;
use crate::pipeline::panics::panic_text;

/// The argument that makes a program a worker.
pub(super) const ARGUMENT: &str = "pixel-worker";

/// How much a worker steps back where all processors are busy, so that pages and the database are served
/// first (nice(2)).
const NICENESS: i32 = 5;

/// Whether this process was started as a worker. To be asked first of all, before any thread is
/// started and before any setting is read.
pub fn is_worker() -> bool {
    std::env::args_os().nth(1).is_some_and(|it| it == ARGUMENT)
}

/// What a worker does instead of what the program is for.
pub fn run() -> ExitCode {
    platform::memory::return_large_blocks();
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("a worker for pixels ends: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work() -> io::Result<()> {
    platform::process::close_inherited_files();
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let detector = faces::bundled();
    // The thread that decodes is the only one.
    #[cfg(feature = "heic")]
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global();
    // Where that is not allowed, it works as before.
    let _ = rustix::process::nice(NICENESS);
    let confinement = sandbox::enter()?;
    send_blocking(&socket, &Report::Ready(confinement))?;
    while let (Some(request), files) = receive_with_blocking::<Request>(&socket)? {
        let mut files = files.into_iter();
        let (Some(file), Some(results)) = (files.next(), files.next()) else {
            return Err(io::Error::other("a job came without its files"));
        };
        serve(&socket, &request, file, results, &detector)?;
    }
    Ok(())
}

/// Does one job.
fn serve(
    socket: &UnixStream,
    request: &Request,
    file: OwnedFd,
    results: OwnedFd,
    detector: &dyn FaceDetector,
) -> io::Result<()> {
    let bytes = match memory_file::read(&File::from(file), 0, request.bytes) {
        Ok(bytes) => bytes,
        Err(error) => {
            let error = JobError::Io(format!("the file cannot be read: {error}"));
            return send_blocking(socket, &Report::Failed(error));
        }
    };
    let inspected = caught(|| Ok(picture::inspect(&bytes, &request.limits)?));
    match inspected {
        Ok(inspection) => send_blocking(socket, &Report::Found(inspection))?,
        Err(error) => return send_blocking(socket, &Report::Failed(error)),
    }
    if receive_blocking::<Permission>(socket)? == Permission::Denied {
        return Ok(());
    }
    let done = caught(|| request.job.perform(&bytes, &request.limits, detector));
    let report = match done {
        Ok(output) => write(output, results),
        Err(error) => Report::Failed(error),
    };
    send_blocking(socket, &report)
}

/// Does the work, and makes an error of a panic.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, JobError>) -> Result<T, JobError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(JobError::Panicked(panic_text(panic.as_ref()))))
}

/// Writes the files of an output one after the other.
fn write(mut output: Output, results: OwnedFd) -> Report {
    let mut results = File::from(results);
    let mut lengths = Vec::new();
    for file in output.files() {
        if let Err(error) = results.write_all(file) {
            return Report::Failed(JobError::Io(format!(
                "the result cannot be passed on: {error}"
            )));
        }
        lengths.push(file.len() as u64);
    }
    Report::Done(output, lengths)
}
