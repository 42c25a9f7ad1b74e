//! Copies one object between store and backup.

use futures::TryStreamExt as _;
use platform::objects::{OpenObject, Scratch, ScratchFile};

use super::BackupError;

/// Receives an object in a scratch file, which hashes it.
pub(super) async fn receive(
    scratch: &Scratch,
    mut object: OpenObject,
    name: &str,
) -> Result<ScratchFile, BackupError> {
    let io = |source| BackupError::Io {
        doing: format!("copying {name}"),
        source,
    };
    let mut file = scratch.file().await.map_err(io)?;
    while let Some(chunk) = object.stream.try_next().await.map_err(io)? {
        file.write(&chunk).await.map_err(io)?;
    }
    if file.bytes() != object.bytes {
        return Err(io(std::io::Error::other("it ended too early")));
    }
    Ok(file)
}
