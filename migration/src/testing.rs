//! Database servers for tests, this crate's and others': started from Debian's packages in a
//! temporary folder, on a free port of this machine, and gone afterwards. Behind the feature
//! `testing`, so that none of it ships.

#![allow(clippy::unwrap_used, reason = "test support: a panic is the report")]

use std::fmt;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait as _, Database};
use tempfile::TempDir;

/// How long a server may take to start or to stop on a machine with much else to do.
const DEADLINE: Duration = Duration::from_secs(120);

/// How often somebody else may take the port between finding it free and using it.
const TRIES: usize = 3;

/// The databases that need a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL, Debian's `postgresql`.
    Postgres,
    /// MariaDB, Debian's `mariadb-server`, which stands for MySQL too.
    MariaDb,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
        })
    }
}

/// A server of this test's own. It is gone when this is dropped, with all its data.
pub struct ScratchServer {
    kind: Kind,
    process: Child,
    port: u16,
    databases: AtomicUsize,
    folder: TempDir,
}

impl ScratchServer {
    /// Starts one. None if it is not installed, which is said on standard output; where
    /// everything must be tested (`CI=true`), that is a failure.
    ///
    /// # Panics
    /// If it is installed and does not start.
    pub fn start(kind: Kind) -> Option<Self> {
        let Some(programs) = kind.programs() else {
            let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!must, "{kind} is not installed, and CI=true");
            println!("SKIPPED: {kind} is not installed");
            return None;
        };
        for _ in 0..TRIES {
            if let Some(server) = Self::try_start(kind, &programs) {
                return Some(server);
            }
        }
        panic!("{kind} does not start");
    }

    fn try_start(kind: Kind, programs: &Path) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let port = free_port();
        let log = File::create(folder.path().join("log")).unwrap();
        kind.prepare(programs, folder.path(), &data);
        let process = kind
            .serve(programs, &data, port)
            .stdin(Stdio::null())
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

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Makes a new, empty database and returns its address, as for `DATABASE_URL`.
    pub async fn empty_database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("vitrine_{number}");
        let deadline = Instant::now() + DEADLINE;
        // It listens a little earlier than it is ready.
        let db = loop {
            match Database::connect(self.url(self.kind.own_database())).await {
                Ok(db) => break db,
                Err(error) => assert!(Instant::now() < deadline, "{error}\n{}", self.log()),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        db.execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await
            .unwrap();
        db.close().await.unwrap();
        self.url(&name)
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
        // PostgreSQL's own processes and its shared memory go only if it ends by itself.
        let id = self.process.id();
        let _ = Command::new("sh")
            .args(["-c", &format!("kill -QUIT {id} 2> /dev/null")])
            .status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.kind == Kind::Postgres
            && Instant::now() < deadline
            && matches!(self.process.try_wait(), Ok(None))
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Kind {
    /// The folder with the programs, the newest version if there are several.
    fn programs(self) -> Option<PathBuf> {
        match self {
            Self::Postgres => std::fs::read_dir("/usr/lib/postgresql")
                .ok()?
                .map(|entry| entry.unwrap().path().join("bin"))
                .filter(|folder| folder.join("initdb").exists())
                .max_by_key(|folder| version(folder)),
            Self::MariaDb => {
                let folder = PathBuf::from("/usr/sbin");
                folder.join("mariadbd").exists().then_some(folder)
            }
        }
    }

    /// The database that is there from the beginning.
    fn own_database(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mysql",
        }
    }

    fn prepare(self, programs: &Path, folder: &Path, data: &Path) {
        let mut command = match self {
            Self::Postgres => {
                let (user, group) = owner();
                std::os::unix::fs::chown(folder, Some(user), Some(group)).unwrap();
                let mut initdb = not_as_root(&programs.join("initdb"));
                initdb.arg("--pgdata").arg(data).args([
                    "--username=vitrine",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                ]);
                initdb
            }
            Self::MariaDb => {
                let mut install = Command::new("mariadb-install-db");
                install
                    .arg("--no-defaults")
                    .arg(format!("--datadir={}", data.display()))
                    .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
                    .args(as_root_if_root());
                install
            }
        };
        let output = command.current_dir("/").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn serve(self, programs: &Path, data: &Path, port: u16) -> Command {
        match self {
            Self::Postgres => {
                let mut postgres = not_as_root(&programs.join("postgres"));
                postgres
                    .arg("-D")
                    .arg(data)
                    .args(["-p", &port.to_string()])
                    .args(["-c", "listen_addresses=127.0.0.1"])
                    .args(["-c", "unix_socket_directories="])
                    .args(["-c", "fsync=off"]);
                postgres
            }
            Self::MariaDb => {
                let mut mariadbd = Command::new(programs.join("mariadbd"));
                mariadbd
                    .arg("--no-defaults")
                    .arg(format!("--datadir={}", data.display()))
                    .arg(format!("--socket={}", data.join("socket").display()))
                    .arg(format!("--pid-file={}", data.join("pid").display()))
                    .arg(format!("--port={port}"))
                    .args(["--bind-address=127.0.0.1", "--skip-grant-tables"])
                    .arg("--innodb-flush-log-at-trx-commit=2")
                    .args(as_root_if_root());
                mariadbd
            }
        }
    }
}

fn version(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.parse().ok()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Whom PostgreSQL's files belong to: it refuses to run as root.
fn owner() -> (u32, u32) {
    if !is_root() {
        let me = std::fs::metadata("/proc/self").unwrap();
        return (me.uid(), me.gid());
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(|id| id.parse().ok());
        Some((ids.next()??, ids.next()??))
    };
    find("postgres").or_else(|| find("nobody")).unwrap()
}

fn not_as_root(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let (user, group) = owner();
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={user}"), format!("--regid={group}")])
        .arg("--clear-groups")
        .arg(program);
    command
}

/// MariaDB wants to be told that this is meant.
fn as_root_if_root() -> &'static [&'static str] {
    if is_root() { &["--user=root"] } else { &[] }
}
