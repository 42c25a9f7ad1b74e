//! How much room there is on a disk.

use std::io;
use std::path::Path;

use rustix::fs::statvfs;

/// The largest reserve: more does not help, however large the disk is.
const LARGEST_RESERVE: u64 = 1024 * 1024 * 1024;

/// The room on the disk with a folder, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// For this user.
    pub free: u64,
    pub total: u64,
}

impl Space {
    /// Of the disk with this folder.
    pub fn at(folder: &Path) -> io::Result<Self> {
        let found = statvfs(folder)?;
        Ok(Self {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            total: found.f_blocks.saturating_mul(found.f_frsize),
        })
    }

    /// What uploads leave alone: a twentieth of the disk, at most 1 GB. The database, and the
    /// renditions of what was uploaded already, still need room.
    pub fn reserve(self) -> u64 {
        (self.total / 20).min(LARGEST_RESERVE)
    }

    /// Whether no more than the reserve is left.
    pub fn is_nearly_full(self) -> bool {
        self.free <= self.reserve()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIGABYTE: u64 = 1024 * 1024 * 1024;

    #[test]
    fn a_twentieth_is_kept_and_at_most_a_gigabyte() {
        let space = |free, total| Space { free, total };
        assert!(space(10 * GIGABYTE / 21, 10 * GIGABYTE).is_nearly_full());
        assert!(!space(GIGABYTE, 10 * GIGABYTE).is_nearly_full());
        assert!(space(GIGABYTE - 1, 1000 * GIGABYTE).is_nearly_full());
        assert!(!space(2 * GIGABYTE, 1000 * GIGABYTE).is_nearly_full());
    }

    #[test]
    fn this_disk_has_a_size() {
        let found = Space::at(Path::new("/")).unwrap();
        assert!(found.total > 0 && found.free <= found.total);
    }
}
