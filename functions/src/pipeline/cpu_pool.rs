//! Work on pixels: on threads of its own, so that the server keeps answering, and no more at once
//! than the machine has cores and memory for.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Pixels that a permit stands for.
const PIXELS_PER_PERMIT: u64 = 1_000_000;

/// Pixels in memory for each thread at least, however small the largest picture is.
const PIXELS_PER_THREAD: u64 = 25_000_000;

/// A bounded pool for work on pictures. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CpuPool {
    threads: Arc<Semaphore>,
    pixels: Arc<Semaphore>,
    budget: u32,
}

/// The work panicked, with this message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(pub String);

impl CpuPool {
    /// A pool of `threads` threads that has one picture of `max_pixels` in memory at once: with 3
    /// bytes a pixel, 100 megapixels are 300 MB.
    pub fn new(threads: usize, max_pixels: u64) -> Self {
        let threads = threads.max(1);
        let pixels = max_pixels.max(PIXELS_PER_THREAD * threads as u64);
        let budget = u32::try_from(pixels.div_ceil(PIXELS_PER_PERMIT)).unwrap_or(u32::MAX >> 4);
        Self {
            threads: Arc::new(Semaphore::new(threads)),
            pixels: Arc::new(Semaphore::new(budget as usize)),
            budget,
        }
    }

    /// Runs `work`, which holds about `pixels` pixels in memory, as soon as there is room.
    pub async fn run<T: Send + 'static>(
        &self,
        pixels: u64,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let wanted = pixels.div_ceil(PIXELS_PER_PERMIT);
        let wanted =
            u32::try_from(wanted).map_or(self.budget, |wanted| wanted.clamp(1, self.budget));
        let closed = |_| Panicked("the pool was closed".to_owned());
        let memory = Arc::clone(&self.pixels)
            .acquire_many_owned(wanted)
            .await
            .map_err(closed)?;
        let thread = Arc::clone(&self.threads)
            .acquire_owned()
            .await
            .map_err(closed)?;
        // The thread owns the permits, because it may outlive the future that waits for it.
        let task = tokio::task::spawn_blocking(move || {
            let result = catch_unwind(AssertUnwindSafe(work));
            drop((memory, thread));
            result
        });
        match task.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => Err(Panicked(panic_text(panic.as_ref()))),
            Err(stopped) => Err(Panicked(stopped.to_string())),
        }
    }
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no reason given".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_pool_keeps_working() {
        let pool = CpuPool::new(1, 1);

        let panicked = pool.run(1, || panic!("no such colour")).await;
        let fine = pool.run(1, || 7).await;

        assert_eq!(
            panicked,
            Err::<(), _>(Panicked("no such colour".to_owned()))
        );
        assert_eq!(fine, Ok(7));
    }

    #[tokio::test]
    async fn pictures_beyond_the_memory_budget_run_one_after_the_other() {
        static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
        let pool = CpuPool::new(4, 100_000_000);

        let work = || {
            let others = AT_ONCE.fetch_add(1, Ordering::SeqCst);
            std::thread::yield_now();
            AT_ONCE.fetch_sub(1, Ordering::SeqCst);
            others
        };
        let runs = (0..20).map(|_| pool.run(60_000_000, work));
        let most = futures::future::join_all(runs)
            .await
            .into_iter()
            .flatten()
            .max();

        assert_eq!(most, Some(0));
    }

    #[tokio::test]
    async fn a_picture_beyond_the_budget_runs_alone() {
        let pool = CpuPool::new(1, 10);
        assert_eq!(pool.run(u64::MAX, || "done").await, Ok("done"));
    }
}
