//! What takes long to count is counted in the background and remembered meanwhile.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use tracing::warn;

/// What takes less is counted each time.
const SLOW: Duration = Duration::from_millis(50);

/// What took a second is counted again after so many.
const SPARING: u32 = 20;

/// The last result of a query. A small gallery sees what holds now; a large one sees what held up to
/// 20 times as long ago as counting takes, so that counting takes at most a twentieth of a processor.
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Remembered<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    last: Mutex<Option<Last<T>>>,
    is_counting: AtomicBool,
}

#[derive(Clone, Debug)]
struct Last<T> {
    counted: Counted<T>,
    took: Duration,
    at: Instant,
}

/// A result, and when it held.
#[derive(Clone, Debug)]
pub(crate) struct Counted<T> {
    pub(crate) value: T,
    pub(crate) at: DateTime<Utc>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(Arc::new(Inner {
            last: Mutex::new(None),
            is_counting: AtomicBool::new(false),
        }))
    }
}

impl<T: Clone + Send + 'static> Remembered<T> {
    pub(crate) async fn get<F>(&self, count: impl FnOnce() -> F) -> Result<Counted<T>, DbErr>
    where
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        let Some(last) = self.last().filter(|last| last.took >= SLOW) else {
            return self.count(count()).await;
        };
        let is_due = last.at.elapsed() > last.took * SPARING;
        if is_due && !self.0.is_counting.swap(true, Ordering::AcqRel) {
            let (this, counting) = (self.clone(), count());
            tokio::spawn(async move {
                if let Err(error) = this.count(counting).await {
                    warn!(%error, "counting failed; the last result is shown");
                }
                this.0.is_counting.store(false, Ordering::Release);
            });
        }
        Ok(last.counted)
    }

    async fn count(
        &self,
        counting: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<Counted<T>, DbErr> {
        let (begin, at) = (Instant::now(), entity::now());
        let value = counting.await?;
        let counted = Counted { value, at };
        let last = Last {
            counted: counted.clone(),
            took: begin.elapsed(),
            at: Instant::now(),
        };
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Ok(counted)
    }

    fn last(&self) -> Option<Last<T>> {
        let last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    /// Counts how often it is asked, which takes `time`.
    struct Query {
        asked: Arc<AtomicU32>,
        time: Duration,
    }

    impl Query {
        fn that_takes(time: Duration) -> Self {
            let asked = Arc::new(AtomicU32::new(0));
            Self { asked, time }
        }

        async fn through(&self, remembered: &Remembered<u32>) -> u32 {
            let (asked, time) = (Arc::clone(&self.asked), self.time);
            let counted = remembered.get(|| async move {
                tokio::time::sleep(time).await;
                Ok(asked.fetch_add(1, Ordering::SeqCst) + 1)
            });
            counted.await.unwrap().value
        }
    }

    #[tokio::test]
    async fn what_is_quick_is_counted_each_time() {
        let query = Query::that_takes(Duration::ZERO);
        let remembered = Remembered::default();
        for expected in 1..=3 {
            assert_eq!(query.through(&remembered).await, expected);
        }
    }

    #[tokio::test]
    async fn what_is_slow_is_counted_in_the_background_after_a_while() {
        let query = Query::that_takes(SLOW);
        let remembered = Remembered::default();
        assert_eq!(query.through(&remembered).await, 1);
        assert_eq!(query.through(&remembered).await, 1);

        // As if it had been long ago.
        if let Some(last) = remembered.0.last.lock().unwrap().as_mut() {
            last.took = SLOW;
            last.at = Instant::now().checked_sub(SLOW * (SPARING + 1)).unwrap();
        }
        assert_eq!(query.through(&remembered).await, 1);
        while query.through(&remembered).await < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_failure_is_reported_and_nothing_is_remembered() {
        let remembered = Remembered::<u32>::default();
        let failed = remembered.get(|| async { Err(DbErr::Custom("gone".to_owned())) });
        assert!(failed.await.is_err());
        assert!(remembered.last().is_none());
    }
}
