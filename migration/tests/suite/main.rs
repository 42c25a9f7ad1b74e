//! What the schema promises, on each of the three databases: the real ones, started by the
//! tests.

#![allow(clippy::unwrap_used)]

mod at_once;
mod databases;
mod schema;
mod search;
