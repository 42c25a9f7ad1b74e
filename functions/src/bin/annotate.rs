//! The function that writes captions, on AWS Lambda.

use std::process::ExitCode;

use entity::step::StepKind;
use functions::drivers::lambda;
use functions::pipeline::pixel_workers;

fn main() -> ExitCode {
    if pixel_workers::is_worker() {
        return pixel_workers::run();
    }
    platform::memory::return_large_blocks();
    lambda::run(StepKind::Annotate)
}
