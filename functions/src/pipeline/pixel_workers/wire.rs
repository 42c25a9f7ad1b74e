//! Messages between a worker and the process that started it: JSON behind its length in four bytes,
//! over a socket. Files go along as descriptors; their bytes are never part of a message.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as BlockingStream;

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::UnixStream;

use super::job::{Job, JobError, Output};
use super::sandbox::Confinement;
use crate::picture::{Inspection, Limits};

/// The longest message, in bytes. A thousand faces have a tenth of that.
const LONGEST: u32 = 1 << 20;

/// Descriptors that go along with a request: the file, and where the results go.
pub(super) const FILES: usize = 2;

/// A job for a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) job: Job,
    pub(super) limits: Limits,
    /// Length of the file.
    pub(super) bytes: u64,
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// It takes jobs.
    Ready(Confinement),
    /// The header is read. It waits for a [`Permission`].
    Found(Inspection),
    /// The job is done, and the files of the output have these lengths.
    Done(Output, Vec<u64>),
    Failed(JobError),
}

/// Whether there is memory for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Permission {
    Granted,
    Denied,
}

fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4)
        .ok()
        .filter(|length| *length <= LONGEST)
        .ok_or_else(|| io::Error::other("a message to a worker is too long"))?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(head);
    if length > LONGEST {
        return Err(io::Error::other("a message is longer than any may be"));
    }
    Ok(length as usize)
}

/// Sends a message.
pub(super) async fn send(socket: &mut UnixStream, message: &impl Serialize) -> io::Result<()> {
    socket.write_all(&frame(message)?).await
}

/// Sends a message with descriptors.
pub(super) async fn send_with(
    socket: &mut UnixStream,
    message: &impl Serialize,
    files: [BorrowedFd<'_>; FILES],
) -> io::Result<()> {
    let frame = frame(message)?;
    let sent = loop {
        socket.writable().await?;
        let attempt = socket.try_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(FILES))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            control.push(SendAncillaryMessage::ScmRights(&files));
            let flags = SendFlags::NOSIGNAL;
            Ok(sendmsg(
                socket.as_fd(),
                &[IoSlice::new(&frame)],
                &mut control,
                flags,
            )?)
        });
        match attempt {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => break sent?,
        }
    };
    socket.write_all(&frame[sent..]).await
}

/// The next message of a worker.
pub(super) async fn receive<T: DeserializeOwned>(socket: &mut UnixStream) -> io::Result<T> {
    let mut head = [0; 4];
    socket.read_exact(&mut head).await?;
    let mut message = vec![0; length(head)?];
    socket.read_exact(&mut message).await?;
    Ok(serde_json::from_slice(&message)?)
}

/// The worker's side of [`send`].
pub(super) fn send_blocking(
    mut socket: &BlockingStream,
    message: &impl Serialize,
) -> io::Result<()> {
    socket.write_all(&frame(message)?)
}

/// The worker's side of [`receive`].
pub(super) fn receive_blocking<T: DeserializeOwned>(socket: &BlockingStream) -> io::Result<T> {
    let (message, _) = receive_with_blocking(socket)?;
    message.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// The next message and its descriptors; no message once the other side has ended.
pub(super) fn receive_with_blocking<T: DeserializeOwned>(
    mut socket: &BlockingStream,
) -> io::Result<(Option<T>, Vec<OwnedFd>)> {
    let mut head = [0; 4];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(FILES))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        socket.as_fd(),
        &mut [IoSliceMut::new(&mut head)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok((None, Vec::new()));
    }
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    socket.read_exact(&mut head[received.bytes..])?;
    let mut message = vec![0; length(head)?];
    socket.read_exact(&mut message)?;
    Ok((Some(serde_json::from_slice(&message)?), files))
}
