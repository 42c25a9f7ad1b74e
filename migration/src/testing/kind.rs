//! The differences between the kinds of servers: programs and command lines.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Certificate;

/// PostgreSQL asks everybody but the owner for a password.
const WHO_NEEDS_A_PASSWORD: &str = "\
host all vitrine 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
";

/// The databases that are servers.
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

impl Kind {
    /// The folder with the programs of the newest version.
    pub(super) fn programs(self) -> Option<PathBuf> {
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

    /// The database that exists from the beginning.
    pub(super) fn own_database(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mysql",
        }
    }

    /// The signal that ends it at once. PostgreSQL has to remove its processes and shared memory
    /// itself.
    pub(super) fn last_signal(self) -> &'static str {
        match self {
            Self::Postgres => "QUIT",
            Self::MariaDb => "KILL",
        }
    }

    /// The signal for a clean shutdown that does not wait for clients.
    pub(super) fn stop_signal(self) -> &'static str {
        match self {
            Self::Postgres => "INT",
            Self::MariaDb => "TERM",
        }
    }

    /// Creates an empty server in the folder.
    pub(super) fn prepare(
        self,
        programs: &Path,
        folder: &Path,
        certificate: Option<Certificate<'_>>,
    ) {
        let data = folder.join("data");
        let mut command = match self {
            Self::Postgres => {
                let (user, group) = owner();
                std::os::unix::fs::chown(folder, Some(user), Some(group)).unwrap();
                let mut initdb = not_as_root(&programs.join("initdb"));
                initdb.arg("--pgdata").arg(&data).args([
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
                // A starting server deletes everything in the folder for temporary tables, so each
                // has its own.
                install
                    .env("TMPDIR", folder)
                    .arg("--no-defaults")
                    .arg(format!("--datadir={}", data.display()))
                    .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
                    .args(as_root_if_root());
                install
            }
        };
        let output = command.current_dir("/").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        if self == Self::Postgres {
            std::fs::write(data.join("pg_hba.conf"), WHO_NEEDS_A_PASSWORD).unwrap();
        }
        if let Some(Certificate { certificate, key }) = certificate {
            std::fs::write(folder.join("certificate.pem"), certificate).unwrap();
            let file = folder.join("key.pem");
            std::fs::write(&file, key).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            if self == Self::Postgres {
                let (user, group) = owner();
                std::os::unix::fs::chown(&file, Some(user), Some(group)).unwrap();
            }
        }
    }

    /// The command that starts the server.
    pub(super) fn serve(
        self,
        programs: &Path,
        folder: &Path,
        port: u16,
        with_tls: bool,
    ) -> Vec<OsString> {
        let data = folder.join("data");
        let at = |name: &str| folder.join(name).display().to_string();
        let mut command = match self {
            Self::Postgres => {
                let mut postgres = not_as_root(&programs.join("postgres"));
                postgres
                    .arg("-D")
                    .arg(&data)
                    .args(["-p", &port.to_string()])
                    .args(["-c", "listen_addresses=127.0.0.1"])
                    .args(["-c", "unix_socket_directories="])
                    .args(["-c", "max_connections=500"])
                    .args(["-c", "fsync=off"])
                    .args(["-c", "synchronous_commit=off"])
                    .args(["-c", "full_page_writes=off"]);
                postgres
            }
            Self::MariaDb => {
                let mut mariadbd = Command::new(programs.join("mariadbd"));
                mariadbd
                    .arg("--no-defaults")
                    .arg(format!("--datadir={}", data.display()))
                    .arg(format!("--socket={}", at("socket")))
                    .arg(format!("--pid-file={}", at("pid")))
                    .arg(format!("--tmpdir={}", folder.display()))
                    .arg(format!("--port={port}"))
                    .arg("--bind-address=127.0.0.1")
                    .arg("--max-connections=500")
                    .arg("--innodb-flush-log-at-trx-commit=0")
                    .arg("--skip-innodb-doublewrite")
                    // The data need not survive a crash of the machine.
                    .arg("--debug-no-sync")
                    .arg("--innodb-flush-method=nosync")
                    .args(as_root_if_root());
                mariadbd
            }
        };
        if with_tls {
            let (certificate, key) = (at("certificate.pem"), at("key.pem"));
            match self {
                Self::Postgres => command
                    .args(["-c", "ssl=on"])
                    .args(["-c", &format!("ssl_cert_file={certificate}")])
                    .args(["-c", &format!("ssl_key_file={key}")]),
                Self::MariaDb => command
                    .arg(format!("--ssl-cert={certificate}"))
                    .arg(format!("--ssl-key={key}")),
            };
        }
        let mut words = vec![command.get_program().to_owned()];
        words.extend(command.get_args().map(ToOwned::to_owned));
        words
    }
}

fn version(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.parse().ok()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The owner of PostgreSQL's files: it refuses to run as root.
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

/// MariaDB runs as root only with this option.
fn as_root_if_root() -> &'static [&'static str] {
    if is_root() { &["--user=root"] } else { &[] }
}
