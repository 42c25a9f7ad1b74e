//! Secrets in Secrets Manager, for which moto stands in, and databases that need them.

#![allow(clippy::unwrap_used)]

mod database;
mod kept;
mod settings;
mod sources;
