//! A data folder, and the programs that can be started on it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::{DEADLINE, Server, Stored};

/// A temporary data folder, deleted at the end of the test. It outlives the servers that are
/// started, stopped and killed on it.
pub(crate) struct Home {
    folder: TempDir,
    settings: Vec<(String, String)>,
    logs: AtomicUsize,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// An empty data folder.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            settings: Vec::new(),
            logs: AtomicUsize::new(0),
        }
    }

    /// An empty data folder, with settings for all programs started on it.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let mut home = Self::new();
        for (name, value) in settings {
            home.set(name, value);
        }
        home
    }

    /// Adds a setting for programs started from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// The working directory of commands: a folder for the test's own files.
    pub(crate) fn desk(&self) -> PathBuf {
        let desk = self.folder.path().join("desk");
        std::fs::create_dir_all(&desk).unwrap();
        desk
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder with the objects.
    pub(crate) fn objects(&self) -> PathBuf {
        self.data().join("objects")
    }

    /// The rows and the objects.
    pub(crate) async fn stored(&self) -> Stored {
        Stored::open(&self.data()).await
    }

    /// `vitrine` with arguments, in an environment with only this home's settings.
    pub(crate) fn vitrine<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
        command
            .args(arguments)
            .env_clear()
            .env("VITRINE_DATA", self.data())
            .env("VITRINE_BIND", "127.0.0.1:0")
            .env("VITRINE_TRASH_DAYS", "0")
            .envs(self.settings.iter().cloned())
            .current_dir(self.desk())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command and waits for its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Finished {
        Finished::of(&mut self.vitrine(arguments))
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        Server::start(self.vitrine(["serve"]), self.new_log())
    }

    /// Starts a server that has this much address space, in kilobytes, and its workers as much each.
    pub(crate) fn serve_within(&self, kilobytes: u64) -> Server {
        let mut command = self.vitrine([""; 0]);
        let program = command.get_program().to_owned();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -v {kilobytes}; exec \"$0\" serve")])
            .arg(program)
            .env_clear()
            .current_dir(self.desk())
            .stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        command = shell;
        Server::start(command, self.new_log())
    }

    /// Starts a server that reads styles, scripts and templates from a folder.
    pub(crate) fn serve_files_of(&self, folder: &Path) -> Server {
        let command = self.vitrine(["serve".as_ref(), "--dev-files".as_ref(), folder.as_os_str()]);
        Server::start(command, self.new_log())
    }

    /// `vitrine` with the data folder on a disk of its own of so many megabytes, which is gone with
    /// the process. First, a command of the shell is run in that folder. None where this machine
    /// does not let us mount anything.
    pub(crate) fn vitrine_on_small_disk(
        &self,
        megabytes: u32,
        first: &str,
        command: &str,
    ) -> Option<Command> {
        let data = self.data();
        std::fs::create_dir_all(&data).unwrap();
        let folder = data.display();
        let mount = format!("mount -t tmpfs -o size={megabytes}m tmpfs {folder}");
        let path = ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let apart = ["--mount", "--map-root-user", "sh", "-c"];
        let mut probe = Command::new("unshare");
        let can_mount = probe.envs([path]).args(apart).arg(&mount).status();
        if !can_mount.is_ok_and(|status| status.success()) {
            println!("SKIPPED: no disk can be mounted here");
            return None;
        }
        let script = format!(
            "{mount} && cd {folder} && {first} && exec {} {command}",
            env!("CARGO_BIN_EXE_vitrine")
        );
        let mut vitrine = Command::new("unshare");
        vitrine
            .args(apart)
            .arg(script)
            .env_clear()
            .envs([path])
            .env("VITRINE_DATA", &data)
            .env("VITRINE_BIND", "127.0.0.1:0")
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null());
        Some(vitrine)
    }

    /// Starts a server with such a command.
    pub(crate) fn serve_by(&self, command: Command) -> Server {
        Server::start(command, self.new_log())
    }

    fn new_log(&self) -> (File, PathBuf) {
        let number = self.logs.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("{number}.log"));
        (File::create(&path).unwrap(), path)
    }

    /// Unfinished files in the data folder: everything below `.incoming` except the folders and locks
    /// of living processes.
    pub(crate) fn half_written(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        for folder in files_in(&self.objects().join(".incoming")) {
            let lock = folder.join("lock");
            if !is_locked(&lock) {
                left.push(folder.clone());
            }
            left.extend(files_in(&folder).into_iter().filter(|file| *file != lock));
        }
        left
    }
}

/// Whether somebody holds a lock on a file. Trying to take it would get into the way of those
/// who take locks in earnest.
fn is_locked(file: &Path) -> bool {
    let Ok(metadata) = std::fs::metadata(file) else {
        return false;
    };
    let inode = format!(":{}", metadata.ino());
    std::fs::read_to_string("/proc/locks")
        .unwrap()
        .split_whitespace()
        .any(|word| word.ends_with(&inode))
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    }
}

impl Finished {
    /// Runs a command and waits for its end; kills it after a deadline.
    #[track_caller]
    pub(crate) fn of(command: &mut Command) -> Self {
        let process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self::end_of(process)
    }

    /// Waits for the end of a process whose output is piped.
    #[track_caller]
    pub(crate) fn end_of(process: Child) -> Self {
        let id = process.id();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(process.wait_with_output()));
        let Ok(output) = receiver.recv_timeout(DEADLINE) else {
            signal("KILL", id);
            panic!("it does not end: {:#?}", receiver.recv());
        };
        let output = output.unwrap();
        Self {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The lines on standard output.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// The lines on standard output of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert!(self.status.success(), "{self:#?}");
        self
    }

    /// The one error message of a command that must have failed.
    #[track_caller]
    pub(crate) fn refusal(&self) -> &str {
        assert_eq!(self.status.code(), Some(1), "{self:#?}");
        assert_eq!(self.stdout, "");
        let mut messages = self
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("vitrine: "));
        let message = messages
            .next()
            .unwrap_or_else(|| panic!("no message: {self:#?}"));
        assert_eq!(messages.next(), None);
        assert!(self.stderr.trim_end().ends_with(message), "{self:#?}");
        message
    }
}

/// Sends a signal to a process. `kill` is built into every shell, so nothing needs installing.
pub(crate) fn signal(name: &str, process: u32) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {process}")])
        .status()
        .unwrap();
    assert!(sent.success());
}
