//! The command `vitrine`.

use std::process::ExitCode;

use clap::Parser as _;
use functions::pipeline::pixel_workers;
use web::commands::Cli;

fn main() -> ExitCode {
    if pixel_workers::is_worker() {
        return pixel_workers::run();
    }
    platform::memory::return_large_blocks();
    web::commands::run(Cli::parse())
}
