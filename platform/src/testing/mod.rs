//! Test support for this crate and others: a stand-in for AWS, a proxy with faults, and a telemetry
//! collector. Behind the feature `testing`, so that none of it ships.

#![allow(clippy::unwrap_used, reason = "test support: a panic is the report")]

mod collector;
mod moto;
mod proxy;

pub use collector::{Attributes, CollectedPoint, CollectedSpan, Collector};
pub use moto::Moto;
pub use proxy::{Fault, Proxy};
