//! A real nginx in front of a server, with a configuration of its own and on a port of its own.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::DEADLINE;

const PROGRAM: &str = "/usr/sbin/nginx";

/// Where nginx listens and which server is behind it: see [`Nginx::url`].
pub(crate) struct Nginx {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Nginx {
    /// Starts an nginx whose `server { … }` holds these directives. `None` where it is not
    /// installed.
    pub(crate) fn start(directives: &str) -> Option<Self> {
        Self::start_with("master_process off;", directives)
    }

    /// The same with workers of another user, as distributions set it up. `None` if this user may
    /// not start them.
    pub(crate) fn start_as_another_user(directives: &str) -> Option<Self> {
        if platform::process::user() != 0 {
            println!("SKIPPED: only root can start an nginx of another user");
            return None;
        }
        Self::start_with("user nobody nogroup; worker_processes 1;", directives)
    }

    fn start_with(processes: &str, directives: &str) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            println!("SKIPPED: there is no nginx; `make setup-test` installs it");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let configuration = folder.path().join("nginx.conf");
        let text = whole(folder.path(), port, processes, directives);
        std::fs::write(&configuration, text).unwrap();
        // Workers of another user pass through it.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let process = Command::new(PROGRAM)
            .args(["-p".as_ref(), folder.path().as_os_str()])
            .args(["-c".as_ref(), configuration.as_os_str()])
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut nginx = Self {
            process,
            port,
            _folder: folder,
        };
        nginx.wait_until_it_listens();
        Some(nginx)
    }

    fn wait_until_it_listens(&mut self) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert_eq!(self.process.try_wait().unwrap(), None, "nginx has ended");
            assert!(begun.elapsed() < DEADLINE, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// As browsers call it: `localhost`, so that its name is not what gives a proxy away.
    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A signal that it can handle, so that it ends its workers. It may have ended already.
        let kill = format!("kill -TERM {}", self.process.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
        let _ = self.process.wait();
    }
}

/// In the foreground, with everything in its folder.
fn whole(folder: &Path, port: u16, processes: &str, directives: &str) -> String {
    let path = |name: &str| -> PathBuf { folder.join(name) };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| {
        let path = path(name);
        format!("{name}_temp_path {};", path.display())
    });
    format!(
        "daemon off; {processes} pid {pid}; error_log stderr warn;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; {temporary}\n\
         server {{ listen 127.0.0.1:{port}; listen [::1]:{port};\n{directives}\n}} }}\n",
        pid = path("pid").display(),
        temporary = temporary.join(" "),
    )
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
