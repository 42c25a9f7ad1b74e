//! A running server, and a client for it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::{eventually, signal};

/// `vitrine serve` as a process. It is killed when this is dropped.
pub(crate) struct Server {
    process: Child,
    /// Kept open, because writing to a closed pipe would fail.
    _stdout: BufReader<ChildStdout>,
    log: PathBuf,
    /// Its address, such as `http://127.0.0.1:4711`.
    pub(crate) url: String,
    client: Client,
}

impl Server {
    /// Starts a server and waits for the line with its address.
    pub(super) fn start(mut command: Command, (stderr, log): (File, PathBuf)) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let Some(url) = first.trim().strip_prefix("Vitrine is at ") else {
            let status = process.wait();
            let log = std::fs::read_to_string(&log);
            panic!("it did not start: {first:?}, {status:?}, {log:?}");
        };
        Self {
            url: url.to_owned(),
            process,
            _stdout: stdout,
            log,
            client: Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The lines of its log, which is JSON, with this message.
    pub(crate) fn logged(&self, message: &str) -> Vec<Value> {
        let log = self.log();
        let lines = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["message"] == message).collect()
    }

    /// Kills it without a chance to clean up.
    pub(crate) fn kill_9(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Sends it a signal.
    pub(crate) fn send(&self, name: &str) {
        signal(name, self.pid());
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        self.send("TERM");
        self.exited().await
    }

    /// Waits until it has ended.
    pub(crate) async fn exited(&mut self) -> ExitStatus {
        eventually("the server exits", async || self.has_exited()).await
    }

    /// Its exit status, if it has ended.
    pub(crate) fn has_exited(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    /// The answer to an upload.
    pub(crate) async fn try_upload(&self, name: &str, file: Vec<u8>) -> reqwest::Result<Response> {
        let part = Part::bytes(file).file_name(name.to_owned());
        self.post("/api/images")
            .multipart(Form::new().part("file", part))
            .send()
            .await
    }

    /// Uploads a new photo and returns its id.
    pub(crate) async fn upload(&self, name: &str, file: Vec<u8>) -> String {
        let response = self.try_upload(name, file).await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        let image: Value = response.json().await.unwrap();
        image["id"].as_str().unwrap().to_owned()
    }

    /// Writes the caption of an image.
    pub(crate) async fn describe(&self, id: &str, caption: &str) {
        let url = format!("{}/api/images/{id}", self.url);
        let patch = serde_json::json!({ "caption": caption });
        let response = self.client.patch(url).json(&patch).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }

    /// One image.
    pub(crate) async fn image(&self, id: &str) -> Value {
        let response = self.get(&format!("/api/images/{id}")).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// All images, newest first.
    pub(crate) async fn images(&self) -> Vec<Value> {
        let response = self.get("/api/images?limit=200").send().await.unwrap();
        let mut page: Value = response.json().await.unwrap();
        assert!(page["next"].is_null(), "more images than one page");
        match page["items"].take() {
            Value::Array(items) => items,
            other => panic!("not a list: {other}"),
        }
    }

    /// Waits until no step of any image is pending.
    pub(crate) async fn settled(&self) -> Vec<Value> {
        eventually("all images are settled", async || {
            let images = self.images().await;
            let settled = !images.is_empty() && images.iter().all(is_settled);
            settled.then_some(images)
        })
        .await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

fn steps(image: &Value) -> impl Iterator<Item = &str> {
    let steps = image["steps"].as_object().unwrap();
    steps.values().map(|step| step["state"].as_str().unwrap())
}

/// Whether no step of an image is pending.
pub(crate) fn is_settled(image: &Value) -> bool {
    steps(image).all(|state| !matches!(state, "queued" | "running"))
}

/// Whether all three steps of an image are done.
pub(crate) fn is_done(image: &Value) -> bool {
    steps(image).count() == 3 && steps(image).all(|state| state == "done")
}
