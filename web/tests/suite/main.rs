//! The server as its callers meet it: a whole one in this process for each test, on a folder and
//! a port of its own. Nothing works in the background unless a test asks for workers: a test
//! drains the queue when it wants the work done.
//!
//! `VITRINE_TEST_DATABASE` says on which database the servers stand; `make test` runs the whole
//! suite on each.

#![allow(clippy::unwrap_used)]

mod access;
mod app;
mod budget;
mod captions;
mod client;
mod cross_site;
mod databases;
mod direct;
mod driver;
mod instances;
mod lambda;
mod listing;
mod live;
mod media;
mod messages;
mod operations;
mod pages;
mod ports;
mod providers;
mod refusals;
mod routes;
mod s3;
mod search;
mod signing_in;
mod sse;
mod tokens;
mod uploads;
