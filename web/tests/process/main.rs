//! The real program, as a process, from outside: started, fed, killed, stopped and started
//! again. What can be tested within one process is tested in `suite`.

#![allow(clippy::unwrap_used)]

mod aws;
mod browser;
mod commands;
mod crash;
mod databases;
mod dev;
mod harness;
mod import;
mod real_photos;
mod review;
mod s3;
mod secrets;
mod shutdown;
mod start;
mod telemetry;

/// A small photo of which no two seeds give the same bytes.
fn photo(seed: u64) -> Vec<u8> {
    functions::testing::photo(seed, 320, 240)
}
