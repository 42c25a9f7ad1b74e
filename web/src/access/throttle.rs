//! Slows down guessing of passwords and tokens: after a few wrong guesses from one source, the wait
//! before the next one doubles each time. A browser that was signed in before is a source by itself,
//! so other clients cannot lock it out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::connections::network;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// Wrong guesses without a wait.
const FREE: u32 = 5;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(300);

/// How long a guesser is remembered.
const MEMORY: Duration = Duration::from_secs(3600);

/// The most guessers that are remembered.
const CAPACITY: usize = 10_000;

/// A source of guesses, whose wrong ones are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Guesser {
    /// An IPv4 address, or an IPv6 network as providers give it to one customer (/64).
    Network(IpAddr),
    /// A browser that was signed in before: the name in its cookie.
    KnownBrowser(String),
}

impl Guesser {
    pub(super) fn at(address: IpAddr) -> Self {
        Self::Network(network(address))
    }
}

#[derive(Debug)]
pub(super) struct Throttle {
    /// The plural noun for the message: passwords, tokens.
    guessed: &'static str,
    failures: Mutex<HashMap<Guesser, Failures>>,
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

    /// Refuses with 429 while this guesser has to wait.
    pub(super) fn admit(&self, from: &Guesser) -> Result<(), Problem> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = failures.get(from) else {
            return Ok(());
        };
        let left = known.wait().saturating_sub(known.last.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        let seconds = u32::try_from(left.as_secs() + 1).unwrap_or(u32::MAX);
        Err(Problem::temporary(
            ProblemKind::TooManyRequests,
            format!(
                "too many wrong {}; try again in {seconds} seconds",
                self.guessed
            ),
            seconds,
        ))
    }

    pub(super) fn failed(&self, from: &Guesser) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= CAPACITY {
            failures.retain(|_, known| known.last.elapsed() < MEMORY);
        }
        if failures.len() >= CAPACITY {
            // The one with the fewest failures goes, so that a guesser cannot clear its own record
            // by filling the memory.
            let harmless = failures
                .iter()
                .min_by_key(|(_, known)| (known.count, known.last));
            if let Some(harmless) = harmless.map(|(guesser, _)| guesser.clone()) {
                failures.remove(&harmless);
            }
        }
        let known = failures.entry(from.clone()).or_insert(Failures {
            count: 0,
            last: Instant::now(),
        });
        known.count += 1;
        known.last = Instant::now();
    }

    pub(super) fn succeeded(&self, from: &Guesser) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_wrong_passwords_delay_their_guesser_only() {
        let throttle = Throttle::new("passwords");
        let guesser = &Guesser::at(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..FREE {
            assert!(throttle.admit(guesser).is_ok());
            throttle.failed(guesser);
        }

        assert!(throttle.admit(guesser).is_err());
        assert!(
            throttle
                .admit(&Guesser::at(IpAddr::from([192, 0, 2, 2])))
                .is_ok()
        );
        assert!(
            throttle
                .admit(&Guesser::KnownBrowser("b".to_owned()))
                .is_ok()
        );

        throttle.succeeded(guesser);
        assert!(throttle.admit(guesser).is_ok());
    }
}
