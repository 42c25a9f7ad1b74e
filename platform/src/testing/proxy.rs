//! A proxy that causes faults on demand, in front of a healthy server.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is passed on.
    None,
    /// It is answered with this status and this error code of S3.
    Answer(u16, &'static str),
    /// The connection is closed without an answer.
    HangUp,
    /// There is no answer.
    Silence,
    /// The response is cut off after so many bytes of its body.
    CutBodyAfter(usize),
    /// The response stalls after so many bytes of its body.
    StallBodyAfter(usize),
    /// The first byte of the request's body is changed.
    Corrupt,
}

/// A proxy on a port of its own, gone when this is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

struct Shared {
    server: String,
    faults: Mutex<VecDeque<Fault>>,
    always: Mutex<Fault>,
    requests: Mutex<Vec<String>>,
}

impl Proxy {
    /// A proxy in front of `endpoint`, which begins with `http://`.
    pub async fn start(endpoint: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            server: endpoint.strip_prefix("http://").unwrap().to_owned(),
            faults: Mutex::default(),
            always: Mutex::new(Fault::None),
            requests: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                // Broken connections are expected.
                tokio::spawn(async move { shared.serve(client).await.ok() });
            }
        });
        Self {
            address,
            shared,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Its address, as for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests have these faults, one each.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.faults.lock().unwrap().extend(faults);
    }

    /// All further requests have this fault, unless another one is queued.
    pub fn always(&self, fault: Fault) {
        *self.shared.always.lock().unwrap() = fault;
    }

    /// The heads of the requests since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }
}

impl Shared {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let (head, mut begun) = read_head(&mut client).await?;
        self.requests.lock().unwrap().push(head.clone());
        let fault = self.faults.lock().unwrap().pop_front();
        let fault = fault.unwrap_or(*self.always.lock().unwrap());
        match fault {
            Fault::HangUp => return Ok(()),
            Fault::Silence => {
                // Until the client disconnects.
                copy(&mut client, &mut tokio::io::sink()).await?;
                return Ok(());
            }
            Fault::Answer(status, code) => {
                let rest = content_length(&head).saturating_sub(begun.len() as u64);
                copy(&mut (&mut client).take(rest), &mut tokio::io::sink()).await?;
                let body = format!("<Error><Code>{code}</Code><Message>as told</Message></Error>");
                let answer = format!(
                    "HTTP/1.1 {status} As Told\r\ncontent-type: application/xml\r\n\
                     content-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                return client.write_all(answer.as_bytes()).await;
            }
            Fault::None | Fault::CutBodyAfter(_) | Fault::StallBodyAfter(_) | Fault::Corrupt => {}
        }
        let mut server = TcpStream::connect(&self.server).await?;
        // One request a connection, so that its end is the end of the response.
        let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        server.write_all(head.as_bytes()).await?;
        if fault == Fault::Corrupt {
            if begun.is_empty() {
                begun.push(client.read_u8().await?);
            }
            begun[0] ^= 1;
        }
        server.write_all(&begun).await?;
        let (Fault::CutBodyAfter(bytes) | Fault::StallBodyAfter(bytes)) = fault else {
            copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        };
        let (head, body) = read_head(&mut server).await?;
        let mut answer = head.into_bytes();
        let rest = bytes.saturating_sub(body.len());
        answer.extend(body.into_iter().take(bytes));
        client.write_all(&answer).await?;
        copy(&mut server.take(rest as u64), &mut client).await?;
        if matches!(fault, Fault::StallBodyAfter(_)) {
            // Until the client disconnects.
            copy(&mut client, &mut tokio::io::sink()).await?;
        }
        client.shutdown().await
    }
}

/// Reads up to the empty line, and any bytes that arrived with it.
async fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(io::Error::other)?;
            return Ok((head, body));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn content_length(head: &str) -> u64 {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or_default()
}
