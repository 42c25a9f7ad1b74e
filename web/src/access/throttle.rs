//! Slows down those who guess passwords or tokens: after a few wrong ones from an address, each
//! further try has to wait twice as long as the one before.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::problem::Problem;

/// Wrong guesses that cost nothing.
const FREE: u32 = 5;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(300);

/// How long an address is remembered.
const MEMORY: Duration = Duration::from_secs(3600);

/// Addresses that are remembered at once.
const CAPACITY: usize = 10_000;

#[derive(Debug)]
pub(super) struct Throttle {
    /// What is guessed, in the plural.
    guessed: &'static str,
    failures: Mutex<HashMap<IpAddr, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(self) -> Duration {
        match self.count.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(more) => Duration::from_secs(2_u64.saturating_pow(more)).min(LONGEST),
        }
    }
}

impl Throttle {
    pub(super) fn new(guessed: &'static str) -> Self {
        Self {
            guessed,
            failures: Mutex::default(),
        }
    }

    /// Refuses with 429 whoever has to wait.
    pub(super) fn admit(&self, from: IpAddr) -> Result<(), Problem> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = failures.get(&from) else {
            return Ok(());
        };
        let left = known.wait().saturating_sub(known.last.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        let seconds = u32::try_from(left.as_secs() + 1).unwrap_or(u32::MAX);
        Err(Problem::too_many(
            format!(
                "too many wrong {}; try again in {seconds} seconds",
                self.guessed
            ),
            seconds,
        ))
    }

    pub(super) fn failed(&self, from: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= CAPACITY {
            failures.retain(|_, known| known.last.elapsed() < MEMORY);
        }
        if failures.len() >= CAPACITY {
            failures.clear();
        }
        let known = failures.entry(from).or_insert(Failures {
            count: 0,
            last: Instant::now(),
        });
        known.count += 1;
        known.last = Instant::now();
    }

    pub(super) fn succeeded(&self, from: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_wrong_passwords_from_one_address_have_to_wait_and_others_have_not() {
        let throttle = Throttle::new("passwords");
        let guesser = IpAddr::from([192, 0, 2, 1]);
        for _ in 0..FREE {
            assert!(throttle.admit(guesser).is_ok());
            throttle.failed(guesser);
        }

        assert!(throttle.admit(guesser).is_err());
        assert!(throttle.admit(IpAddr::from([192, 0, 2, 2])).is_ok());

        throttle.succeeded(guesser);
        assert!(throttle.admit(guesser).is_ok());
    }
}
