//! Counts TCP connections by the port at this end.

use std::io;

use procfs_core::FromBufReadSI as _;
use procfs_core::net::{TcpNetEntries, TcpState};

use super::{malformed, proc_files};

/// The port of SSH (RFC 4251).
const SSH: u16 = 22;

/// Established connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TcpConnections {
    pub(super) all: u64,
    pub(super) http: u64,
    pub(super) ssh: u64,
}

impl TcpConnections {
    /// Adds those of a table, the content of `/proc/net/tcp` or `tcp6`.
    pub(super) fn add(&mut self, table: &str, http_ports: &[u16]) -> io::Result<()> {
        let sockets = TcpNetEntries::from_buf_read(table.as_bytes(), &proc_files::SYSTEM);
        for socket in sockets.map_err(malformed)?.0 {
            if socket.state != TcpState::Established {
                continue;
            }
            let port = socket.local_address.port();
            self.all += 1;
            self.http += u64::from(http_ports.contains(&port));
            self.ssh += u64::from(port == SSH);
        }
        Ok(())
    }
}
