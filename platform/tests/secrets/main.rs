//! Secrets that AWS keeps, on a stand-in for Secrets Manager, and databases that want them.

#![allow(clippy::unwrap_used)]

mod database;
mod kept;
mod settings;
mod sources;
