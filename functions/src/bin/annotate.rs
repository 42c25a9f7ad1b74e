//! The function that writes captions, on AWS Lambda.

use std::process::ExitCode;

use entity::step::StepKind;
use functions::drivers::lambda;

fn main() -> ExitCode {
    platform::memory::return_large_blocks();
    lambda::run(StepKind::Annotate)
}
