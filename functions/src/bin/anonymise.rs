//! The function that makes anonymised copies, on AWS Lambda.

use std::process::ExitCode;

use entity::step::StepKind;
use functions::drivers::lambda;

fn main() -> ExitCode {
    platform::memory::return_large_blocks();
    lambda::run(StepKind::Anonymise)
}
