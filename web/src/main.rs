//! The command `vitrine`.

use std::process::ExitCode;

use clap::Parser as _;
use web::commands::Cli;

fn main() -> ExitCode {
    web::commands::run(Cli::parse())
}
