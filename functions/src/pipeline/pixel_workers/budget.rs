//! One budget of memory for all pictures of this process and its workers, in bytes.
//!
//! It has two parts, so that waiting never ends in a deadlock: room for files is taken first, then
//! room for the work on one of them. Work that has its room needs nothing else to end.

use std::ops::RangeInclusive;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a permit stands for.
const UNIT: u64 = 1 << 20;

/// The share of the machine's memory that pictures may take, in hundredths. The rest is for the
/// server, the database and the system's cache of files.
const SHARE: u64 = 75;
/// Room for files is an eighth of the budget, but within these bounds.
const FOR_FILES: RangeInclusive<u64> = 64 << 20..=256 << 20;
/// The budget where the machine does not tell how much memory it has.
const UNKNOWN: u64 = 1 << 30;
/// The smallest budget.
const LEAST: u64 = 160 << 20;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    files: Part,
    work: Part,
}

#[derive(Clone, Debug)]
struct Part {
    permits: Arc<Semaphore>,
    units: u32,
}

/// Memory that is set aside until this is dropped.
#[derive(Debug)]
pub struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

/// The work needs more memory than there is for all pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch {
    /// The memory there is, in bytes.
    pub(super) budget: u64,
}

impl MemoryBudget {
    pub fn new(bytes: u64) -> Self {
        let bytes = bytes.max(LEAST);
        let files = (bytes / 8).clamp(*FOR_FILES.start(), *FOR_FILES.end());
        Self {
            files: Part::new(files),
            work: Part::new(bytes - files),
        }
    }

    /// A share of the memory that this process may use.
    pub fn of_this_machine() -> Self {
        platform::process::memory().map_or_else(|| Self::new(UNKNOWN), Self::share_of)
    }

    /// A share of so many bytes.
    pub(super) fn share_of(memory: u64) -> Self {
        Self::new(memory / 100 * SHARE)
    }

    /// Waits for room for a file of this size. A file that is larger than the whole gets the whole.
    pub(super) async fn room_for_file(&self, bytes: u64) -> Room {
        self.files.take(bytes).await
    }

    /// Waits for room for work.
    pub(super) async fn room_for_work(&self, bytes: u64) -> Result<Room, TooMuch> {
        self.check(bytes)?;
        Ok(self.work.take(bytes).await)
    }

    /// Whether there will ever be room for this.
    pub(super) fn check(&self, bytes: u64) -> Result<(), TooMuch> {
        let budget = u64::from(self.work.units) * UNIT;
        if bytes > budget {
            return Err(TooMuch { budget });
        }
        Ok(())
    }
}

impl Part {
    fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX >> 4).max(1);
        Self {
            permits: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    async fn take(&self, bytes: u64) -> Room {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(self.units);
        let permits = Arc::clone(&self.permits);
        let permit = permits.acquire_many_owned(units.clamp(1, self.units)).await;
        // It is never closed.
        Room {
            _permit: permit.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const MB: u64 = 1 << 20;

    #[tokio::test]
    async fn work_waits_until_there_is_room_for_it() {
        let budget = MemoryBudget::new(364 * MB);
        let first = budget.room_for_work(200 * MB).await.unwrap();

        assert!(budget.room_for_work(101 * MB).now_or_never().is_none());
        drop(first);
        assert!(budget.room_for_work(101 * MB).now_or_never().is_some());
    }

    #[tokio::test]
    async fn work_beyond_the_whole_budget_is_refused_at_once() {
        let budget = MemoryBudget::new(364 * MB);
        let refused = budget.room_for_work(301 * MB).await.unwrap_err();
        assert_eq!(refused.budget, 300 * MB);
        assert!(budget.room_for_work(300 * MB).await.is_ok());
    }

    #[tokio::test]
    async fn files_that_wait_leave_room_for_work() {
        let budget = MemoryBudget::new(364 * MB);
        let _file = budget.room_for_file(5000 * MB).await;

        assert!(budget.room_for_file(1).now_or_never().is_none());
        assert!(budget.room_for_work(300 * MB).now_or_never().is_some());
    }
}
