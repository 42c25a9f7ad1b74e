//! Which connections there are, who waits for a request, and who has to make room.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// Connections beyond the cap that are accepted all the same: for health checks, and to say 503.
const OVERFLOW: usize = 32;

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// In all.
    pub(crate) total: usize,
    /// From one address; for IPv6, from one /64 network.
    pub(crate) per_client: usize,
}

impl Limits {
    /// A quarter of the files this process may open, because a connection may hold an object, a
    /// scratch file and a database connection; at most 4,096.
    pub(crate) fn of_this_process() -> Self {
        let files = platform::process::raise_open_files();
        let total = (files / 4).clamp(64, 4096);
        Self {
            total,
            per_client: (total / 4).max(32),
        }
    }
}

/// All connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct Registry(Arc<Shared>);

struct Shared {
    limits: Limits,
    is_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    next: AtomicU64,
    connections: Mutex<HashMap<u64, Connection>>,
}

struct Connection {
    client: IpAddr,
    /// Since when its client has had to send something; none while that is up to us.
    waiting_since: Option<Instant>,
    evict: CancellationToken,
}

/// What a connection may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// For everything.
    Regular,
    /// There are too many: for a health check only.
    Overflow,
}

impl Registry {
    pub(super) fn new(limits: Limits, is_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>) -> Self {
        Self(Arc::new(Shared {
            limits,
            is_proxy,
            next: AtomicU64::new(0),
            connections: Mutex::default(),
        }))
    }

    /// Takes a connection in, if need be in the place of one that waits. None if even the room for
    /// health checks is full of connections in the middle of a request.
    pub(super) fn admit(&self, from: IpAddr) -> Option<Slot> {
        let client = network(from);
        let limits = self.0.limits;
        let mut connections = self.0.lock();
        let of_client = if (self.0.is_proxy)(from) {
            0
        } else {
            let same = connections.values();
            same.filter(|other| other.client == client).count()
        };
        let full = if of_client >= limits.per_client {
            Some(Some(client))
        } else if connections.len() >= limits.total {
            Some(None)
        } else {
            None
        };
        let place = match full {
            None => Place::Regular,
            Some(of) if make_room(&mut connections, of) => Place::Regular,
            Some(_) if connections.len() < limits.total + OVERFLOW => Place::Overflow,
            Some(_) => return None,
        };
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let evict = CancellationToken::new();
        let connection = Connection {
            client,
            waiting_since: Some(Instant::now()),
            evict: evict.clone(),
        };
        connections.insert(id, connection);
        Some(Slot {
            id,
            place,
            evict,
            shared: Arc::clone(&self.0),
        })
    }
}

/// Evicts the connection that has waited longest for a request, of one client or of all. False if
/// every one is in the middle of a request.
fn make_room(connections: &mut HashMap<u64, Connection>, client: Option<IpAddr>) -> bool {
    let longest = connections
        .iter()
        .filter(|(_, other)| client.is_none_or(|client| other.client == client))
        .filter_map(|(id, other)| Some((other.waiting_since?, *id)))
        .min();
    let Some((_, id)) = longest else {
        return false;
    };
    if let Some(connection) = connections.remove(&id) {
        connection.evict.cancel();
    }
    true
}

/// A client: an IPv4 address, or an IPv6 network of the size that one customer gets (/64).
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        address @ IpAddr::V4(_) => address,
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Connection>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in the registry, given back when it is dropped.
pub(super) struct Slot {
    id: u64,
    place: Place,
    evict: CancellationToken,
    shared: Arc<Shared>,
}

impl Slot {
    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn evicted(&self) -> CancellationToken {
        self.evict.clone()
    }

    /// Marks the connection as busy until the response has been sent.
    pub(super) fn begin_request(self: &Arc<Self>) -> Busy {
        self.set_waiting(None);
        Busy(Arc::clone(self))
    }

    /// Whether the request that is in progress cannot go on before the client sends more.
    pub(super) fn waits_for_client(&self, waits: bool) {
        if let Some(connection) = self.shared.lock().get_mut(&self.id) {
            connection.waiting_since = match (waits, connection.waiting_since) {
                (true, None) => Some(Instant::now()),
                (true, since) => since,
                (false, _) => None,
            };
        }
    }

    fn set_waiting(&self, since: Option<Instant>) {
        if let Some(connection) = self.shared.lock().get_mut(&self.id) {
            connection.waiting_since = since;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.id);
    }
}

/// A request is in progress.
pub(super) struct Busy(Arc<Slot>);

impl Busy {
    pub(super) fn until_sent(self, response: Response) -> Response {
        response.map(|body| Body::new(Sent { body, _busy: self }))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set_waiting(Some(Instant::now()));
    }
}

/// The body of a response, which holds its connection busy until it is sent or dropped.
struct Sent {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(total: usize, per_client: usize) -> Registry {
        Registry::new(Limits { total, per_client }, Arc::new(|_| false))
    }

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn the_longest_waiting_connection_of_a_client_makes_room_for_its_next_one() {
        let registry = registry(10, 2);
        let first = registry.admit(client(1)).unwrap();
        let second = registry.admit(client(1)).unwrap();
        let third = registry.admit(client(1)).unwrap();

        assert!(first.evicted().is_cancelled());
        assert!(!second.evicted().is_cancelled());
        assert_eq!(third.place(), Place::Regular);
    }

    #[test]
    fn a_connection_in_the_middle_of_a_request_is_never_evicted() {
        let registry = registry(1, 1);
        let first = Arc::new(registry.admit(client(1)).unwrap());
        let busy = first.begin_request();
        let second = registry.admit(client(1)).unwrap();

        assert!(!first.evicted().is_cancelled());
        assert_eq!(second.place(), Place::Overflow);

        drop(second);
        drop(busy);
        assert_eq!(registry.admit(client(1)).unwrap().place(), Place::Regular);
        assert!(first.evicted().is_cancelled());
    }

    #[test]
    fn one_client_cannot_evict_the_connections_of_another() {
        let registry = registry(10, 1);
        let other = registry.admit(client(2)).unwrap();
        let _first = registry.admit(client(1)).unwrap();
        let _second = registry.admit(client(1)).unwrap();

        assert!(!other.evicted().is_cancelled());
    }

    #[test]
    fn a_proxy_may_open_as_many_connections_as_there_are() {
        let limits = Limits {
            total: 10,
            per_client: 1,
        };
        let registry = Registry::new(limits, Arc::new(|_| true));
        let first = registry.admit(client(1)).unwrap();
        let _second = registry.admit(client(1)).unwrap();

        assert!(!first.evicted().is_cancelled());
    }

    #[test]
    fn an_ipv6_client_is_its_64_bit_network() {
        let near: IpAddr = "2001:db8:1:2::1".parse().unwrap();
        let same: IpAddr = "2001:db8:1:2:ffff::9".parse().unwrap();
        let other: IpAddr = "2001:db8:1:3::1".parse().unwrap();
        assert_eq!(network(near), network(same));
        assert_ne!(network(near), network(other));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(network(mapped), client(1));
    }
}
