//! The photos that a load test uploads.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use walkdir::WalkDir;

/// Endings of files that are taken for photos.
const ENDINGS: [&str; 8] = ["avif", "gif", "heic", "heif", "jpeg", "jpg", "png", "webp"];

#[derive(Clone, Debug)]
pub(super) struct Photos(Vec<PathBuf>);

impl Photos {
    /// All photos below a folder, in the order of their names.
    ///
    /// # Errors
    /// If it cannot be read, or holds none.
    pub(super) fn find(folder: &Path) -> anyhow::Result<Self> {
        let mut found = Vec::new();
        for entry in WalkDir::new(folder).sort_by_file_name() {
            let entry = entry.context("--upload cannot be read")?;
            if entry.file_type().is_file() && is_photo(entry.path()) {
                found.push(entry.into_path());
            }
        }
        ensure!(
            !found.is_empty(),
            "--upload {}: there is no photo in it; photos end in .{}",
            folder.display(),
            ENDINGS.join(", .")
        );
        Ok(Self(found))
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The photo of a request: after the last comes the first again. Numbers begin at 1.
    pub(super) fn of(&self, number: u64) -> &Path {
        &self.0[((number - 1) % self.count()) as usize]
    }
}

fn is_photo(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    ENDINGS.iter().any(|known| ending == *known)
}

#[cfg(test)]
mod tests {
    use super::Photos;

    #[test]
    fn photos_are_taken_in_order_and_again_from_the_start() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.JPG", "a.png", "notes.txt"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let photos = Photos::find(folder.path()).unwrap();
        let names = [1, 2, 3].map(|number| photos.of(number).file_name().unwrap());
        assert_eq!(names, ["a.png", "b.JPG", "a.png"]);
    }

    #[test]
    fn a_folder_without_photos_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = Photos::find(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains("there is no photo"), "{refusal}");
        assert!(Photos::find(&folder.path().join("away")).is_err());
    }
}
