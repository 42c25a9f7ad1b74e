//! The function that makes copies in which no face can be recognised, on AWS Lambda.

use std::process::ExitCode;

use entity::step::StepKind;
use functions::drivers::lambda;

fn main() -> ExitCode {
    platform::memory::return_large_blocks();
    lambda::run(StepKind::Anonymise)
}
