//! The command `vitrine`.

use std::process::ExitCode;

use clap::Parser as _;
use web::commands::Cli;

fn main() -> ExitCode {
    platform::memory::return_large_blocks();
    web::commands::run(Cli::parse())
}
