//! Reads server-sent events as a browser does.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::client::Client;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// An open event stream.
pub(crate) struct Events {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    read: String,
    /// The id that a browser would send if it reconnected before the first change.
    pub(crate) first_id: String,
}

impl Events {
    /// Opens a stream that begins now.
    pub(crate) async fn listen(client: &Client) -> Self {
        Self::open(client, None).await
    }

    /// Opens a stream that begins after the event with this id.
    pub(crate) async fn listen_after(client: &Client, id: &str) -> Self {
        Self::open(client, Some(id)).await
    }

    async fn open(client: &Client, last: Option<&str>) -> Self {
        let mut request = client.request(Method::GET, "/api/events");
        if let Some(id) = last {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = Self {
            bytes: Box::pin(response.bytes_stream()),
            read: String::new(),
            first_id: String::new(),
        };
        // The first comment comes once the server has subscribed to changes.
        let first = events.block().await.unwrap();
        assert!(first.contains(": listening"), "{first}");
        events.first_id = field(&first, "id");
        events
    }

    /// The next event; none if the server has ended the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.read_event())
            .await
            .unwrap_or_else(|_| panic!("nothing happened for {PATIENCE:?}"))
    }

    async fn read_event(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            let data = field(&block, "data");
            // Comments only keep the connection open.
            if !data.is_empty() {
                return Some(Event {
                    id: field(&block, "id"),
                    name: field(&block, "event"),
                    data: serde_json::from_str(&data).unwrap(),
                });
            }
        }
    }

    /// The next image that satisfies a condition.
    pub(crate) async fn image_that(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let event = self.next().await.unwrap();
            if event.name == "image" && wanted(&event.data) {
                return event.data;
            }
        }
    }

    /// The next deletion.
    pub(crate) async fn deleted(&mut self) -> Uuid {
        loop {
            let event = self.next().await.unwrap();
            if event.name == "deleted" {
                return event.data["id"].as_str().unwrap().parse().unwrap();
            }
        }
    }

    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.read = rest;
                return Some(block);
            }
            let bytes = self.bytes.next().await?.unwrap();
            self.read.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

/// The value of a field in a block; empty if it is absent.
fn field(block: &str, name: &str) -> String {
    block
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .unwrap_or_default()
        .to_owned()
}
