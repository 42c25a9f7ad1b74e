//! Requests per second of CPU for what visitors ask for most, with a thousand and with a million
//! images: beside a server that sends the same bytes from memory, and beside a plain Flask application
//! behind gunicorn, which renders 48 rows of a database for each request. `make bench` runs it.
//!
//! CPU is that of the measured process with its children, by `/proc/PID/stat`; the client is another
//! process. *changed* means that an image changes between any two requests, so that nothing that is
//! kept in memory can be sent as it is.

#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header;
use entity::change::{self, Kind};
use futures::StreamExt as _;
use migration::{Migrator, PATIENCE};
use platform::database::{self, begin_write};
use platform::settings::DatabaseSettings;
use reqwest::header::{ACCEPT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use uuid::Uuid;

const REQUESTS: usize = 10_000;
/// Requests of which each comes after a change.
const CHANGED: usize = 200;
const AT_ONCE: usize = 16;
const DEADLINE: Duration = Duration::from_secs(60);
/// Longer than what a server does at its start, and than the log of SQLite counts as just written.
const AT_REST: Duration = Duration::from_secs(4);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|it| it != "--bench");
    if arguments.next().as_deref() == Some("send") {
        return send(arguments.next().unwrap().into()).await;
    }
    println!("{:<44}{:>12}{:>10}", "", "per CPU-s", "median ms");
    for images in [1_000, 1_000_000] {
        println!("{images} images");
        measure(images).await;
    }
    match flask() {
        Some(peer) => {
            let shown = Shown::new("Flask, gunicorn: 48 rows", "/gallery", REQUESTS);
            shown.measure(&peer).await;
        }
        None => println!("Flask cannot be installed: no comparison"),
    }
}

/// A server in a process of its own.
struct Server {
    process: Child,
    address: SocketAddr,
    /// Its files, kept as long as it runs.
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A kind of request.
struct Shown {
    name: &'static str,
    path: String,
    headers: HeaderMap,
    requests: usize,
    one_by_one: bool,
}

impl Shown {
    fn new(name: &'static str, path: impl Into<String>, requests: usize) -> Self {
        Self {
            name,
            path: path.into(),
            headers: HeaderMap::new(),
            requests,
            one_by_one: false,
        }
    }

    fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Prints requests per second of the server's CPU, and the median time of one request at a time.
    async fn measure(&self, server: &Server) {
        self.measure_after(server, async || {}).await;
    }

    /// The same with something before each request.
    async fn measure_after(&self, server: &Server, before: impl AsyncFn()) {
        let client = client();
        self.ask(&client, server).await;
        let mut times = Vec::new();
        for _ in 0..self.requests.min(200) {
            before().await;
            let begin = Instant::now();
            self.ask(&client, server).await;
            times.push(begin.elapsed());
        }
        times.sort();
        let median = times[times.len() / 2].as_secs_f64() * 1000.0;
        let cpu = cpu_of(server.process.id());
        if self.one_by_one {
            for _ in 0..self.requests {
                before().await;
                self.ask(&client, server).await;
            }
        } else {
            let asked = (0..self.requests).map(|_| self.ask(&client, server));
            let asked = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
            asked.collect::<Vec<()>>().await;
        }
        let used = (cpu_of(server.process.id()) - cpu).max(0.01);
        let rate = self.requests as f64 / used;
        println!("  {:<42}{rate:>12.0}{median:>10.2}", self.name);
    }

    async fn ask(&self, client: &reqwest::Client, server: &Server) {
        let request = client.get(format!("http://{}{}", server.address, self.path));
        let answer = request.headers(self.headers.clone()).send().await.unwrap();
        let expected = if self.headers.contains_key(IF_NONE_MATCH) {
            304
        } else {
            200
        };
        assert_eq!(answer.status(), expected, "{}", self.path);
        answer.bytes().await.unwrap();
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn measure(images: u32) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vitrine.sqlite");
    let db = database::connect(&DatabaseSettings::sqlite(&file))
        .await
        .unwrap();
    migration::up::<Migrator>(&db, PATIENCE).await.unwrap();
    fill(&db, images).await;
    let server = vitrine(folder.path());
    tokio::time::sleep(AT_REST).await;
    let gallery = || Shown::new("/gallery", "/gallery", REQUESTS);
    let compressed = HeaderValue::from_static("gzip");
    let client = client();
    let url = |path: &str| format!("http://{}{path}", server.address);
    let page = client.get(url("/gallery")).send().await.unwrap();
    let tag = page.headers()[ETAG].clone();
    let same = page.bytes().await.unwrap();
    gallery().measure(&server).await;
    let shown = Shown::new("/gallery, gzip", "/gallery", REQUESTS);
    shown
        .with(ACCEPT_ENCODING, compressed)
        .measure(&server)
        .await;
    let shown = Shown::new("/gallery, 304", "/gallery", REQUESTS);
    shown.with(IF_NONE_MATCH, tag).measure(&server).await;
    let list = client
        .get(url("/api/images?limit=48"))
        .send()
        .await
        .unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list.bytes().await.unwrap()).unwrap();
    let id = list["items"][20]["id"].as_str().unwrap().to_owned();
    for (name, path) in [
        ("/api/images?limit=48", "/api/images?limit=48".to_owned()),
        ("/images/{id}", format!("/images/{id}")),
        ("/captions", "/captions".to_owned()),
    ] {
        Shown::new(name, path, REQUESTS).measure(&server).await;
    }
    let middle = middle(&db, images).await;
    let other = Uuid::now_v7();
    let change = async || {
        let tx = begin_write(&db).await.unwrap();
        change::record(&tx, other, Kind::Image).await.unwrap();
        tx.commit().await.unwrap();
    };
    for (name, path) in [
        ("/gallery, changed", "/gallery".to_owned()),
        ("/gallery half way down, changed", middle),
        (
            "/api/images?limit=48, changed",
            "/api/images?limit=48".to_owned(),
        ),
        ("/images/{id}, changed", format!("/images/{id}")),
        (
            "search for two frequent words, changed",
            "/gallery?q=picture+with".to_owned(),
        ),
    ] {
        let shown = Shown {
            one_by_one: true,
            ..Shown::new(name, path, CHANGED)
        };
        shown.measure_after(&server, &change).await;
    }
    drop(server);
    let bytes = folder.path().join("page");
    std::fs::write(&bytes, same).unwrap();
    let ceiling = Shown::new("the same bytes from memory", "/gallery", REQUESTS);
    ceiling.measure(&from_memory(&bytes)).await;
}

/// Images with all steps done, made by SQL; every word of a caption is frequent but one.
async fn fill(db: &DatabaseConnection, images: u32) {
    let numbers = format!(
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {images})"
    );
    let id = "unhex(printf('0192%012x7000800000000000', n))";
    let at = "strftime('%Y-%m-%d %H:%M:%f', 1700000000 + n, 'unixepoch') || '000+00:00'";
    let image = format!(
        "{numbers} INSERT INTO image (id, object_key, file_name, content_type, bytes, width, height,
            sha256, caption_text, caption_by, caption_provider, caption_language, caption_at, tags,
            thumbhash, anonymised_thumbhash, uploaded_at, stored_at, review, legacy, boxes_version,
            copy_version, released_version, uncertain, risk, decorative, detector)
        SELECT {id}, 'uploads/' || n || '.jpg', 'IMG_' || n || '.jpg', 'image/jpeg', 3000000, 4000,
            3000, printf('%064x', n), 'A picture with number ' || n || ' and many colours', 'machine',
            'describe', 'en', {at}, '[\"picture\",\"colours\"]', '3OcRJYB4d3h/iIeHeEh3eIhw+j2w',
            '3OcRJYB4d3h/iIeHeEh3eIhw+j2w', {at}, {at}, 'released', 0, 1, 1, 1, 0, 0, 0, 'bench'
        FROM number"
    );
    let tx = begin_write(db).await.unwrap();
    tx.execute_unprepared(&image).await.unwrap();
    for step in ["thumbnail", "annotate", "anonymise"] {
        let steps = format!(
            "{numbers} INSERT INTO step (image_id, name, state, attempts, queued_at, started_at, finished_at)
            SELECT {id}, '{step}', 'done', 1, {at}, {at}, {at} FROM number"
        );
        tx.execute_unprepared(&steps).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// The address of the page that begins with the image in the middle.
async fn middle(db: &DatabaseConnection, images: u32) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let row = entity::image::page(&entity::image::Audience::Staff, None, 1);
    let newest = sea_orm::Select::one(row, db).await.unwrap().unwrap();
    let at = newest.uploaded_at - chrono::TimeDelta::seconds(i64::from(images / 2));
    let mut cursor = at.timestamp_micros().to_be_bytes().to_vec();
    cursor.extend(Uuid::max().as_bytes());
    format!("/gallery?after={}", URL_SAFE_NO_PAD.encode(cursor))
}

fn vitrine(data: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command
        .arg("serve")
        .env_clear()
        .env("VITRINE_DATA", data)
        .env("VITRINE_WORKERS", "0")
        .env("VITRINE_CAPTIONER", "describe");
    start(command, "VITRINE_BIND", None)
}

/// A server that sends this file, which it has in memory.
fn from_memory(file: &Path) -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("send").arg(file);
    start(command, "BIND", None)
}

/// The Flask application, in a virtual environment of Python; none if it cannot be had.
fn flask() -> Option<Server> {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("python3")
        .args(["-m", "venv"])
        .arg(folder.path())
        .status();
    let pip = folder.path().join("bin/pip");
    let installed = made.ok()?.success()
        && Command::new(pip)
            .args(["install", "--quiet", "flask==3.1.3", "gunicorn==23.0.0"])
            .status()
            .ok()?
            .success();
    if !installed {
        return None;
    }
    let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
    let mut command = Command::new(folder.path().join("bin/python"));
    command
        .arg(peer.join("serve.py"))
        .env("DATABASE", folder.path().join("rows.sqlite"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Some(start(command, "BIND", Some(folder)))
}

fn start(mut command: Command, variable: &str, folder: Option<tempfile::TempDir>) -> Server {
    // Free a moment ago; nothing else here takes ports.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let process = command
        .env(variable, address.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(begin.elapsed() < DEADLINE, "the server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    Server {
        process,
        address,
        _folder: folder,
    }
}

async fn send(file: PathBuf) {
    let body = bytes::Bytes::from(std::fs::read(file).unwrap());
    let address = std::env::var("BIND").unwrap();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let handler = axum::routing::get(move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "text/html")], body) }
    });
    let router = Router::new().route("/gallery", handler);
    axum::serve(listener, router).await.unwrap();
}

/// Seconds of CPU of a process and its children (proc_pid_stat(5): fields 14 to 17 in ticks, of which
/// Linux has 100 a second on every machine Rust runs on).
fn cpu_of(process: u32) -> f64 {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().map(|id| id.parse().unwrap());
    let own = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = own.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(4);
    let ticks: f64 = ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / 100.0 + children.map(cpu_of).sum::<f64>()
}
