//! The lock of the one process that works in a data folder. With another database than SQLite there may
//! be several, and no lock.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use platform::settings::{DatabaseKind, Settings};

/// None where there is no lock.
pub(crate) fn path(settings: &Settings) -> Option<PathBuf> {
    let is_alone = settings.database.kind() == DatabaseKind::Sqlite;
    is_alone.then(|| settings.data.join("serve.lock"))
}

/// The lock, held until it is dropped; none where there is none.
///
/// # Errors
/// With `refusal` if another process holds it.
pub(crate) fn take(settings: &Settings, refusal: &str) -> anyhow::Result<Option<File>> {
    let Some(path) = path(settings) else {
        return Ok(None);
    };
    let lock = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    if lock.try_lock().is_err() {
        bail!("{refusal}");
    }
    Ok(Some(lock))
}
