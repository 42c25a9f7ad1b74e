//! What a decoder that was taken over, or is broken, might do. For tests only.

use std::hint::black_box;
use std::net::TcpStream;
use std::process::Command;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Misbehaviour {
    /// Uses memory without end.
    Bomb,
    /// Ends the process.
    Crash,
    /// Goes on for ever, and uses the processor.
    Spin,
    /// Waits for ever.
    Sleep,
    Panic,
    OpenFile,
    Connect,
    StartProgram,
    /// Tells how many variables the environment has.
    ReadEnvironment,
    /// Tells the process.
    Nothing,
}

impl Misbehaviour {
    pub(super) fn perform(self) -> String {
        match self {
            Self::Bomb => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(black_box(vec![1; 16 << 20]));
                }
            }
            Self::Crash => std::process::abort(),
            Self::Spin => loop {
                std::hint::spin_loop();
            },
            Self::Sleep => loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            },
            Self::Panic => panic!("a pixel out of bounds"),
            Self::OpenFile => told(std::fs::read("/etc/hostname").map(drop)),
            Self::Connect => told(TcpStream::connect("127.0.0.1:9").map(drop)),
            Self::StartProgram => told(Command::new("/bin/true").status().map(drop)),
            Self::ReadEnvironment => std::env::vars().count().to_string(),
            Self::Nothing => std::process::id().to_string(),
        }
    }
}

fn told(result: std::io::Result<()>) -> String {
    match result {
        Ok(()) => "it worked".to_owned(),
        Err(error) => error.kind().to_string(),
    }
}
