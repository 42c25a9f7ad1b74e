//! Clients that hold connections without using them, or send without end.

use std::time::{Duration, Instant};

use functions::testing;
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::TestApp;
use crate::client::send;

/// More than one client may have open, and far more than a server with few files left can bear.
const MANY: usize = 1500;

async fn open(app: &TestApp, begun: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    // The server may have closed it already: that is the point.
    let _ = stream.write_all(begun).await;
    stream
}

#[tokio::test]
async fn a_thousand_unfinished_requests_do_not_keep_a_health_check_out() {
    let app = TestApp::spawn().await;
    let stalled_form = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\
                         Content-Type: application/x-www-form-urlencoded\r\n\r\npass";
    for begun in [&b""[..], b"GET /health HTT", stalled_form] {
        let mut held = Vec::new();
        for _ in 0..MANY {
            held.push(open(&app, begun).await);
        }
        let asked = Instant::now();
        let health = app.get("/health").await;
        assert_eq!(health.status, 200);
        // Sooner than any of them times out.
        let begun = String::from_utf8_lossy(begun);
        assert!(asked.elapsed() < Duration::from_secs(10), "{begun}");
        drop(held);
    }
}

#[tokio::test]
async fn an_upload_without_end_is_refused_before_it_fills_the_memory() {
    let app = TestApp::builder()
        .password("four random plain words")
        .spawn()
        .await;
    let head = b"POST /api/images HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
                 Content-Type: multipart/form-data; boundary=x\r\n\r\n";
    let mut stream = open(&app, head).await;
    let chunk = [b"10000\r\n".as_slice(), &[b'a'; 0x10000], b"\r\n"].concat();
    let mut sent = 0;
    let mut answer = Vec::new();
    let (mut reading, mut writing) = stream.split();
    let write = async {
        while writing.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
            assert!(sent < 256 * 1024 * 1024, "it is still taken");
        }
    };
    let read = async {
        let _ = reading.read_to_end(&mut answer).await;
    };
    tokio::join!(write, read);
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 401"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_refused_upload_is_answered_although_it_is_still_being_sent() {
    let app = TestApp::builder()
        .password("four random plain words")
        .spawn()
        .await;
    let mut photo = testing::photo(1, 64, 64);
    photo.resize(8 * 1024 * 1024, 0);
    let answer = app.upload("photo.jpg", photo).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn two_host_headers_or_one_with_a_user_are_refused() {
    let app = TestApp::spawn().await;
    for hosts in [
        "Host: localhost\r\nHost: evil.example",
        "Host: evil.example@localhost",
    ] {
        let request = format!("GET /api/images HTTP/1.1\r\n{hosts}\r\nConnection: close\r\n\r\n");
        let mut stream = open(&app, request.as_bytes()).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 400"),
            "{hosts}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_request_with_a_proxys_header_is_refused() {
    let app = TestApp::spawn().await;
    for header in [
        "x-real-ip",
        "cf-connecting-ip",
        "x-forwarded-proto",
        "via",
        "forwarded",
    ] {
        let request = app
            .request(Method::GET, "/api/images")
            .header(header, "192.0.2.1");
        assert_eq!(send(request).await.status, 403, "{header}");
    }
}
