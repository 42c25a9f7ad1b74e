//! The parser of events: as AWS documents them, as moto sends them, and whatever else may come.

#![allow(clippy::unwrap_used)]

mod arbitrary;
mod documented;
mod envelopes;
mod moto;
