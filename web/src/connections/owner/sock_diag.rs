//! Asks the kernel for one socket over netlink (sock_diag(7)).

use std::io;
use std::net::SocketAddr;

#[cfg(target_os = "linux")]
pub(super) fn user(theirs: SocketAddr, ours: SocketAddr) -> io::Result<Option<u32>> {
    linux::user(theirs, ours)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn user(_theirs: SocketAddr, _ours: SocketAddr) -> io::Result<Option<u32>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the kernel answers such questions: containers may forbid it.
pub(super) fn is_available() -> bool {
    let nothing = SocketAddr::from(([127, 0, 0, 1], 0));
    user(nothing, nothing).is_ok()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::net::SocketAddr;

    use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
    use netlink_packet_sock_diag::SockDiagMessage;
    use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
    use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
    use netlink_sys::Socket;
    use netlink_sys::protocols::NETLINK_SOCK_DIAG;

    /// `INET_DIAG_NOCOOKIE`: the addresses say which socket is meant.
    const NO_COOKIE: [u8; 8] = [0xff; 8];

    /// Room for one answer: 72 bytes, and some attributes that were not asked for.
    const ANSWER: usize = 4096;

    pub(super) fn user(theirs: SocketAddr, ours: SocketAddr) -> io::Result<Option<u32>> {
        let socket = Socket::new(NETLINK_SOCK_DIAG)?;
        // The answer is there once the question is sent.
        socket.set_non_blocking(true)?;
        socket.connect(&netlink_sys::SocketAddr::new(0, 0))?;
        socket.send(&question(theirs, ours), 0)?;
        let mut answer = vec![0; ANSWER];
        let length = socket.recv(&mut answer.as_mut_slice(), 0)?;
        let answer = answer.get(..length).unwrap_or_default();
        read(answer, theirs, ours)
    }

    fn question(theirs: SocketAddr, ours: SocketAddr) -> Vec<u8> {
        // An IPv4 connection of an IPv6 socket is found by its IPv4 addresses.
        let (theirs, ours) = (canonical(theirs), canonical(ours));
        let request = InetRequest {
            family: if theirs.is_ipv4() { AF_INET } else { AF_INET6 },
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::all(),
            socket_id: SocketId {
                source_port: theirs.port(),
                destination_port: ours.port(),
                source_address: theirs.ip(),
                destination_address: ours.ip(),
                interface_id: 0,
                cookie: NO_COOKIE,
            },
        };
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    }

    /// The user in an answer. If no connection matches, the kernel names a listener on the same
    /// port, so the addresses are compared. A closed socket has no inode, and its user is always
    /// given as 0.
    fn read(answer: &[u8], theirs: SocketAddr, ours: SocketAddr) -> io::Result<Option<u32>> {
        let message = NetlinkMessage::<SockDiagMessage>::deserialize(answer)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        match message.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                let id = &response.header.socket_id;
                let local = SocketAddr::new(id.source_address, id.source_port);
                let remote = SocketAddr::new(id.destination_address, id.destination_port);
                let is_same = canonical(local) == canonical(theirs)
                    && canonical(remote) == canonical(ours)
                    && response.header.inode != 0;
                Ok(is_same.then_some(response.header.uid))
            }
            NetlinkPayload::Error(error) => match error.to_io() {
                error if error.kind() == io::ErrorKind::NotFound => Ok(None),
                error => Err(error),
            },
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn canonical(address: SocketAddr) -> SocketAddr {
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }
}
