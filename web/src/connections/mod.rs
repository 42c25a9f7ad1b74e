//! Connections from accept to close: timeouts for everything a client can leave unfinished, a cap in
//! all and per client, and room for a health check however many there are.
//!
//! A client that sends nothing, half a header or half a body must not keep others out. When a cap
//! is reached, the connection that has waited longest for a request makes room. Where all of them
//! are in the middle of a request, a further one gets 503, except for `/health`.

mod body;
mod owner;
mod registry;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use crate::problem::Problem;
use crate::problem_kind::ProblemKind;

pub(crate) use body::Stalled;
pub(crate) use owner::{Owner, can_be_looked_up};
pub(crate) use registry::{Limits, network};
use registry::{Place, Registry, Slot};

/// From the first byte awaited to the end of the header; also how long an idle connection is kept.
const HEADER: Duration = Duration::from_secs(20);

/// How long a client may take none of what is written to it.
const WRITE: Duration = Duration::from_secs(60);

/// The largest header, in bytes.
const HEADER_BYTES: usize = 32 * 1024;

/// Whose connection a request came in on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Who runs the program at the other end; looked up on loopback only, and only where it counts.
    pub(crate) owner: Owner,
}

/// What connections need besides the router.
#[derive(Clone)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    /// Whether the owner of a connection decides about access.
    pub(crate) looks_up_owner: bool,
    /// Addresses that may open as many connections as there are: those of proxies.
    pub(crate) is_proxy: Arc<dyn Fn(std::net::IpAddr) -> bool + Send + Sync>,
}

/// Serves until `stop`, then lets requests that have begun finish.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    rules: Rules,
    stop: CancellationToken,
) -> io::Result<()> {
    let registry = Registry::new(rules.limits, Arc::clone(&rules.is_proxy));
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_clients_fault(&error) => continue,
            Err(error) => {
                // Out of file descriptors: some are given back soon.
                warn!(%error, "no connection can be accepted");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        match registry.admit(address.ip()) {
            Some(slot) => {
                let (app, stop) = (app.clone(), stop.clone());
                tasks.spawn(one(stream, address, app, slot, rules.looks_up_owner, stop));
            }
            None => debug!(%address, "refused: there are too many connections"),
        }
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

fn is_clients_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

async fn one(
    stream: TcpStream,
    address: SocketAddr,
    app: Router,
    slot: Slot,
    looks_up_owner: bool,
    stop: CancellationToken,
) {
    let owner = match (looks_up_owner, stream.local_addr()) {
        (true, Ok(ours)) => owner::of(address, ours).await,
        _ => Owner::NotAsked,
    };
    let peer = Peer { address, owner };
    let evicted = slot.evicted();
    let place = slot.place();
    let slot = Arc::new(slot);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        answer(request, app.clone(), Arc::clone(&slot), peer)
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_buf_size(HEADER_BYTES)
        .keep_alive(place == Place::Regular)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    tokio::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "a connection ended early");
                }
                return;
            }
            () = evicted.cancelled() => return,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    app: Router,
    slot: Arc<Slot>,
    peer: Peer,
) -> Result<Response, Infallible> {
    let busy = slot.begin_request();
    if slot.place() == Place::Overflow && request.uri().path() != "/health" {
        let mut response = Problem::temporary(
            ProblemKind::Unavailable,
            "there are too many connections; try again soon",
            2,
        )
        .into_response();
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
        return Ok(busy.until_sent(response));
    }
    let (request, rest) = body::paced(request.map(Body::new), Some(Arc::clone(&slot)));
    let mut request: Request = request;
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(ConnectInfo(peer.address));
    let response = app.oneshot(request).await.into_response();
    // A client that is still sending would not read the answer.
    rest.discard().await;
    Ok(busy.until_sent(response))
}
