//! Finds a socket in `/proc/net/tcp` (proc(5)), the table of all of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(super) fn is_available() -> bool {
    std::fs::read_to_string("/proc/net/tcp").is_ok()
}

pub(super) fn user(theirs: SocketAddr, ours: SocketAddr) -> io::Result<Option<u32>> {
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    if let Some(user) = find(&table, theirs, ours) {
        return Ok(Some(user));
    }
    // An IPv4 client may use a socket of IPv6.
    let table = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    Ok(find(&table, theirs, ours))
}

/// Columns: number, local address, remote address, state, queues, timer, retransmits, user, timeout,
/// inode. A closed socket has no inode, and its user is always given as 0.
fn find(table: &str, theirs: SocketAddr, ours: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let local = address(columns.nth(1)?)?;
        let remote = address(columns.next()?)?;
        let user = columns.nth(4)?.parse().ok()?;
        let inode = columns.nth(1)?;
        let same = local == canonical(theirs) && remote == canonical(ours) && inode != "0";
        same.then_some(user)
    })
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// `0100007F:1F90`: 32-bit words in the byte order of this machine, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Option<Vec<[u8; 4]>> = (0..ip.len() / 8)
        .map(|word| {
            let digits = ip.get(word * 8..word * 8 + 8)?;
            Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
        })
        .collect();
    let ip = match words?.as_slice() {
        [word] => IpAddr::V4(Ipv4Addr::from(*word)),
        [a, b, c, d] => {
            let octets = [*a, *b, *c, *d].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_read_from_the_line_of_the_connection() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n\
   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000    33        0 7 1\n\
   2: 0100007F:C351 0100007F:1F90 06 00000000:00000000 03:00000000 00000000     0        0 0 3\n";
        let ours = SocketAddr::from(([127, 0, 0, 1], 8080));
        let from = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(find(table, from(50_000), ours), Some(33));
        assert_eq!(find(table, from(50_001), ours), None, "it is closed");
        assert_eq!(find(table, from(50_002), ours), None);
    }
}
