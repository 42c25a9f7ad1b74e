//! The real program as a process: started, used, killed, stopped and started again. Behaviour that
//! can be tested within one process is tested in `suite`.

#![allow(clippy::unwrap_used)]

mod accessibility;
mod aws;
mod browser;
mod commands;
mod crash;
mod databases;
mod dev;
mod doctor_captions;
mod full_disk;
mod harness;
mod import;
mod keep;
mod loadtest;
mod metrics;
mod nginx;
mod pixels;
mod real_photos;
mod review;
mod s3;
mod secrets;
mod shutdown;
mod start;
mod sweeping;
mod telemetry;

/// A small photo; different seeds give different bytes.
fn photo(seed: u64) -> Vec<u8> {
    functions::testing::photo(seed, 320, 240)
}
