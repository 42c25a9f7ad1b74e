//! What the tests talk in: a home (the data folder), a server that lives in it, and waiting
//! for something to become true.

mod browser;
mod home;
mod server;
mod store;
mod traces;

use std::panic::Location;
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub(crate) use browser::{Browser, Scripts};
pub(crate) use home::{Finished, Home, signal};
pub(crate) use server::{Server, is_done, is_settled};
pub(crate) use store::Stored;
pub(crate) use traces::{STEPS, named, trace_of};

/// How long anything may take on a slow machine with much else to do. Only a test that fails
/// waits so long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// How often is looked whether it is so.
const INTERVAL: Duration = Duration::from_millis(10);

/// Looks again and again until there is something to see.
#[track_caller]
pub(crate) fn eventually<T>(
    what: &str,
    look: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    within(DEADLINE, what, look)
}

/// [`eventually`], with a deadline that is part of what is promised.
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
