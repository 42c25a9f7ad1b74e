//! How often a client may do what everybody may: counted in memory, by network, and forgotten after
//! the time that it is counted over.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::connections::network;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// Networks that are remembered at once. Beyond that nobody new is admitted until one is forgotten:
/// a flood from many addresses must not clear the memory.
const CAPACITY: usize = 10_000;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct RateLimit {
    most: usize,
    per: Duration,
    admitted: Arc<Mutex<HashMap<IpAddr, VecDeque<Instant>>>>,
}

impl RateLimit {
    /// At most so many in any such time, of one client.
    pub fn new(most: usize, per: Duration) -> Self {
        Self {
            most,
            per,
            admitted: Arc::default(),
        }
    }

    /// # Errors
    /// 429 if this client has to wait.
    pub fn admit(&self, address: IpAddr) -> Result<(), Problem> {
        self.admit_at(address, Instant::now())
    }

    fn admit_at(&self, address: IpAddr, now: Instant) -> Result<(), Problem> {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Instant| now.duration_since(*at) < self.per;
        admitted.retain(|_, times| times.back().is_some_and(is_recent));
        let network = network(address);
        if admitted.len() >= CAPACITY && !admitted.contains_key(&network) {
            return Err(refusal(self.per));
        }
        let times = admitted.entry(network).or_default();
        while times.front().is_some_and(|at| !is_recent(at)) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= self.most => {
                Err(refusal(self.per.saturating_sub(now.duration_since(*first))))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

fn refusal(wait: Duration) -> Problem {
    let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
    Problem::temporary(
        ProblemKind::TooManyRequests,
        format!("there were too many of these requests; try again in {seconds} seconds"),
        seconds,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_client_is_admitted_so_often_in_any_hour_and_others_do_not_matter() {
        let limit = RateLimit::new(2, HOUR);
        let start = Instant::now();
        let [ada, bob] = [1, 2].map(|host| IpAddr::from([192, 0, 2, host]));
        assert!(limit.admit_at(ada, start).is_ok());
        assert!(limit.admit_at(ada, start + HOUR / 2).is_ok());
        assert!(limit.admit_at(ada, start + HOUR / 2).is_err());
        assert!(limit.admit_at(bob, start + HOUR / 2).is_ok());
        assert!(limit.admit_at(ada, start + HOUR).is_ok());
        assert!(limit.admit_at(ada, start + HOUR).is_err());
    }

    #[test]
    fn those_who_have_not_come_for_an_hour_are_forgotten() {
        let limit = RateLimit::new(2, HOUR);
        let start = Instant::now();
        limit.admit_at(IpAddr::from([192, 0, 2, 1]), start).unwrap();
        limit
            .admit_at(IpAddr::from([192, 0, 2, 2]), start + HOUR)
            .unwrap();
        assert_eq!(limit.admitted.lock().unwrap().len(), 1);
    }
}
