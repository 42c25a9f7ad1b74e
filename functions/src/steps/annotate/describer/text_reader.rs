//! Reads text in a picture with Tesseract, if it is installed. Tesseract is another program: it gets
//! a time limit, a limit on what it may print, and no environment. A failure is logged once and never
//! fails a caption.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::warn;

use super::words::{self, Word};
use crate::steps::annotate::CaptionPicture;

/// The program.
const NAME: &str = "tesseract";

/// For all that is read in one picture.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one run may print, in bytes; some 5,000 words.
const MOST: usize = 1 << 20;

/// The languages that are used, if they are installed.
const LANGUAGES: [&str; 2] = ["eng", "deu"];

/// Layouts (`--psm`) and how dark and bright are told apart: two ways of looking at a picture that
/// make different mistakes. One takes it for a page, and compares with what is near (Sauvola); the other
/// takes it for scattered words, and compares with the whole picture (Otsu).
const WAYS: [[&str; 2]; 2] = [
    ["3", "thresholding_method=2"],
    ["11", "thresholding_method=0"],
];

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it cannot be started: {0}")]
    Start(std::io::Error),
    #[error("it ended with {0}")]
    Status(std::process::ExitStatus),
    #[error("it took more than {} seconds", PATIENCE.as_secs())]
    Overtime,
    #[error("it printed more than {MOST} bytes")]
    TooMuch,
    #[error("neither English nor German is installed (tesseract-ocr-eng, tesseract-ocr-deu)")]
    NoLanguage,
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Tesseract.
#[derive(Debug)]
pub struct TextReader {
    program: PathBuf,
    /// As `-l` takes them; looked up with the first picture.
    languages: OnceCell<String>,
    has_failed: AtomicBool,
}

impl TextReader {
    /// The one on this machine, if there is one.
    pub fn on_this_machine() -> Option<Self> {
        Self::on_path(&std::env::var_os("PATH")?)
    }

    fn on_path(path: &OsStr) -> Option<Self> {
        let is_program = |file: &PathBuf| {
            let found = std::fs::metadata(file);
            found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        };
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(NAME))
            .find(is_program)
            .map(Self::of_program)
    }

    /// A program that takes the same arguments.
    pub fn of_program(program: PathBuf) -> Self {
        Self {
            program,
            languages: OnceCell::new(),
            has_failed: AtomicBool::new(false),
        }
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The languages it will use, or why it can read nothing.
    pub async fn check(&self) -> Result<String, String> {
        let languages = timeout(PATIENCE, self.languages()).await;
        match languages.unwrap_or(Err(Failure::Overtime)) {
            Ok(languages) => Ok(languages.replace('+', " and ")),
            Err(failure) => Err(failure.to_string()),
        }
    }

    /// The large text in a picture; none if nothing is certain.
    pub(super) async fn read(&self, picture: &CaptionPicture) -> Option<String> {
        let read = timeout(PATIENCE, self.certain(picture)).await;
        match read.unwrap_or(Err(Failure::Overtime)) {
            Ok(text) => text,
            Err(failure) => {
                if !self.has_failed.swap(true, Ordering::Relaxed) {
                    let program = self.program.display();
                    warn!(%program, %failure, "text in pictures cannot be read; this is said once");
                }
                None
            }
        }
    }

    async fn certain(&self, picture: &CaptionPicture) -> Result<Option<String>, Failure> {
        let shorter_side = picture.width.min(picture.height);
        let [first, second] = WAYS;
        let first = self.words(picture, first).await?;
        // Most pictures have no text, and need no second look.
        if !words::is_worth_another_look(&first, shorter_side) {
            return Ok(None);
        }
        let second = self.words(picture, second).await?;
        Ok(words::certain(&first, &second, shorter_side))
    }

    async fn words(
        &self,
        picture: &CaptionPicture,
        [layout, thresholds]: [&str; 2],
    ) -> Result<Vec<Word>, Failure> {
        let languages = self.languages().await?;
        let arguments = [
            "stdin",
            "stdout",
            "--psm",
            layout,
            "-l",
            languages,
            "-c",
            thresholds,
            "-c",
            "tessedit_create_tsv=1",
        ];
        let printed = self.run(&arguments, &picture.jpeg).await?;
        Ok(words::words(&String::from_utf8_lossy(&printed)))
    }

    async fn languages(&self) -> Result<&str, Failure> {
        let languages = self.languages.get_or_try_init(async || {
            let printed = self.run(&["--list-langs"], b"").await?;
            let printed = String::from_utf8_lossy(&printed);
            let is_there = |language: &&str| printed.lines().any(|line| line.trim() == *language);
            let installed: Vec<&str> = LANGUAGES.into_iter().filter(is_there).collect();
            match installed.is_empty() {
                true => Err(Failure::NoLanguage),
                false => Ok(installed.join("+")),
            }
        });
        Ok(languages.await?)
    }

    /// Runs it to its end. If this is dropped before, it is killed.
    async fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .env("OMP_THREAD_LIMIT", "1")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut group = Group(command.spawn().map_err(Failure::Start)?);
        let (stdin, stdout) = (group.0.stdin.take(), group.0.stdout.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // It may end without reading all.
                stdin.write_all(input).await.ok();
            }
            Ok(())
        };
        let read = async {
            let mut printed = Vec::new();
            if let Some(stdout) = stdout {
                let mut stdout = stdout.take(MOST as u64 + 1);
                stdout.read_to_end(&mut printed).await?;
            }
            match printed.len() > MOST {
                true => Err(Failure::TooMuch),
                false => Ok(printed),
            }
        };
        let ((), printed) = tokio::try_join!(write, read)?;
        let status = group.0.wait().await?;
        match status.success() {
            true => Ok(printed),
            false => Err(Failure::Status(status)),
        }
    }
}

/// A program with the processes that it started.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Once its end was waited for, its id may be another one's.
        let leader = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(leader) = leader {
            kill_process_group(leader, Signal::KILL).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_in_a_folder_of_the_path_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (data, programs) = (folder.path().join("data"), folder.path().join("programs"));
        for place in [&data, &programs] {
            std::fs::create_dir(place).unwrap();
            std::fs::write(place.join(NAME), "").unwrap();
        }
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(programs.join(NAME), executable).unwrap();

        let found = |folders: &[&Path]| {
            let path = std::env::join_paths(folders).unwrap();
            TextReader::on_path(&path).map(|reader| reader.program)
        };
        assert_eq!(found(&[&data, &programs]), Some(programs.join(NAME)));
        assert_eq!(found(&[&data, Path::new("programs"), Path::new("")]), None);
        assert_eq!(found(&[]), None);
    }
}
