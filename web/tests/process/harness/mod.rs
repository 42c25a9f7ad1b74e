//! The vocabulary of the tests: a home (the data folder), a server on it, and waiting for
//! conditions.

mod browser;
mod home;
mod nginx;
mod server;
mod store;
mod traces;

use std::panic::Location;
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub(crate) use browser::{Browser, Scripts};
pub(crate) use home::{Finished, Home, signal};
pub(crate) use nginx::Nginx;
pub(crate) use server::{Server, is_done, is_settled};
pub(crate) use store::Stored;
pub(crate) use traces::{STEPS, named, trace_of};

/// The deadline of a condition, with room for a slow and busy machine. Only a failing test waits so
/// long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// How often a condition is checked.
const INTERVAL: Duration = Duration::from_millis(10);

/// Waits until the closure returns something.
#[track_caller]
pub(crate) fn eventually<T>(
    what: &str,
    look: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    within(DEADLINE, what, look)
}

/// [`eventually`], with a deadline that is itself tested.
#[track_caller]
pub(crate) fn within<T>(
    deadline: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let caller = Location::caller();
    async move {
        let start = Instant::now();
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            assert!(
                start.elapsed() < deadline,
                "{caller}: after {deadline:?} still not: {what}"
            );
            sleep(INTERVAL).await;
        }
    }
}
