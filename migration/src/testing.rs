//! Database servers for tests of this crate and others: started from Debian's packages in a
//! temporary folder, on a free port, and removed afterwards. Behind the feature `testing`, so that
//! none of it ships.

#![allow(clippy::unwrap_used, reason = "test support: a panic is the report")]

mod kind;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use tempfile::TempDir;

pub use kind::Kind;

/// The time for a server to start or stop on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// Tries to start a server: another process may take the port between finding it free and using it.
const TRIES: usize = 3;

/// Stops the server and removes its folder once standard input ends, which happens when the test
/// process ends for any reason. First come the folder and the signal, then the server. A server
/// that ends while the file `away` exists is started again once the file is removed.
const GUARD: &str = r#"
folder=$1 signal=$2; shift 2
exec 3<&0
serve() {
    "$@" 3<&- &
    echo "$!" > "$folder/server"
    [ ! -e "$folder/over" ] || kill -s "$signal" "$!"
    wait "$!"
}
{
    cat <&3 > /dev/null
    : > "$folder/over"
    kill -s "$signal" "$(cat "$folder/server")"
} 2> /dev/null &
serve "$@"
while [ -e "$folder/away" ] && [ ! -e "$folder/over" ]; do
    sleep 0.05
    [ -e "$folder/away" ] || serve "$@"
done
rm -rf "$folder"
"#;

/// A server for one test. It is stopped and its data deleted when this is dropped or the process
/// ends. From this machine, its owner needs no password; every other user does.
pub struct ScratchServer {
    kind: Kind,
    process: Child,
    port: u16,
    databases: AtomicUsize,
    folder: TempDir,
}

/// The certificate of a server.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// In PEM.
    pub certificate: &'a str,
    /// In PEM.
    pub key: &'a str,
}

impl ScratchServer {
    /// Starts a server. None if it is not installed, which is printed; with `CI=true` that is a
    /// failure.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn start(kind: Kind) -> Option<Self> {
        Self::start_with(kind, None)
    }

    /// Starts a server that accepts TLS connections, too.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn start_with(kind: Kind, certificate: Option<Certificate<'_>>) -> Option<Self> {
        let Some(programs) = kind.programs() else {
            let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!must, "{kind} is not installed, and CI=true");
            println!("SKIPPED: {kind} is not installed");
            return None;
        };
        for _ in 0..TRIES {
            if let Some(server) = Self::try_start(kind, &programs, certificate) {
                return Some(server);
            }
        }
        panic!("{kind} does not start");
    }

    fn try_start(
        kind: Kind,
        programs: &Path,
        certificate: Option<Certificate<'_>>,
    ) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let log = File::create(folder.path().join("log")).unwrap();
        kind.prepare(programs, folder.path(), certificate);
        let process = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(folder.path())
            .arg(kind.last_signal())
            .args(kind.serve(programs, folder.path(), port, certificate.is_some()))
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            kind,
            process,
            port,
            databases: AtomicUsize::new(0),
            folder,
        };
        let answers = server.wait_until(|server| {
            let has_ended = server.process.try_wait().unwrap().is_some();
            let answers = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).is_ok();
            (has_ended || answers).then_some(answers && !has_ended)
        });
        if !answers {
            println!("{}", server.log());
        }
        answers.then_some(server)
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Creates an empty database and returns its address, as for `DATABASE_URL`.
    pub async fn empty_database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("vitrine_{number}");
        let db = self.as_owner().await;
        db.execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await
            .unwrap();
        db.close().await.unwrap();
        self.url(&name)
    }

    /// A connection with all privileges.
    pub async fn as_owner(&self) -> DatabaseConnection {
        let deadline = Instant::now() + DEADLINE;
        // It listens before it is ready.
        loop {
            match Database::connect(self.url(self.kind.own_database())).await {
                Ok(db) => return db,
                Err(error) => assert!(Instant::now() < deadline, "{error}\n{}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the server for this long, cutting all connections, and waits until it is back.
    /// Committed data survives.
    ///
    /// # Panics
    /// If it does not come back.
    pub async fn outage(&self, length: Duration) {
        let at = |name: &str| self.folder.path().join(name);
        let server = std::fs::read_to_string(at("server")).unwrap();
        File::create(at("away")).unwrap();
        let told = Command::new("kill")
            .args(["-s", self.kind.stop_signal(), server.trim()])
            .status();
        assert!(told.unwrap().success());
        tokio::time::sleep(length).await;
        std::fs::remove_file(at("away")).unwrap();
        self.as_owner().await.close().await.unwrap();
    }

    fn url(&self, database: &str) -> String {
        let (scheme, user) = match self.kind {
            Kind::Postgres => ("postgres", "vitrine"),
            Kind::MariaDb => ("mysql", "root"),
        };
        format!("{scheme}://{user}@127.0.0.1:{}/{database}", self.port)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn wait_until<T>(&mut self, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(seen) = look(self) {
                return seen;
            }
            assert!(Instant::now() < deadline, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for ScratchServer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
