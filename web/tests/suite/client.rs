//! A client of the server, with its own cookies.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, redirect};
use serde_json::Value;
use uuid::Uuid;

/// The `Accept` header of a browser.
pub(crate) const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The boundary of multipart forms.
const BOUNDARY: &str = "----a-line-that-is-in-no-picture-7e3f";

/// Redirects are not followed, so that tests see them.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: SocketAddr,
}

/// A complete answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A file in a form. The name is written into the header without escaping.
pub(crate) struct Part<'a> {
    pub(crate) field: &'a str,
    pub(crate) name: &'a str,
    pub(crate) bytes: &'a [u8],
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::of(reqwest::Client::builder(), address)
    }

    /// A client at this address of its own.
    pub(crate) fn from(local: IpAddr, address: SocketAddr) -> Self {
        Self::of(
            reqwest::Client::builder().local_address(Some(local)),
            address,
        )
    }

    fn of(builder: reqwest::ClientBuilder, address: SocketAddr) -> Self {
        let http = builder
            .cookie_store(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self { http, address }
    }

    /// A program that sends this token with each request.
    pub(crate) fn with_token(address: SocketAddr, token: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .unwrap();
        Self { http, address }
    }

    /// The same caller, at another server.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            http: self.http.clone(),
            address,
        }
    }

    /// The beginning of a request, for what the helpers below do not cover.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// Gets a page as a browser does.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path).header(ACCEPT, BROWSER)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Answer {
        send(self.request(Method::POST, path)).await
    }

    /// Changes what people say about an image.
    pub(crate) async fn edit(&self, id: Uuid, change: &Value) -> Answer {
        let request = self.request(Method::PATCH, &format!("/api/images/{id}"));
        send(request.json(change)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post_json(&self, path: &str, value: &Value) -> Answer {
        send(self.request(Method::POST, path).json(value)).await
    }

    /// Posts what a browser posts for a form without files.
    pub(crate) async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, BROWSER)
            .body(body);
        send(request).await
    }

    /// Posts files as a browser does.
    pub(crate) async fn post_files(&self, path: &str, parts: &[Part<'_>]) -> Answer {
        let request = multipart(self.request(Method::POST, path), parts);
        send(request.header(ACCEPT, BROWSER)).await
    }

    pub(crate) async fn upload(&self, name: &str, bytes: impl AsRef<[u8]>) -> Answer {
        let part = Part {
            field: "file",
            name,
            bytes: bytes.as_ref(),
        };
        send(multipart(
            self.request(Method::POST, "/api/images"),
            &[part],
        ))
        .await
    }

    pub(crate) async fn upload_with_key(&self, key: &str, bytes: impl AsRef<[u8]>) -> Answer {
        let part = Part {
            field: "file",
            name: "photo.jpg",
            bytes: bytes.as_ref(),
        };
        let request = multipart(self.request(Method::POST, "/api/images"), &[part]);
        send(request.header("idempotency-key", key)).await
    }

    /// An existing image in JSON.
    pub(crate) async fn image(&self, id: Uuid) -> Value {
        self.get(&format!("/api/images/{id}"))
            .await
            .expect(200)
            .json()
    }
}

/// Fills a form with files.
pub(crate) fn multipart(request: RequestBuilder, parts: &[Part<'_>]) -> RequestBuilder {
    let mut body = Vec::new();
    for Part { field, name, bytes } in parts {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; \
             filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    request
        .header(
            CONTENT_TYPE,
            format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .body(body)
}

/// Sends a request and reads the answer to its end.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap(),
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The detail of a problem with this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        problem["detail"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header; empty if it is missing.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The id of the uploaded image.
    #[track_caller]
    pub(crate) fn id(&self) -> Uuid {
        assert!(matches!(self.status, 200 | 201), "{}", self.text());
        self.json()["id"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn contains(&self, bytes: &[u8]) -> bool {
        self.body.windows(bytes.len()).any(|window| window == bytes)
    }
}
