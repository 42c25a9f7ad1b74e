//! Which user runs the program at the other end of a loopback connection. The kernel knows the user
//! of each socket.

mod proc_net;
mod sock_diag;

use std::net::SocketAddr;

use tokio::task::spawn_blocking;

/// The user of the program at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The user of this process, or root.
    Ourselves,
    /// Another user, by number.
    User(u32),
    /// This system does not tell.
    Unknown,
    /// It makes no difference.
    NotAsked,
}

/// The owner of the socket at `theirs` that is connected to `ours`.
pub(super) async fn of(theirs: SocketAddr, ours: SocketAddr) -> Owner {
    if !theirs.ip().to_canonical().is_loopback() {
        return Owner::NotAsked;
    }
    // The kernel answers at once, however many sockets there are. Where netlink is not allowed, the
    // table of all sockets has to be read.
    let found = match sock_diag::user(theirs, ours) {
        Ok(found) => found,
        Err(_) => spawn_blocking(move || proc_net::user(theirs, ours))
            .await
            .ok()
            .and_then(Result::ok)
            .flatten(),
    };
    match found {
        Some(user) if user == 0 || user == platform::process::user() => Owner::Ourselves,
        Some(user) => Owner::User(user),
        None => Owner::Unknown,
    }
}

/// Whether this system tells the owners of sockets.
pub(crate) fn can_be_looked_up() -> bool {
    sock_diag::is_available() || proc_net::is_available()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    /// Both ends of a connection, and the client's and the server's address as the server sees
    /// them. None if this machine lacks this kind of address.
    async fn connection(
        bind: &str,
        connect: &str,
    ) -> Option<(TcpStream, TcpStream, SocketAddr, SocketAddr)> {
        let Ok(listener) = TcpListener::bind((bind, 0)).await else {
            println!("SKIPPED: {bind} cannot be bound here");
            return None;
        };
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect((connect, port)).await.unwrap();
        let (server, theirs) = listener.accept().await.unwrap();
        let ours = server.local_addr().unwrap();
        Some((client, server, theirs, ours))
    }

    const PAIRS: [(&str, &str); 5] = [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        // A socket for both kinds of addresses, with a client of IPv4.
        ("::", "127.0.0.1"),
        // A client that uses a socket of IPv6 for IPv4.
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("::", "::ffff:127.0.0.1"),
    ];

    #[tokio::test]
    async fn a_connection_of_this_process_is_our_own() {
        for (bind, connect) in PAIRS {
            if let Some((_client, _server, theirs, ours)) = connection(bind, connect).await {
                assert_eq!(of(theirs, ours).await, Owner::Ourselves, "{bind} {connect}");
            }
        }
    }

    type Lookup = fn(SocketAddr, SocketAddr) -> io::Result<Option<u32>>;

    #[tokio::test]
    async fn both_sources_name_the_user_of_a_connection_and_none_once_it_is_closed() {
        let user = platform::process::user();
        let sources: [(&str, bool, Lookup); 2] = [
            ("sock_diag", sock_diag::is_available(), sock_diag::user),
            ("proc_net", proc_net::is_available(), proc_net::user),
        ];
        for (source, is_available, lookup) in sources {
            if !is_available {
                println!("SKIPPED: this system lacks {source}");
                continue;
            }
            for (bind, connect) in PAIRS {
                let Some((client, server, theirs, ours)) = connection(bind, connect).await else {
                    continue;
                };
                let found = lookup(theirs, ours).unwrap();
                assert_eq!(found, Some(user), "{source} {bind} {connect}");
                drop(client);
                let closed = lookup(theirs, ours).unwrap();
                assert_eq!(closed, None, "{source} {bind} {connect}");
                drop(server);
            }
        }
    }

    #[tokio::test]
    async fn a_listener_is_not_taken_for_a_connection() {
        if !sock_diag::is_available() {
            println!("SKIPPED: this system lacks sock_diag");
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listening = listener.local_addr().unwrap();
        let elsewhere = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(sock_diag::user(listening, elsewhere).unwrap(), None);
    }
}
