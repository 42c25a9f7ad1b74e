//! The parser of events: with documented examples, with moto, and with arbitrary input.

#![allow(clippy::unwrap_used)]

mod arbitrary;
mod documented;
mod envelopes;
mod moto;
