//! The contract of the schema, on each of the three databases: real servers, started by the tests.

#![allow(clippy::unwrap_used)]

mod at_once;
mod databases;
mod leases;
mod plans;
mod schema;
mod search;
