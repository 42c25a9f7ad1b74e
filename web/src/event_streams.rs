//! Caps on event streams, per client and in total: each one holds a connection for up to a quarter of
//! an hour.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connections::{Limits, network};
use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

/// The open streams of this process. Cheap to clone.
#[derive(Clone)]
pub struct EventStreams(Arc<Shared>);

struct Shared {
    limits: Limits,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    /// By address, or IPv6 network of 64 bits.
    of_client: HashMap<IpAddr, usize>,
}

impl EventStreams {
    /// Half of the connections, so that the rest is left for pages.
    pub(crate) fn within(connections: Limits) -> Self {
        let total = connections.total / 2;
        Self::new(Limits {
            total,
            per_client: (total / 16).clamp(8, 64),
        })
    }

    fn new(limits: Limits) -> Self {
        Self(Arc::new(Shared {
            limits,
            open: Mutex::default(),
        }))
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.0.lock().total
    }

    /// # Errors
    /// 429 if this client has too many, 503 if there are too many in all.
    pub(crate) fn admit(&self, from: IpAddr) -> Result<OpenStream, Problem> {
        let client = network(from);
        let Limits { total, per_client } = self.0.limits;
        let mut open = self.0.lock();
        let of_client = open.of_client.get(&client).copied().unwrap_or_default();
        if of_client >= per_client {
            return Err(Problem::temporary(
                ProblemKind::TooManyRequests,
                format!("{per_client} event streams are open from your address; close one"),
                10,
            ));
        }
        if open.total >= total {
            return Err(Problem::temporary(
                ProblemKind::Unavailable,
                "too many event streams are open; try again soon",
                10,
            ));
        }
        open.total += 1;
        open.of_client.insert(client, of_client + 1);
        Ok(OpenStream {
            client,
            shared: Arc::clone(&self.0),
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a stream, which is free again when this is dropped.
pub(crate) struct OpenStream {
    client: IpAddr,
    shared: Arc<Shared>,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.shared.lock();
        open.total -= 1;
        if let Some(of_client) = open.of_client.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                open.of_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn one_client_cannot_take_the_streams_of_others() {
        let streams = EventStreams::new(Limits {
            total: 3,
            per_client: 2,
        });
        let first = streams.admit(client(1)).unwrap();
        let _second = streams.admit(client(1)).unwrap();

        let refused = streams.admit(client(1)).err().unwrap();
        assert_eq!(refused.status(), 429);
        let _other = streams.admit(client(2)).unwrap();
        let refused = streams.admit(client(3)).err().unwrap();
        assert_eq!(refused.status(), 503);

        drop(first);
        let _third = streams.admit(client(3)).unwrap();
        assert_eq!(streams.0.lock().of_client.len(), 3);
    }

    #[test]
    fn a_client_without_a_stream_is_forgotten() {
        let streams = EventStreams::new(Limits {
            total: 3,
            per_client: 2,
        });
        drop(streams.admit(client(1)).unwrap());
        let open = streams.0.lock();
        assert_eq!((open.total, open.of_client.len()), (0, 0));
    }
}
