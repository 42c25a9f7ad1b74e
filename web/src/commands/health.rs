//! `vitrine health`: asks the server on this machine whether it is alive, as a load balancer does.
//! For container images, which have no other HTTP client. It reads where the server listens from
//! the same settings, and needs neither secrets nor database.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use platform::settings::Settings;

/// How long the server may take to accept, and then to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let address = reachable(bind()?);
    let status = ask(address).with_context(|| format!("{address} does not answer"))?;
    if status != "200" {
        bail!("{address} answers {status}");
    }
    println!("ok");
    Ok(ExitCode::SUCCESS)
}

/// Where the server listens. Other settings are not read, because secrets would be fetched.
fn bind() -> anyhow::Result<SocketAddr> {
    let bind = std::env::var("VITRINE_BIND").unwrap_or_default();
    let settings = Settings::from_variables([
        ("VITRINE_BIND".to_owned(), bind),
        // Some addresses need a password, and only the server needs the real one.
        ("VITRINE_ADMIN_PASSWORD".to_owned(), "none".to_owned()),
    ])?;
    Ok(settings.bind)
}

/// The address to connect to.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

/// The status of the answer to `GET /health`.
fn ask(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    // The length of "HTTP/1.1 200".
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning)?;
    let beginning = String::from_utf8_lossy(&beginning);
    let status = beginning.strip_prefix("HTTP/1.1 ");
    Ok(status.context("that is not HTTP")?.to_owned())
}
