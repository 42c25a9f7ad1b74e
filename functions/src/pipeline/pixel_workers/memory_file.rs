//! Files without a name, for bytes that cross between processes: in memory, or where the kernel
//! refuses that (memfd_create(2)), in the folder for temporary files.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;

use super::Room;

/// The bytes of a picture, where a worker can read them.
#[derive(Debug)]
pub struct PictureFile {
    pub(super) file: File,
    pub(super) bytes: u64,
    _room: Room,
}

impl PictureFile {
    /// A file on disk. It is only read.
    pub fn open(path: &Path, room: Room) -> io::Result<Self> {
        Self::of_file(File::open(path)?, room)
    }

    /// An open file on disk.
    pub fn of_file(file: File, room: Room) -> io::Result<Self> {
        Ok(Self {
            bytes: file.metadata()?.len(),
            file,
            _room: room,
        })
    }

    /// Bytes in memory.
    pub fn of_bytes(bytes: &[u8], room: Room) -> io::Result<Self> {
        let mut file = create()?;
        file.write_all(bytes)?;
        Ok(Self::sealed(file, bytes.len() as u64, room))
    }

    /// Bytes that arrive one after the other; `each` sees them on their way.
    pub async fn of_stream(
        mut chunks: impl Stream<Item = io::Result<Bytes>> + Unpin,
        room: Room,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<Self> {
        let mut file = create()?;
        let mut bytes = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            each(&chunk);
            file.write_all(&chunk)?;
            bytes += chunk.len() as u64;
        }
        Ok(Self::sealed(file, bytes, room))
    }

    /// Nobody can change it from now on.
    fn sealed(file: File, bytes: u64, room: Room) -> Self {
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        // A file on disk cannot be sealed. A worker that changes it harms its own job only.
        let _ = fcntl_add_seals(&file, seals);
        Self {
            file,
            bytes,
            _room: room,
        }
    }

    /// The whole of it, in memory.
    #[cfg(feature = "testing")]
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        read(&self.file, 0, self.bytes)
    }
}

/// An empty file without a name.
pub(super) fn create() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let made = memfd_create("picture", flags | MemfdFlags::NOEXEC_SEAL);
    let made = match made {
        // Kernels before 6.3 do not know the last one.
        Err(Errno::INVAL) => memfd_create("picture", flags),
        made => made,
    };
    match made {
        Ok(file) => Ok(file.into()),
        Err(_) => create_on_disk(),
    }
}

fn create_on_disk() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("vitrine-{}", uuid::Uuid::new_v4()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

/// A part of a file. The position of the descriptor is shared between processes, and is not used.
pub(super) fn read(file: &File, start: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
    let mut content = vec![0; usize::try_from(bytes).map_err(too_large)?];
    file.read_exact_at(&mut content, start)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::super::MemoryBudget;
    use super::*;

    #[tokio::test]
    async fn bytes_for_a_worker_cannot_be_changed_any_more() {
        let room = MemoryBudget::new(0).room_for_file(6).await;
        let picture = PictureFile::of_bytes(b"pixels", room).unwrap();
        assert!(picture.file.write_all_at(b"other", 0).is_err());
        assert!(picture.file.set_len(1).is_err());
        assert_eq!(read(&picture.file, 0, 6).unwrap(), b"pixels");
    }

    #[test]
    fn a_file_on_disk_does_where_memory_is_refused() {
        let file = create_on_disk().unwrap();
        file.write_all_at(b"pixels", 0).unwrap();
        assert_eq!(read(&file, 2, 4).unwrap(), b"xels");
    }
}
