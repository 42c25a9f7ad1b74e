//! Rate limits for visitors, per client: uploads, messages and requests to be covered. There are none
//! for people who are signed in and for tokens, because the admin can end a session or a token.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Action, Client, Role, Viewer};
use crate::connections::network;
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// The most clients that are remembered.
const CAPACITY: usize = 10_000;

/// The rates of this process. Cheap to clone.
#[derive(Clone)]
pub struct VisitorRates {
    uploads: Arc<Rate>,
    messages: Arc<Rate>,
    removals: Arc<Rate>,
}

impl Default for VisitorRates {
    /// Guests of one event often share an address and upload hundreds of photos at once. Messages
    /// come one by one.
    fn default() -> Self {
        Self {
            uploads: Arc::new(Rate::new(500, Duration::from_secs(2))),
            messages: Arc::new(Rate::new(20, Duration::from_secs(30))),
            removals: Arc::new(Rate::new(10, Duration::from_secs(360))),
        }
    }
}

impl VisitorRates {
    /// Counts an action of a visitor.
    ///
    /// # Errors
    /// 429 if it is too much.
    pub(crate) fn admit(
        &self,
        viewer: &Viewer,
        client: &Client,
        action: Action,
    ) -> Result<(), Problem> {
        if viewer.role() != Role::Visitor {
            return Ok(());
        }
        let (rate, what) = match action {
            Action::Upload => (&self.uploads, "photos"),
            Action::PostMessage => (&self.messages, "messages"),
            Action::Manage | Action::SeeDetails | Action::ManageTokens => return Ok(()),
        };
        count(rate, client, what)
    }

    /// Counts a request to be covered, by anybody.
    ///
    /// # Errors
    /// 429 if there were too many.
    pub(crate) fn admit_removal(&self, client: &Client) -> Result<(), Problem> {
        count(&self.removals, client, "requests")
    }
}

fn count(rate: &Rate, client: &Client, what: &str) -> Result<(), Problem> {
    rate.take(client.address, Instant::now()).map_err(|wait| {
        let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
        Problem::temporary(
            ProblemKind::TooManyRequests,
            format!("too many {what} from your address; try again in {seconds} seconds"),
            seconds,
        )
    })
}

/// So many at once, and then one in each interval (the generic cell rate algorithm).
struct Rate {
    burst: u32,
    interval: Duration,
    /// When each client will have its whole burst again.
    settled_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl Rate {
    fn new(burst: u32, interval: Duration) -> Self {
        Self {
            burst,
            interval,
            settled_at: Mutex::default(),
        }
    }

    /// Counts one, or returns how long to wait.
    fn take(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let client = network(from);
        let mut known = self
            .settled_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let settled_at = known.get(&client).copied().unwrap_or(now).max(now);
        let next = settled_at + self.interval;
        let wait = (next - now).saturating_sub(self.interval * self.burst);
        if !wait.is_zero() {
            return Err(wait);
        }
        if known.len() >= CAPACITY && !known.contains_key(&client) {
            make_room(&mut known, now);
        }
        known.insert(client, next);
        Ok(())
    }
}

/// Forgets clients that have their whole burst again, or else the one that will be next.
fn make_room(known: &mut HashMap<IpAddr, Instant>, now: Instant) {
    known.retain(|_, settled_at| *settled_at > now);
    if known.len() >= CAPACITY {
        let least = known.iter().min_by_key(|(_, settled_at)| **settled_at);
        if let Some(client) = least.map(|(client, _)| *client) {
            known.remove(&client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn after_a_burst_there_is_one_in_each_interval() {
        let rate = Rate::new(3, INTERVAL);
        let now = Instant::now();
        for _ in 0..3 {
            rate.take(client(1), now).unwrap();
        }
        assert_eq!(rate.take(client(1), now), Err(INTERVAL));
        rate.take(client(2), now).unwrap();

        let later = now + INTERVAL;
        rate.take(client(1), later).unwrap();
        assert_eq!(rate.take(client(1), later), Err(INTERVAL));
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let rate = Rate::new(1, INTERVAL);
        let now = Instant::now();
        rate.take("2001:db8::1".parse().unwrap(), now).unwrap();
        assert!(rate.take("2001:db8::2".parse().unwrap(), now).is_err());
        rate.take("2001:db8:0:1::1".parse().unwrap(), now).unwrap();
    }

    #[test]
    fn the_memory_for_clients_is_bounded() {
        let rate = Rate::new(1, INTERVAL);
        let now = Instant::now();
        for number in 0..CAPACITY + 10 {
            let number = u32::try_from(number).unwrap();
            let address = IpAddr::from(number.to_be_bytes());
            rate.take(address, now + Duration::from_micros(number.into()))
                .unwrap();
        }
        assert_eq!(rate.settled_at.lock().unwrap().len(), CAPACITY);
    }
}
